/** Every format and every filter on one table, ours beside the reference, byte for byte and in the same order. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { agree } from "../support/agree.js";
import { ours, oursAsProcess } from "../support/command.js";
import { overlayEtc } from "../support/etc.js";
import { nft, sysctl } from "../support/lab.js";
import { lacks } from "../support/process.js";
import { noReference, reference } from "../support/reference.js";
import { shellWords } from "../support/shell-words.js";
import { loadTable } from "../support/table.js";
import { lines } from "../support/text.js";
import { exclusion } from "./exclusions.js";
import { ODD_V6, TABLE } from "./table.js";

const FORMATS = [
  "",
  "-o extended",
  "-o id",
  "-o ktimestamp",
  "-o timestamp",
  "-o labels",
  "-o userspace",
  "-o xml",
  "-o save",
  "-o extended,id",
  "-o id -o extended",
  "-o xml,ktimestamp",
  "-o xml,labels",
  "-o xml,id,extended",
  "-o xml,timestamp",
  "-o extended,id,ktimestamp,labels,userspace,timestamp",
];

/** Formats for every filter: a filter and a format do not know of one another. */
const FEW_FORMATS = ["", "-o xml", "-o save"];

const FILTERS = [
  "",
  "-f ipv4",
  "-f ipv6",
  "-p tcp",
  "-p udp",
  "-p udplite",
  "-p sctp",
  "-p dccp",
  "-p icmp",
  "-p icmpv6",
  "-p gre",
  "-p esp",
  "-p 99",
  "-p 0",
  "-p 255",
  "-p tcp -f ipv6",
  "-p icmpv6 -f ipv4",
  "-s 10.0.0.1",
  "-s 10.0.0.0/8",
  "-s 10.1.0.0/28",
  "-s 0.0.0.0/0",
  "-s 10.1.0.7/31",
  "-s 10.0.0.0 --mask-src 255.0.255.0",
  "-d 192.0.2.0/24",
  "-d 192.0.2.1",
  "-s 10.1.0.0/16 -d 192.0.2.0/25",
  "-s 2001:db8::/32",
  "-s 2001:db8:1::3",
  "-s ::/0",
  "-d 2001:db8::2/127",
  "-s ::ffff:1.2.3.4",
  "-r 203.0.113.1",
  "-q 198.51.100.7",
  "-r 10.9.9.9 -q 10.0.8.1",
  "-q 2001:db8:9::77",
  "-p tcp --sport 1",
  "-p tcp --dport 80",
  "-p tcp --dport 80 -s 10.1.0.0/16",
  "-p udp --dport 65535",
  "-p udp --sport 0",
  "-p tcp --reply-port-src 8080",
  "-p udp --reply-port-dst 4",
  "-p tcp --state ESTABLISHED",
  "-p tcp --state SYN_SENT2",
  "-p tcp --state NONE",
  "-p tcp --state TIME_WAIT --dport 443",
  "-p sctp --state COOKIE_WAIT",
  "-p sctp --sport 5 --dport 6",
  "-p icmp --icmp-type 8",
  "-p icmp --icmp-id 60013",
  "-p icmpv6 --icmpv6-type 139",
  "-p icmpv6 --icmpv6-code 0 --icmpv6-id 9",
  "-m 1",
  "-m 0",
  "-m 0x10/0x10",
  "-m 0/0xf",
  "-m 0x80000000",
  "-m 4294967295/0xffff",
  "-m 0/0",
  "-u ASSURED",
  "-u SEEN_REPLY",
  "-u UNREPLIED",
  "-u '!ASSURED'",
  "-u SEEN_REPLY,ASSURED",
  "-u FIXED_TIMEOUT",
  "-u '!SEEN_REPLY,!ASSURED'",
  "-u EXPECTED",
  "-u OFFLOAD",
  "-u assured",
  "-w 7",
  "-w 0",
  "-w 65535",
  "-w 2",
  "--orig-zone 7",
  "--orig-zone 3",
  "--orig-zone 0",
  "--reply-zone 4",
  "--reply-zone 65535",
  "--orig-zone 7 --reply-zone 7",
  "-w 3 -f ipv6",
  "-n",
  "-g",
  "-j",
  "-n -g",
  "-n 198.51.100.7",
  "-n 198.51.100.7:4001",
  "-n 198.51.100.7:4002",
  "-g 10.7.0.99",
  "-g 10.7.0.99:5353",
  "-g [2001:db8:9::99]:8080",
  "-n 2001:db8:9::77",
  "-j 10.7.0.99",
  "-j 198.51.100.7",
  "-n 198.51.100.7 -g 10.7.0.99",
  "-n -p tcp",
  "-l eth0-out",
  "-l ten",
  "-l ten -l last",
  "-p tcp -l ten",
  "-l bit0",
  "-z",
  "-z -f ipv6",
  "-z -s 10.0.0.1",
  "dying",
  "unconfirmed",
  "expect -f ipv4",
];

const OTHERS = [
  "-C",
  "-C conntrack",
  "-S",
  "-S conntrack",
  "-S expect",
  "-G -s 10.0.0.1 -d 192.0.2.1 -p tcp --sport 40001 --dport 443",
  "-G -s 10.0.3.1 -d 192.0.2.10 -p sctp --sport 2905 --dport 2906 -o save",
  "-G -s 10.0.2.1 -d 192.0.2.9 -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 77 -o xml",
  "-G -s 2001:db8::4 -d 2001:db8::2 -p icmpv6 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 9 -o extended",
  "-G -s 2001:db8:9::1 -d 2001:db8:9::2 -p tcp --sport 1 --dport 80 -o id,ktimestamp",
  "-G -s 10.0.4.1 -d 192.0.2.11 -p gre --srckey 0x10 --dstkey 32",
  "-G -s 10.0.5.1 -d 192.0.2.12 -p udplite --sport 7 --dport 9",
  "-G -s 10.0.6.2 -d 192.0.2.13 -p 200",
  "-G -s 10.0.6.2 -d 192.0.2.13 -p 201",
  "-G -s 10.0.7.1 -d 192.0.2.14 -p udp --sport 70 --dport 71",
  "-G -s 10.0.0.1 -d 192.0.2.1 -p tcp --sport 40001 --dport 443 --state ESTABLISHED",
  "-G -s 10.0.0.1 -d 192.0.2.1 -p tcp --sport 40001 --dport 443 --state CLOSE",
  "-G -s 10.0.0.1 -d 192.0.2.1 -p tcp --sport 40001 --dport 443 -i 1",
  "-G -f ipv6 -s ::1 -d ::2 -p tcp --sport 1 --dport 2",
];

const MAP = "0 bit0\n2 eth0-out\n10 ten\n127 last\n";

function compare(filter: string, format: string): void {
  const words = `-L ${filter} ${format}`.trim().replace("  ", " ");
  const why = exclusion(words);
  if (why === undefined) it(words, () => agree(shellWords(words)!).then(() => {}));
}

function load(): void {
  overlayEtc({ "xtables/connlabel.conf": MAP });
  // Entries have room for labels where a rule uses them.
  nft("table inet n { chain o { type filter hook output priority 0; udp dport 1 ct label set 2; }; }");
}

async function label(): Promise<void> {
  for (const [filter, name] of [
    ["-p tcp", "ten"],
    ["-p tcp --dport 80", "last"],
    ["-p udp --dport 53", "eth0-out"],
  ]) {
    reference(["-U", "-f", "ipv4", ...filter!.split(" "), "--label-add", name!]);
  }
}

for (const extras of [0, 1]) {
  describe(`a table ${extras ? "with" : "without"} counters and timestamps`, {
    skip: noReference || lacks("nft", "mount"),
  }, () => {
    before(async () => {
      if (extras) {
        sysctl("net/netfilter/nf_conntrack_acct", 1);
        sysctl("net/netfilter/nf_conntrack_timestamp", 1);
        reference(["-F"]);
      } else {
        load();
      }
      await loadTable(TABLE);
      await label();
    });

    it("is what it should be", async () => {
      const { stdout } = await agree(["-L", "-o", "labels"]);
      assert.equal(lines(stdout).length, TABLE.length);
      assert.match(stdout, / labels=ten,last$/m);
      assert.equal(stdout.includes("packets=0 bytes=0"), extras === 1);
      for (const address of ODD_V6) assert.ok(stdout.includes(`src=${address} `), address);
    });

    for (const format of FORMATS) for (const filter of ["", "-f ipv6", "-p tcp"]) compare(filter, format);
    if (extras) return;
    for (const filter of FILTERS) for (const format of FEW_FORMATS) compare(filter, format);
    for (const words of OTHERS) it(words, () => agree(shellWords(words)!).then(() => {}));

    it("compares IPv6 addresses of NAT filters, which the reference does not", async () => {
      for (const [words, count] of [
        ["-g 2001:db8:9::99", 1],
        ["-g [2001:db8:9::99]:8080", 1],
        ["-g 2001:db8:9::98", 0],
        ["-n 2001:db8:9::77", 1],
        ["-n 2001:db8:9::99", 0],
        ["-j 2001:db8:9::77", 1],
      ] as const) {
        assert.equal(lines((await ours(["-L", ...words.split(" ")])).stdout).length, count, words);
      }
    });

    it("comes the same way out of bin/conntrack", async () => {
      for (const argv of [["-L"], ["-L", "-o", "xml"], ["-L", "-p", "nosuch"], ["-C"]]) {
        await agree(argv, { run: oursAsProcess });
      }
    });
  });
}
