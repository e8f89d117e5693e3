/** The rows of the view: groups of flows with their figures, or flows. */
import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import { FlowView } from "../ctnetlink/view.js";
import { destinationSlot, sourceSlot, writeAddress } from "../format/addresses.js";
import {
  isDestinationPortTranslated,
  isDestinationTranslated,
  isSourcePortTranslated,
  isSourceTranslated,
} from "../protocol/nat.js";
import { protocolByNumber } from "../protocol/protocols.js";
import { stateName } from "../protocol/state.js";
import { TUPLES } from "../protocol/tuples.js";
import { ByteWriter } from "../system/byte-writer.js";
import type { LabelMap } from "../system/labelmap.js";
import { fromUtf8 } from "../system/text.js";
import { type FieldValue, valueText } from "../tally/fields.js";
import type { GroupTable } from "../tally/group-table.js";
import { sortGroups } from "../tally/order.js";
import { best } from "./heap.js";
import { type KeptFlow, type Pass, SUM } from "./passes.js";
import { type Picture, scaleOf } from "./picture.js";

/** The figures of a group, of all the other groups together, or of all. What is not known is undefined. */
export interface Amounts {
  readonly flows: number;
  /** Whether the number of flows is an estimate, from a sample. */
  readonly isEstimate: boolean;
  /** Of all flows that match, 0 to 1. */
  readonly share: number;
  /** How the number of flows changes a second. */
  readonly change: number | undefined;
  /** The part of the flows that is unreplied, 0 to 1. */
  readonly unreplied: number;
  /** Bytes a second of each direction. */
  readonly up: number | undefined;
  readonly down: number | undefined;
  /** New flows a second. */
  readonly fresh: number | undefined;
  /** Bytes of both directions, of all flows that the group has now. */
  readonly bytes: number | undefined;
}

export interface GroupRow extends Amounts {
  readonly values: readonly FieldValue[];
  readonly texts: readonly string[];
}

export interface FlowRow {
  readonly protocol: string;
  readonly state: string;
  readonly src: string;
  readonly dst: string;
  /** What a translation made of the source and the destination; "-" where there is none. */
  readonly nat: string;
  readonly up: number | undefined;
  readonly down: number | undefined;
  readonly bytes: number | undefined;
  readonly ageSeconds: number | undefined;
  readonly expiresSeconds: number | undefined;
  readonly mark: number | undefined;
  readonly isUnreplied: boolean;
  /** A copy of its message. */
  readonly message: Uint8Array;
}

/** By what groups are sorted: a figure, or the fields. */
export type GroupSort = "flows" | "change" | "unreplied" | "up" | "down" | "fresh" | "bytes" | "fields";

/** Rows of other passes than those that are shown have these figures; they are compared by the full pass. */
const OF_FULL_PASS: readonly GroupSort[] = ["up", "down", "fresh", "bytes"];

function flowsOf(pass: Pass, row: number, entries: number): number {
  return pass.groups.sum(row, SUM.flows) * scaleOf(pass, entries);
}

/** The change of a group's flows a second, between two passes of the same kind. */
function changeOf({ main, before, entries }: Picture, row: number): number | undefined {
  if (main === undefined || before === undefined) return undefined;
  const earlier = before.groups.rowLike(main.groups, row);
  const seconds = (main.startMicros - before.startMicros) / 1e6;
  if (seconds <= 0) return undefined;
  const was = earlier < 0 ? 0 : flowsOf(before, earlier, entries);
  return (flowsOf(main, row, entries) - was) / seconds;
}

function scoreOf(sort: GroupSort, pass: Pass, picture: Picture): (row: number) => number {
  const { groups, rates } = pass;
  switch (sort) {
    case "change":
      return (row) => changeOf(picture, row) ?? 0;
    case "unreplied":
      return (row) => groups.sum(row, SUM.unreplied);
    case "bytes":
      return (row) => groups.sum(row, SUM.orig) + groups.sum(row, SUM.reply);
    case "up":
    case "down":
    case "fresh":
      return (row) => rates?.[sort][row] ?? 0;
    default:
      return (row) => groups.sum(row, SUM.flows);
  }
}

/** The rows of a pass in order, `most` at most. */
function orderOf(pass: Pass, picture: Picture, sort: GroupSort, reverse: boolean, most: number): readonly number[] {
  const { groups } = pass;
  if (sort === "fields") {
    const key = groups.fields[0]?.name ?? "";
    return [...sortGroups(groups, { key, direction: reverse ? "desc" : "asc" }).subarray(0, most)];
  }
  const score = scoreOf(sort, pass, picture);
  return best(groups.size, most, reverse ? (row) => -score(row) : score);
}

/** The same group in another pass, or -1. */
const likeIn = (pass: Pass, groups: GroupTable, row: number) =>
  pass.groups === groups ? row : pass.groups.rowLike(groups, row);

function amountsOf(picture: Picture, groups: GroupTable, row: number): Amounts {
  const { full, entries } = picture;
  const main = picture.main!;
  const mine = likeIn(main, groups, row);
  const flows = mine < 0 ? 0 : flowsOf(main, mine, entries);
  const counted = mine < 0 ? 0 : main.groups.sum(mine, SUM.flows);
  const theirs = full === undefined ? -1 : likeIn(full, groups, row);
  const rate = (values: Float64Array) => (theirs < 0 ? 0 : (values[theirs] ?? 0)) / full!.rates!.seconds;
  const rates = full?.rates;
  const hasBytes = theirs >= 0 && full!.groups.sum(theirs, SUM.counted) > 0;
  return {
    flows,
    isEstimate: !main.isFull,
    share: main.matching === 0 ? 0 : counted / main.matching,
    change: mine < 0 ? undefined : changeOf(picture, mine),
    unreplied: counted === 0 ? 0 : main.groups.sum(mine, SUM.unreplied) / counted,
    up: rates && rate(rates.up),
    down: rates && rate(rates.down),
    fresh: rates && rate(rates.fresh),
    bytes: hasBytes ? full!.groups.sum(theirs, SUM.orig) + full!.groups.sum(theirs, SUM.reply) : undefined,
  };
}

/** What the shown groups leave of all. */
function otherAmounts(picture: Picture, shown: readonly Amounts[]): Amounts {
  const { full, before, entries } = picture;
  const main = picture.main!;
  const scale = scaleOf(main, entries);
  const total = main.matching * scale;
  const unreplied = Number(main.groups.total(SUM.unreplied)) * scale;
  const sum = (value: (amounts: Amounts) => number | undefined) =>
    shown.reduce((sum, amounts) => sum + (value(amounts) ?? 0), 0);
  const flows = Math.max(0, total - sum((row) => row.flows));
  const seconds = before === undefined ? 0 : (main.startMicros - before.startMicros) / 1e6;
  const rates = full?.rates;
  const rest = (values: Float64Array, key: "up" | "down" | "fresh") =>
    Math.max(0, values.reduce((a, b) => a + b, 0) / rates!.seconds - sum((row) => row[key]));
  const bytes =
    full === undefined || full.groups.total(SUM.counted) === 0n
      ? undefined
      : Number(full.groups.total(SUM.orig) + full.groups.total(SUM.reply));
  return {
    flows,
    isEstimate: !main.isFull,
    share: total === 0 ? 0 : flows / total,
    change:
      before === undefined || seconds <= 0
        ? undefined
        : (total - before.matching * scaleOf(before, entries)) / seconds - sum((row) => row.change),
    unreplied: flows === 0 ? 0 : Math.max(0, unreplied - sum((row) => row.flows * row.unreplied)) / flows,
    up: rates && rest(rates.up, "up"),
    down: rates && rest(rates.down, "down"),
    fresh: rates && rest(rates.fresh, "fresh"),
    bytes: bytes === undefined ? undefined : Math.max(0, bytes - sum((row) => row.bytes)),
  };
}

export interface GroupRows {
  readonly rows: readonly GroupRow[];
  /** How many groups there are in the pass that the rows come from. */
  readonly count: number;
  /** All others together; undefined where there are none. */
  other(shown: number): Amounts | undefined;
}

/** The groups, sorted, `most` at most. */
export function groupRows(
  picture: Picture,
  sort: GroupSort,
  reverse: boolean,
  most: number,
  labels?: LabelMap,
): GroupRows {
  const { main, full } = picture;
  if (main === undefined) return { rows: [], count: 0, other: () => undefined };
  const from = OF_FULL_PASS.includes(sort) && full !== undefined ? full : main;
  const { groups } = from;
  const rows = orderOf(from, picture, sort, reverse, most).map((row): GroupRow => {
    const values = groups.fields.map((_, index) => groups.value(row, index, labels));
    return { ...amountsOf(picture, groups, row), values, texts: values.map(valueText) };
  });
  return {
    rows,
    count: groups.size,
    other: (shown) => (shown < groups.size ? otherAmounts(picture, rows.slice(0, shown)) : undefined),
  };
}

// Flows

function endpoint(view: FlowView, base: number, side: "src" | "dst"): string {
  const writer = new ByteWriter(128);
  const slot = side === "src" ? sourceSlot(view, base) : destinationSlot(view, base);
  if (slot === 0) return "-";
  writeAddress(writer, view, slot);
  const address = fromUtf8(writer.written());
  const kind = protocolByNumber(view.u8(S.ORIG + S.T_PROTO_NUM))?.kind;
  if (kind !== "ports") return address;
  const port = base + TUPLES.ports.fields[side === "src" ? 0 : 1].slot;
  const text = address.includes(":") ? `[${address}]` : address;
  return view.has(port) ? `${text}:${view.u16(port)}` : address;
}

function natText(view: FlowView): string {
  const parts: string[] = [];
  if (isSourceTranslated(view) || isSourcePortTranslated(view)) parts.push(`src ${endpoint(view, S.REPLY, "dst")}`);
  if (isDestinationTranslated(view) || isDestinationPortTranslated(view)) {
    parts.push(`dst ${endpoint(view, S.REPLY, "src")}`);
  }
  return parts.length === 0 ? "-" : parts.join(", ");
}

function flowRow(view: FlowView, { message, up, down }: KeptFlow, full: Pass): FlowRow {
  view.read(message, 0, message.length);
  const protonum = view.has(S.ORIG + S.T_PROTO_NUM) ? view.u8(S.ORIG + S.T_PROTO_NUM) : 0;
  const state = stateName(view);
  const status = view.has(S.TOP + C.CTA_STATUS) ? view.u32(S.TOP + C.CTA_STATUS) : C.IPS_SEEN_REPLY;
  const optional = (slot: number) => (view.has(slot) ? view.u32(slot) : undefined);
  const hasBytes = view.has(S.COUNTERS_ORIG + 2) && view.has(S.COUNTERS_REPLY + 2);
  const start = view.has(S.TIMESTAMP + 1) ? Number(view.u64(S.TIMESTAMP + 1) / 1000n) : undefined;
  return {
    protocol: protocolByNumber(protonum)?.name ?? String(protonum),
    state: state === undefined ? "-" : fromUtf8(state),
    src: endpoint(view, S.ORIG, "src"),
    dst: endpoint(view, S.ORIG, "dst"),
    nat: natText(view),
    up: full.rates && hasBytes ? up / full.rates.seconds : undefined,
    down: full.rates && hasBytes ? down / full.rates.seconds : undefined,
    bytes: hasBytes ? Number(view.u64(S.COUNTERS_ORIG + 2) + view.u64(S.COUNTERS_REPLY + 2)) : undefined,
    ageSeconds: start === undefined ? undefined : Math.max(0, (full.startMicros - start) / 1e6),
    expiresSeconds: optional(S.TOP + C.CTA_TIMEOUT),
    mark: optional(S.TOP + C.CTA_MARK),
    isUnreplied: (status & C.IPS_SEEN_REPLY) === 0,
    message,
  };
}

/** The flows that the last full pass has kept, the largest first or last. */
export function flowRows({ full }: Picture, reverse: boolean, most: number): FlowRow[] {
  if (full === undefined) return [];
  const view = new FlowView();
  const rows = full.flows.map((flow) => flowRow(view, flow, full));
  return (reverse ? rows.reverse() : rows).slice(0, most);
}
