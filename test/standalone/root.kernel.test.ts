/** The standalone executable where there is nothing else: a read-only root of it alone, no /proc, no /tmp, no Node. */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { freshNetwork } from "../support/command.js";
import { listen } from "../support/listener.js";
import { root } from "../support/paths.js";
import { lacks, must } from "../support/process.js";
import { type RootFs, rootFs } from "../support/root-fs.js";
import { noStandalone, standalone } from "../support/standalone.js";
import { PREFIX } from "../support/text.js";
import { AT_ONCE_MS } from "../support/wait.js";

const CONNTRACK = "/usr/sbin/conntrack";
const FLOW = "-p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2".split(" ");

it("the Containerfile ends with the executable and nothing else", () => {
  const text = readFileSync(join(root, "Containerfile"), "utf8");
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  assert.deepEqual(lines.slice(lines.indexOf("FROM scratch")), [
    "FROM scratch",
    `COPY --from=build /src/build/conntrack-linux-* ${CONNTRACK}`,
    `ENTRYPOINT ["${CONNTRACK}"]`,
  ]);
  // What it copies is there.
  for (const [, sources] of text.matchAll(/^COPY (?!--from)(.*) \S+$/gm)) {
    for (const source of sources!.split(" ")) statSync(join(root, source));
  }
});

it("the executable is no larger than it must be", { skip: noStandalone }, () => {
  assert.ok(statSync(standalone).size <= 2.5e6, `${statSync(standalone).size} bytes`);
});

it("the executable needs no library, and can have no executable stack", {
  skip: noStandalone || lacks("readelf"),
}, () => {
  assert.doesNotMatch(must("readelf", "-dW", standalone), /NEEDED|R(UN)?PATH/);
  const segments = must("readelf", "-lW", standalone);
  assert.doesNotMatch(segments, /INTERP/);
  assert.match(segments, /GNU_STACK.* RW /);
  assert.match(segments, /GNU_RELRO/);
});

describe("the standalone executable in a root file system of its own", {
  skip: noStandalone || lacks("chroot"),
}, () => {
  let fs: RootFs;
  before(() => {
    freshNetwork();
    fs = rootFs({ [CONNTRACK]: standalone }, [], { proc: false });
  });

  it("is an image of at most 3 MB", () => {
    assert.deepEqual(fs.files, [CONNTRACK]);
    assert.ok(fs.files.reduce((sum, path) => sum + statSync(join(fs.directory, path)).size, 0) <= 3e6);
  });

  it("cannot be written to", () => {
    const { status, stderr } = fs.run("/usr/sbin/touch", ["/x"]);
    assert.match(stderr, /No such file or directory/);
    assert.equal(status, 127);
  });

  it("creates, lists, counts and deletes", () => {
    assert.deepEqual(fs.run(CONNTRACK, ["-I", ...FLOW, "-t", "100"]), {
      status: 0,
      stdout: "",
      stderr: `${PREFIX}1 flow entries have been created.\n`,
    });
    assert.match(fs.run(CONNTRACK, ["-L"]).stdout, /^udp {6}17 \d+ src=1\.1\.1\.1 dst=2\.2\.2\.2 sport=1 dport=2 /);
    assert.equal(fs.run(CONNTRACK, ["-C"]).stdout, "1\n");
    assert.match(fs.run(CONNTRACK, ["-L", "-o", "xml,id,timestamp"]).stdout, /<\/conntrack>\n$/);
    assert.equal(fs.run(CONNTRACK, ["-D", ...FLOW]).stderr, `${PREFIX}1 flow entries have been deleted.\n`);
  });

  it("knows protocols without /etc/protocols", () => {
    assert.equal(fs.run(CONNTRACK, ["-L", "-p", "ospf"]).status, 0);
  });

  it("shows its help and its version", () => {
    assert.match(fs.run(CONNTRACK, ["--help"]).stdout, /^Usage: conntrack /);
    assert.equal(fs.run(CONNTRACK, ["-V"]).stdout, "conntrack v1.4.9 (conntrack-tools)\n");
  });

  it("fails as it should", () => {
    assert.equal(fs.run(CONNTRACK, ["-D", "-s", "9.9.9.9"]).status, 1);
    assert.equal(fs.run(CONNTRACK, ["--nonsense"]).status, 2);
    assert.equal(fs.run(CONNTRACK, ["-R", "/nowhere"]).status, 2);
  });

  it("reads a load-file from standard input", () => {
    // By way of a real pipe: there is no /dev/stdin here.
    const { status, stderr } = fs.run(CONNTRACK, ["-R", "-"], { input: `-I ${FLOW.join(" ")} -t 100\n` });
    assert.equal(stderr, "");
    assert.equal(status, 0);
    assert.equal(fs.run(CONNTRACK, ["-C"]).stdout, "1\n");
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`ends its events at ${signal}`, async () => {
      const [program, ...argv] = fs.command(CONNTRACK, "-E");
      const listener = await listen(program!, argv);
      const started = performance.now();
      const { status, stderr } = await listener.end(signal);
      assert.equal(stderr, `${PREFIX}0 flow events have been shown.\n`);
      assert.equal(status, 0);
      assert.ok(performance.now() - started < AT_ONCE_MS);
    });
  }
});
