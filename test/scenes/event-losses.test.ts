/**
 * Events by the hundred thousand: all shown where the program keeps up, and said how often some were lost where it cannot.
 * CONNTRACK_TEST_FLOODS=5 npm test -- event-losses makes the flood so often.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, createReadStream, openSync, readFileSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterEach, before, beforeEach, describe, it } from "node:test";
import { freshNetwork, program } from "../support/command.js";
import { compile, noCompiler } from "../support/compile.js";
import { nft, noLab, sysctl } from "../support/lab.js";
import { must, spawnCommand } from "../support/process.js";
import { noLargeBuffer } from "../support/rights.js";
import { lines, PREFIX } from "../support/text.js";
import { sleep, until } from "../support/wait.js";

const FLOODS = Number(process.env["CONNTRACK_TEST_FLOODS"] ?? 1);
const FLOWS = 400_000;
const WARNING =
  "WARNING: We have hit ENOBUFS! We are losing events.\n" +
  "This message means that the current netlink socket buffer size is too small.\n" +
  "Please, check --buffer-size in conntrack(8) manpage.\n";
/** Of Node itself some 60 MB; the rest is for buffers. It must not grow with what waits. */
const MOST_MEMORY = 160 << 20;

// Datagrams are dropped on arrival: no answers, and no work but that of the flows.
const RULES = `table inet n {
  chain o { type filter hook output priority filter; ct state new counter; }
  chain i { type filter hook input priority filter; meta l4proto udp drop; }
}`;

interface Run {
  /** Of the program itself. */
  pid: number;
  out: string;
  /** Waits for the end, and returns status and stderr. */
  ended: Promise<{ status: number | null; stderr: string }>;
}

let runs = 0;

/** Starts `conntrack WORDS`, its output into a file, through a filter of the shell's. */
async function start(words: string, filter = "cat"): Promise<Run> {
  const [out, err] = [`/run/out${runs}`, `/run/err${runs++}`];
  const script = `'${program}' ${words} 2>${err} | (${filter}) >${out}; exit $PIPESTATUS`;
  const child = spawn("bash", ["-c", script], { stdio: "ignore" });
  const ended = once(child, "close").then(([status]) => ({ status, stderr: readFileSync(err, "utf8") }));
  const pid = await until("it listens", listens);
  return { pid: pid!, out, ended };
}

/** The process id of the program that listens, or undefined. */
function listens(): number | undefined {
  const rows = readFileSync("/proc/net/netlink", "utf8").split("\n");
  const columns = rows.map((row) => row.trim().split(/ +/));
  const found = columns.find(([, protocol, , groups]) => protocol === "12" && groups !== "00000000");
  return found && Number(found[2]);
}

/** The most resident memory that a process has had. */
function peakMemory(pid: number): number {
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
}

/** The flows of NEW lines as test/support/udp-flood.c numbers them, in the order of the lines. */
async function shownFlows(path: string): Promise<Int32Array> {
  const flows = new Int32Array(FLOWS);
  let count = 0;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (!line.startsWith("    [NEW] ")) continue;
    const [, a, b, port] = / dst=127\.1\.(\d+)\.(\d+) sport=\d+ dport=(\d+) \[UNREPLIED\] src=.* dport=\d+$/.exec(
      line,
    )!;
    flows[count++] = (Number(a) * 256 + Number(b)) * 16_384 + Number(port) - 1024;
  }
  return flows.subarray(0, count);
}

function assertAscending(flows: Int32Array): void {
  for (let index = 1; index < flows.length; index++)
    assert.ok(flows[index]! > flows[index - 1]!, `flow ${flows[index]} behind ${flows[index - 1]}`);
}

describe("a flood of new flows", { skip: noLab || noCompiler || noLargeBuffer }, () => {
  let flood: string;
  before(() => {
    flood = compile("test/support/udp-flood.c");
  });
  beforeEach(() => {
    freshNetwork();
    must("ip", "link", "set", "lo", "up");
    sysctl("net/netfilter/nf_conntrack_events", 1);
    nft(RULES);
  });

  afterEach(() => {
    const left = listens();
    if (left !== undefined) process.kill(left, "SIGKILL");
  });

  function send(flows: number): number {
    const begun = performance.now();
    assert.equal(spawnCommand(flood, [String(flows)]).status, 0);
    return performance.now() - begun;
  }

  for (let flooded = 1; flooded <= FLOODS; flooded++) {
    it(`${FLOWS} are all shown, ${flooded}`, async (t) => {
      const run = await start("-E");
      const took = send(FLOWS);
      await quiet(run.out);
      process.kill(run.pid, "SIGINT");
      const { status, stderr } = await run.ended;
      const flows = await shownFlows(run.out);
      t.diagnostic(`${FLOWS} flows in ${took.toFixed(0)} ms, ${Math.round(FLOWS / took)} a millisecond`);
      // One line: neither warnings nor losses. Flows that made room for others in a full table are shown to end, too.
      assert.match(stderr, new RegExp(`^${PREFIX.replace(/[().]/g, "\\$&")}\\d+ flow events have been shown\\.\n$`));
      assert.equal(status, 0);
      assert.equal(flows.length, FLOWS);
      assertAscending(flows);
      rmSync(run.out);
    });
  }

  it("that nobody reads costs the program no memory, and is all there later", async () => {
    // The pipe takes 64 KiB; the rest waits in the kernel until somebody reads.
    must("mkfifo", "/run/go");
    const run = await start("-E -e NEW", "read -r _ </run/go; cat");
    send(100_000);
    await sleep(200);
    assert.ok(peakMemory(run.pid) < MOST_MEMORY, `${peakMemory(run.pid)} bytes`);
    closeSync(openSync("/run/go", "w"));
    await until("all lines", () => lines(readFileSync(run.out, "latin1")).length === 100_000, 15_000);
    assert.ok(peakMemory(run.pid) < MOST_MEMORY, `${peakMemory(run.pid)} bytes`);
    process.kill(run.pid, "SIGINT");
    const { stderr } = await run.ended;
    assert.equal(stderr, `${PREFIX}100000 flow events have been shown.\n`);
    assertAscending(await shownFlows(run.out));
    rmSync("/run/go");
  });

  it("that a slow reader and a small buffer cannot take is said to be lost, in order, and it goes on", async () => {
    // Reads a little, sleeps, reads: the buffer overruns again and again.
    const slow = "for _ in 1 2 3 4 5 6; do sleep 0.3; head -c 200000; done; cat";
    const run = await start("-E -e NEW -b 500000", slow);
    for (let sent = 0; sent < 4; sent++) {
      send(50_000);
      await sleep(300);
    }
    await quiet(run.out);
    assert.ok(peakMemory(run.pid) < MOST_MEMORY, `${peakMemory(run.pid)} bytes`);
    process.kill(run.pid, "SIGINT");
    const { status, stderr } = await run.ended;
    assert.equal(status, 0);
    const [notice, ...rest] = stderr.split(/(?<=\n)/);
    assert.match(notice!, /^NOTICE: Netlink socket buffer size has been set to 1000000 bytes\.\n$/);
    const warnings = rest.join("").split(WARNING).length - 1;
    assert.ok(warnings >= 1, stderr);
    const flows = await shownFlows(run.out);
    assert.ok(flows.length > 2000 && flows.length < 200_000, `${flows.length} lines`);
    assert.equal(
      rest.join("").replaceAll(WARNING, ""),
      `${PREFIX}${flows.length} flow events have been shown.\n${PREFIX}events were lost ${warnings} ${warnings === 1 ? "time" : "times"}.\n`,
    );
    // Each of the four floods by itself: gaps, but never back.
    let floods = 1;
    for (let index = 1; index < flows.length; index++) if (flows[index]! <= flows[index - 1]!) floods++;
    assert.ok(floods <= 4, `${floods} times back`);
    assert.equal(lines(readFileSync(run.out, "utf8")).length, flows.length, "no broken line");
  });
});

/** Waits until a file does not grow any more. */
async function quiet(path: string): Promise<void> {
  for (let size = -1, now = 0; size !== now; ) {
    size = now;
    await sleep(250);
    now = readFileSync(path).length;
  }
}
