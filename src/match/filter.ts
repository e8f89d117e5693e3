/** Filters on flows, compiled once into a predicate over the view. */

import * as C from "../ctnetlink/constants.js";
import { bytes64, type FieldItem, type FieldSet, fieldSet, MOST_64, numberBytes } from "../ctnetlink/fields.js";
import { labelByte, labelBytes } from "../ctnetlink/labels.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import { LITTLE_ENDIAN } from "../netlink/attributes.js";
import {
  isDestinationPortTranslated,
  isDestinationTranslated,
  isSourcePortTranslated,
  isSourceTranslated,
} from "../protocol/nat.js";
import { stateSlot } from "../protocol/state.js";
import type {
  AddressCondition,
  AddressRange,
  MarkCondition,
  MaskedMark,
  Network,
  NumberCondition,
} from "./conditions.js";
import { addressLength, exactly, inNetwork as within } from "./conditions.js";

/** A translation that must have taken place, and what it must have made of the address or port. */
export interface NatFilter {
  address?: Uint8Array;
  port?: number;
}

/** All of `set`, none of `clear`; `unset`: none of the four flags that UNSET names. IPS_* bits. */
export interface StatusCondition {
  set: number;
  clear: number;
  unset: boolean;
}

/** What one direction of a flow must be. */
export interface TupleMatch {
  src?: AddressCondition | undefined;
  dst?: AddressCondition | undefined;
  /** Ports; GRE's keys. */
  sport?: NumberCondition | undefined;
  dport?: NumberCondition | undefined;
  icmpType?: NumberCondition | undefined;
  icmpCode?: NumberCondition | undefined;
  icmpId?: NumberCondition | undefined;
  /** The zone of this direction alone. */
  zone?: NumberCondition | undefined;
}

/** What a flow must be to match: every condition that is present must hold. */
export interface FlowFilter {
  /** AF_INET or AF_INET6; 0 = both. */
  family?: number;
  orig?: TupleMatch;
  reply?: TupleMatch;
  protonum?: NumberCondition;
  /** The protocol's state number. */
  state?: NumberCondition;
  origVtag?: NumberCondition;
  replyVtag?: NumberCondition;
  timeoutSeconds?: NumberCondition;
  status?: StatusCondition;
  mark?: MarkCondition;
  secmark?: NumberCondition;
  id?: NumberCondition;
  /** The zone of both directions; an entry without one is in zone 0. */
  zone?: NumberCondition;
  srcNat?: NatFilter;
  dstNat?: NatFilter;
  anyNat?: NatFilter;
  /** Label bits, all of which must be set. */
  labels?: readonly number[];
  /** Of both directions together. An entry without counters never matches. */
  bytes?: NumberCondition;
  packets?: NumberCondition;
  /** Whole seconds since the entry was made. One without the time of its start never matches. */
  ageSeconds?: NumberCondition;
  /** Seconds until it expires. One without a timeout never matches. */
  expiresSeconds?: NumberCondition;
}

const NS_PER_SECOND = 1_000_000_000n;

export type Predicate = (view: FlowView) => boolean;

/** Those that UNSET says are not set. */
export const UNSET_FLAGS = C.IPS_EXPECTED | C.IPS_SEEN_REPLY | C.IPS_ASSURED | C.IPS_FIXED_TIMEOUT;

/** The field in `slot` is there and in the set, or, where it must not be, is there and outside of it. */
function field(slot: number, set: FieldSet, not = false): Predicate {
  return (view) => view.has(slot) && view.isIn(slot, set) !== not;
}

/** The numbers that a field of `bytes` bytes can have of a condition's. */
function numbers({ items }: NumberCondition, bytes: 1 | 2 | 4): FieldSet {
  const most = 2 ** (8 * bytes) - 1;
  const possible = items.filter(({ from }) => from <= most);
  return fieldSet(
    bytes,
    possible.map(({ from, to }) => ({ from: numberBytes(from, bytes), to: numberBytes(Math.min(to, most), bytes) })),
  );
}

/** The number in `slot` is there and meets the condition. */
function number(slot: number, condition: NumberCondition, bytes: 1 | 2 | 4): Predicate {
  return field(slot, numbers(condition, bytes), condition.not);
}

/** Whether a number meets a condition. */
function holds({ items, not }: NumberCondition, value: number): boolean {
  return items.some(({ from, to }) => value >= from && value <= to) !== not;
}

/** SCTP's tags are in host byte order, as a user gives them: their bytes say nothing of ranges. */
function vtagIs(slot: number, condition: NumberCondition): Predicate {
  const { items, not } = condition;
  if (!items.every(({ from, to }) => from === to))
    return (view) => view.has(slot) && holds(condition, view.u32Host(slot));
  const tags = items.map(({ from }) => hostBytes(from));
  return field(
    slot,
    fieldSet(
      4,
      tags.map((tag) => ({ from: tag, to: tag })),
    ),
    not,
  );
}

function hostBytes(value: number): Uint8Array {
  const bytes = numberBytes(value, 4);
  return LITTLE_ENDIAN ? bytes.reverse() : bytes;
}

/** A zone that was not sent is zone 0. */
function zoneIs(slot: number, condition: NumberCondition): Predicate {
  const set = numbers(condition, 2);
  const without = holds(condition, 0);
  return (view) => (view.has(slot) ? view.isIn(slot, set) !== condition.not : without);
}

/** Either of two slots, as for ICMP and ICMPv6: a message holds only one of them. */
const either =
  (first: Predicate, second: Predicate): Predicate =>
  (view) =>
    first(view) || second(view);

function addressItem(item: Network | AddressRange): FieldItem {
  if (!("address" in item)) return item;
  const { address, mask } = item;
  if (mask === undefined) return { from: address, to: address };
  const network = address.map((byte, i) => byte & mask[i]!);
  return { mask, from: network, to: network };
}

/** The address, in the slot of its family, is there and meets the condition. */
function address(v4: number, v6: number, condition: AddressCondition): Predicate {
  const length = addressLength(condition);
  return field(length === 4 ? v4 : v6, fieldSet(length, condition.items.map(addressItem)), condition.not);
}

/** A 32-bit field is one of some values in the bits of a mask. */
function masked(slot: number, items: readonly MaskedMark[], not = false): Predicate {
  const set = fieldSet(
    4,
    items.map(({ value, mask }) => ({
      mask: numberBytes(mask, 4),
      from: numberBytes(value, 4),
      to: numberBytes(value, 4),
    })),
  );
  return field(slot, set, not);
}

/** All of the labels are set. */
function hasLabels(labels: readonly number[]): Predicate {
  const slot = S.TOP + C.CTA_LABELS;
  const width = 1 + Math.max(...labels.map(labelByte));
  const bits = labelBytes(labels, width);
  const set = fieldSet(width, [{ mask: bits, from: bits, to: bits }]);
  return (view) => view.has(slot) && view.payloadLength(slot) >= width && view.isIn(slot, set);
}

/** A bound that no safe number can hold: there is none. */
const upTo = (to: number): bigint => (to < Number.MAX_SAFE_INTEGER ? BigInt(to) : MOST_64);

/** The counters of both directions together meet the condition. */
function countersAre(counter: number, condition: NumberCondition): Predicate {
  const orig = S.COUNTERS_ORIG + counter;
  const reply = S.COUNTERS_REPLY + counter;
  const set = fieldSet(
    8,
    condition.items.map(({ from, to }) => ({ from: bytes64(BigInt(from)), to: bytes64(upTo(to)) })),
  );
  return (view) => view.has(orig) && view.has(reply) && view.isSumIn(orig, reply, set) !== condition.not;
}

/** The time from the entry's start to its end, or to now, meets the condition. */
function ageIs(condition: NumberCondition, nowMicroseconds: () => number): Predicate {
  const start = S.TIMESTAMP + C.CTA_TIMESTAMP_START;
  const stop = S.TIMESTAMP + C.CTA_TIMESTAMP_STOP;
  // A listing has one time for all entries, and their start says it all then.
  let now = -1;
  let starts: FieldSet | undefined;
  return (view) => {
    if (!view.has(start)) return false;
    if (view.has(stop)) {
      const age = view.u64(stop) - view.u64(start);
      return holds(condition, age < 0n ? 0 : Number(age / NS_PER_SECOND));
    }
    const micros = Math.floor(nowMicroseconds());
    if (starts === undefined || micros !== now) starts = startsOf(condition, micros);
    now = micros;
    return view.isIn(start, starts) !== condition.not;
  };
}

/** When entries of some ages began, in nanoseconds: what is yet to begin has the age 0. */
function startsOf({ items }: NumberCondition, nowMicroseconds: number): FieldSet {
  const now = 1000n * BigInt(nowMicroseconds);
  const atMost = (age: number) => now - (upTo(age) + 1n) * NS_PER_SECOND + 1n;
  const possible = items.filter(({ from }) => BigInt(from) * NS_PER_SECOND <= now);
  return fieldSet(
    8,
    possible.map(({ from, to }) => ({
      from: bytes64(atMost(to) > 0n ? atMost(to) : 0n),
      to: bytes64(from === 0 ? MOST_64 : now - BigInt(from) * NS_PER_SECOND),
    })),
  );
}

function noClock(): never {
  throw new Error("a condition on the age needs a clock");
}

function tupleChecks(tuple: TupleMatch, base: number): Predicate[] {
  const checks: Predicate[] = [];
  const { src, dst, sport, dport, icmpType, icmpCode, icmpId, zone } = tuple;
  const icmp = (v4: number, v6: number, condition: NumberCondition, bytes: 1 | 2) =>
    either(number(base + v4, condition, bytes), number(base + v6, condition, bytes));
  if (sport !== undefined) checks.push(number(base + S.T_SRC_PORT, sport, 2));
  if (dport !== undefined) checks.push(number(base + S.T_DST_PORT, dport, 2));
  if (src !== undefined) checks.push(address(base + S.T_V4_SRC, base + S.T_V6_SRC, src));
  if (dst !== undefined) checks.push(address(base + S.T_V4_DST, base + S.T_V6_DST, dst));
  if (icmpType !== undefined) checks.push(icmp(S.T_ICMP_TYPE, S.T_ICMPV6_TYPE, icmpType, 1));
  if (icmpCode !== undefined) checks.push(icmp(S.T_ICMP_CODE, S.T_ICMPV6_CODE, icmpCode, 1));
  if (icmpId !== undefined) checks.push(icmp(S.T_ICMP_ID, S.T_ICMPV6_ID, icmpId, 2));
  if (zone !== undefined) checks.push(zoneIs(base + S.T_ZONE, zone));
  return checks;
}

const addressOf = (nat: NatFilter) => (nat.address === undefined ? undefined : within(nat.address));
const portOf = (nat: NatFilter) => (nat.port === undefined ? undefined : exactly(nat.port));

/** The source is translated, and to what `nat` says: the reply's destination shows it. */
function sourceNat(nat: NatFilter): Predicate {
  const translated: Predicate = (view) => isSourceTranslated(view) || isSourcePortTranslated(view);
  return all([translated, ...tupleChecks({ dst: addressOf(nat), dport: portOf(nat) }, S.REPLY)]);
}

/** The destination is translated, and to what `nat` says: the reply's source shows it. */
function destinationNat(nat: NatFilter): Predicate {
  const translated: Predicate = (view) => isDestinationTranslated(view) || isDestinationPortTranslated(view);
  return all([translated, ...tupleChecks({ src: addressOf(nat), sport: portOf(nat) }, S.REPLY)]);
}

function all(checks: readonly Predicate[]): Predicate {
  if (checks.length === 1) return checks[0]!;
  return (view) => {
    for (const check of checks) if (!check(view)) return false;
    return true;
  };
}

/**
 * The predicate of a filter, or undefined where everything matches.
 * @param nowMicroseconds the time since 1970, for conditions on the age
 */
export function compileFilter(filter: FlowFilter, nowMicroseconds: () => number = noClock): Predicate | undefined {
  const checks: Predicate[] = [];
  const { family, protonum, state, origVtag, replyVtag, timeoutSeconds, status, mark, secmark, id, zone, labels } =
    filter;
  if (family) checks.push((view) => view.family === family);
  if (protonum !== undefined) checks.push(number(S.ORIG + S.T_PROTO_NUM, protonum, 1));
  if (filter.orig) checks.push(...tupleChecks(filter.orig, S.ORIG));
  if (filter.reply) checks.push(...tupleChecks(filter.reply, S.REPLY));
  if (state !== undefined) {
    const set = numbers(state, 1);
    checks.push((view) => {
      const slot = stateSlot(view);
      return slot !== 0 && view.isIn(slot, set) !== state.not;
    });
  }
  if (status !== undefined) {
    const { set } = status;
    const clear = status.unset ? status.clear | UNSET_FLAGS : status.clear;
    checks.push(masked(S.TOP + C.CTA_STATUS, [{ value: set, mask: set | clear }]));
  }
  if (mark !== undefined) checks.push(masked(S.TOP + C.CTA_MARK, mark.items, mark.not));
  if (timeoutSeconds !== undefined) checks.push(number(S.TOP + C.CTA_TIMEOUT, timeoutSeconds, 4));
  if (secmark !== undefined) checks.push(number(S.TOP + C.CTA_SECMARK, secmark, 4));
  if (id !== undefined) checks.push(number(S.TOP + C.CTA_ID, id, 4));
  if (zone !== undefined) checks.push(zoneIs(S.TOP + C.CTA_ZONE, zone));
  if (origVtag !== undefined) checks.push(vtagIs(S.SCTP + C.CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, origVtag));
  if (replyVtag !== undefined) checks.push(vtagIs(S.SCTP + C.CTA_PROTOINFO_SCTP_VTAG_REPLY, replyVtag));
  if (filter.srcNat) checks.push(sourceNat(filter.srcNat));
  if (filter.dstNat) checks.push(destinationNat(filter.dstNat));
  if (filter.anyNat) checks.push(either(sourceNat(filter.anyNat), destinationNat(filter.anyNat)));
  if (labels !== undefined && labels.length > 0) checks.push(hasLabels(labels));
  if (filter.packets !== undefined) checks.push(countersAre(C.CTA_COUNTERS_PACKETS, filter.packets));
  if (filter.bytes !== undefined) checks.push(countersAre(C.CTA_COUNTERS_BYTES, filter.bytes));
  if (filter.ageSeconds !== undefined) checks.push(ageIs(filter.ageSeconds, nowMicroseconds));
  if (filter.expiresSeconds !== undefined) checks.push(number(S.TOP + C.CTA_TIMEOUT, filter.expiresSeconds, 4));
  return checks.length === 0 ? undefined : all(checks);
}
