/** What is around the standalone executable when it runs: files of the working directory, signals, readers that are gone. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { freshNetwork, oursAsProcess } from "../support/command.js";
import { listen } from "../support/listener.js";
import { lacks, must, type Outcome, spawnCommand } from "../support/process.js";
import { noStandalone, standalone } from "../support/standalone.js";
import { PREFIX } from "../support/text.js";
import { AT_ONCE_MS, sleep, until } from "../support/wait.js";

const VERSION = "conntrack v1.4.9 (conntrack-tools)\n";

/** Files that runtimes of JavaScript would read or run; each would leave a mark, change what is printed, or end the program. */
function hostileDirectory(): string {
  const directory = mkdtempSync("/run/hostile-");
  const mark = `require("node:fs").writeFileSync(${JSON.stringify(join(directory, "mark"))}, ""); process.exit(42);\n`;
  const files: Record<string, string> = {
    "evil.js": mark,
    "index.js": mark,
    "tsconfig.json": "{ this is no JSON",
    "package.json": "{ this is no JSON",
    ".npmrc": "script-shell=/nonexistent\n",
    conntrack: mark,
    help: mark,
    native: mark,
    "help.js": mark,
  };
  files[".env"] = "POSIXLY_CORRECT=1\nNODE_OPTIONS=--require=./evil.js\n";
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  for (const name of ["commander", "native", "help", "fs"]) {
    mkdirSync(join(directory, "node_modules", name), { recursive: true });
    writeFileSync(join(directory, "node_modules", name, "index.js"), mark);
  }
  return directory;
}

describe("the standalone executable", { skip: noStandalone }, () => {
  before(freshNetwork);

  describe("in a directory full of configuration", () => {
    let cwd: string;
    let found: string[];
    before(() => {
      cwd = hostileDirectory();
      found = readdirSync(cwd);
    });

    function run(...argv: string[]): Outcome {
      return spawnCommand(standalone, argv, { cwd, env: { HOME: cwd, XDG_CONFIG_HOME: cwd } });
    }

    it("prints its version", () => {
      assert.deepEqual(run("-V"), { status: 0, stdout: VERSION, stderr: "" });
    });

    it("shows its help, which is loaded late", () => {
      const { status, stdout, stderr } = run("--help", "-p", "tcp");
      assert.match(stdout, /^Usage: conntrack [\s\S]*--sport/);
      assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    });

    it("takes no variable from .env", () => {
      // With POSIXLY_CORRECT the word would end the options.
      assert.deepEqual(run("word", "-C"), { status: 0, stdout: "0\n", stderr: "" });
    });

    it("leaves the directory as it is", () => {
      assert.deepEqual(readdirSync(cwd), found);
    });
  });

  it("takes no option of the runtime as its own", () => {
    for (const word of ["--inspect", "--eval=1", "--std", "--memory-limit=1", "--stack-size=1"]) {
      const { status, stderr } = spawnCommand(standalone, [word, "-V"]);
      assert.match(stderr, /: unknown option `/, word);
      assert.equal(status, 2, word);
    }
  });

  it("needs little memory, and none that is both writable and executable", { skip: lacks("prlimit") }, () => {
    const { status, stdout, stderr } = spawnCommand("prlimit", [`--as=${12 << 20}`, standalone, "-L"]);
    assert.deepEqual({ status, stdout }, { status: 0, stdout: "" });
    assert.equal(stderr, `${PREFIX}0 flow entries have been shown.\n`);
  });

  it("says in one line that there is not enough memory", { skip: lacks("prlimit") }, () => {
    const { status, stdout, stderr } = spawnCommand("prlimit", [`--as=${3 << 20}`, standalone, "-L"]);
    assert.match(stderr, /^conntrack.*out of memory\n$/);
    assert.deepEqual({ status, stdout }, { status: 1, stdout: "" });
  });

  it("runs in a directory that is gone", () => {
    const script = 'mkdir /run/gone && cd /run/gone && rmdir /run/gone && exec "$0" -C';
    assert.deepEqual(spawnCommand("sh", ["-c", script, standalone]), { status: 0, stdout: "0\n", stderr: "" });
  });

  for (const closed of ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"]) {
    it(`gives no socket the number of a stream that is closed: ${closed}`, () => {
      const trace = join(mkdtempSync("/run/closed-"), "fds");
      const listed = `"$0" -E </dev/null >/dev/null 2>&1 ${closed} & sleep 0.3; readlink /proc/$!/fd/0 /proc/$!/fd/1 /proc/$!/fd/2 >${trace}; kill $!; wait`;
      spawnCommand("sh", ["-c", listed, standalone]);
      const targets = readFileSync(trace, "utf8").trim().split("\n");
      assert.equal(targets.length, 3);
      assert.equal(targets.filter((target) => target === "/").length, closed.split(" ").length);
      assert.ok(!targets.some((target) => target.startsWith("socket:")));
    });
  }

  it("heeds POSIXLY_CORRECT of its own environment", () => {
    const env = { ...process.env, POSIXLY_CORRECT: "1" };
    assert.match(spawnCommand(standalone, ["word", "-C"], { env }).stdout, /^Usage: /);
  });

  it("ends at a signal however busy it is", async () => {
    const load = Array.from({ length: 200 }, (_, host) => {
      return `-I -s 9.1.1.${host + 1} -d 2.2.2.2 -p udp --sport 1 --dport 9 -t 300\n`;
    }).join("");
    for (let round = 0; round < 10; round++) {
      const listener = await listen(standalone, ["-E"]);
      oursAsProcess(["-R", "-"], { input: load });
      const flood = spawn(standalone, ["-D"], { stdio: "ignore" });
      await sleep(round * 3);
      const started = performance.now();
      const { status, stderr } = await listener.end(round % 2 === 0 ? "SIGINT" : "SIGTERM");
      const took = performance.now() - started;
      assert.match(stderr, /: \d+ flow events have been shown\.\n$/);
      assert.equal(status, 0);
      assert.ok(took < AT_ONCE_MS, `${took} ms`);
      if (flood.exitCode === null) await new Promise((resolve) => flood.on("close", resolve));
    }
  });

  it("ends at a signal though nobody reads its output", async () => {
    const fifo = join(mkdtempSync("/run/pipe-"), "fifo");
    must("mkfifo", fifo);
    // A pipe whose other end is open, and never read.
    const pipe = openSync(fifo, constants.O_RDWR);
    const child = spawn(standalone, ["-E"], { stdio: ["ignore", pipe, "pipe"] });
    const ended = new Promise((resolve) => child.on("close", resolve));
    try {
      await until("it to listen", () =>
        / 12 +\d+ +[0-9a-f]*[1-9a-f] /.test(readFileSync("/proc/net/netlink", "latin1")),
      );
      const lines = Array.from({ length: 4000 }, (_, n) => {
        return `-I -s 9.2.${n >> 8}.${n & 255} -d 2.2.2.2 -p udp --sport 1 --dport 9 -t 300\n`;
      }).join("");
      oursAsProcess(["-R", "-"], { input: lines });
      await until("the pipe to be full", () => readFileSync(`/proc/${child.pid}/wchan`, "latin1").includes("pipe"));
      child.kill("SIGTERM");
      assert.equal(await Promise.race([ended, sleep(2000, "still there")]), 0);
    } finally {
      child.kill("SIGKILL");
      closeSync(pipe);
    }
  });
});
