/** Events of real traffic, as ours and the reference show them side by side: both listen to the same. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { program } from "../support/command.js";
import { overlayEtc } from "../support/etc.js";
import { CLIENT, type Lab, lab, nft, noLab, ROUTER, ROUTER_OUT, SERVER, SERVER6, sysctl } from "../support/lab.js";
import { type Listener, listen } from "../support/listener.js";
import { lacks, type Outcome } from "../support/process.js";
import { installed, noReference, reference } from "../support/reference.js";
import { asVersion149, lines } from "../support/text.js";
import { sleep, until } from "../support/wait.js";

const RULES = `table inet n {
  ct helper ftp { type "ftp" protocol tcp; }
  chain zones { type filter hook prerouting priority raw;
    udp dport 52 ct zone set 7
    udp dport 54 ct original zone set 8
    udp dport 55 ct reply zone set 9
  }
  chain pre { type filter hook prerouting priority filter;
    tcp dport 21 ct helper set "ftp"
    udp dport 53 ct label set 2
    udp dport 53 ct mark set 5
    ct state new counter
  }
  chain nat { type nat hook prerouting priority dstnat; ip daddr ${ROUTER} tcp dport 8080 dnat ip to ${SERVER}:80; }
  chain post { type nat hook postrouting priority srcnat; udp dport 51 snat ip to ${ROUTER_OUT}:4000-4010; }
}`;

const LISTENERS = [
  "-E",
  "-E -o id,extended",
  "-E -o timestamp",
  "-E -o xml",
  "-E -o xml,timestamp,ktimestamp",
  "-E -o save",
  "-E -o ktimestamp",
  "-E -e NEW",
  "-E -e UPDATES,DESTROY -p tcp",
  "-E -p udp --dport 53",
  `-E -s ${CLIENT} -f ipv4`,
  "-E -f ipv6",
  "-E -o id",
  "-E -o labels",
  "-E -o labels,xml,id",
  "-E -l two",
  "-E -p icmp",
  "-E -p icmpv6 -o xml",
  // With a protocol: the reference takes untranslated ICMP for translated.
  "-E -p udp -n",
  "-E -p tcp -g",
  "-E -p tcp -g -o save",
  "-E -p tcp -j -o xml",
  "-E -w 7",
  "-E --orig-zone 8 -o xml",
  "-E --reply-zone 9 -o save",
  "-E -m 5",
  "-E -p tcp --state TIME_WAIT",
  "-E -o userspace",
  "-E expect",
  "-E expect -o xml",
  "-E expect -o timestamp",
  "-E expect -o id",
];

/**
 * What may differ: the reference 1.4.7 reads the clock where 1.4.9 takes the kernel's time, marks events that netlink caused in
 * XML too, and either program may be too late to find out the name of one that has ended.
 */
function comparable(text: string): string[] {
  return lines(text).map((line) =>
    line
      .replace(/^\[\d+ *\.\d+ *\]\t/, "[TS]\t")
      .replace(/<when>.*<\/when>/, "<when/>")
      .replace(/ ?\[USERSPACE\] portid=\d+(?: progname=\S+)?/, ""),
  );
}

describe("events", { skip: noLab || noReference || lacks("ping") }, () => {
  let scene: Lab;
  const pairs = new Map<string, { ours: Listener; theirs: Listener }>();
  const ended = new Map<string, { ours: Outcome; theirs: Outcome }>();

  before(async () => {
    overlayEtc({ "xtables/connlabel.conf": "2 two\n" });
    scene = await lab();
    nft(RULES);
    sysctl("net/netfilter/nf_conntrack_timestamp", 1);
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    const { client, server } = scene;
    await server.ask("tcpEcho", { host: SERVER, port: 80 });
    await server.ask("tcpEcho", { host: SERVER6, port: 80 });
    await server.ask("udpEcho", { host: SERVER, port: 53 });
    for (const port of [51, 52, 54, 55]) await server.ask("udpSink", { host: SERVER, port });
    await server.ask("ftp", { host: SERVER, port: 21 });
    for (const words of LISTENERS) {
      const argv = words.split(" ");
      pairs.set(words, { ours: await listen(program, argv), theirs: await listen(installed!.path, argv) });
    }
    for (const [name, host, localPort] of [
      ["web", SERVER, 5001],
      ["web6", SERVER6, 5002],
      ["dnat", ROUTER, 5005],
    ] as const) {
      await client.ask("connect", { name, host, port: name === "dnat" ? 8080 : 80, localPort });
      await client.ask("say", { name, text: "hello", answer: "hello" });
      await client.ask("hangUp", { name });
    }
    await client.ask("datagram", { host: SERVER, port: 53, localPort: 5003, text: "hello", answer: true });
    for (const [port, localPort] of [
      [51, 5006],
      [52, 5007],
      [54, 5008],
      [55, 5009],
    ] as const)
      await client.ask("datagram", { host: SERVER, port, localPort, text: "hello", answer: false });
    client.run("ping", "-c1", "-q", SERVER);
    client.run("ping", "-c1", "-q", SERVER6);
    await client.ask("connect", { name: "ftp", host: SERVER, port: 21, localPort: 5004 });
    await client.ask("say", { name: "ftp", text: "USER x\r\n", answer: "200 fine" });
    await client.ask("say", { name: "ftp", text: "PASV\r\n", answer: "227 " });
    reference(["-D", "-p", "udp"]);
    reference(["-F", "expect"]);
    reference(["-D"]);
    for (const { ours, theirs } of pairs.values()) {
      const length = () => [ours, theirs].map((one) => comparable(one.stdout()).length);
      await until("both have shown the same number", () => length()[0] === length()[1]).catch(() => {});
    }
    await sleep(300);
    for (const [words, { ours, theirs }] of pairs) {
      ended.set(words, { ours: await ours.end("SIGINT"), theirs: await theirs.end("SIGINT") });
    }
  });
  after(() => {
    for (const { ours, theirs } of pairs.values()) for (const one of [ours, theirs]) one.child.kill("SIGKILL");
    scene?.close();
  });

  for (const words of LISTENERS) {
    it(`agrees with the reference on ${words}`, () => {
      const { ours, theirs } = ended.get(words)!;
      assert.deepEqual(comparable(ours.stdout), comparable(theirs.stdout));
      assert.equal(ours.stderr, asVersion149(theirs.stderr));
      assert.equal(ours.status, theirs.status);
      assert.notEqual(ours.stdout, "");
    });
  }

  it("shows the life of a connection", () => {
    const mine = lines(ended.get("-E")!.ours.stdout).filter((line) => / sport=5001 /.test(line));
    const states = mine.map((line) =>
      /^ *\[(NEW|UPDATE|DESTROY)\] tcp {6}6(?: \d+)? (\S+) src=/.exec(line)!.slice(1).join(" "),
    );
    assert.equal(states[0], "NEW SYN_SENT");
    assert.ok(states.includes("UPDATE ESTABLISHED"));
    assert.ok(states.includes("UPDATE TIME_WAIT"));
    assert.match(mine.at(-1)!, /^\[DESTROY\] tcp .* packets=\d+ bytes=\d+ .*\[ASSURED\] delta-time=\d+ /);
  });

  it("shows an expectation come and go", () => {
    const [come, go] = lines(ended.get("-E expect")!.ours.stdout);
    assert.match(come!, new RegExp(`^ {4}\\[NEW\\] 300 proto=6 src=${CLIENT} dst=${SERVER} sport=0 dport=3001 `));
    assert.match(go!, /^\[DESTROY\] \d+ proto=6 /);
  });
});
