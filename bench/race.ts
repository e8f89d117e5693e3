/** One row: its contenders run in turn, in the network namespace that this process was started in. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CONNTRACKS, type Contender, REFERENCE } from "./contenders.js";
import { type Run, type Running, start } from "./measure.js";
import { type Figure, micro } from "./micro.js";
import { ROWS, type Row } from "./rows.js";
import { openTable, type Table } from "./table.js";

/** What the process of a row is told. */
export interface Job {
  row: string;
  entries: number;
  runs: number;
}

/** A run, and what it came to. */
export interface Outcome extends Run {
  /** Status, summary line and entries left: the same for every conntrack. */
  result: string;
  /** Of the events that took place, how many per cent were shown. */
  shownPercent?: number;
}

export interface Result {
  contender: string;
  isConntrack: boolean;
  /** Why it did not take part, or "". */
  skipped: string;
  /** Whether that is a fault of ours: a failure, or another result than the others'. */
  wrong: boolean;
  outcomes: Outcome[];
}

export interface RowResult {
  row: string;
  kind: Row["kind"];
  /** The command line, without the program. */
  line: string;
  entries: number;
  results: Result[];
  figures: Figure[];
}

const NOT_YET = "not there yet";

const directory = mkdtempSync(join(tmpdir(), "conntrack-bench-"));

/** Writes the table as lines for -R, with the first conntrack that can. */
function save(): string {
  const path = join(directory, "saved");
  const stdout = openSync(path, "w");
  const contender = CONNTRACKS.find(({ missing }) => missing === "");
  if (contender === undefined) throw new Error("no conntrack is there that could save the table");
  const [program, ...args] = contender.command(["-L", "-o", "save"]);
  const { status, stderr } = spawnSync(program!, args, { stdio: ["ignore", stdout, "pipe"], encoding: "utf8" });
  closeSync(stdout);
  if (status !== 0) throw new Error(`${contender.name} could not save the table: ${stderr}`);
  return path;
}

/** What a run came to, without what differs by version. */
function resultOf({ status, stderr }: Run, table: Table): string {
  const summary = stderr
    .trim()
    .split("\n")
    .at(-1)!
    .replace(/^conntrack v[\d.]+ \(conntrack-tools\): /, "");
  return `status ${status}, "${summary}", ${table.count()} entries left`;
}

async function time(command: readonly string[], table: Table): Promise<Outcome> {
  const run = await start(command).ended;
  return { ...run, result: resultOf(run, table) };
}

/** Whether a netfilter socket of this network namespace has joined a multicast group. */
function someoneListens(): boolean {
  const NETLINK_NETFILTER = "12";
  const rows = readFileSync("/proc/net/netlink", "utf8").trim().split("\n").slice(1);
  return rows.some((row) => {
    const [, protocol, , groups] = row.trim().split(/ +/);
    return protocol === NETLINK_NETFILTER && groups !== "00000000";
  });
}

async function untilListening(listener: Running): Promise<void> {
  let ended = false;
  void listener.ended.then(() => {
    ended = true;
  });
  while (!ended && !someoneListens()) await sleep(5);
}

/** Waits until nothing was added to the file for a while. */
async function untilIdle(path: string): Promise<void> {
  for (let size = -1; statSync(path).size !== size; await sleep(500)) size = statSync(path).size;
}

/** Lets a listener show the creation of the table. */
async function listen(command: readonly string[], table: Table): Promise<Outcome> {
  const path = join(directory, "events");
  const stdout = openSync(path, "w");
  table.flush();
  const listener = start(command, stdout);
  await untilListening(listener);
  table.fill();
  await untilIdle(path);
  listener.stop();
  const run = await listener.ended;
  closeSync(stdout);
  const lines = readFileSync(path).reduce((count, byte) => count + (byte === 0x0a ? 1 : 0), 0);
  return { ...run, result: `status ${run.status}`, shownPercent: (100 * lines) / table.entries };
}

/** What is wrong with a run, or "". */
function problem(
  { isConntrack }: Contender,
  { stderr, status, result }: Outcome,
  expected: string | undefined,
): string {
  const last = stderr.trim().split("\n").at(-1)!;
  if (last.includes("is not there yet")) return NOT_YET;
  if (isConntrack ? last.includes("Operation failed") : status !== 0) return `status ${status}: ${last}`;
  return !isConntrack || result === (expected ?? result) ? "" : `${result}; expected ${expected}`;
}

async function race(row: Row, { runs }: Job, table: Table): Promise<RowResult> {
  const args = row.args(table.entries, save);
  const racers = [...CONNTRACKS, ...row.beside].map((contender) => {
    const { name, isConntrack, missing } = contender;
    const result: Result = { contender: name, isConntrack, skipped: missing, wrong: false, outcomes: [] };
    return { contender, result };
  });
  let expected: string | undefined;
  // Run 0 is not counted: it shows what works, and brings the programs into the page cache.
  for (let run = 0; run <= row.runs(runs); run++) {
    for (const { contender, result } of racers) {
      if (result.skipped !== "") continue;
      row.before?.(table);
      const command = contender.command(contender === REFERENCE ? (row.referenceArgs ?? args) : args);
      const outcome = await (row.kind === "events" ? listen(command, table) : time(command, table));
      result.skipped = problem(contender, outcome, expected);
      result.wrong = result.skipped !== "" && result.skipped !== NOT_YET && contender !== REFERENCE;
      if (result.skipped === "" && contender.isConntrack) expected ??= outcome.result;
      if (run > 0) result.outcomes.push(outcome);
    }
  }
  const line = args.map((word) => (word.startsWith(directory) ? "FILE" : word)).join(" ");
  const results = racers.map(({ result }) => result);
  return { row: row.name, kind: row.kind, line, entries: table.entries, results, figures: [] };
}

async function runJob(job: Job): Promise<RowResult> {
  const row = ROWS.find(({ name }) => name === job.row)!;
  const table = openTable(job.entries);
  table.fill();
  if (table.count() !== job.entries) throw new Error(`${table.count()} entries were created, not ${job.entries}`);
  if (row.kind !== "micro") return race(row, job, table);
  return { row: row.name, kind: row.kind, line: "", entries: job.entries, results: [], figures: micro() };
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
process.send!(await runJob(JSON.parse(process.argv[2]!)));
