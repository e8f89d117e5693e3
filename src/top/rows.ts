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
import { type Field, type FieldValue, valueText } from "../tally/fields.js";
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

/** What is shown in place of numbers. */
export interface Names {
  readonly labels?: LabelMap | undefined;
  /** The name of a port over a protocol, or over those that the filter lets through; undefined where it has none. */
  portName?(port: number, protocol?: string): string | undefined;
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
  const { groups } = pass;
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
      return (row) => groups.sum(row, SUM[sort]);
    default:
      return (row) => groups.sum(row, SUM.flows);
  }
}

/** By sums alone, the rows that cannot be among the best need not be looked at one by one. */
const BY_SUM: readonly GroupSort[] = ["flows", "unreplied", "up", "down", "fresh"];

/** The rows of a pass in order, `most` at most. */
function findOrder(pass: Pass, picture: Picture, sort: GroupSort, reverse: boolean, most: number): readonly number[] {
  const { groups } = pass;
  if (sort === "fields") {
    const key = groups.fields[0]?.name ?? "";
    return [...sortGroups(groups, { key, direction: reverse ? "desc" : "asc" }).subarray(0, most)];
  }
  const score = scoreOf(sort, pass, picture);
  if (reverse) return best(groups.size, most, (row) => -score(row));
  const sum = BY_SUM.includes(sort) ? SUM[sort as keyof typeof SUM] : undefined;
  const next = (from: number, least: number) => groups.nextAbove(sum!, from, least);
  return best(groups.size, most, score, sum === undefined ? undefined : next);
}

/**
 * What takes a look at every group: found once for a pass, however often the screen is drawn. It refers to no pass: QuickJS
 * keeps the key of a WeakMap for ever where the value refers to it.
 */
class Overview {
  readonly #totals: (number | undefined)[] = [];
  /** The order that was asked for last, and what it depends on. */
  #order: readonly number[] = [];
  #orderOf: readonly unknown[] = [];

  total(pass: Pass, sum: number): number {
    this.#totals[sum] ??= Number(pass.groups.total(sum));
    return this.#totals[sum]!;
  }

  order(pass: Pass, picture: Picture, sort: GroupSort, reverse: boolean, most: number): readonly number[] {
    const passes = [picture.main?.startMicros, picture.before?.startMicros];
    const key = [sort, reverse, most, ...(sort === "change" ? passes : [])];
    if (key.length !== this.#orderOf.length || key.some((part, i) => part !== this.#orderOf[i])) {
      this.#order = findOrder(pass, picture, sort, reverse, most);
      this.#orderOf = key;
    }
    return this.#order;
  }
}

const overviews = new WeakMap<Pass, Overview>();

function overviewOf(pass: Pass): Overview {
  let overview = overviews.get(pass);
  if (overview === undefined) {
    overview = new Overview();
    overviews.set(pass, overview);
  }
  return overview;
}

/** What the whole of a pass has of a sum. */
export const totalOf = (pass: Pass, sum: keyof typeof SUM): number => overviewOf(pass).total(pass, SUM[sum]);

/** The same group in another pass, or -1. */
const likeIn = (pass: Pass, groups: GroupTable, row: number) =>
  pass.groups === groups ? row : pass.groups.rowLike(groups, row);

type RateSum = "up" | "down" | "fresh";

/** What a full pass has added up, a second; undefined where there was none before it. */
function rate(full: Pass | undefined, sum: (full: Pass) => number): number | undefined {
  return full?.rateSeconds === undefined ? undefined : sum(full) / full.rateSeconds;
}

function amountsOf(picture: Picture, groups: GroupTable, row: number): Amounts {
  const { full, entries } = picture;
  const main = picture.main!;
  const mine = likeIn(main, groups, row);
  const flows = mine < 0 ? 0 : flowsOf(main, mine, entries);
  const counted = mine < 0 ? 0 : main.groups.sum(mine, SUM.flows);
  const theirs = full === undefined ? -1 : likeIn(full, groups, row);
  const rateOf = (sum: RateSum) => rate(full, (pass) => (theirs < 0 ? 0 : pass.groups.sum(theirs, SUM[sum])));
  const hasBytes = theirs >= 0 && full!.groups.sum(theirs, SUM.counted) > 0;
  return {
    flows,
    isEstimate: !main.isFull,
    share: main.matching === 0 ? 0 : counted / main.matching,
    change: mine < 0 ? undefined : changeOf(picture, mine),
    unreplied: counted === 0 ? 0 : main.groups.sum(mine, SUM.unreplied) / counted,
    up: rateOf("up"),
    down: rateOf("down"),
    fresh: rateOf("fresh"),
    bytes: hasBytes ? full!.groups.sum(theirs, SUM.orig) + full!.groups.sum(theirs, SUM.reply) : undefined,
  };
}

/** What the shown groups leave of all. */
function otherAmounts(picture: Picture, shown: readonly Amounts[]): Amounts {
  const { full, before, entries } = picture;
  const main = picture.main!;
  const scale = scaleOf(main, entries);
  const total = main.matching * scale;
  const unreplied = totalOf(main, "unreplied") * scale;
  const sum = (value: (amounts: Amounts) => number | undefined) =>
    shown.reduce((sum, amounts) => sum + (value(amounts) ?? 0), 0);
  const flows = Math.max(0, total - sum((row) => row.flows));
  const seconds = before === undefined ? 0 : (main.startMicros - before.startMicros) / 1e6;
  const rest = (key: RateSum) => {
    const all = rate(full, (pass) => totalOf(pass, key));
    return all === undefined ? undefined : Math.max(0, all - sum((row) => row[key]));
  };
  const bytes =
    full === undefined || totalOf(full, "counted") === 0 ? undefined : totalOf(full, "orig") + totalOf(full, "reply");
  return {
    flows,
    isEstimate: !main.isFull,
    share: total === 0 ? 0 : flows / total,
    change:
      before === undefined || seconds <= 0
        ? undefined
        : (total - before.matching * scaleOf(before, entries)) / seconds - sum((row) => row.change),
    unreplied: flows === 0 ? 0 : Math.max(0, unreplied - sum((row) => row.flows * row.unreplied)) / flows,
    up: rest("up"),
    down: rest("down"),
    fresh: rest("fresh"),
    bytes: bytes === undefined ? undefined : Math.max(0, bytes - sum((row) => row.bytes)),
  };
}

export interface GroupRows {
  /** How many groups there are in the pass that the rows come from, and how many of them are in order. */
  readonly count: number;
  readonly ordered: number;
  /** The groups in order, from `first` on, `count` at most. */
  rows(first: number, count: number): readonly GroupRow[];
  /** All but the first `shown` together; undefined where there are none. */
  other(shown: number): Amounts | undefined;
}

/** The values of a group as text. */
function textsOf(fields: readonly Field[], values: readonly FieldValue[], { portName }: Names): string[] {
  const protocol = fields.findIndex(({ base }) => base === "protocol");
  const protocolName = protocol < 0 ? undefined : valueText(values[protocol]!);
  return values.map((value, i) => {
    const isPort = ["sport", "dport"].includes(fields[i]!.base) && typeof value === "number";
    return (isPort ? portName?.(value, protocolName) : undefined) ?? valueText(value);
  });
}

/** The groups, of which the first `most` are sorted. */
export function groupRows(
  picture: Picture,
  sort: GroupSort,
  reverse: boolean,
  most: number,
  names: Names = {},
): GroupRows {
  const { main, full } = picture;
  if (main === undefined) return { count: 0, ordered: 0, rows: () => [], other: () => undefined };
  const from = OF_FULL_PASS.includes(sort) && full !== undefined ? full : main;
  const { groups } = from;
  const order = overviewOf(from).order(from, picture, sort, reverse, most);
  return {
    count: groups.size,
    ordered: order.length,
    rows: (first, count) =>
      order.slice(first, first + count).map((row): GroupRow => {
        const values = groups.fields.map((_, index) => groups.value(row, index, names.labels));
        return { ...amountsOf(picture, groups, row), values, texts: textsOf(groups.fields, values, names) };
      }),
    other: (shown) => {
      if (shown >= groups.size) return undefined;
      const amounts = order.slice(0, shown).map((row) => amountsOf(picture, groups, row));
      return otherAmounts(picture, amounts);
    },
  };
}

// Flows

function endpoint(view: FlowView, base: number, side: "src" | "dst", { portName }: Names): string {
  const writer = new ByteWriter(128);
  const addressSlot = side === "src" ? sourceSlot(view, base) : destinationSlot(view, base);
  if (addressSlot === 0) return "-";
  writeAddress(writer, view, addressSlot);
  const address = fromUtf8(writer.written());
  const protocol = protocolByNumber(view.u8(S.ORIG + S.T_PROTO_NUM));
  const portSlot = base + TUPLES.ports.fields[side === "src" ? 0 : 1].slot;
  if (protocol?.kind !== "ports" || !view.has(portSlot)) return address;
  const port = view.u16(portSlot);
  const host = address.includes(":") ? `[${address}]` : address;
  return `${host}:${portName?.(port, protocol.name) ?? port}`;
}

function natText(view: FlowView, names: Names): string {
  const parts: string[] = [];
  if (isSourceTranslated(view) || isSourcePortTranslated(view))
    parts.push(`src ${endpoint(view, S.REPLY, "dst", names)}`);
  if (isDestinationTranslated(view) || isDestinationPortTranslated(view)) {
    parts.push(`dst ${endpoint(view, S.REPLY, "src", names)}`);
  }
  return parts.length === 0 ? "-" : parts.join(", ");
}

function flowRow(view: FlowView, { message, up, down }: KeptFlow, full: Pass, names: Names): FlowRow {
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
    src: endpoint(view, S.ORIG, "src", names),
    dst: endpoint(view, S.ORIG, "dst", names),
    nat: natText(view, names),
    up: hasBytes ? rate(full, () => up) : undefined,
    down: hasBytes ? rate(full, () => down) : undefined,
    bytes: hasBytes ? Number(view.u64(S.COUNTERS_ORIG + 2) + view.u64(S.COUNTERS_REPLY + 2)) : undefined,
    ageSeconds: start === undefined ? undefined : Math.max(0, (full.startMicros - start) / 1e6),
    expiresSeconds: optional(S.TOP + C.CTA_TIMEOUT),
    mark: optional(S.TOP + C.CTA_MARK),
    isUnreplied: (status & C.IPS_SEEN_REPLY) === 0,
    message,
  };
}

/** The flows that the last full pass has kept, the largest first or last: `count` of them from `first` on. */
export function flowRows(
  { full }: Picture,
  reverse: boolean,
  first: number,
  count: number,
  names: Names = {},
): FlowRow[] {
  if (full === undefined) return [];
  const view = new FlowView();
  const flows = reverse ? [...full.flows].reverse() : full.flows;
  return flows.slice(first, first + count).map((flow) => flowRow(view, flow, full, names));
}
