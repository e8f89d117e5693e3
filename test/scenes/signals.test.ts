/** Signals that are not for -E to end by: those of the surroundings, and what Node makes of them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { freshNetwork, program } from "../support/command.js";
import { type Listener, listen } from "../support/listener.js";
import { lacks, spawnCommand } from "../support/process.js";
import { SHELL_FUNCTIONS } from "../support/shell.js";
import { lines, PREFIX } from "../support/text.js";
import { sleep, until } from "../support/wait.js";

const DONE = `${PREFIX}0 flow events have been shown.\n`;

let listener: Listener | undefined;
beforeEach(freshNetwork);
afterEach(() => listener?.child.kill("SIGKILL"));

it("SIGUSR1 ends the program, and opens no debugger", async () => {
  listener = await listen(program, ["-E"]);
  const { status, stderr } = await listener.end("SIGUSR1");
  assert.equal(status, 128 + constants.signals.SIGUSR1);
  assert.doesNotMatch(stderr, /Debugger/);
});

describe("signals that the caller ignores stay ignored", () => {
  for (const name of ["HUP", "QUIT", "USR1", "USR2", "ALRM", "TSTP", "TTOU"]) {
    it(name, async () => {
      listener = await listen("sh", ["-c", `trap '' ${name}; exec '${program}' -E`]);
      listener.child.kill(`SIG${name}` as NodeJS.Signals);
      await sleep(100);
      assert.equal(listener.child.exitCode, null);
      assert.equal(listener.child.signalCode, null);
      const { status, stderr } = await listener.end("SIGINT");
      assert.equal(stderr, DONE);
      assert.equal(status, 0);
    });
  }

  it("under nohup", async () => {
    listener = await listen("nohup", [program, "-E"]);
    listener.child.kill("SIGHUP");
    await sleep(100);
    assert.equal(listener.child.signalCode, null);
    assert.equal((await listener.end("SIGTERM")).status, 0);
  });

  it("and the others end the program", async () => {
    listener = await listen(program, ["-E"]);
    assert.equal((await listener.end("SIGHUP")).status, 128 + constants.signals.SIGHUP);
  });
});

describe("a terminal that has gone", { skip: lacks("script") }, () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "conntrack-terminal-"));
  });
  after(() => rmSync(directory, { recursive: true }));
  const read = (name: string) => {
    try {
      return readFileSync(join(directory, name), "utf8");
    } catch {
      return "";
    }
  };

  /** Whether the process is there and no zombie. */
  const runs = (pid: number) => {
    const { status, stdout } = spawnCommand("ps", ["-o", "stat=", "-p", String(pid)]);
    return status === 0 && !stdout.startsWith("Z");
  };

  it("is no reason for a native stack trace when TERM comes", async () => {
    const inside = `${SHELL_FUNCTIONS} trap '' HUP; '${program}' -E </dev/tty >'${directory}/out' 2>'${directory}/err' & echo $! >'${directory}/pid'; listening $!`;
    const terminal = spawn("script", ["-qfec", inside, "/dev/null"], { stdio: ["pipe", "ignore", "ignore"] });
    await once(terminal, "exit");
    const pid = Number(read("pid"));
    assert.ok(runs(pid), "it goes on without its terminal");
    process.kill(pid, "SIGTERM");
    await until("its end", () => !runs(pid));
    assert.equal(read("err"), DONE);
  });

  it("and one that another program has changed is left as it is", () => {
    const inside = `${SHELL_FUNCTIONS} '${program}' -E </dev/tty & listening $!; stty -echo </dev/tty; kill -INT $!; wait; stty -a </dev/tty >'${directory}/stty'`;
    // A shell without job control has its background commands ignore SIGINT; the program catches it all the same.
    spawnCommand("script", ["-qfec", inside, "/dev/null"]);
    assert.match(read("stty"), / -echo /);
  });
});

it("output to a terminal is not held back", { skip: lacks("script") }, () => {
  const line = `'${program}' -A -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 9 -t 3000 && '${program}' -L`;
  const { stdout } = spawnCommand("script", ["-qec", line, "/dev/null"]);
  assert.match(lines(stdout.replaceAll("\r", ""))[1] ?? "", /^udp /);
});
