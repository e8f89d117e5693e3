/**
 * A listener from its start to its end: signals, readers that leave, the time from packet to line, its buffer, and names of
 * programs. CONNTRACK_TEST_STARTS=200 npm test -- event-life starts it so often.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { AF_INET, IPPROTO_UDP } from "../../src/ctnetlink/constants.js";
import { encodeFlowCreate, type Tuple } from "../../src/ctnetlink/encode.js";
import { openConnection } from "../../src/netlink/connection.js";
import { NLM_F_CREATE } from "../../src/netlink/constants.js";
import { backend, freshNetwork, ours, program } from "../support/command.js";
import { nft, noLab, sysctl } from "../support/lab.js";
import { type Listener, listen } from "../support/listener.js";
import { lacks, must, type Outcome, spawnCommand } from "../support/process.js";
import { random, seed } from "../support/random.js";
import { isMachineRoot } from "../support/rights.js";
import { SHELL_FUNCTIONS } from "../support/shell.js";
import { lines, PREFIX } from "../support/text.js";
import { AT_ONCE_MS, sleep, until } from "../support/wait.js";

const STARTS = Number(process.env["CONNTRACK_TEST_STARTS"] ?? 40);
const HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n';

const listeners: Listener[] = [];

async function start(words: string): Promise<Listener> {
  const listener = await listen(program, words.split(" "));
  listeners.push(listener);
  return listener;
}

/** Makes an entry; each has a source port of its own. */
let nextPort = 1;
async function makeEntry(): Promise<void> {
  const { status, stderr } = await ours(
    `-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport ${nextPort++} --dport 9 -t 100`.split(" "),
  );
  assert.equal(status, 0, stderr);
}

beforeEach(() => {
  freshNetwork();
  sysctl("net/netfilter/nf_conntrack_events", 1);
});
afterEach(() => {
  for (const { child } of listeners.splice(0)) child.kill("SIGKILL");
});

/** Sockets of netfilter listeners in this network namespace. */
function listening(): string[] {
  return readFileSync("/proc/net/netlink", "utf8")
    .split("\n")
    .map((row) => row.trim().split(/ +/))
    .filter(([, protocol, , groups]) => protocol === "12" && groups !== "00000000")
    .map((columns) => columns.join(" "));
}

describe("a signal", () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    for (const [words, count] of [
      ["-E", 3],
      ["-E", 0],
      ["-E -o xml", 3],
      ["-E -o xml", 0],
      ["-E -o save", 1],
      ["-E expect", 0],
    ] as const) {
      it(`${signal} ends ${words} after ${count} events`, async () => {
        const listener = await start(words);
        for (let made = 0; made < count; made++) await makeEntry();
        await until("the events", () => lines(listener.stdout()).length >= count);
        await sleep(20);
        const begun = performance.now();
        const { status, stdout, stderr } = await listener.end(signal);
        const took = performance.now() - begun;
        assert.ok(took < AT_ONCE_MS, `${took} ms`);
        const nouns = words.includes("expect") ? "expectation events" : "flow events";
        assert.equal(stderr, `${PREFIX}${count} ${nouns} have been shown.\n`);
        assert.equal(status, 0);
        if (!words.includes("xml") || count === 0) assert.equal(lines(stdout).length, count);
        else {
          assert.ok(stdout.startsWith(HEAD), stdout);
          assert.ok(stdout.endsWith("</flow>\n</conntrack>\n"), stdout);
          assert.equal(lines(stdout).length, count + 3);
        }
        assert.deepEqual(listening(), []);
      });
    }
  }

  it("finds a listener that waits for its reader, and ends it", async () => {
    // Nobody reads: the pipe is full, and the program waits to write.
    const child = spawn(program, ["-E"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.pause();
    await until("it listens", () => listening().length > 0);
    const entries = Array.from(
      { length: 8000 },
      (_, index) =>
        `-A -s 1.1.1.1 -d 2.2.2.${1 + (index >> 12)} -p udp --sport ${1 + (index & 4095)} --dport 9 -t 100\n`,
    );
    assert.equal((await ours(["-R", "-"], entries.join(""))).status, 0);
    await sleep(300);
    const begun = performance.now();
    child.kill("SIGINT");
    const [status, signal] = await once(child, "exit");
    assert.ok(performance.now() - begun < AT_ONCE_MS);
    assert.deepEqual([status, signal], [0, null]);
    child.stdout.destroy();
  });
});

describe("a reader that leaves", () => {
  for (const words of ["-E", "-E -o xml", "-E -o save"]) {
    it(`ends ${words} quietly`, async () => {
      const script = `${program} ${words} 2>/run/stderr | head -c 1 >/dev/null; echo $PIPESTATUS`;
      const child = spawn("bash", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
      let stdout = "";
      child.stdout.setEncoding("utf8").on("data", (text) => {
        stdout += text;
      });
      await until("it listens", () => listening().length > 0);
      const ended = once(child, "close");
      await makeEntry();
      await sleep(100);
      await makeEntry();
      await ended;
      assert.equal(Number(stdout), 128 + 13, "SIGPIPE");
      assert.equal(readFileSync("/run/stderr", "utf8"), "");
      assert.deepEqual(listening(), []);
    });
  }
});

describe(`${STARTS} starts, CONNTRACK_TEST_SEED=${seed}`, () => {
  /** A complete line of -E. */
  const LINE =
    /^(?: {4}\[NEW\]|\[DESTROY\]) udp {6}17 (?:\d+ )?src=1\.1\.1\.1 dst=2\.2\.2\.2 sport=\d+ dport=9 \[UNREPLIED\] src=2\.2\.2\.2 dst=1\.1\.1\.1 sport=9 dport=\d+(?: mark=0)?(?: \[USERSPACE\] portid=\d+(?: progname=\S+)?)?$/;

  function check({ status, stdout, stderr }: Outcome, signal: NodeJS.Signals, early: boolean): void {
    assert.ok(stdout === "" || stdout.endsWith("\n"), stdout.slice(-200));
    for (const line of lines(stdout)) assert.match(line, LINE);
    // Before it has taken the signals over, they end it as they end any program.
    if (early && status !== 0) {
      assert.equal(status, 128 + (signal === "SIGINT" ? 2 : 15));
      assert.equal(`${stdout}${stderr}`, "");
      return;
    }
    assert.equal(stderr, `${PREFIX}${lines(stdout).length} flow events have been shown.\n`);
    assert.equal(status, 0);
  }

  it("and ends leave no process, no socket and no broken line", async () => {
    const r = random(seed);
    const children: number[] = [];
    for (let done = 0; done < STARTS; done++) {
      const signal = r.pick(["SIGINT", "SIGTERM"] as const);
      const early = r.once(2);
      if (early) {
        const wait = r.below(120);
        const child = spawn(program, ["-E"], { stdio: ["ignore", "pipe", "pipe"] });
        const parts = { stdout: "", stderr: "" };
        child.stdout.setEncoding("utf8").on("data", (text) => (parts.stdout += text));
        child.stderr.setEncoding("utf8").on("data", (text) => (parts.stderr += text));
        children.push(child.pid!);
        const closed = once(child, "close");
        await sleep(wait);
        await makeEntry();
        child.kill(signal);
        const [status, killer] = await closed;
        check({ ...parts, status: status ?? 128 + (killer === "SIGINT" ? 2 : 15) }, signal, true);
      } else {
        const listener = await start("-E");
        children.push(listener.child.pid!);
        for (let made = r.below(5); made >= 0; made--) await makeEntry();
        await ours(["-D"]);
        check(await listener.end(signal), signal, false);
      }
    }
    assert.deepEqual(listening(), []);
    for (const pid of children) assert.throws(() => process.kill(pid, 0), /ESRCH/);
  });
});

describe("from packet to line", { skip: noLab }, () => {
  const PACKETS = 40;
  const socket = createSocket("udp4");
  after(() => socket.close());

  it("an event does not wait for the next one", async (t) => {
    must("ip", "link", "set", "lo", "up");
    nft("table inet n { chain o { type filter hook output priority 0; ct state new counter; }; }");
    const listener = await start("-E -e NEW -p udp");
    const times: number[] = [];
    for (let port = 20_000; port < 20_000 + PACKETS; port++) {
      const begun = performance.now();
      const came = once(listener.child.stdout!, "data");
      socket.send("x", port, "127.0.0.1");
      await came;
      times.push(performance.now() - begun);
      assert.match(listener.stdout(), new RegExp(` dport=${port} .*\n$`));
      await sleep(5);
    }
    times.sort((a, b) => a - b);
    const [median, worst] = [times[PACKETS / 2]!, times.at(-1)!];
    t.diagnostic(`from packet to line: ${median.toFixed(2)} ms in the middle, ${worst.toFixed(2)} ms at worst`);
  });
});

describe("the receive buffer", () => {
  /** What the kernel says of the listener's socket: SO_RCVBUF, doubled. */
  function receiveBuffer(pid: number): number {
    const rows = lines(must("ss", "-f", "netlink", "-m", "-n")).filter((row) => row.includes(`12:${pid} `));
    return Number(/\brb(\d+)/.exec(rows[0]!)![1]);
  }

  const most = 2 * Number(readFileSync("/proc/sys/net/core/rmem_max", "utf8"));

  for (const [words, wanted, notice] of [
    ["-E -b 1000000", 2_000_000, true],
    ["-E --buffer-size 300000000", 600_000_000, true],
    ["-E", 256 << 20, false],
  ] as const) {
    const size = isMachineRoot ? wanted : Math.min(wanted, most);
    it(`of ${words} is ${size} bytes`, { skip: lacks("ss") }, async () => {
      const listener = await start(words);
      await until("the buffer", () => receiveBuffer(listener.child.pid!) === size).catch(() => {});
      assert.equal(receiveBuffer(listener.child.pid!), size);
      const { stderr } = await listener.end("SIGTERM");
      const says = `NOTICE: Netlink socket buffer size has been set to ${size} bytes.\n`;
      assert.equal(stderr.includes("NOTICE"), notice);
      if (notice) assert.ok(stderr.startsWith(says), stderr);
    });
  }

  it("is what an ordinary user may have", { skip: lacks("ss", "setpriv", "unshare") }, () => {
    const script = `${SHELL_FUNCTIONS} timeout -s INT 0.1 '${program}' -E -b 300000000`;
    const { status, stderr } = spawnCommand("setpriv", [
      ...["--bounding-set=-all,+setfcap", "--inh-caps=-all", "unshare", "-Urn", "sh", "-c", script],
    ]);
    assert.equal(
      stderr,
      `NOTICE: Netlink socket buffer size has been set to ${most} bytes.\n${PREFIX}0 flow events have been shown.\n`,
    );
    // What timeout(1) says of a program that it had to end.
    assert.equal(status, 124);
  });
});

describe("the name of a program", () => {
  /** Of a flow that is not there yet. */
  function tuples(): { orig: Tuple; reply: Tuple } {
    const [src, dst] = [Uint8Array.of(1, 1, 1, 1), Uint8Array.of(2, 2, 2, 2)];
    const [sport, dport, protonum] = [nextPort++, 9, IPPROTO_UDP];
    return {
      orig: { src, dst, sport, dport, protonum },
      reply: { src: dst, dst: src, sport: dport, dport: sport, protonum },
    };
  }

  let name: Buffer;
  before(() => {
    name = readFileSync("/proc/self/comm");
  });
  afterEach(() => writeFileSync("/proc/self/comm", name.subarray(0, -1)));

  for (const [comm, shown] of [
    ["a\x1b[31mred\x07", "a?[31mred?"],
    ["x\r\ny\tz", "x??y?z"],
    ["\x7f\x9b2J\x80", undefined],
    ["two words", "two words"],
    ["\u009bcsi\u0085", "?csi?"],
  ] as const) {
    it(`${JSON.stringify(comm)} brings no control character to the output`, async () => {
      for (const words of ["-E", "-E -o save", "-E -o xml", "-E -o timestamp,id"]) {
        const listener = await start(words);
        // The entry is made by this very process, whose socket is still there when its owner is looked up.
        writeFileSync("/proc/self/comm", Buffer.from(comm, comm.includes("\u0085") ? "utf8" : "latin1"));
        const connection = openConnection(backend);
        connection.request((writer) =>
          encodeFlowCreate(writer, NLM_F_CREATE, AF_INET, tuples(), { timeoutSeconds: 100 }),
        );
        await until("the event", () => lines(listener.stdout()).length >= (words.includes("xml") ? 3 : 1));
        connection.close();
        const { stdout } = await listener.end("SIGINT");
        const text = stdout.replace(/^\[\d+\.\d+ *\]\t/, "");
        assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f]|[\u0080-\u009f]/);
        assert.equal(lines(text).length, words.includes("xml") ? 4 : 1);
        if (!words.includes("xml")) assert.match(text, new RegExp(` \\[USERSPACE\\] portid=${process.pid} progname=`));
        if (shown !== undefined && words === "-E") assert.ok(text.endsWith(` progname=${shown}\n`), text);
      }
    });
  }
});
