/**
 * `npm run bench [-- NAME…]`: all rows, or those that the names pick (a row's name, or that of a group: list, filter, …).
 *   --entries N   the size of the table (400,000)       --runs N      how often each contender runs (7)
 *   --short       a small table, few runs, for CI       --peers       with node-netlink, installed on demand
 *   --json FILE   all figures of all runs as JSON       --from FILE   measures nothing, and shows what --json wrote
 *   --svg FILE    the wall times as a bar chart           --docs      the results in docs/performance.md, and its chart
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { root } from "../test/support/paths.js";
import { chart } from "./chart.js";
import { requireRows, writeDocuments } from "./documents.js";
import { allowEntries } from "./limit.js";
import type { Job, RowResult } from "./race.js";
import { type Machine, machine, machineLine, rowTable } from "./report.js";
import { type Row, selectRows } from "./rows.js";

/** What --json writes. */
interface Report {
  machine: Machine;
  results: RowResult[];
}

const ISOLATE = ["unshare", ...(process.getuid!() === 0 ? [] : ["--user", "--map-root-user"]), "--net"];

/** The process of the row that runs now. */
let running: ChildProcess | undefined;

/** Runs one row in a network namespace of its own. */
function runRow(job: Job): Promise<RowResult> {
  const script = fileURLToPath(new URL("./race.js", import.meta.url));
  const [program, ...args] = [...ISOLATE, process.execPath, script, JSON.stringify(job)];
  const child = spawn(program!, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  running = child;
  let result: RowResult | undefined;
  child.on("message", (message) => {
    result = message as RowResult;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => {
      if (result !== undefined && status === 0) resolve(result);
      else reject(new Error(`${job.row}: the bench failed with ${signal ?? `status ${status}`}`));
    });
  });
}

/** node-netlink is compiled when it is installed (node-gyp, python, make): nothing of ours needs it but its row here. */
function installPeers(): void {
  const peer = join(root, "bench/peers/node-netlink");
  if (existsSync(join(peer, "node_modules/node-netlink"))) return;
  const args = ["install", "--no-package-lock", "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", args, { cwd: peer, stdio: "inherit" });
  if (status !== 0) throw new Error("node-netlink could not be installed");
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`--${name} takes a number from 1 up, not ${text}`);
  return Number(text);
}

function sizeOf(row: Row, entries: number): number {
  return Math.floor(row.entries(entries));
}

/** Runs the rows, one after the other, and prints each. */
async function measure(rows: readonly Row[], entries: number, runs: number, short: boolean): Promise<Report> {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      running?.kill(signal);
      process.exit(1);
    });
  }
  const here = machine();
  console.log(machineLine(here));
  const most = Math.max(...rows.map((row) => sizeOf(row, entries)));
  const allowed = allowEntries(most);
  if (allowed < most) {
    console.log(`tables have ${allowed} entries at most: nf_conntrack_max allows no more and cannot be set from here`);
  }
  const results: RowResult[] = [];
  for (const row of rows) {
    const size = sizeOf(row, entries);
    if (row.large && size > allowed) {
      console.log(`\n${row.name}: SKIPPED: it needs ${size} entries`);
      continue;
    }
    const result = await runRow({ row: row.name, entries: Math.min(size, allowed), runs, short });
    console.log(`\n${rowTable(result)}`);
    results.push(result);
  }
  return { machine: here, results };
}

/** Prints what another run of the bench has left: all of it, or the rows that the names pick. */
function recall(path: string, names: readonly string[]): Report {
  const report = JSON.parse(readFileSync(path, "utf8")) as Report;
  const rows = selectRows(names, { peers: true });
  const results = report.results.filter(({ row }) => names.length === 0 || rows.some(({ name }) => name === row));
  console.log(machineLine(report.machine));
  for (const result of results) console.log(`\n${rowTable(result)}`);
  return { ...report, results };
}

/**
 * Runs the bench.
 * @param prepare builds what is to be measured
 * @returns the exit status
 * @throws Error for an argument that cannot be accepted, and where a row cannot be run
 */
export async function main(argv: readonly string[], prepare: () => Promise<void>): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      entries: { type: "string" },
      runs: { type: "string" },
      short: { type: "boolean", default: false },
      peers: { type: "boolean", default: false },
      json: { type: "string" },
      from: { type: "string" },
      svg: { type: "string" },
      docs: { type: "boolean", default: false },
    },
  });
  const { short, peers, json, from, svg, docs } = values;
  let report: Report;
  if (from !== undefined) {
    report = recall(from, positionals);
    if (docs) requireRows(report.results.map(({ row }) => row));
  } else {
    const entries = wholeNumber("entries", values.entries ?? (short ? "4000" : "400000"));
    const runs = wholeNumber("runs", values.runs ?? (short ? "2" : "7"));
    const rows = selectRows(positionals, { peers, short });
    if (docs) requireRows(rows.map(({ name }) => name));
    await prepare();
    if (peers) installPeers();
    report = await measure(rows, entries, runs, short);
  }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`);
  if (svg !== undefined) writeFileSync(svg, chart(machineLine(report.machine), report.results));
  const wrong = report.results.some(({ results }) => results.some((result) => result.wrong));
  if (docs && !wrong) writeDocuments(report.machine, report.results);
  return wrong ? 1 : 0;
}
