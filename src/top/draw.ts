/** The screen: what is known and what was chosen, as lines of text. No terminal is needed to see them. */
import { duration, grouped, scaled } from "../format/human.js";
import type { LabelMap } from "../system/labelmap.js";
import { changeText, countText, percentText, rateText } from "./numbers.js";
import type { Pager } from "./pager.js";
import { KIND_SUM, type Pass } from "./passes.js";
import type { Picture } from "./picture.js";
import {
  type Amounts,
  type FlowRow,
  findFlow,
  flowRows,
  frequentText,
  type GroupRow,
  type GroupSort,
  groupRows,
  hasAny,
  totalOf,
} from "./rows.js";
import type { Selected, ViewState } from "./state.js";
import {
  cut,
  cutLine,
  endCut,
  folded,
  type Line,
  lineWidth,
  padEnd,
  padStart,
  type Span,
  type Style,
  shortened,
  span,
  widthOf,
} from "./text.js";

/** A smaller terminal is told so. */
export const LEAST_COLUMNS = 60;
export const LEAST_ROWS = 12;
/** From so many rows on the header has all of its lines. */
export const ROWS_OF_FULL_HEADER = 18;
/** Rows that are looked at: more can be had with a filter. */
const MOST_ROWS = 1000;

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Characters, where the terminal has all of them, and where it has ASCII alone. */
interface Marks {
  readonly dot: string;
  readonly unknown: string;
  readonly up: string;
  readonly down: string;
  readonly descending: string;
  readonly ascending: string;
  readonly enter: string;
  readonly back: string;
  readonly scroll: string;
  readonly full: string;
  readonly empty: string;
  /** Parts of a block, from one eighth on. */
  readonly parts: readonly string[];
}

const UNICODE: Marks = {
  dot: " · ",
  unknown: "…",
  up: "UP↑",
  down: "DOWN↓",
  descending: "▼",
  ascending: "▲",
  enter: "⏎",
  back: "⌫",
  scroll: "↑↓",
  full: "█",
  empty: "░",
  parts: ["▏", "▎", "▍", "▌", "▋", "▊", "▉"],
};

const ASCII: Marks = {
  dot: " - ",
  unknown: "...",
  up: "UP",
  down: "DOWN",
  descending: "v",
  ascending: "^",
  enter: "CR",
  back: "BS",
  scroll: "arrows",
  full: "#",
  empty: ".",
  parts: [],
};

export interface DrawOptions {
  readonly unicode: boolean;
  readonly labels?: LabelMap | undefined;
}

/** The same, with the characters that it has. */
export interface Draw extends DrawOptions {
  readonly marks: Marks;
}

export const withMarks = (options: DrawOptions): Draw => ({ ...options, marks: options.unicode ? UNICODE : ASCII });

export interface Screen {
  readonly lines: readonly Line[];
  /** Where the cursor is while the filter is edited, from 0. */
  readonly cursor: { readonly column: number; readonly row: number } | undefined;
  readonly selected: Selected;
}

/** A value under its name: names are bold. */
export const named = (name: string, text: string, style: Style = "plain"): Span[] => [
  span(name, "bold"),
  span(text, style),
];

/** Names of the header are padded to one width. */
const LABEL_WIDTH = 10;
const label = (name: string): Span => span(padEnd(name, LABEL_WIDTH), "bold");

/** A line with its right part at the right edge, where it fits. */
function bothEnds(left: Line, right: Line, columns: number): Line {
  const gap = columns - lineWidth(left) - lineWidth(right);
  return gap < 1 ? left : [...left, span(" ".repeat(gap)), ...right];
}

function bar(share: number, width: number, marks: Marks): Span[] {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const full = Math.floor(eighths / 8);
  const text = marks.full.repeat(full) + (marks.parts[(eighths % 8) - 1] ?? "");
  return [span(text, fullness(share)), span(marks.empty.repeat(width - widthOf(text)), "dim")];
}

/** From here on a table is nearly full, and full. */
const WARN = 0.75;
const CRITICAL = 0.95;
const fullness = (share: number): Style => (share >= CRITICAL ? "red" : share >= WARN ? "yellow" : "green");

function titleLine(picture: Picture, state: ViewState, marks: Marks): Line {
  const { host, clock, main, full, fullCpuMicros = 0, nowMicros, entries, isReadingAll } = picture;
  const parts = [clock, `every ${state.intervalSeconds} s`];
  if (state.isPaused) parts.push("PAUSED");
  if (main === undefined) parts.push("reading");
  else if (main.isFull) parts.push("full passes");
  else parts.push(`sample ${grouped(main.read)} of ${grouped(entries)}`);
  if (isReadingAll && main?.isFull !== true) parts.push("full pass now");
  else if (full !== undefined && main?.isFull !== true) {
    const ago = Math.max(0, Math.round((nowMicros - full.startMicros) / 1e6));
    parts.push(`full pass ${ago} s ago, ${(fullCpuMicros / 1e6).toFixed(1)} s`);
  }
  return [span(host, "bold"), span(marks.dot + parts.join(marks.dot))];
}

function entriesLine({ entries, limit, change }: Picture, columns: number, marks: Marks): Line {
  const rate = change === undefined ? "" : `${padStart(changeText(change, ""), 7)}/s`;
  if (limit === undefined) return [label("Entries"), span(grouped(entries)), span(rate)];
  const share = limit === 0 ? 0 : entries / limit;
  const text = `${grouped(entries)} / ${grouped(limit)}`;
  const percent = `${padStart(percentText(share, 0), 4)} %`;
  const width = Math.min(40, columns - LABEL_WIDTH - widthOf(text) - widthOf(percent) - 14);
  const meter = width < 5 ? [] : [span("  "), ...bar(share, width, marks)];
  return [label("Entries"), span(text), ...meter, span(percent, fullness(share)), span(`  ${rate}`)];
}

interface Kinds {
  protocols: [name: string, share: number][];
  tcpStates: [name: string, share: number][];
  unreplied: number;
  unassured: number;
}

/** What a pass says of protocols and states. */
function kindsOf({ kinds, matching }: Pass): Kinds {
  const protocols = new Map<string, number>();
  const states = new Map<string, number>();
  for (let row = 0; row < kinds.size; row++) {
    const flows = kinds.sum(row, KIND_SUM.flows);
    const protocol = kinds.value(row, 0) as { number: number; name?: string } | null;
    const state = kinds.value(row, 1) as string | null;
    const name = protocol?.name ?? (protocol === null ? "-" : String(protocol.number));
    protocols.set(name, (protocols.get(name) ?? 0) + flows);
    if (name === "tcp" && state !== null) states.set(state, (states.get(state) ?? 0) + flows);
  }
  const shares = (counts: ReadonlyMap<string, number>, whole: number): [string, number][] =>
    [...counts].map(([name, flows]): [string, number] => [name, flows / whole]).sort((a, b) => b[1] - a[1]);
  const whole = Math.max(1, matching);
  return {
    protocols: shares(protocols, whole),
    tcpStates: shares(states, Math.max(1, protocols.get("tcp") ?? 0)),
    unreplied: Number(kinds.total(KIND_SUM.unreplied)) / whole,
    unassured: Number(kinds.total(KIND_SUM.unassured)) / whole,
  };
}

const shareList = (shares: readonly (readonly [string, number])[]): string =>
  shares.map(([name, share]) => `${name} ${percentText(share, 0)} %`).join("  ");

const PROTOCOLS_SHOWN = 4;

function protocolLine(kinds: Kinds, columns: number): Line {
  const first = kinds.protocols.slice(0, PROTOCOLS_SHOWN);
  const rest = kinds.protocols.slice(PROTOCOLS_SHOWN).reduce((sum, [, share]) => sum + share, 0);
  const list = shareList(rest > 0 ? [...first, ["other", rest] as const] : first);
  const right = `unreplied ${percentText(kinds.unreplied, 0)} %  unassured ${percentText(kinds.unassured, 0)} %`;
  return bothEnds([label("Proto"), span(list)], [span(right)], columns);
}

/** As many of the pieces, from the first one on, as the line has room for. */
export function fitting(pieces: readonly Span[], columns: number, gap: string): Span[] {
  const line: Span[] = [];
  for (const piece of pieces) {
    const next = line.length === 0 ? [piece] : [...line, span(gap), piece];
    if (lineWidth(next) > columns) break;
    line.splice(0, line.length, ...next);
  }
  return line;
}

function kernelLine({ kernel }: Picture, columns: number, marks: Marks): Line {
  if (kernel === undefined) return [label("Kernel"), span(marks.unknown, "dim")];
  const perSecond = (name: string, value: number, isBad: boolean): Span =>
    span(`${name} ${changeText(value, "").replace("+", "")}/s`, isBad && value > 0 ? "red" : "plain");
  const rates = [
    perSecond("drop", kernel.drop, true),
    perSecond("early_drop", kernel.earlyDrop, true),
    perSecond("insert_failed", kernel.insertFailed, true),
    perSecond("invalid", kernel.invalid, false),
  ];
  return [label("Kernel"), ...fitting(rates, columns - LABEL_WIDTH, "  ")];
}

/** The filter, as much of it as leaves room for what stands at the right edge. */
export function filterWith(text: string, right: Line, columns: number, { unknown }: Marks): Line {
  const room = columns - LABEL_WIDTH - lineWidth(right) - 1;
  const filter = text === "" ? span("none", "dim") : span(endCut(text, room, unknown));
  return bothEnds([label("Filter"), filter], right, columns);
}

function filterLine(state: ViewState, columns: number, marks: Marks): { line: Line; cursor: number | undefined } {
  const { edit } = state;
  if (edit === undefined) {
    const line = filterWith(state.filterText, named("group: ", state.grouping), columns, marks);
    return { line, cursor: undefined };
  }
  // The part around the cursor, where the line is too long.
  const room = Math.max(1, columns - LABEL_WIDTH - 1);
  const before = widthOf(edit.before);
  const hidden = Math.max(0, before - room);
  const shown = hidden === 0 ? edit.text : edit.text.slice(cut(edit.text, hidden).length);
  return {
    line: [label("Filter"), span(cut(shown, room))],
    cursor: LABEL_WIDTH + Math.min(room, before - hidden),
  };
}

/** "41.2 Mb/s" */
const RATE_WIDTH = 9;

/** A column of the table. */
interface Column<Row> {
  readonly sort: string;
  readonly heading: string;
  readonly align: "left" | "right";
  readonly width: number;
  cell(row: Row): Span;
}

/** A group, or all of the others together. */
interface TableRow extends Amounts, Pick<GroupRow, "texts" | "frequent"> {}

/** From so many columns on there is room for what the flows of a group have most often. */
export const COLUMNS_OF_TRAITS = 100;

/** How long ago a pass was when that began. */
function ageText(start: bigint | null | undefined, { startMicros }: Pass, unknown: string): string {
  if (start === undefined) return unknown;
  return start === null ? "-" : duration(Math.max(0, Math.floor((startMicros - Number(start / 1000n)) / 1e6)));
}

function groupColumns(
  rows: readonly TableRow[],
  other: Amounts | undefined,
  picture: Picture,
  state: ViewState,
  marks: Marks,
): Column<TableRow>[] {
  const { unknown } = marks;
  const { full } = picture;
  const right = (
    sort: GroupSort | "",
    heading: string,
    width: number,
    cell: (row: TableRow) => Span,
  ): Column<TableRow> => ({
    sort,
    heading,
    align: "right",
    width,
    cell,
  });
  const fields = state.by.map((field, i): Column<TableRow> => {
    const width = rows.reduce((most, row) => Math.max(most, widthOf(row.texts[i]!)), widthOf(field.heading) + 1);
    return {
      sort: i === 0 ? "fields" : "",
      heading: field.heading,
      align: "left",
      width: Math.max(width, i === 0 ? 15 : 6),
      cell: (row) => span(row.texts[i]!, row.texts[i] === "SYN_SENT" ? "red" : "plain"),
    };
  });
  const rate = (value: number | undefined) => span(rateText(value, state.showsBytes, unknown));
  const flowsText = ({ flows, isEstimate }: Amounts) => countText(flows, isEstimate);
  const flowsWidth = [...rows, other].reduce((most, row) => Math.max(most, row ? flowsText(row).length : 0), 6);
  const counted = picture.accounting !== false || (full !== undefined && totalOf(full, "up") > 0);
  const rates = counted
    ? [
        right("up", marks.up, RATE_WIDTH, ({ up }) => rate(up)),
        right("down", marks.down, RATE_WIDTH, ({ down }) => rate(down)),
      ]
    : [];
  const traits = (picture.traits?.traits ?? []).map((trait): Column<TableRow> => {
    const heading = trait.toUpperCase();
    const text = ({ frequent }: TableRow) =>
      frequent[trait] === undefined ? "" : frequentText(frequent[trait], state);
    return {
      sort: "",
      heading,
      align: "left",
      width: rows.reduce((most, row) => Math.max(most, widthOf(text(row))), heading.length),
      cell: (row) => span(text(row), text(row) === "SYN_SENT" ? "red" : "plain"),
    };
  });
  return [
    ...fields,
    right("flows", "FLOWS", flowsWidth, (row) => span(flowsText(row))),
    right("", "%", 5, ({ share }) => span(percentText(share, 1))),
    right("change", "+/s", 6, ({ change }) => span(changeText(change, unknown))),
    right("unreplied", "UNREPL", 7, ({ unreplied }) =>
      span(`${percentText(unreplied, 0)} %`, unreplied >= 0.5 ? "red" : "plain"),
    ),
    ...rates,
    ...traits,
    right("fresh", "NEW/s", 6, ({ fresh }) => span(changeText(fresh, unknown).replace("+", ""))),
    right("gone", "GONE/s", 7, ({ gone }) => span(changeText(gone, unknown).replace("+", ""))),
    ...(counted
      ? [right("bytes", "BYTES", 6, ({ bytes }) => span(bytes === undefined ? unknown : scaled(bytes)))]
      : []),
    ...(full !== undefined && hasAny(full, "age")
      ? [right("age", "OLDEST", 7, ({ oldest }) => span(ageText(oldest, full, unknown)))]
      : []),
  ];
}

function flowColumns(rows: readonly FlowRow[], state: ViewState, marks: Marks): Column<FlowRow>[] {
  const { unknown } = marks;
  const text = (heading: string, least: number, value: (row: FlowRow) => string): Column<FlowRow> => ({
    sort: "",
    heading,
    align: "left",
    width: rows.reduce((most, row) => Math.max(most, widthOf(value(row))), least),
    cell: (row) => span(value(row), row.isUnreplied && heading === "STATE" ? "red" : "plain"),
  });
  const right = (sort: string, heading: string, width: number, value: (row: FlowRow) => string): Column<FlowRow> => ({
    sort,
    heading,
    align: "right",
    width,
    cell: (row) => span(value(row)),
  });
  const seconds = (value: number | undefined) => (value === undefined ? "-" : duration(Math.floor(value)));
  const rate = (value: number | undefined) => rateText(value, state.showsBytes, unknown);
  return [
    text("PROTO", 5, ({ protocol }) => protocol),
    text("STATE", 11, ({ state }) => state),
    text("SOURCE", 15, ({ src }) => src),
    text("DESTINATION", 15, ({ dst }) => dst),
    right("up", marks.up, RATE_WIDTH, ({ up }) => rate(up)),
    right("down", marks.down, RATE_WIDTH, ({ down }) => rate(down)),
    right("bytes", "BYTES", 7, ({ bytes }) => (bytes === undefined ? "-" : scaled(bytes))),
    right("expires", "EXPIRES", 8, ({ expiresSeconds }) => seconds(expiresSeconds)),
    right("age", "AGE", 7, ({ ageSeconds }) => seconds(ageSeconds)),
    text("NAT TO", 8, ({ nat }) => nat),
    right("", "MARK", 5, ({ mark }) => (mark === undefined ? "-" : String(mark))),
  ];
}

/** By their headings: columns that go first where there is no room for all. Columns that are not named here stay. */
const FLOWS_LEAST_NEEDED = ["MARK", "NAT TO", "AGE", "BYTES", "EXPIRES", "STATE"];
const GROUPS_LEAST_NEEDED = [
  "OLDEST",
  "GONE/s",
  "NEW/s",
  "BYTES",
  "STATE",
  "SOURCE",
  "DESTINATION",
  "UNREPL",
  "+/s",
  "%",
];

const GAP = 2;
const totalWidth = (columns: readonly { width: number }[]) =>
  columns.reduce((sum, { width }) => sum + width + GAP, -GAP);

/** No column is made narrower than this. */
const LEAST_WIDTH = 8;

/**
 * The columns that fit, the most needed ones first, and of the others that by which rows are sorted; the widest get narrower where
 * even the needed ones are too wide.
 */
function fit<Row>(
  columns: readonly Column<Row>[],
  leastNeeded: readonly string[],
  sort: string,
  width: number,
): Column<Row>[] {
  const isNeeded = ({ heading }: Column<Row>) => !leastNeeded.includes(heading);
  let kept = columns.filter(isNeeded);
  const sorted = columns.filter((column) => column.sort === sort).map(({ heading }) => heading);
  for (const heading of [...sorted, ...[...leastNeeded].reverse()]) {
    const more = columns.filter((column) => kept.includes(column) || column.heading === heading);
    if (totalWidth(more) <= width) kept = more;
  }
  const widths = kept.map((column) => column.width);
  for (let over = totalWidth(kept) - width; over > 0; over--) {
    const widest = Math.max(...widths);
    if (widest <= LEAST_WIDTH) break;
    widths[widths.lastIndexOf(widest)] = widest - 1;
  }
  return kept.map((column, i) => ({ ...column, width: widths[i]! }));
}

function cellText({ align, width }: Column<never>, text: string, marks: Marks): string {
  const short = shortened(text, width, marks.unknown);
  return align === "left" ? padEnd(short, width) : padStart(short, width);
}

function headingLine<Row>(columns: readonly Column<Row>[], { sort, reverse }: ViewState, marks: Marks): Line {
  // Names begin with A, all else with the largest.
  const isDescending = (column: Column<Row>) => (column.sort === "fields" ? reverse : !reverse);
  return columns.flatMap((column, i) => {
    const mark = column.sort === sort ? (isDescending(column) ? marks.descending : marks.ascending) : "";
    const text = cellText(column as Column<never>, column.heading + mark, marks);
    return [...(i === 0 ? [] : [span(" ".repeat(GAP))]), span(text, "bold")];
  });
}

function rowLine<Row>(
  columns: readonly Column<Row>[],
  row: Row,
  isSelected: boolean,
  width: number,
  marks: Marks,
): Line {
  const spans = columns.flatMap((column, i) => {
    const { text, style } = column.cell(row);
    const cell = span(cellText(column as Column<never>, text, marks), style);
    return i === 0 ? [cell] : [span(" ".repeat(GAP)), cell];
  });
  if (!isSelected) return spans;
  return [span(padEnd(spans.map(({ text }) => text).join(""), width), "reverse")];
}

interface Table {
  readonly heading: Line;
  readonly lines: readonly Line[];
  readonly selected: Selected;
}

/** The rows between `first` and the end of the page, and the line of all others. */
function drawGroups(picture: Picture, state: ViewState, { columns }: Size, room: number, options: Draw): Table {
  const { labels, marks } = options;
  const names = { labels, portName: state.portName };
  const most = Math.min(MOST_ROWS, state.limit ?? MOST_ROWS);
  const found = groupRows(picture, state.groupSort, state.reverse, most, names);
  state.rowCount = found.ordered;
  state.pageRows = Math.max(1, found.count > room ? room - 1 : room);
  if (state.followed !== undefined && "group" in state.followed) state.follow(found.find(state.followed.group.place));
  state.clamp();
  const shown = found.rows(state.first, state.pageRows);
  const other = found.other(Math.min(found.ordered, state.first + state.pageRows));
  const fitting = fit(groupColumns(shown, other, picture, state, marks), GROUPS_LEAST_NEEDED, state.groupSort, columns);
  const lines = shown.map((row, i) => rowLine(fitting, row, state.first + i === state.selected, columns, marks));
  if (other !== undefined && room > shown.length)
    lines.push(rowLine(fitting, otherRow(other, state), false, columns, marks));
  const selected = shown[state.selected - state.first];
  return {
    heading: headingLine(fitting, state, marks),
    lines,
    selected: selected && { group: selected },
  };
}

const otherRow = (amounts: Amounts, { by }: ViewState): TableRow => ({
  ...amounts,
  texts: by.map((_, i) => (i === 0 ? "other" : "")),
  frequent: {},
});

function drawFlows(picture: Picture, state: ViewState, { columns }: Size, room: number, { marks }: Draw): Table {
  state.rowCount = Math.min(picture.full?.flows.length ?? 0, state.limit ?? MOST_ROWS);
  state.pageRows = room;
  if (state.followed !== undefined && "flow" in state.followed) {
    state.follow(findFlow(picture, state.reverse, state.followed.flow));
  }
  state.clamp();
  const count = Math.min(room, state.rowCount - state.first);
  const shown = flowRows(picture, state.reverse, state.first, count, { portName: state.portName });
  const fitting = fit(flowColumns(shown, state, marks), FLOWS_LEAST_NEEDED, state.flowSort, columns);
  const selected = shown[state.selected - state.first];
  return {
    heading: headingLine(fitting, state, marks),
    lines: shown.map((row, i) => rowLine(fitting, row, state.first + i === state.selected, columns, marks)),
    selected: selected && { flow: selected },
  };
}

/** The keys of the last line, the most needed first. */
const KEYS = [
  "q quit",
  "h help",
  "g group",
  "/ filter",
  "ENTER into",
  "BS back",
  "<> sort",
  "r reverse",
  "space pause",
];

/** The last line: what is wrong, what was done, or the keys. */
function lastLine(picture: Picture, state: ViewState, columns: number, marks: Marks): Line {
  if (state.message !== "")
    return [span(endCut(state.message, columns, marks.unknown), state.isError ? "red" : "yellow")];
  if (state.edit !== undefined)
    return [span(`${marks.enter} apply  Esc cancel  options as on the command line`, "dim")];
  if (picture.accounting === false) {
    return [span("no rates: net.netfilter.nf_conntrack_acct is off", "dim"), span("  h help  q quit", "dim")];
  }
  const keys = KEYS.map((key) => span(key.replace("ENTER", marks.enter).replace("BS", marks.back), "dim"));
  return fitting(keys, columns, "  ");
}

/** Keys and what they do, short enough for two columns on the smallest screen. */
const HELP_KEYS: readonly (readonly [key: string, meaning: string])[] = [
  ["q, Ctrl-C", "leave"],
  ["space", "pause, go on"],
  ["g G", "group by the next"],
  ["< >", "sort by the next"],
  ["r", "the other way"],
  ["/", "edit the filter"],
  ["Enter", "into the row"],
  ["Backspace", "back"],
  ["arrows", "select (PgUp …)"],
  ["a", "read all now"],
  ["+ -", "the interval"],
  ["b", "bits or bytes"],
  ["n", "services, ports"],
  ["d", "the diagnosis"],
  ["x", "note conntrack -D"],
  ["Ctrl-Z", "stop; fg goes on"],
  ["Ctrl-L", "draw again"],
  ["h", "this help"],
];
const HELP_KEY_WIDTH = 11;
const HELP_COLUMN = 30;

const HELP_TEXTS = [
  "The filter takes the options of the command line. The view never changes the table: x notes the command that would delete the row, with --dry-run, and prints it at the end.",
  "n shows the names of services (/etc/services). In a row without a protocol a port keeps its number where the protocols that the filter lets through have different names for it. d reads the whole table once, and shows what --diagnose prints.",
  "~ marks an estimate from a sample: the beginning of the table, whose order is that of a keyed hash. Of more than 32,768 groups the view keeps the largest by any column; ~ marks those that may have more than it says. Rates come from passes over the whole table. They are lower bounds: a flow that ends between two passes takes with it what it sent after the first, and one that also began between them is in neither NEW/s nor GONE/s. DESTINATION, SOURCE and STATE are what most flows of the group have, each by itself.",
];

function helpLines(columns: number, marks: Marks): Line[] {
  const half = Math.ceil(HELP_KEYS.length / 2);
  const keys = HELP_KEYS.slice(0, half).map((left, i): Line => {
    return [left, HELP_KEYS[half + i]].flatMap((entry) => {
      if (entry === undefined) return [];
      const meaning = entry[1].replace("…", marks.unknown);
      return [span(padEnd(entry[0], HELP_KEY_WIDTH), "bold"), span(padEnd(meaning, HELP_COLUMN - HELP_KEY_WIDTH))];
    });
  });
  const texts = HELP_TEXTS.flatMap((text) => [[], ...folded([span(text)], Math.min(columns, 78), 0)]);
  return [...keys, ...texts];
}

/** The keys and what they do, and a last line of how to leave. */
function drawHelp(pager: Pager, { columns, rows }: Size, marks: Marks): Screen {
  const page = pager.page(helpLines(columns, marks), rows - 1);
  const lines = [...page];
  while (lines.length < rows - 1) lines.push([]);
  const scroll = pager.isLong ? `lines ${pager.position}  ${marks.scroll} scroll  ` : "";
  lines.push([span(`${scroll}any ${pager.isLong ? "other " : ""}key leaves this help`, "dim")]);
  return { lines: lines.map((line) => cutLine(line, columns)), cursor: undefined, selected: undefined };
}

/** What a terminal without room shows; undefined where there is room. */
export function tooSmall({ columns, rows }: Size): Screen | undefined {
  if (columns >= LEAST_COLUMNS && rows >= LEAST_ROWS) return undefined;
  const text = `The terminal has ${columns}x${rows}: at least ${LEAST_COLUMNS}x${LEAST_ROWS} are needed.`;
  const lines = folded([span(text)], columns, 0).slice(0, rows);
  return { lines, cursor: undefined, selected: undefined };
}

/** Draws the screen. Tells `state` how many rows there are, and keeps the selected one on the page. */
export function draw(picture: Picture, state: ViewState, size: Size, options: Draw): Screen {
  const small = tooSmall(size);
  if (small !== undefined) return small;
  const { columns, rows } = size;
  const { marks } = options;
  if (state.help !== undefined) return drawHelp(state.help, size, marks);
  const isTall = rows >= ROWS_OF_FULL_HEADER;
  const kinds = picture.main && kindsOf(picture.main);
  const filter = filterLine(state, columns, marks);
  const header: Line[] = [titleLine(picture, state, marks), entriesLine(picture, columns, marks)];
  if (isTall) {
    header.push(kinds === undefined ? [label("Proto")] : protocolLine(kinds, columns));
    header.push([label("TCP"), span(kinds === undefined ? "" : shareList(kinds.tcpStates))]);
  }
  header.push(kernelLine(picture, columns, marks));
  const filterRow = header.length;
  header.push(filter.line);
  if (isTall) header.push([]);
  // The heading above the rows, and below them a gap, where there is room, and the last line.
  const room = rows - header.length - (isTall ? 3 : 2);
  const table = state.showsFlows
    ? drawFlows(picture, state, size, room, options)
    : drawGroups(picture, state, size, room, options);
  state.followed = state.follows ? table.selected : undefined;
  const body = [table.heading, ...table.lines];
  while (body.length < room + (isTall ? 2 : 1)) body.push([]);
  const lines = [...header, ...body, lastLine(picture, state, columns, marks)].map((line) => cutLine(line, columns));
  const cursor = filter.cursor === undefined ? undefined : { column: filter.cursor, row: filterRow };
  return { lines, cursor, selected: table.selected };
}
