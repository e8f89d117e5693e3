/** One row: its contenders run in turn, in the network namespace that this process was started in. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONNTRACKS, type Contender, OURS, REFERENCE } from "./contenders.js";
import { type EventFigures, type EventSource, listen } from "./events.js";
import { type LiveFigures, look } from "./live.js";
import { type Run, start } from "./measure.js";
import { type Figure, micro } from "./micro.js";
import { ROWS, type Row } from "./rows.js";
import { openTable, type Table } from "./table.js";

/** What the process of a row is told. */
export interface Job {
  row: string;
  entries: number;
  runs: number;
  short: boolean;
}

/** A run, and what it came to. */
export interface Outcome extends Run {
  /** Status, summary line and entries left: the same for every conntrack. */
  result: string;
  /** Of a listener. */
  events?: EventFigures;
  /** Of a view. */
  live?: LiveFigures;
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
  /** That of the reference, where it is another. */
  referenceLine?: string;
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
  const [program, ...args] = contender.command(["-L", "-o", "save"], 0);
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

/** The same for a program that prints its times. */
async function timesPrinted(command: readonly string[], table: Table): Promise<Outcome> {
  const path = join(directory, "times");
  const stdout = openSync(path, "w");
  const run = await start(command, stdout).ended;
  closeSync(stdout);
  const [wallMs, userMs, systemMs] = readFileSync(path, "utf8")
    .split(" ")
    .map((microseconds) => Number(microseconds) / 1000);
  return { ...run, wallMs: wallMs!, userMs: userMs!, systemMs: systemMs!, result: resultOf(run, table) };
}

async function showing(command: readonly string[], source: EventSource, table: Table): Promise<Outcome> {
  const run = await listen(command, source, table, join(directory, "events"));
  return { ...run, result: `status ${run.status}` };
}

/** What is wrong with a run, or "". */
function problem(isConntrack: boolean, { stderr, status, result }: Outcome, expected: string | undefined): string {
  const last = stderr.trim().split("\n").at(-1)!;
  if (last.includes("is not there yet")) return NOT_YET;
  if (isConntrack ? last.includes("Operation failed") : status !== 0) return `status ${status}: ${last}`;
  return !isConntrack || result === (expected ?? result) ? "" : `${result}; expected ${expected}`;
}

function commandOf(contender: Contender, row: Row, args: readonly string[], { entries }: Table): readonly string[] {
  if (contender !== REFERENCE) return contender.command(args, entries);
  const { referenceScript, referenceArgs = args } = row;
  if (referenceScript === undefined) return contender.command(referenceArgs, entries);
  const [path] = contender.command([], entries);
  return ["sh", "-c", referenceScript, path!];
}

function words(args: readonly string[]): string {
  return args.map((word) => (word.startsWith(directory) ? "FILE" : word)).join(" ");
}

function noResult({ name, isConntrack, missing }: Contender, without = ""): Result {
  return { contender: name, isConntrack, skipped: missing || without, wrong: false, outcomes: [] };
}

/** The reference has no view to compare with. */
async function watch(row: Row, { runs, short }: Job, table: Table): Promise<RowResult> {
  const args = row.args(table.entries, save);
  const results: Result[] = [];
  for (const contender of OURS) {
    const result = noResult(contender);
    results.push(result);
    for (let run = 0; run < row.runs(runs) && result.skipped === ""; run++) {
      const outcome = await look(contender.command(args, table.entries), table, short, join(directory, "live"));
      if (typeof outcome === "string") Object.assign(result, { skipped: outcome, wrong: true });
      else result.outcomes.push({ ...outcome, result: "" });
    }
  }
  return { row: row.name, kind: row.kind, line: words(args), entries: table.entries, results, figures: [] };
}

async function race(row: Row, { runs }: Job, table: Table): Promise<RowResult> {
  const args = row.args(table.entries, save);
  const without = row.source?.missing() ?? "";
  if (without === "") row.source?.prepare();
  const isCompared = (contender: Contender) =>
    contender.isConntrack && (contender !== REFERENCE || row.referenceScript === undefined);
  const racers = [...CONNTRACKS, ...row.beside].map((contender) => {
    return { contender, result: noResult(contender, without) };
  });
  let expected: string | undefined;
  // Run 0 is not counted: it shows what works, and brings the programs into the page cache.
  for (let run = 0; run <= row.runs(runs); run++) {
    for (const { contender, result } of racers) {
      if (result.skipped !== "") continue;
      row.before?.(table);
      const command = commandOf(contender, row, args, table);
      const measure = contender.timesItself ? timesPrinted : time;
      const outcome = await (row.source ? showing(command, row.source, table) : measure(command, table));
      result.skipped = problem(isCompared(contender), outcome, expected);
      result.wrong = result.skipped !== "" && result.skipped !== NOT_YET && contender !== REFERENCE;
      if (result.skipped === "" && isCompared(contender)) expected ??= outcome.result;
      if (run > 0) result.outcomes.push(outcome);
    }
  }
  const line = words(args);
  const other = row.referenceScript?.replaceAll('"$0"', "conntrack") ?? words(row.referenceArgs ?? args);
  const results = racers.map(({ result }) => result);
  return {
    row: row.name,
    kind: row.kind,
    line,
    ...(other === line ? {} : { referenceLine: other }),
    entries: table.entries,
    results,
    figures: [],
  };
}

async function runJob(job: Job): Promise<RowResult> {
  const row = ROWS.find(({ name }) => name === job.row)!;
  const table = openTable(job.entries);
  if (row.kind === "live") return watch(row, job, table);
  table.fill();
  if (table.count() !== job.entries) throw new Error(`${table.count()} entries were created, not ${job.entries}`);
  if (row.kind !== "micro") return race(row, job, table);
  return { row: row.name, kind: row.kind, line: "", entries: job.entries, results: [], figures: micro(job.runs) };
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
process.send!(await runJob(JSON.parse(process.argv[2]!)));
