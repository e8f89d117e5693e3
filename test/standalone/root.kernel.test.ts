/** The standalone executable where there is nothing else: a read-only root of its libraries and /proc, no /tmp, no Node. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { freshNetwork } from "../support/command.js";
import { listen } from "../support/listener.js";
import { root } from "../support/paths.js";
import { lacks, must, spawnCommand } from "../support/process.js";
import { libraries, type RootFs, rootFs } from "../support/root-fs.js";
import { noStandalone, standalone } from "../support/standalone.js";
import { PREFIX } from "../support/text.js";
import { AT_ONCE_MS } from "../support/wait.js";

const CONNTRACK = "/usr/sbin/conntrack";
const FLOW = "-p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2".split(" ");

/** As the last stage of the Containerfile is made. */
it("the image holds the executable and its libraries", { skip: noStandalone || lacks("ldd") }, () => {
  const directory = mkdtempSync("/run/image-");
  must(join(root, "scripts/container-root.sh"), standalone, directory);
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((path) => `/${path}`)
    .filter((path) => statSync(join(directory, path)).isFile());
  assert.deepEqual(files.sort(), [CONNTRACK, ...libraries(standalone)].sort());
  mkdirSync(join(directory, "proc"));
  must("mount", "--bind", directory, directory);
  must("mount", "-t", "proc", "proc", join(directory, "proc"));
  must("mount", "-o", "remount,bind,ro", directory);
  freshNetwork();
  assert.deepEqual(spawnCommand("chroot", [directory, CONNTRACK, "-C"]), { status: 0, stdout: "0\n", stderr: "" });
});

it("the Containerfile ends with that image and nothing else", () => {
  const text = readFileSync(join(root, "Containerfile"), "utf8");
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  assert.ok(lines.includes("RUN scripts/container-root.sh build/conntrack-linux-* /image"));
  assert.deepEqual(lines.slice(lines.indexOf("FROM scratch")), [
    "FROM scratch",
    "COPY --from=build /image /",
    `ENTRYPOINT ["${CONNTRACK}"]`,
  ]);
  // What it copies is there.
  for (const [, sources] of text.matchAll(/^COPY (?!--from)(.*) \S+$/gm)) {
    for (const source of sources!.split(" ")) statSync(join(root, source));
  }
});

describe("the standalone executable in a root file system of its own", {
  skip: noStandalone || lacks("chroot", "ldd"),
}, () => {
  let fs: RootFs;
  before(() => {
    freshNetwork();
    fs = rootFs({ [CONNTRACK]: standalone }, [standalone]);
  });

  it("needs the C library alone", () => {
    const names = fs.files.map((path) => path.replace(/.*\//, "").replace(/[.-].*/, "")).sort();
    assert.deepEqual(names, ["conntrack", "ld", "libc", "libdl", "libm", "libpthread"]);
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
