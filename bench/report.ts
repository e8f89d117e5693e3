/** Results as people read them. */
import { readFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import chalk from "chalk";
import { installed } from "../test/support/reference.js";
import type { LiveFigures } from "./live.js";
import { median } from "./median.js";
import type { Outcome, Result, RowResult } from "./race.js";

export interface Machine {
  date: string;
  cpu: string;
  cores: number;
  kernel: string;
  node: string;
  reference: string;
  /** The load average of the last minute when the bench began: it should be near 0. */
  load: number;
}

export function machine(): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model ?? readFileSync("/proc/sys/kernel/arch", "utf8").trim(),
    cores: cpus().length,
    kernel: `Linux ${release()}`,
    node: process.version,
    reference: installed?.version ?? "none",
    load: loadavg()[0]!,
  };
}

export function machineLine({ date, cpu, cores, kernel, node, reference, load }: Machine): string {
  return `${date}: ${cpu}, ${cores} cores, ${kernel}, Node ${node}, reference ${reference}, load ${load.toFixed(2)}`;
}

type Summary = (values: readonly number[]) => number;
type Field = (outcome: Outcome) => number;

const minimum: Summary = (values) => Math.min(...values);

interface Column {
  title: string;
  show(result: Result, reference: Result | undefined): string;
}

function figure(title: string, unit: string, digits: number, field: Field, summary: Summary = median): Column {
  return { title, show: ({ outcomes }) => `${summary(outcomes.map(field)).toFixed(digits)} ${unit}` };
}

/** The median as a multiple of the reference's. */
function ratio(field: Field): Column {
  return {
    title: "ratio",
    show({ outcomes }, reference) {
      if (reference === undefined || reference.outcomes.length === 0) return "-";
      const base = median(reference.outcomes.map(field));
      return base === 0 ? "-" : (median(outcomes.map(field)) / base).toFixed(2);
    },
  };
}

const wall: Field = ({ wallMs }) => wallMs;
const user: Field = ({ userMs }) => userMs;
const shown: Field = ({ events }) => events?.shownPercent ?? 0;
const warnings: Field = ({ events }) => events?.warnings ?? 0;
const thousandsPerSecond: Field = ({ events }) => (events?.eventsPerSecond ?? 0) / 1000;

const CPU = [figure("user CPU", "ms", 1, user), ratio(user), figure("system", "ms", 1, ({ systemMs }) => systemMs)];
const PEAK = figure("peak memory", "MiB", 1, ({ peakKib }) => peakKib / 1024);

const share = (title: string, field: (live: LiveFigures) => number) =>
  figure(title, "%", 1, ({ live }) => (live === undefined ? 0 : field(live)));

/** Over the answers of all runs. */
function answers(title: string, summary: Summary): Column {
  const of = ({ outcomes }: Result) => outcomes.flatMap(({ live }) => live?.answersMs ?? []);
  return { title, show: (result) => `${summary(of(result)).toFixed(1)} ms` };
}

const COLUMNS: Readonly<Record<"time" | "events" | "live", readonly Column[]>> = {
  time: [figure("median", "ms", 1, wall), figure("min", "ms", 1, wall, minimum), ratio(wall), ...CPU, PEAK],
  events: [
    figure("shown", "%", 1, shown),
    figure("min", "%", 1, shown, minimum),
    ratio(shown),
    figure("ENOBUFS", "x", 0, warnings),
    figure("sent", "k/s", 0, thousandsPerSecond),
    ...CPU,
    PEAK,
  ],
  live: [
    share("CPU", ({ cpuPercent }) => cpuPercent),
    share("later", ({ laterCpuPercent }) => laterCpuPercent),
    share("with keys", ({ keysCpuPercent }) => keysCpuPercent),
    figure("first pass", "s", 1, ({ live }) => (live?.firstPassMs ?? 0) / 1000),
    answers("answer", median),
    answers("slowest", (values) => Math.max(...values)),
    PEAK,
    figure("an entry", "B", 0, ({ live }) => live?.bytesPerEntry ?? 0),
  ],
};

/** Cells in columns: the first flush left, the others flush right. */
function align(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  return lines.map((cells) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]! + 2))).join(""),
  );
}

/** One table, headed by what was run. */
export function rowTable({ row, kind, line, referenceLine, entries, results, figures }: RowResult): string {
  if (kind === "micro") {
    const cells = figures.map(({ name, nsPerMessage }) => [name, `${nsPerMessage.toFixed(1)} ns`]);
    return [`${row}: ${entries} messages`, ...align([["", "per message"], ...cells]).map(indent)].join("\n");
  }
  const reference = results.find(({ contender, isConntrack }) => isConntrack && contender.startsWith("reference"));
  const took = results.filter(({ skipped }) => skipped === "");
  const columns = COLUMNS[kind];
  const cells = took.map((result) => [result.contender, ...columns.map(({ show }) => show(result, reference))]);
  const other = referenceLine === undefined ? "" : ` (reference: ${referenceLine})`;
  const runs = took[0]?.outcomes.length ?? 0;
  return [
    `${row}: conntrack ${line}${other}, ${entries.toLocaleString("en")} entries, ${runs} runs`,
    ...align([["", ...columns.map(({ title }) => title)], ...cells])
      .map(indent)
      .map((text) => (text.startsWith("  ours") ? chalk.bold(text) : text)),
    ...results.filter(({ skipped }) => skipped !== "").map((result) => `  ${result.contender}: ${skip(result)}`),
  ].join("\n");
}

function skip({ skipped, wrong }: Result): string {
  return `${wrong ? "WRONG" : "SKIPPED"}: ${skipped}`;
}

function indent(line: string): string {
  return `  ${line.trimEnd()}`;
}
