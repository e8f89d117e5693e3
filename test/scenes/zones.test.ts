/** Zones that rules give to real traffic, and zones of entries made by hand. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { agree } from "../support/agree.js";
import { CLIENT, type Lab, lab, nft, noLab, SERVER } from "../support/lab.js";
import { noReference } from "../support/reference.js";
import { loadTable } from "../support/table.js";
import { lines } from "../support/text.js";

// Priority raw is before connection tracking.
const RULES = `table inet n {
  chain pre { type filter hook prerouting priority raw;
    udp dport 52 ct zone set 7
    udp dport 53 ct original zone set 8
    udp dport 54 ct reply zone set 9
  }
}`;

const TUPLE = "-s 1.1.1.1 -d 2.2.2.2 -p tcp --sport 10 --dport 20 --state LISTEN -u SEEN_REPLY -t 5000";

describe("zones", { skip: noLab || noReference }, () => {
  let scene: Lab;
  before(async () => {
    scene = await lab();
    nft(RULES);
    const { client, server } = scene;
    await server.ask("udpEcho", { host: SERVER, port: 53 });
    for (const port of [52, 54]) await server.ask("udpSink", { host: SERVER, port });
    await client.ask("datagram", { host: SERVER, port: 52, localPort: 5001, text: "hi", answer: false });
    await client.ask("datagram", { host: SERVER, port: 53, localPort: 5002, text: "hi", answer: true });
    await client.ask("datagram", { host: SERVER, port: 54, localPort: 5003, text: "hi", answer: false });
    await loadTable([`-I -w 10 ${TUPLE}`, `-I --orig-zone 11 ${TUPLE}`, `-I --reply-zone 12 ${TUPLE}`]);
  });
  after(() => scene?.close());

  it("shows the zone where the entry or the tuple has it", async () => {
    const shown = lines((await agree(["-L", "-p", "udp"])).stdout).sort();
    assert.equal(shown.length, 3);
    assert.match(
      shown[0]!,
      new RegExp(
        `sport=5001 dport=52 \\[UNREPLIED\\] src=${SERVER} dst=${CLIENT} sport=52 dport=5001 mark=0 zone=7 use=1$`,
      ),
    );
    assert.match(
      shown[1]!,
      new RegExp(`sport=5002 dport=53 zone-orig=8 src=${SERVER} dst=${CLIENT} sport=53 dport=5002 mark=0 use=1$`),
    );
    assert.match(
      shown[2]!,
      new RegExp(
        `sport=5003 dport=54 \\[UNREPLIED\\] src=${SERVER} dst=${CLIENT} sport=54 dport=5003 zone-reply=9 mark=0 use=1$`,
      ),
    );
  });

  for (const [words, count] of [
    ["-L", 6],
    ["-L -o save", 6],
    ["-L -o xml", undefined],
    ["-L -o extended,id", 6],
    ["-L -w 7", 1],
    ["-L -w 10", 1],
    ["-L --orig-zone 8", 1],
    ["-L --orig-zone 11", 1],
    ["-L --reply-zone 9", 1],
    ["-L --reply-zone 12", 1],
    ["-L --orig-zone 8 --reply-zone 9", 0],
    ["-L --orig-zone 10", 0],
    ["-L --reply-zone 10", 0],
    ["-L -w 11", 0],
    ["-L -w 0", 4],
    ["-L --orig-zone 0", 4],
    ["-L --reply-zone 0", 4],
    ["-L -w 7 -p udp --dport 52", 1],
  ] as const) {
    it(`agrees with the reference on ${words}`, async () => {
      const { stdout } = await agree(words.split(" "));
      if (count !== undefined) assert.equal(lines(stdout).length, count);
    });
  }
});
