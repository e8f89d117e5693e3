/** Counters and timestamps, which the kernel keeps where it is told to before an entry is made. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { agree } from "../support/agree.js";
import { ours } from "../support/command.js";
import { CLIENT, type Lab, lab, nft, noLab, SERVER, sysctl } from "../support/lab.js";
import { noReference } from "../support/reference.js";
import { loadTable } from "../support/table.js";
import { lines } from "../support/text.js";
import { sleep } from "../support/wait.js";

describe("accounting and timestamps", { skip: noLab || noReference }, () => {
  let scene: Lab;
  before(async () => {
    scene = await lab();
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    sysctl("net/netfilter/nf_conntrack_timestamp", 1);
    nft("table inet n { chain fo { type filter hook forward priority 0; ct state new counter; }; }");
    const { client, server } = scene;
    await server.ask("tcpEcho", { host: SERVER, port: 80 });
    await server.ask("udpEcho", { host: SERVER, port: 53 });
    await client.ask("connect", { name: "web", host: SERVER, port: 80, localPort: 5001 });
    await client.ask("say", { name: "web", text: "hello", answer: "hello" });
    await client.ask("datagram", { host: SERVER, port: 53, localPort: 5002, text: "hello", answer: true });
    await loadTable(["-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2 -t 1000"]);
    // The last ACK, and an age that is not 0.
    await sleep(1_100);
  });
  after(() => scene?.close());

  it("counts packets and bytes both ways", async () => {
    const { stdout } = await agree(["-L", "-p", "udp", "--dport", "53"]);
    const [there, back] = [
      `src=${CLIENT} dst=${SERVER} sport=5002 dport=53`,
      `src=${SERVER} dst=${CLIENT} sport=53 dport=5002`,
    ];
    // 20 bytes of IP header, 8 of UDP, 5 of data.
    assert.match(
      stdout,
      new RegExp(
        `^udp      17 \\d+ ${there} packets=1 bytes=33 ${back} packets=1 bytes=33 mark=0 delta-time=[1-9]\\d* use=1\n$`,
      ),
    );
  });

  for (const words of [
    "-L",
    "-L -o ktimestamp",
    "-L -o xml",
    "-L -o xml,ktimestamp",
    "-L -o save",
    "-L -o ktimestamp,id,extended",
    `-G -s ${CLIENT} -d ${SERVER} -p tcp --sport 5001 --dport 80`,
    `-G -s ${CLIENT} -d ${SERVER} -p tcp --sport 5001 --dport 80 -o ktimestamp`,
    `-G -s ${CLIENT} -d ${SERVER} -p tcp --sport 5001 --dport 80 -o xml,ktimestamp`,
    "-L -z -p tcp",
    "-L -z -m 0",
    "-L -z -u ASSURED",
  ]) {
    it(`agrees with the reference on ${words}`, async () => {
      await agree(words.split(" "));
    });
  }

  it("shows when an entry began", async () => {
    const { stdout } = await agree(["-L", "-o", "ktimestamp", "-p", "tcp"]);
    const began = /\[start=([^\]]+)\]/.exec(stdout)?.[1];
    const age = Date.now() - Date.parse(`${began} UTC`);
    assert.ok(age > 0 && age < 60_000, `${began} is ${age} ms ago`);
  });

  it("counts past 32 bits, as the kernel does", async () => {
    const { stdout } = await agree(["-L", "-o", "xml,ktimestamp", "-p", "tcp"]);
    const start = /<timestamp><start>(\d+)<\/start>/.exec(stdout)?.[1];
    assert.ok(start !== undefined && BigInt(start) > 1n << 60n, `nanoseconds: ${start}`);
  });

  it("reads and zeroes the counters of one family", async () => {
    const zeroed = await ours(["-L", "-z", "-f", "ipv6"]);
    assert.equal(zeroed.stdout, "");
    assert.match((await ours(["-L", "-p", "udp", "--dport", "53"])).stdout, /packets=1 bytes=33/);
  });

  it("reads and zeroes the counters", async () => {
    const before = await ours(["-L", "-o", "id"]);
    assert.match(before.stdout, /packets=[1-9]/);
    const zeroed = await ours(["-L", "-z", "-o", "id"]);
    const strip = (text: string) =>
      text.replace(/^(\w+ +\d+) \d+/gm, "$1 T").replace(/delta-time=\d+/g, "delta-time=N");
    assert.equal(strip(zeroed.stdout), strip(before.stdout));
    const now = await agree(["-L"]);
    assert.equal(lines(now.stdout).length, 3);
    for (const line of lines(now.stdout)) assert.match(line, /packets=0 bytes=0 .*packets=0 bytes=0 /);
  });
});
