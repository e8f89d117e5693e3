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
import type { Frequent } from "./frequent.js";
import { best } from "./heap.js";
import { type KeptFlow, type Pass, SUM } from "./passes.js";
import { type Picture, scaleOf } from "./picture.js";

/** The figures of a group, of all the other groups together, or of all. What is not known is undefined. */
export interface Amounts {
  readonly flows: number;
  /** Whether the number of flows is an estimate: from a sample, or from a table that had too many groups. */
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
  /** Flows that ended, or went to another group, a second. */
  readonly gone: number | undefined;
  /** Bytes of both directions, of all flows that the group has now. */
  readonly bytes: number | undefined;
  /** When the oldest flow began, in nanoseconds since 1970; null where no flow says it. */
  readonly oldest: bigint | null | undefined;
}

/** A group of a pass. */
export interface GroupPlace {
  readonly groups: GroupTable;
  readonly row: number;
}

export interface GroupRow extends Amounts {
  readonly values: readonly FieldValue[];
  readonly texts: readonly string[];
  readonly frequent: Frequent;
  readonly place: GroupPlace;
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
export type GroupSort =
  | "flows"
  | "change"
  | "unreplied"
  | "up"
  | "down"
  | "fresh"
  | "gone"
  | "bytes"
  | "age"
  | "fields";

/** Rows of other passes than those that are shown have these figures; they are compared by the full pass. */
const OF_FULL_PASS: readonly GroupSort[] = ["up", "down", "fresh", "gone", "bytes", "age"];

/** So many groups are put in order at least, however few are wanted: those of them that are equal have the order of their keys. */
const LEAST_ORDERED = 1000;

function flowsOf(pass: Pass, row: number, entries: number): number {
  return pass.groups.sum(row, SUM.flows) * scaleOf(pass, entries);
}

/** Whether a group has all of its flows in two tables: what is missing after a drop differs. `earlier` is -1 where it is not there. */
const areComparable = (groups: GroupTable, row: number, before: GroupTable, earlier: number) =>
  groups.isWhole(row) && (earlier < 0 ? !before.hasDropped : before.isWhole(earlier));

/** The change of a group's flows a second, between two passes of the same kind. */
function changeOf({ main, before, entries }: Picture, row: number): number | undefined {
  if (main === undefined || before === undefined) return undefined;
  const earlier = before.groups.rowLike(main.groups, row);
  const seconds = (main.startMicros - before.startMicros) / 1e6;
  if (seconds <= 0) return undefined;
  if (!areComparable(main.groups, row, before.groups, earlier)) return undefined;
  const was = earlier < 0 ? 0 : flowsOf(before, earlier, entries);
  return (flowsOf(main, row, entries) - was) / seconds;
}

/** The flows of a group that ended, or went to another group, between the last two full passes, a second. Those that came and went between are in neither. */
function goneOf({ full, fullBefore }: Picture, row: number): number | undefined {
  if (full?.rateSeconds === undefined || fullBefore === undefined || row < 0) return undefined;
  const earlier = fullBefore.groups.rowLike(full.groups, row);
  if (earlier < 0 || !areComparable(full.groups, row, fullBefore.groups, earlier)) return undefined;
  const more = full.groups.sum(row, SUM.flows) - fullBefore.groups.sum(earlier, SUM.flows);
  return Math.max(0, full.groups.sum(row, SUM.fresh) - more) / full.rateSeconds;
}

/** What a row is sorted by; undefined, and last in either direction, where nobody knows. */
function scoreOf(sort: GroupSort, pass: Pass, picture: Picture): (row: number) => number | undefined {
  const { groups } = pass;
  switch (sort) {
    case "change":
      return (row) => changeOf(picture, row);
    case "gone":
      return (row) => goneOf(picture, row);
    case "age":
      return (row) => groups.sum(row, SUM.age) || undefined;
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
const BY_SUM: readonly GroupSort[] = ["flows", "unreplied", "up", "down", "fresh", "age"];

/** Puts rows that are equal in the order of their keys. */
function settle(rows: number[], groups: GroupTable, isEqual: (a: number, b: number) => boolean): readonly number[] {
  for (let from = 0, to = 0; from < rows.length; from = to) {
    while (to < rows.length && isEqual(rows[from]!, rows[to]!)) to++;
    const equal = rows.slice(from, to);
    if (equal.length > 1) rows.splice(from, equal.length, ...equal.sort((a, b) => groups.compareKeys(a, b)));
  }
  return rows;
}

/** The rows of a pass in order, `most` at most. */
function findOrder(pass: Pass, picture: Picture, sort: GroupSort, reverse: boolean, most: number): readonly number[] {
  const { groups } = pass;
  if (sort === "fields") {
    const field = groups.fields[0]!;
    const rows = [...sortGroups(groups, { key: field.name, direction: reverse ? "desc" : "asc" }).subarray(0, most)];
    if (groups.fields.length === 1) return rows;
    return settle(rows, groups, (a, b) => groups.compareKeys(a, b, field.width) === 0);
  }
  const value = scoreOf(sort, pass, picture);
  const sign = reverse ? -1 : 1;
  const score = (row: number) => sign * (value(row) ?? -sign * Number.POSITIVE_INFINITY);
  const compare = (a: number, b: number) => groups.compareKeys(a, b);
  const sum = BY_SUM.includes(sort) && !reverse ? SUM[sort as keyof typeof SUM] : undefined;
  const next = (from: number, least: number) => groups.nextAbove(sum!, from, least);
  return best(groups.size, most, score, compare, sum === undefined ? undefined : next);
}

/**
 * What takes a look at every group: found once for a pass, however often the screen is drawn. It refers to no pass: QuickJS
 * keeps the key of a WeakMap for ever where the value refers to it.
 */
class Overview {
  readonly #totals: (number | undefined)[] = [];
  readonly #any: (boolean | undefined)[] = [];
  /** The order that was asked for last, and what it depends on. */
  #order: readonly number[] = [];
  #orderOf: readonly unknown[] = [];

  total(pass: Pass, sum: number): number {
    this.#totals[sum] ??= Number(pass.groups.total(sum));
    return this.#totals[sum]!;
  }

  hasAny({ groups }: Pass, sum: number): boolean {
    this.#any[sum] ??= groups.nextAbove(sum, 0, 0) < groups.size;
    return this.#any[sum]!;
  }

  order(pass: Pass, picture: Picture, sort: GroupSort, reverse: boolean, most: number): readonly number[] {
    const { main, before, fullBefore } = picture;
    const others = sort === "change" ? [main, before] : sort === "gone" ? [fullBefore] : [];
    const key = [sort, reverse, most, ...others.map((other) => other?.startMicros)];
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

/** Whether a group of a pass has any of a sum. */
export const hasAny = (pass: Pass, sum: keyof typeof SUM): boolean => overviewOf(pass).hasAny(pass, SUM[sum]);

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
  const rateOf = (sum: RateSum) =>
    theirs < 0 && full?.groups.hasDropped === true
      ? undefined
      : rate(full, (pass) => (theirs < 0 ? 0 : pass.groups.sum(theirs, SUM[sum])));
  const hasBytes = theirs >= 0 && full!.groups.sum(theirs, SUM.counted) > 0;
  return {
    flows,
    isEstimate: !main.isFull || mine < 0 || !main.groups.isWhole(mine),
    share: main.matching === 0 ? 0 : counted / main.matching,
    change: mine < 0 ? undefined : changeOf(picture, mine),
    unreplied: counted === 0 ? 0 : main.groups.sum(mine, SUM.unreplied) / counted,
    up: rateOf("up"),
    down: rateOf("down"),
    fresh: rateOf("fresh"),
    gone: goneOf(picture, theirs),
    bytes: hasBytes ? full!.groups.sum(theirs, SUM.orig) + full!.groups.sum(theirs, SUM.reply) : undefined,
    oldest: theirs < 0 ? undefined : (full!.groups.least(theirs, SUM.age) ?? null),
  };
}

/** What the shown groups leave of all. */
function otherAmounts(picture: Picture, shown: readonly Amounts[]): Amounts {
  const { full, before, fullBefore, entries } = picture;
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
  const ended = rate(full, (pass) => totalOf(pass, "fresh") - pass.matching + (fullBefore?.matching ?? 0));
  const bytes =
    full === undefined || totalOf(full, "counted") === 0 ? undefined : totalOf(full, "orig") + totalOf(full, "reply");
  return {
    flows,
    isEstimate: !main.isFull || shown.some((row) => row.isEstimate),
    share: total === 0 ? 0 : flows / total,
    change:
      before === undefined || seconds <= 0
        ? undefined
        : (total - before.matching * scaleOf(before, entries)) / seconds - sum((row) => row.change),
    unreplied: flows === 0 ? 0 : Math.max(0, unreplied - sum((row) => row.flows * row.unreplied)) / flows,
    up: rest("up"),
    down: rest("down"),
    fresh: rest("fresh"),
    gone: ended === undefined || fullBefore === undefined ? undefined : Math.max(0, ended - sum((row) => row.gone)),
    bytes: bytes === undefined ? undefined : Math.max(0, bytes - sum((row) => row.bytes)),
    // It would take a look at each of them.
    oldest: undefined,
  };
}

export interface GroupRows {
  /** How many groups there are in the pass that the rows come from, and how many of them are in order. */
  readonly count: number;
  readonly ordered: number;
  /** The groups in order, from `first` on, `count` at most. */
  rows(first: number, count: number): readonly GroupRow[];
  /** Where in that order a group of this pass or of another one is; -1 where it is not. */
  find(place: GroupPlace): number;
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
  if (main === undefined) return { count: 0, ordered: 0, rows: () => [], find: () => -1, other: () => undefined };
  const from = OF_FULL_PASS.includes(sort) && full !== undefined ? full : main;
  const { groups } = from;
  const order = overviewOf(from).order(from, picture, sort, reverse, Math.max(most, LEAST_ORDERED)).slice(0, most);
  return {
    count: groups.size,
    ordered: order.length,
    rows: (first, count) => {
      const shown = order.slice(first, first + count);
      const frequent = picture.traits?.find(groups, shown);
      return shown.map((row, i): GroupRow => {
        const values = groups.fields.map((_, index) => groups.value(row, index, names.labels));
        const texts = textsOf(groups.fields, values, names);
        const place = { groups, row };
        return { ...amountsOf(picture, groups, row), values, texts, frequent: frequent?.[i] ?? {}, place };
      });
    },
    find: (place) => order.indexOf(likeIn(from, place.groups, place.row)),
    other: (shown) => {
      if (shown >= groups.size && !groups.hasDropped) return undefined;
      const amounts = order.slice(0, shown).map((row) => amountsOf(picture, groups, row));
      return otherAmounts(picture, amounts);
    },
  };
}

const withPort = (address: string, port: string | number) =>
  `${address.includes(":") ? `[${address}]` : address}:${port}`;

/** An address with its port, or anything else that flows have most often; "-" where they have none. */
export function frequentText([value = null, port = null]: readonly FieldValue[], { portName }: Names): string {
  const text = valueText(value);
  return typeof port === "number" ? withPort(text, portName?.(port) ?? port) : text;
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
  return withPort(address, portName?.(port, protocol.name) ?? port);
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

const ID = S.TOP + C.CTA_ID;

/** Where among the flows of the last full pass one is that this pass or another one has kept; -1 where it is not. */
export function findFlow({ full }: Picture, reverse: boolean, { message }: FlowRow): number {
  if (full === undefined) return -1;
  const view = new FlowView();
  const idOf = (message: Uint8Array) => {
    view.read(message, 0, message.length);
    return view.has(ID) ? view.u32(ID) : undefined;
  };
  const id = idOf(message);
  const at = full.flows.findIndex(
    (flow) => flow.message === message || (id !== undefined && idOf(flow.message) === id),
  );
  return at >= 0 && reverse ? full.flows.length - 1 - at : at;
}
