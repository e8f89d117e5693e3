/** Labels that a rule gives to real traffic, by the system's map and by --labelmap. */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { agree } from "../support/agree.js";
import { ours } from "../support/command.js";
import { overlayEtc } from "../support/etc.js";
import { type Lab, lab, nft, noLab, SERVER } from "../support/lab.js";
import { noReference } from "../support/reference.js";
import { loadTable } from "../support/table.js";

const MAP = "0 bit0\n1 eth0-in\n2 eth0-out\n10 ten\n40 forty\n127 last\n";

const RULES = `table inet n { chain fo { type filter hook forward priority 0;
  udp dport 53 ct label set 2
  udp dport 54 ct label set 2
  udp dport 54 ct label set 127
  udp dport 55 ct label set 99
}; }`;

describe("labels", { skip: noLab || noReference }, () => {
  let scene: Lab;
  let map: string;
  before(async () => {
    // 1.4.7 knows no --labelmap, so both read the system's file.
    overlayEtc({ "xtables/connlabel.conf": MAP });
    map = join(mkdtempSync("/run/labels-"), "map");
    writeFileSync(map, "2 two\n127 hundred27\n99 ninety-nine\n");
    scene = await lab();
    nft(RULES);
    for (const [index, port] of [53, 54, 55].entries()) {
      await scene.server.ask("udpEcho", { host: SERVER, port });
      await scene.client.ask("datagram", { host: SERVER, port, localPort: 5001 + index, text: "hi", answer: true });
    }
    await loadTable(["-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 10 --dport 20 -t 5000"]);
  });
  after(() => scene?.close());

  it("shows labels by the order of their bits, without those that have no name", async () => {
    const { stdout } = await agree(["-L", "-o", "labels"]);
    assert.match(stdout, /dport=53 .* use=1 labels=eth0-out\n/);
    assert.match(stdout, /dport=54 .* use=1 labels=eth0-out,last\n/);
    // The reference's own words for an entry whose labels have no names are compared by agree().
    assert.match(stdout, /dport=20 .* use=1\n/);
  });

  for (const words of [
    "-L",
    "-L -o labels,xml",
    "-L -o labels,id,extended",
    "-L -o save",
    "-L -l eth0-out",
    "-L -l last",
    "-L -l eth0-in",
    "-L -l eth0-out -l last",
    "-L -l bogus",
    "-L -l eth0-out -o xml",
    "-L -l eth0-out -p tcp",
  ]) {
    it(`agrees with the reference on ${words}`, async () => {
      await agree(words.split(" "));
    });
  }

  it("asks for every label of a list", async () => {
    assert.match((await ours(["-L", "-l", "last,eth0-out"])).stderr, /: 1 flow entries have been shown\.\n$/);
    assert.match((await ours(["-L", "-l", "eth0-out,ten"])).stderr, /: 0 flow entries have been shown\.\n$/);
  });

  it("takes another map", async () => {
    const { stdout, status } = await ours(["-L", "--labelmap", map, "-o", "labels"]);
    assert.match(stdout, /dport=54 .* labels=two,hundred27\n/);
    assert.match(stdout, /dport=55 .* labels=ninety-nine\n/);
    assert.equal(status, 0);
    assert.match((await ours(["-L", "--labelmap", map, "-l", "ninety-nine"])).stdout, /^udp .* dport=55 [^\n]*\n$/);
  });

  it("adds and deletes labels", async () => {
    const update = (...words: string[]) =>
      ours(["-U", "-s", "1.1.1.1", "-d", "2.2.2.2", "-p", "udp", "--sport", "10", "--dport", "20", ...words]);
    assert.match((await update("--label-add", "ten,last")).stdout, / labels=ten,last\n$/);
    assert.match((await update("--label-add", "forty")).stdout, / labels=ten,forty,last\n$/);
    assert.match((await update("--label-del", "ten")).stdout, / labels=forty,last\n$/);
    assert.doesNotMatch((await update("--label-del")).stdout, /labels=/);
  });
});
