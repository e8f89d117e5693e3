/** What is shown of a group: one line of a table, or one JSON object. */
import { grouped, percent, scaled } from "../format/human.js";
import { toJson } from "../format/json.js";
import type { LabelMap } from "../system/labelmap.js";
import { type FieldValue, valueText } from "./fields.js";
import type { GroupTable } from "./group-table.js";
import * as sums from "./sums.js";

/** The sums that --group-by shows, in the order in which GroupAmounts takes them. */
export const GROUP_SUMS = [
  sums.FLOWS,
  sums.UNREPLIED,
  sums.COUNTED,
  sums.ORIG_PACKETS,
  sums.ORIG_BYTES,
  sums.REPLY_PACKETS,
  sums.REPLY_BYTES,
] as const;

/** What the flows of a group, or of several groups, have together. */
export interface GroupAmounts {
  flows: bigint;
  unreplied: bigint;
  /** Flows that have counters. */
  counted: bigint;
  orig: { packets: bigint; bytes: bigint };
  reply: { packets: bigint; bytes: bigint };
}

/** From GROUP_SUMS in order, as `sum` gives them. */
function amounts(sum: (index: number) => bigint): GroupAmounts {
  return {
    flows: sum(0),
    unreplied: sum(1),
    counted: sum(2),
    orig: { packets: sum(3), bytes: sum(4) },
    reply: { packets: sum(5), bytes: sum(6) },
  };
}

/** Of one group. The table's sums are GROUP_SUMS. */
export const amountsOf = (table: GroupTable, row: number): GroupAmounts => amounts((i) => table.exactSum(row, i));

/** Of all groups together. */
export const totalOf = (table: GroupTable): GroupAmounts => amounts((i) => table.total(i));

/** What `total` has and `parts` have not. */
export function rest(total: GroupAmounts, parts: Iterable<GroupAmounts>): GroupAmounts {
  const left = structuredCopy(total);
  for (const part of parts) {
    left.flows -= part.flows;
    left.unreplied -= part.unreplied;
    left.counted -= part.counted;
    for (const direction of ["orig", "reply"] as const) {
      left[direction].packets -= part[direction].packets;
      left[direction].bytes -= part[direction].bytes;
    }
  }
  return left;
}

const structuredCopy = (from: GroupAmounts): GroupAmounts => ({
  ...from,
  orig: { ...from.orig },
  reply: { ...from.reply },
});

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
  const { flows, unreplied, counted, orig, reply } = amountsOf(table, row);
  const group: GroupObject["group"] = {};
  for (const [i, { base }] of table.fields.entries()) {
    const value = table.value(row, i, labels);
    if (value !== null) group[base] = value;
  }
  const counters =
    counted === 0n ? {} : { packets: orig.packets + reply.packets, bytes: orig.bytes + reply.bytes, orig, reply };
  return { group, flows: Number(flows), unreplied: Number(unreplied), ...counters };
}

export function groupJson(table: GroupTable, row: number, labels: LabelMap | undefined): string {
  return toJson(groupObject(table, row, labels));
}

/** A column of a table. */
export interface Column {
  readonly heading: string;
  readonly align: "left" | "right";
  readonly minimumWidth: number;
}

const left = (heading: string): Column => ({ heading, align: "left", minimumWidth: 0 });
const right = (heading: string, minimumWidth = 0): Column => ({ heading, align: "right", minimumWidth });

/** The columns behind those of the fields, with what they show. */
interface AmountColumn extends Column {
  cell(amounts: GroupAmounts, total: GroupAmounts): string;
}

const AMOUNTS: readonly AmountColumn[] = [
  { ...right("FLOWS", 6), cell: ({ flows }) => grouped(flows) },
  { ...right("%", 5), cell: ({ flows }, total) => percent(flows, total.flows) },
  { ...right("UNREPLIED"), cell: ({ flows, unreplied }) => `${percent(unreplied, flows, 0)} %` },
];

const COUNTERS: readonly AmountColumn[] = [
  { ...right("PACKETS"), cell: ({ orig, reply }) => scaled(orig.packets + reply.packets, 3) },
  { ...right("BYTES", 7), cell: ({ orig, reply }) => scaled(orig.bytes + reply.bytes) },
];

/** Two blanks stand between columns. */
const GAP = "  ";

/** Lines of text, each as wide as its columns demand; without blanks at the end. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const all = [columns.map(({ heading }) => heading), ...rows];
  const widths = columns.map(({ minimumWidth }, i) =>
    all.reduce((width, row) => Math.max(width, row[i]!.length), minimumWidth),
  );
  return all.map((row) =>
    row
      .map((cell, i) => (columns[i]!.align === "left" ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join(GAP)
      .trimEnd(),
  );
}

/** The table of groups: a heading, the rows, and "other" for the flows of all the rest. */
export function groupLines(table: GroupTable, rows: Uint32Array, labels: LabelMap | undefined): string[] {
  const total = totalOf(table);
  const columns = total.counted === 0n ? AMOUNTS : [...AMOUNTS, ...COUNTERS];
  const shown = Array.from(rows, (row) => amountsOf(table, row));
  const cells = (amounts: GroupAmounts) => columns.map(({ cell }) => cell(amounts, total));
  const lines = shown.map((amounts, i) => [
    ...table.fields.map((_, index) => valueText(table.value(rows[i]!, index, labels))),
    ...cells(amounts),
  ]);
  if (rows.length < table.size) {
    lines.push([...table.fields.map((_, index) => (index === 0 ? "other" : "")), ...cells(rest(total, shown))]);
  }
  return tableLines([...table.fields.map(({ heading }) => left(heading)), ...columns], lines);
}
