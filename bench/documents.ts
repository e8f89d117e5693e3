/** What `npm run bench -- --docs` writes: the results in docs/performance.md, and the chart that README.md shows. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../test/support/paths.js";
import { chart } from "./chart.js";
import { median } from "./median.js";
import type { Outcome, RowResult } from "./race.js";
import { type Machine, machineLine } from "./report.js";

/** The rows of the chart, in its order: a reader sees them all at once. */
const CHART = [
  "list-default",
  "list-json",
  "filter-source",
  "group-state",
  "delete-one",
  "delete-udp",
  "load",
  "start-count",
];

const BEGIN = "<!-- results of the bench: begin -->\n";
const END = "<!-- results of the bench: end -->\n";

/** How the names of the contenders begin that have a column. */
const CONTENDERS = ["reference", "ours on Node", "ours standalone"] as const;
const HEADS = ["reference", "on Node", "executable"];

type Field = (outcome: Outcome) => number;

const wall: Field = ({ wallMs }) => wallMs;
const user: Field = ({ userMs }) => userMs;
const peak: Field = ({ peakKib }) => peakKib / 1024;
const shown: Field = ({ events }) => events?.shownPercent ?? 0;
const perSecond: Field = ({ events }) => events?.eventsPerSecond ?? 0;
const cpu: Field = ({ live }) => live?.cpuPercent ?? 0;
const laterCpu: Field = ({ live }) => live?.laterCpuPercent ?? 0;
const answer: Field = ({ live }) => median(live?.answersMs ?? []);
const slowest: Field = ({ live }) => Math.max(...(live?.answersMs ?? []));
const anEntry: Field = ({ live }) => live?.bytesPerEntry ?? 0;

/** Undefined for one that did not take part. */
function medianOf({ results }: RowResult, begins: string, field: Field): number | undefined {
  const found = results.find(({ contender, skipped }) => skipped === "" && contender.startsWith(begins));
  return found === undefined || found.outcomes.length === 0 ? undefined : median(found.outcomes.map(field));
}

function cells(row: RowResult, field: Field, show: (value: number) => string): string[] {
  return CONTENDERS.map((begins) => {
    const value = medianOf(row, begins, field);
    return value === undefined ? "–" : show(value);
  });
}

function milliseconds(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

/** Times, each of ours with its multiple of the reference's. */
function times(row: RowResult, field: Field): string[] {
  const base = medianOf(row, "reference", field);
  return CONTENDERS.map((begins, i) => {
    const value = medianOf(row, begins, field);
    if (value === undefined) return "–";
    return i === 0 || !base ? milliseconds(value) : `${milliseconds(value)} (${(value / base).toFixed(2)})`;
  });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (texts: readonly string[]) => `| ${texts.join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

const number = (value: number) => value.toLocaleString("en");

/** Views have no reference. */
function liveTable(rows: readonly RowResult[]): string {
  const [, ...heads] = HEADS;
  const ours = (row: RowResult, field: Field, show: (value: number) => string) => cells(row, field, show).slice(1);
  const percent = (value: number) => `${value.toFixed(1)} %`;
  const columns: readonly [title: string, field: Field, show: (value: number) => string][] = [
    ["CPU", cpu, percent],
    ["later", laterCpu, percent],
    ["answer", answer, milliseconds],
    ["slowest", slowest, milliseconds],
    ["memory", peak, (mib) => `${mib.toFixed(1)} MiB`],
    ["an entry", anEntry, (bytes) => `${bytes.toFixed(0)} B`],
  ];
  return table(
    ["row", "entries", ...columns.flatMap(([title]) => heads.map((head) => `${title}: ${head}`))],
    rows.map((row) => [row.row, number(row.entries), ...columns.flatMap(([, field, show]) => ours(row, field, show))]),
  );
}

/** The results as Markdown. */
export function resultsText(machine: Machine, results: readonly RowResult[]): string {
  const timed = results.filter(({ kind }) => kind === "time");
  const events = results.filter(({ kind }) => kind === "events");
  const live = results.filter(({ kind }) => kind === "live");
  const runs = Math.max(0, ...timed.flatMap(({ results: all }) => all.map(({ outcomes }) => outcomes.length)));
  const parts = [
    `${machineLine(machine)}. Medians; up to ${runs} runs. In brackets: as a multiple of the reference's.`,
    table(
      ["row", "entries", ...HEADS.map((head) => `time: ${head}`)],
      timed.map((row) => [row.row, number(row.entries), ...times(row, wall)]),
    ),
    table(
      ["row", ...HEADS.map((head) => `user CPU: ${head}`), ...HEADS.map((head) => `memory: ${head}`)],
      timed.map((row) => [row.row, ...times(row, user), ...cells(row, peak, (mib) => `${mib.toFixed(1)} MiB`)]),
    ),
  ];
  if (events.length > 0) {
    parts.push(
      table(
        ["row", "events", ...HEADS.map((head) => `shown: ${head}`), ...HEADS.map((head) => `sent a second: ${head}`)],
        events.map((row) => [
          row.row,
          number(row.entries),
          ...cells(row, shown, (percent) => `${percent.toFixed(1)} %`),
          ...cells(row, perSecond, (rate) => number(Math.round(rate / 1000) * 1000)),
        ]),
      ),
    );
  }
  if (live.length > 0) parts.push(liveTable(live));
  return `${parts.join("\n\n")}\n`;
}

/** The text with other results between its marks. */
export function withResults(text: string, results: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error("docs/performance.md has no marks for the results");
  return `${text.slice(0, begin + BEGIN.length)}\n${results}\n${text.slice(end)}`;
}

/**
 * Whether these rows are enough for the documents.
 * @throws Error where a row of the chart is not among them: half a chart would take the place of a whole one
 */
export function requireRows(names: readonly string[]): void {
  const missing = CHART.filter((name) => !names.includes(name));
  if (missing.length > 0) throw new Error(`--docs needs these rows too: ${missing.join(", ")}`);
}

/** The results of these rows at least: `requireRows`. */
export function writeDocuments(machine: Machine, results: readonly RowResult[]): void {
  const page = join(root, "docs/performance.md");
  writeFileSync(page, withResults(readFileSync(page, "utf8"), resultsText(machine, results)));
  const drawn = CHART.flatMap((name) => results.filter(({ row }) => row === name)).map((row) => {
    return { ...row, results: row.results.filter(({ isConntrack }) => isConntrack) };
  });
  writeFileSync(join(root, "docs/performance.svg"), chart(machineLine(machine), drawn));
}
