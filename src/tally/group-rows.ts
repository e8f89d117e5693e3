/** What is shown of a group: one line of a table, or one JSON object. */
import { grouped, percent, scaled } from "../format/human.js";
import { toJson } from "../format/json.js";
import type { LabelMap } from "../system/labelmap.js";
import { type FieldValue, valueText } from "./fields.js";
import type { GroupTable } from "./group-table.js";
import * as sums from "./sums.js";

/** The sums that --group-by shows. The functions below take tables that have these. */
export const GROUP_SUMS = [
  sums.FLOWS,
  sums.UNREPLIED,
  sums.COUNTED,
  sums.ORIG_PACKETS,
  sums.ORIG_BYTES,
  sums.REPLY_PACKETS,
  sums.REPLY_BYTES,
] as const;

/** What the flows of a group, or of several groups, have together; rounded where it is above 2^53. */
interface Amounts {
  flows: number;
  unreplied: number;
  /** Flows that have counters. */
  counted: number;
  packets: number;
  bytes: number;
  /** How many flows there are more than before. */
  delta: number;
}

/** The sums in the order of GROUP_SUMS. */
function amounts(sum: (index: number) => number): Amounts {
  return {
    flows: sum(0),
    unreplied: sum(1),
    counted: sum(2),
    packets: sum(3) + sum(5),
    bytes: sum(4) + sum(6),
    delta: 0,
  };
}

const amountsOf = (table: GroupTable, row: number): Amounts => amounts((i) => table.sum(row, i));

const areEqual = (a: Amounts, b: Amounts): boolean =>
  a.flows === b.flows &&
  a.unreplied === b.unreplied &&
  a.packets === b.packets &&
  a.bytes === b.bytes &&
  a.delta === b.delta;

/** Of all groups of a table whose sums are GROUP_SUMS. */
export function totalOf(table: GroupTable): Amounts {
  return amounts((i) => Number(table.total(i)));
}

/** A group as the json format has it. */
export interface GroupObject {
  /** By the fields' names without lengths. A field that the flows do not have is absent. */
  group: { [base: string]: Exclude<FieldValue, null> };
  flows: number;
  unreplied: number;
  /** These four are absent where no flow has counters. */
  packets?: bigint;
  bytes?: bigint;
  orig?: { packets: bigint; bytes: bigint };
  reply?: { packets: bigint; bytes: bigint };
}

export function groupObject(table: GroupTable, row: number, labels: LabelMap | undefined): GroupObject {
  const group: GroupObject["group"] = {};
  for (const [i, { base }] of table.fields.entries()) {
    const value = table.value(row, i, labels);
    if (value !== null) group[base] = value;
  }
  const object: GroupObject = { group, flows: table.sum(row, 0), unreplied: table.sum(row, 1) };
  if (table.sum(row, 2) === 0) return object;
  const orig = { packets: table.exactSum(row, 3), bytes: table.exactSum(row, 4) };
  const reply = { packets: table.exactSum(row, 5), bytes: table.exactSum(row, 6) };
  return { ...object, packets: orig.packets + reply.packets, bytes: orig.bytes + reply.bytes, orig, reply };
}

/** Takes a line of text, without its newline. */
export type WriteLine = (line: string) => void;

/** How many flows a group has more than before. */
function growth(table: GroupTable, row: number, before: GroupTable): number {
  const then = before.rowLike(table, row);
  return table.sum(row, 0) - (then < 0 ? 0 : before.sum(then, 0));
}

/** One JSON object a line, with the time and the growth where groups are shown again and again. */
export function writeJson({ table, rows, labels, before }: Shown, time: string | undefined, write: WriteLine): void {
  for (const row of rows) {
    const delta = before && growth(table, row, before);
    write(toJson({ time, ...groupObject(table, row, labels), delta }));
  }
}

/** What is shown: rows of a table. */
export interface Shown {
  readonly table: GroupTable;
  readonly rows: Uint32Array;
  readonly labels: LabelMap | undefined;
  /** The table of the round before. */
  readonly before: GroupTable | undefined;
}

/** A column of what the flows of a group have together. */
interface Column {
  readonly heading: string;
  /** Where it does not depend on the groups. */
  readonly width: number;
  cell(amounts: Amounts, total: Amounts): string;
}

const AMOUNTS: readonly Column[] = [
  { heading: "FLOWS", width: 6, cell: ({ flows }) => grouped(flows) },
  { heading: "%", width: 5, cell: ({ flows }, total) => percent(flows, total.flows) },
  { heading: "UNREPLIED", width: 9, cell: ({ flows, unreplied }) => `${percent(unreplied, flows, 0)} %` },
];

const COUNTERS: readonly Column[] = [
  { heading: "PACKETS", width: 7, cell: ({ packets }) => scaled(packets, 3) },
  { heading: "BYTES", width: 7, cell: ({ bytes }) => scaled(bytes) },
];

const DELTA: Column = { heading: "DELTA", width: 7, cell: ({ delta }) => (delta < 0 ? "" : "+") + grouped(delta) };

/** Two blanks stand between columns. */
const GAP = "  ";

/** What `total` has and the rows have not. */
function rest({ rows }: Shown, total: Amounts, amounts: (row: number) => Amounts): Amounts {
  const left = { ...total };
  for (const row of rows) {
    const one = amounts(row);
    left.delta -= one.delta;
    left.flows -= one.flows;
    left.unreplied -= one.unreplied;
    left.packets -= one.packets;
    left.bytes -= one.bytes;
  }
  return left;
}

/**
 * The table of groups: a heading, the rows, and "other" for the flows of all the rest. The widths are those of the contents, and the
 * same whatever the table is written to.
 */
export function writeTable(shown: Shown, write: WriteLine): void {
  const { table, rows, labels, before } = shown;
  const { fields } = table;
  const total = totalOf(table);
  if (before !== undefined) total.delta = total.flows - Number(before.total(0));
  const amountsAt = (row: number): Amounts => {
    const amounts = amountsOf(table, row);
    return before === undefined ? amounts : { ...amounts, delta: growth(table, row, before) };
  };
  const other = rows.length < table.size ? rest(shown, total, amountsAt) : undefined;
  const columns = [...AMOUNTS, ...(before === undefined ? [] : [DELTA]), ...(total.counted === 0 ? [] : COUNTERS)];
  // Only the number of flows can be wider than its column.
  let mostFlows = other?.flows ?? 0;
  for (const row of rows) mostFlows = Math.max(mostFlows, table.sum(row, 0));
  const widths = columns.map(({ width }, i) => (i === 0 ? Math.max(width, grouped(mostFlows).length) : width));

  const texts = fields.map((_, index) => Array.from(rows, (row) => valueText(table.value(row, index, labels))));
  const names = fields.map((_, index) => (index === 0 && other !== undefined ? "other" : ""));
  const fieldWidths = fields.map(({ heading }, index) => {
    let width = Math.max(heading.length, names[index]!.length);
    for (const text of texts[index]!) width = Math.max(width, text.length);
    return width;
  });

  const line = (left: (index: number) => string, right: string) => {
    let text = "";
    for (let i = 0; i < fields.length; i++) text += left(i).padEnd(fieldWidths[i]!) + GAP;
    write(text + right);
  };
  const right = (cell: (column: Column) => string) => columns.map((of, i) => cell(of).padStart(widths[i]!)).join(GAP);
  line(
    (i) => fields[i]!.heading,
    right(({ heading }) => heading),
  );
  // Most of many groups have the same amounts as the one before.
  let last = total;
  let cells = "";
  for (const [at, row] of rows.entries()) {
    const amounts = amountsAt(row);
    if (cells === "" || !areEqual(amounts, last)) cells = right((column) => column.cell(amounts, total));
    last = amounts;
    line((i) => texts[i]![at]!, cells);
  }
  if (other !== undefined) {
    line(
      (i) => names[i]!,
      right((column) => column.cell(other, total)),
    );
  }
}
