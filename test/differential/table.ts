/** A table with something of everything: lines for `-R`, all of them legal in 1.4.7 and taken by the kernel. */
import { cliCases } from "../support/cases.js";

const TCP_STATES = [
  "NONE",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
  "LISTEN",
];
const SCTP_STATES = [
  "NONE",
  "CLOSED",
  "COOKIE_WAIT",
  "COOKIE_ECHOED",
  "ESTABLISHED",
  "SHUTDOWN_SENT",
  "SHUTDOWN_RECD",
  "SHUTDOWN_ACK_SENT",
];
const MARKS = ["0", "1", "0x10", "255", "0x80000000", "4294967295"];
const STATUSES = ["SEEN_REPLY", "ASSURED", "SEEN_REPLY,ASSURED", "FIXED_TIMEOUT", "SEEN_REPLY,ASSURED,FIXED_TIMEOUT"];

/** Addresses whose shortest text is not obvious. */
export const ODD_V6 = [
  "::1",
  "::",
  "::2",
  "1::",
  "::ffff:1.2.3.4",
  "::1.2.3.4",
  "1:0:0:2::",
  "1:0:2::3:0:4",
  "1:2:3:4:5:6:7:0",
  "0:1:2:3:4:5:6:7",
  "2001:db8::ffff:0:1",
  "64:ff9b::102:304",
  "::ffff:0:102:304",
  "abcd:ef01:2345:6789:abcd:ef01:2345:6789",
];

function made(): string[] {
  const all: string[] = [];
  let host = 0;
  const add = (words: string) => all.push(`-A -t 100000 ${words}`);
  const v4 = () => `-s 10.1.${host >> 8}.${host++ & 255} -d 192.0.2.${1 + (host % 250)}`;
  for (const state of TCP_STATES) add(`${v4()} -p tcp --sport ${1000 + host} --dport 80 --state ${state}`);
  for (const state of TCP_STATES)
    add(`-s 2001:db8:1::${host++} -d 2001:db8::2 -p tcp --sport ${1000 + host} --dport 443 --state ${state}`);
  for (const state of SCTP_STATES)
    add(`${v4()} -p sctp --sport 5 --dport 6 --state ${state} --orig-vtag ${host} --reply-vtag 4294967295`);
  add("-s 2001:db8:3::1 -d 2001:db8:3::2 -p sctp --sport 7 --dport 8 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2");
  for (const mark of MARKS) add(`${v4()} -p udp --sport 2000 --dport 53 -m ${mark}`);
  for (const status of STATUSES) add(`-u ${status} ${v4()} -p udp --sport 2001 --dport 123`);
  for (const [index, source] of ODD_V6.entries())
    add(`-s ${source} -d ${ODD_V6[ODD_V6.length - 1 - index]} -p udp --sport ${index} --dport 65535`);
  for (const type of [8, 13, 15, 17])
    add(`${v4()} -p icmp --icmp-type ${type} --icmp-code 0 --icmp-id ${60000 + type}`);
  for (const type of [128, 139])
    add(`-s 2001:db8:4::1 -d 2001:db8:4::2 -p icmpv6 --icmpv6-type ${type} --icmpv6-code 0 --icmpv6-id ${type}`);
  add(`${v4()} -p gre --srckey 0 --dstkey 0xffff`);
  add("-s 2001:db8:5::1 -d 2001:db8:5::2 -p gre --srckey 1 --dstkey 2");
  add(`${v4()} -p udplite --sport 65535 --dport 0`);
  add("-s 2001:db8:6::1 -d 2001:db8:6::2 -p udplite --sport 1 --dport 2");
  add(`${v4()} -p dccp --sport 1 --dport 2 --state OPEN --role client`);
  for (const protocol of [0, 2, 4, 41, 50, 51, 89, 99, 255]) add(`${v4()} -p ${protocol}`);
  add("-s 2001:db8:7::1 -d 2001:db8:7::2 -p 99");
  for (const zone of [1, 7, 255, 65535]) add(`-w ${zone} -s 10.9.0.1 -d 10.9.0.2 -p udp --sport 1 --dport 2`);
  add("--orig-zone 7 -s 10.9.0.4 -d 10.9.0.2 -p udp --sport 1 --dport 2");
  add("--reply-zone 65535 -s 10.9.0.3 -d 10.9.0.2 -p udp --sport 1 --dport 2");
  add("-w 3 -s 2001:db8:8::1 -d 2001:db8:8::2 -p tcp --sport 1 --dport 2 --state ESTABLISHED");
  add(
    "-u SEEN_REPLY -s 10.7.0.1 -d 203.0.113.1 -p tcp --sport 1 --dport 80 --state ESTABLISHED --src-nat 198.51.100.7:4001",
  );
  add("-u SEEN_REPLY -s 10.7.0.2 -d 203.0.113.1 -p tcp --sport 2 --dport 80 --state ESTABLISHED --dst-nat 10.7.0.99");
  add(
    "-u SEEN_REPLY -s 10.7.0.3 -d 203.0.113.1 -p udp --sport 3 --dport 53 --src-nat 198.51.100.7 --dst-nat 10.7.0.99:5353",
  );
  add(
    "-u SEEN_REPLY -s 2001:db8:9::1 -d 2001:db8:9::2 -p tcp --sport 1 --dport 80 --state ESTABLISHED --dst-nat [2001:db8:9::99]:8080",
  );
  add("-u SEEN_REPLY -s 2001:db8:9::3 -d 2001:db8:9::2 -p udp --sport 1 --dport 80 --src-nat 2001:db8:9::77");
  add(
    "-s 10.7.0.4 -d 10.7.0.5 -r 10.7.0.6 -q 10.7.0.7 -p udp --sport 1 --dport 2 --reply-port-src 3 --reply-port-dst 4",
  );
  return all;
}

export const TABLE: readonly string[] = [...cliCases.setup["mix"]!, ...made()];
