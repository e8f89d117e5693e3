/** What writing commands bring about in real traffic: the kernel, nft rules and programs that talk see it. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { ours } from "../support/command.js";
import { overlayEtc } from "../support/etc.js";
import {
  CLIENT,
  CLIENT6,
  type Lab,
  lab,
  nft,
  noLab,
  ROUTER,
  ROUTER6,
  SERVER,
  SERVER6,
  sysctl,
} from "../support/lab.js";
import { must } from "../support/process.js";
import { lines } from "../support/text.js";

/** A NAT chain without rules: only so does the kernel translate at all. */
const RULES = `table inet n {
  ct helper ftp { type "ftp" protocol tcp; }
  counter marked {}
  counter labelled {}
  counter fresh {}
  chain helpers { type filter hook prerouting priority filter; tcp dport 21 ct helper set "ftp"; }
  chain nat { type nat hook prerouting priority dstnat; }
  chain through { type filter hook forward priority filter;
    ct mark 0x2a counter name "marked"
    ct label 10 counter name "labelled"
    ct state new counter name "fresh"
  }
}`;

/** How many packets a named counter has seen. */
function packets(counter: string): number {
  return Number(/packets (\d+)/.exec(must("nft", "list", "counter", "inet", "n", counter))![1]);
}

/** Runs ours, which must succeed. */
async function done(words: string): Promise<string> {
  const { status, stdout, stderr } = await ours(words.split(" "));
  assert.equal(status, 0, stderr);
  return stdout;
}

describe("effects", { skip: noLab }, () => {
  let scene: Lab;
  before(async () => {
    overlayEtc({ "xtables/connlabel.conf": "2 two\n10 ten\n" });
    scene = await lab();
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    nft(RULES);
    for (const host of [SERVER, SERVER6]) {
      await scene.server.ask("tcpEcho", { host, port: 80 });
      await scene.server.ask("tcpEcho", { host, port: 3500 });
      await scene.server.ask("udpEcho", { host, port: 53 });
    }
    await scene.server.ask("ftp", { host: SERVER, port: 21 });
  });
  beforeEach(() => done("-F"));
  after(() => scene?.close());

  const datagram = (localPort: number, host = SERVER, port = 53) =>
    scene.client.ask("datagram", { host, port, localPort, text: "hi", answer: true });

  async function talk(name: string, host: string, port: number, localPort: number): Promise<void> {
    await scene.client.ask("connect", { name, host, port, localPort });
    await scene.client.ask("say", { name, text: "hello", answer: "hello" });
  }

  for (const [client, router, server, dnat] of [
    [CLIENT, ROUTER, SERVER, `${SERVER}:80`],
    [CLIENT6, ROUTER6, SERVER6, `[${SERVER6}]:80`],
  ] as const) {
    it(`a destination translated by -I leads a TCP connection there: ${dnat}`, async () => {
      // Nobody listens on the router: without the entry the connection would be refused.
      await assert.rejects(talk(`refused ${dnat}`, router, 8080, 6000));
      await done(`-I -s ${client} -d ${router} -p tcp --sport 6001 --dport 8080 --state SYN_SENT -t 60 -g ${dnat}`);
      await talk(`translated ${dnat}`, router, 8080, 6001);
      const shown = await done(`-L -p tcp --sport 6001 -g ${dnat}`);
      assert.match(
        shown,
        new RegExp(
          `ESTABLISHED src=${client} dst=${router} sport=6001 dport=8080 .*src=${server} dst=${client} sport=80 dport=6001 `,
        ),
      );
    });
  }

  it("a source translated by -I is what the server sees, and answers to", async () => {
    await done(`-I -s ${CLIENT} -d ${SERVER} -p udp --sport 6010 --dport 53 -t 60 -n 10.0.2.1:7010`);
    assert.equal(await datagram(6010), "hi");
    assert.match(
      await done("-L -p udp --sport 6010"),
      new RegExp(` packets=1 .* src=${SERVER} dst=10\\.0\\.2\\.1 sport=53 dport=7010 packets=1 `),
    );
  });

  it("traffic of a deleted entry starts a new one", async () => {
    const fresh = packets("fresh");
    await datagram(6020);
    await datagram(6020);
    assert.match(await done("-D -p udp --sport 6020"), / packets=2 /);
    assert.equal(lines((await ours(["-L"])).stdout).length, 0);
    await datagram(6020);
    assert.match(await done("-L -p udp --sport 6020"), / packets=1 /);
    assert.equal(packets("fresh") - fresh, 2, "the kernel called the flow new twice");
  });

  it("a TCP connection goes on after its entry was deleted, as a new one", async () => {
    await talk("deleted", SERVER, 80, 6030);
    await done("-D -p tcp --sport 6030");
    await scene.client.ask("say", { name: "deleted", text: "again", answer: "again" });
    assert.match(await done("-L -p tcp --sport 6030"), / ESTABLISHED .* mark=0 /);
  });

  it("a mark set by -U is seen by a rule", async () => {
    await datagram(6040);
    const seen = packets("marked");
    await datagram(6040);
    assert.equal(packets("marked"), seen);
    assert.match(await done("-U -p udp --sport 6040 -m 0x2a"), / mark=42 /);
    await datagram(6040);
    assert.equal(packets("marked"), seen + 2, "there and back");
    await done("-U -p udp --sport 6040 -m 0/0xff");
    await datagram(6040);
    assert.equal(packets("marked"), seen + 2);
  });

  it("a label set by -U is seen by a rule", async () => {
    await datagram(6050);
    const seen = packets("labelled");
    assert.match(await done("-U -p udp --sport 6050 --label-add ten"), / labels=ten\n/);
    await datagram(6050);
    assert.equal(packets("labelled"), seen + 2, "there and back");
    await done("-U -p udp --sport 6050 --label-add two");
    await datagram(6050);
    assert.equal(packets("labelled"), seen + 4);
    await done("-U -p udp --sport 6050 --label-del ten");
    await datagram(6050);
    assert.equal(packets("labelled"), seen + 4);
  });

  it("a label and a mark given by -I are seen by rules", async () => {
    const seen = [packets("marked"), packets("labelled")];
    await done(`-I -s ${CLIENT} -d ${SERVER} -p udp --sport 6060 --dport 53 -t 60 -m 42 --label-add ten`);
    await datagram(6060);
    assert.deepEqual([packets("marked"), packets("labelled")], [seen[0]! + 2, seen[1]! + 2]);
  });

  it("an entry with a fixed timeout keeps it", async () => {
    await done(`-I -s ${CLIENT} -d ${SERVER} -p udp --sport 6070 --dport 53 -t 5000 -u FIXED_TIMEOUT`);
    await datagram(6070);
    const timeout = Number(/^udp {6}17 (\d+) /.exec(await done("-L -p udp --sport 6070"))![1]);
    assert.ok(timeout > 4900, `${timeout} s`);
  });

  it("a connection that -I expect announced is an expected one", async () => {
    await scene.client.ask("connect", { name: "control", host: SERVER, port: 21, localPort: 6080 });
    await scene.client.ask("say", { name: "control", text: "USER x\r\n", answer: "200 fine" });
    await done(
      `-I expect -s ${CLIENT} -d ${SERVER} -p tcp --sport 6080 --dport 21 --tuple-src ${CLIENT} --tuple-dst ${SERVER} --mask-src 255.255.255.255 --mask-dst 255.255.255.255 --tuple-port-src 0 --tuple-port-dst 3500 --mask-port-src 0 --mask-port-dst 65535 -t 60`,
    );
    assert.match(await done("-L expect -f ipv4"), / sport=0 dport=3500 .* helper=ftp\n$/);
    await talk("data", SERVER, 3500, 6081);
    assert.equal(await done("-L expect -f ipv4"), "", "the connection used it up");
    assert.match(
      await done("-L -u EXPECTED"),
      new RegExp(`^tcp {6}6 \\d+ ESTABLISHED src=${CLIENT} dst=${SERVER} sport=6081 dport=3500 `),
    );
  });
});
