/** The npm package, unpacked and no more, in a read-only root file system with only Node and its libraries beside it. */
import assert from "node:assert/strict";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { freshNetwork } from "../support/command.js";
import { listen } from "../support/listener.js";
import { type Checkout, copyOfCheckout, noPackage, pack } from "../support/package.js";
import { lacks, type Outcome } from "../support/process.js";
import { type RootFs, rootFs } from "../support/root-fs.js";
import { PREFIX } from "../support/text.js";

const NODE = "/usr/bin/node";
const PACKAGE = "/usr/lib/node_modules/conntrack";
const FLOW = "-p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2".split(" ");

describe("the npm package in a root file system with Node alone", { skip: noPackage || lacks("chroot", "ldd") }, () => {
  let checkout: Checkout;
  let fs: RootFs;
  before(() => {
    freshNetwork();
    checkout = copyOfCheckout();
    pack(checkout);
    const node = realpathSync(process.execPath);
    fs = rootFs({ [NODE]: node, [PACKAGE]: join(checkout.directory, "packed/package") }, [node]);
  });
  after(() => checkout.remove());

  const run = (...argv: readonly string[]): Outcome => fs.run(NODE, [`${PACKAGE}/bin/conntrack`, ...argv]);

  it("creates, lists, counts and deletes", () => {
    assert.deepEqual(run("-I", ...FLOW, "-t", "100"), {
      status: 0,
      stdout: "",
      stderr: `${PREFIX}1 flow entries have been created.\n`,
    });
    assert.match(run("-L").stdout, /^udp {6}17 \d+ src=1\.1\.1\.1 dst=2\.2\.2\.2 sport=1 dport=2 /);
    assert.equal(run("-C").stdout, "1\n");
    assert.equal(run("-D", ...FLOW).stderr, `${PREFIX}1 flow entries have been deleted.\n`);
  });

  it("shows its help and its version", () => {
    assert.match(run("--help").stdout, /^Usage: conntrack /);
    assert.equal(run("-V").stdout, "conntrack v1.4.9 (conntrack-tools)\n");
  });

  it("fails as it should", () => {
    assert.equal(run("-D", "-s", "9.9.9.9").status, 1);
    assert.equal(run("--nonsense").status, 2);
  });

  it("ends its events at SIGTERM", async () => {
    const [program, ...argv] = fs.command(NODE, `${PACKAGE}/bin/conntrack`, "-E");
    const { status, stderr } = await (await listen(program!, argv)).end("SIGTERM");
    assert.equal(stderr, `${PREFIX}0 flow events have been shown.\n`);
    assert.equal(status, 0);
  });
});
