/** The npm package, unpacked and no more, in read-only root file systems: with a shell alone, and with Node alone. */
import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { freshNetwork } from "../support/command.js";
import { listen } from "../support/listener.js";
import { noPackage, packed } from "../support/package.js";
import { lacks, type Outcome } from "../support/process.js";
import { type RootFs, rootFs } from "../support/root-fs.js";
import { PREFIX } from "../support/text.js";

const NODE = "/usr/bin/node";
const PACKAGE = "/usr/lib/node_modules/conntrack";
const FLOW = "-p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2".split(" ");

describe("the npm package in a root file system with a shell, uname and readlink", {
  skip: noPackage || lacks("chroot", "ldd"),
}, () => {
  let fs: RootFs;
  before(() => {
    freshNetwork();
    const programs = ["/bin/sh", "/usr/bin/uname", "/usr/bin/readlink"];
    const links = mkdtempSync("/run/links-");
    symlinkSync(`${PACKAGE}/bin/launch`, join(links, "conntrack"));
    const sources = Object.fromEntries(programs.map((path) => [path, realpathSync(path)]));
    // Without /proc the machine's name is uname's to say.
    fs = rootFs({ ...sources, [PACKAGE]: packed().content, "/opt": links }, programs, {
      proc: false,
    });
  });

  for (const path of [`${PACKAGE}/bin/launch`, "/opt/conntrack"]) {
    it(`runs the executable, as ${path}`, () => {
      assert.equal(fs.run(path, ["-V"]).stdout, "conntrack v1.4.9 (conntrack-tools)\n");
      assert.deepEqual(fs.run(path, ["-I", ...FLOW, "-t", "100"]), {
        status: 0,
        stdout: "",
        stderr: `${PREFIX}1 flow entries have been created.\n`,
      });
      assert.equal(fs.run(path, ["-D", ...FLOW]).stderr, `${PREFIX}1 flow entries have been deleted.\n`);
    });
  }
});

describe("the npm package in a root file system with Node alone", { skip: noPackage || lacks("chroot", "ldd") }, () => {
  let fs: RootFs;
  before(() => {
    freshNetwork();
    const node = realpathSync(process.execPath);
    fs = rootFs({ [NODE]: node, [PACKAGE]: packed().content }, [node]);
  });

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
