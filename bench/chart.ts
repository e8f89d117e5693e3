/**
 * The wall times of a run of the bench as a bar chart in SVG. A group of bars for each row, each as long as its median is a
 * multiple of the reference's. It stands on a ground of its own, light or dark, so that it can be read wherever it is shown.
 */
import { median } from "./median.js";
import type { Result, RowResult } from "./race.js";

/** Whose bars look alike, by how a contender's name begins. */
const SERIES = [
  { style: "reference", begins: "reference", title: "" },
  { style: "node", begins: "ours on Node", title: "this on Node" },
  { style: "standalone", begins: "ours standalone", title: "this, the executable" },
  { style: "floor", begins: "floor: ", title: "floor" },
  { style: "peer", begins: "node-netlink", title: "" },
] as const;

type Series = (typeof SERIES)[number];

const LIGHT = {
  ground: "#ffffff",
  edge: "#d0d7de",
  grid: "#e6eaef",
  strong: "#1f2328",
  text: "#59636e",
  reference: "#9aa4af",
  node: "#2f6fde",
  standalone: "#e07b16",
  peer: "#8250df",
};

const DARK: typeof LIGHT = {
  ground: "#0d1117",
  edge: "#30363d",
  grid: "#22272e",
  strong: "#f0f3f6",
  text: "#9198a1",
  reference: "#6e7681",
  node: "#4c8dff",
  standalone: "#f0913a",
  peer: "#a371f7",
};

function colours({ ground, edge, grid, strong, text, ...bars }: typeof LIGHT): string {
  return [
    `.ground { fill: ${ground}; stroke: ${edge} }`,
    `.cut { fill: ${ground} }`,
    `.grid { stroke: ${grid} }`,
    `.base { stroke: ${text} }`,
    `text { fill: ${text} }`,
    `.strong { fill: ${strong} }`,
    `.floor { fill: ${ground}; stroke: ${text} }`,
    ...Object.entries(bars).map(([style, colour]) => `.${style} { fill: ${colour} }`),
  ].join(" ");
}

const STYLE = `
text { font: 12px system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif }
.title { font-size: 17px; font-weight: 600 }
.row { font-size: 13px; font-weight: 600 }
.command { font: 11px ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace }
${colours(LIGHT)}
@media (prefers-color-scheme: dark) { ${colours(DARK)} }
`;

const WIDTH = 960;
const MARGIN = 24;
/** Where the bars begin, and how much room they have; behind them stand the figures in columns. */
const PLOT = 276;
const PLOT_WIDTH = 430;
const TIME_END = PLOT + PLOT_WIDTH + 68;
const RATIO_END = TIME_END + 56;
const NOTE = RATIO_END + 14;
const BAR = 12;
const PITCH = 16;
const GROUP_GAP = 18;
/** A few characters more than fit in a line would be cut off. */
const LINE_CHARACTERS = 140;

/** The same of a command, in front of the bars. */
const COMMAND_CHARACTERS = 36;

/** Bars of more than this many times the reference are cut. */
const LONGEST_RATIO = 2;

interface Bar {
  series: Series;
  result: Result;
  wallMs: number;
  ratio: number;
}

interface Group {
  row: RowResult;
  bars: Bar[];
  /** What there is no bar for: contenders that came to grief. */
  failed: Result[];
}

function seriesOf({ contender }: Result): Series | undefined {
  return SERIES.find(({ begins }) => contender.startsWith(begins));
}

function wallMs({ outcomes }: Result): number {
  return median(outcomes.map((outcome) => outcome.wallMs));
}

/** Undefined for a row that has no wall times, or none of the reference. */
function groupOf(row: RowResult): Group | undefined {
  const took = row.results.filter(({ skipped, outcomes }) => skipped === "" && outcomes.length > 0);
  const reference = took.find((result) => seriesOf(result)?.style === "reference");
  if (row.kind !== "time" || reference === undefined) return undefined;
  const base = wallMs(reference);
  const bars = took.flatMap((result) => {
    const series = seriesOf(result);
    const ms = wallMs(result);
    return series === undefined ? [] : [{ series, result, wallMs: ms, ratio: ms / base }];
  });
  return { row, bars, failed: row.results.filter(({ wrong }) => wrong) };
}

function xml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

/** A length, without the noise of floating point. */
function length(value: number): string {
  return String(Number(value.toFixed(2)));
}

function text(x: number, y: number, content: string, styles = "", anchor = ""): string {
  const style = styles === "" ? "" : ` class="${styles}"`;
  const at = anchor === "" ? "" : ` text-anchor="${anchor}"`;
  return `<text x="${length(x)}" y="${length(y)}"${style}${at}>${xml(content)}</text>`;
}

function duration(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

function multiple(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 2 : 0)}×`;
}

/** Lines of at most `most` characters, unless a word is longer. */
function wrap(words: string, most: number): string[] {
  const lines = [""];
  for (const word of words.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + word.length >= most) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}

/** As much of a text as there is room for in front of the bars. */
function shortened(words: string): string {
  return words.length <= COMMAND_CHARACTERS ? words : `${words.slice(0, COMMAND_CHARACTERS - 1)}…`;
}

function barLines({ series, result, wallMs, ratio }: Bar, row: RowResult, y: number, scale: number): string[] {
  const width = Math.min(ratio * scale, PLOT_WIDTH);
  const isCut = ratio * scale > PLOT_WIDTH;
  const note = series.style === "floor" ? [text(NOTE, y + BAR - 2, result.contender.slice(series.begins.length))] : [];
  const tip = xml(`${row.row}, ${result.contender}: ${duration(wallMs)}, ${multiple(ratio)} the reference`);
  const cut = PLOT + PLOT_WIDTH - 26;
  return [
    `<rect class="bar ${series.style}" x="${PLOT}" y="${length(y)}" width="${length(width)}" height="${BAR}">` +
      `<title>${tip}</title></rect>`,
    ...(isCut ? [`<path class="cut" d="M${cut} ${y + BAR + 1} l6 ${-BAR - 2} h6 l-6 ${BAR + 2} z"/>`] : []),
    text(TIME_END, y + BAR - 2, duration(wallMs), "strong", "end"),
    text(RATIO_END, y + BAR - 2, multiple(ratio), "", "end"),
    ...note,
  ];
}

/** One group, from `y` down. */
function groupLines({ row, bars, failed }: Group, y: number, scale: number): string[] {
  const lines = wrap(`conntrack ${row.line}`, COMMAND_CHARACTERS);
  if (row.referenceLine !== undefined) lines.push(shortened(`reference: ${row.referenceLine}`));
  const entries = row.entries === 0 ? "empty table" : `${row.entries.toLocaleString("en")} entries`;
  const failures = failed.map(({ contender }, i) =>
    text(PLOT + 7, y + PITCH * (bars.length + i) + BAR - 2, `${contender}: WRONG`, "strong"),
  );
  return [
    text(MARGIN, y + 11, row.row, "row strong"),
    ...lines.map((line, i) => text(MARGIN, y + 27 + 14 * i, line, "command")),
    text(PLOT - 12, y + 11, entries, "", "end"),
    ...bars.flatMap((bar, i) => barLines(bar, row, y + PITCH * i, scale)),
    ...failures,
  ];
}

function groupHeight({ bars, failed }: Group): number {
  return PITCH * Math.max(bars.length + failed.length, 3) + GROUP_GAP;
}

function legendLines(groups: readonly Group[], y: number): string[] {
  const lines: string[] = [];
  let x = MARGIN;
  for (const series of SERIES) {
    const first = groups.flatMap(({ bars }) => bars).find((bar) => bar.series === series);
    if (first === undefined) continue;
    const title = series.title || first.result.contender;
    lines.push(`<rect class="${series.style}" x="${x}" y="${y}" width="22" height="${BAR}"/>`);
    lines.push(text(x + 29, y + BAR - 2, title, "strong"));
    x += 29 + 7 * title.length + 20;
  }
  return lines;
}

/** Where the axis ends: behind the longest bar, or at LONGEST_RATIO. */
function axisEnd(groups: readonly Group[]): number {
  const longest = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ ratio }) => ratio)));
  return Math.min(LONGEST_RATIO, Math.ceil(longest * 2) / 2);
}

function axisLines(end: number, top: number, bottom: number): string[] {
  const scale = PLOT_WIDTH / end;
  return Array.from({ length: 2 * end + 1 }, (_, i) => i / 2).flatMap((ratio) => {
    const x = length(PLOT + ratio * scale);
    return [
      `<line class="${ratio === 1 ? "base" : "grid"}" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}"/>`,
      text(PLOT + ratio * scale, top - 7, `${ratio}×`, ratio === 1 ? "strong" : "", "middle"),
    ];
  });
}

/**
 * Draws the rows that have wall times of the reference to compare with; the others are named at the end.
 * @param machine what ran it, in one line
 * @returns a whole SVG file: the same text for the same results
 */
export function chart(machine: string, results: readonly RowResult[]): string {
  const groups = results.map(groupOf).filter((group) => group !== undefined);
  const left = results.filter((row) => !groups.some((group) => group.row === row)).map(({ row }) => row);
  const title = "Wall time as a multiple of the reference's: shorter is faster";
  const heading = wrap(machine, LINE_CHARACTERS);
  const legend = MARGIN + 30 + 16 * heading.length;
  const top = legend + BAR + 38;
  const bottom = groups.reduce((y, group) => y + groupHeight(group), top + GROUP_GAP / 2);
  const end = axisEnd(groups);
  const body: string[] = [];
  let y = top + GROUP_GAP / 2;
  for (const group of groups) {
    body.push(...groupLines(group, y, PLOT_WIDTH / end));
    y += groupHeight(group);
  }
  const notDrawn = left.length === 0 ? "" : ` Not drawn, for want of wall times to compare: ${left.join(", ")}.`;
  const foot = wrap(`Medians.${notDrawn}`, LINE_CHARACTERS);
  const height = bottom + 16 * foot.length + MARGIN - 4;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${xml(title)}</title>`,
    `<desc>${xml(machine)}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    text(MARGIN, MARGIN + 14, title, "title strong"),
    ...heading.map((line, i) => text(MARGIN, MARGIN + 34 + 16 * i, line)),
    ...legendLines(groups, legend),
    ...axisLines(end, top, bottom - GROUP_GAP / 2),
    ...body,
    ...foot.map((line, i) => text(MARGIN, bottom + 12 + 16 * i, line)),
    "</svg>",
  ].join("\n")}\n`;
}
