/** Filters on flows, compiled once into a predicate over the view. */

import * as C from "../ctnetlink/constants.js";
import { hasLabel } from "../ctnetlink/labels.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import { readU32Host } from "../netlink/attributes.js";
import {
  isDestinationPortTranslated,
  isDestinationTranslated,
  isSourcePortTranslated,
  isSourceTranslated,
} from "../protocol/nat.js";
import { stateNumber } from "../protocol/state.js";
import type { AddressCondition, AddressRange, MarkCondition, Network, NumberCondition } from "./conditions.js";
import { addressLength, exactly, exactMark, exactNumber, inNetwork as within } from "./conditions.js";

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

export type Predicate = (view: FlowView) => boolean;

/** Those that UNSET says are not set. */
export const UNSET_FLAGS = C.IPS_EXPECTED | C.IPS_SEEN_REPLY | C.IPS_ASSURED | C.IPS_FIXED_TIMEOUT;

/** Reads a number of the view; it is asked for only where the slot is filled. */
type Read = (view: FlowView, slot: number) => number;
const u8: Read = (view, slot) => view.u8(slot);
const u16: Read = (view, slot) => view.u16(slot);
const u32: Read = (view, slot) => view.u32(slot);
/** SCTP's tags are in host byte order, as a user gives them. */
const vtag: Read = (view, slot) => readU32Host(view.buffer, view.offset(slot));

/** Whether a number meets a condition. */
function holds(condition: NumberCondition): (value: number) => boolean {
  const exact = exactNumber(condition);
  if (exact !== undefined) return (value) => value === exact;
  const { items, not } = condition;
  return (value) => items.some(({ from, to }) => value >= from && value <= to) !== not;
}

/** The field in `slot` is there and meets the condition. */
function number(slot: number, condition: NumberCondition, read: Read): Predicate {
  const exact = exactNumber(condition);
  if (exact !== undefined) return (view) => view.has(slot) && read(view, slot) === exact;
  const test = holds(condition);
  return (view) => view.has(slot) && test(read(view, slot));
}

/** A zone that was not sent is zone 0. */
function zoneIs(slot: number, condition: NumberCondition): Predicate {
  const test = holds(condition);
  return (view) => test(view.has(slot) ? view.u16(slot) : 0);
}

/** Either of two slots, as for ICMP and ICMPv6: a message holds only one of them. */
const either =
  (first: Predicate, second: Predicate): Predicate =>
  (view) =>
    first(view) || second(view);

/** Whether the address at `offset` lies in a network or a range. */
type AddressTest = (buffer: Uint8Array, offset: number) => boolean;

function inNetwork({ address, mask }: Network): AddressTest {
  const wanted = mask === undefined ? address : address.map((byte, i) => byte & mask[i]!);
  return (buffer, offset) => {
    for (let i = 0; i < wanted.length; i++) {
      const byte = buffer[offset + i]!;
      if ((mask === undefined ? byte : byte & mask[i]!) !== wanted[i]) return false;
    }
    return true;
  };
}

/** Less than 0, 0 or more, as the address at `offset` comes before `address`, is it, or comes after. */
function compare(buffer: Uint8Array, offset: number, address: Uint8Array): number {
  for (let i = 0; i < address.length; i++) {
    const difference = buffer[offset + i]! - address[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

const inRange =
  ({ from, to }: AddressRange): AddressTest =>
  (buffer, offset) =>
    compare(buffer, offset, from) >= 0 && compare(buffer, offset, to) <= 0;

/** The address, in the slot of its family, is there and meets the condition. */
function address(v4: number, v6: number, condition: AddressCondition): Predicate {
  const slot = addressLength(condition) === 4 ? v4 : v6;
  const { not } = condition;
  const tests = condition.items.map((item) => ("address" in item ? inNetwork(item) : inRange(item)));
  const [test] = tests;
  if (tests.length === 1 && !not) return (view) => view.has(slot) && test!(view.buffer, view.offset(slot));
  return (view) => {
    if (!view.has(slot)) return false;
    const offset = view.offset(slot);
    return tests.some((test) => test(view.buffer, offset)) !== not;
  };
}

function markIs(condition: MarkCondition): Predicate {
  const slot = S.TOP + C.CTA_MARK;
  const exact = exactMark(condition);
  if (exact !== undefined) {
    const { value, mask } = exact;
    return (view) => view.has(slot) && (view.u32(slot) & mask) >>> 0 === value;
  }
  const { items, not } = condition;
  return (view) => {
    if (!view.has(slot)) return false;
    const mark = view.u32(slot);
    return items.some(({ value, mask }) => (mark & mask) >>> 0 === value) !== not;
  };
}

/** The counters of both directions together meet the condition. Sums beyond 2^53 are rounded: no bound lies there. */
function countersAre(counter: number, condition: NumberCondition): Predicate {
  const orig = S.COUNTERS_ORIG + counter;
  const reply = S.COUNTERS_REPLY + counter;
  const test = holds(condition);
  return (view) => view.has(orig) && view.has(reply) && test(Number(view.u64(orig)) + Number(view.u64(reply)));
}

/** The time from the entry's start to its end, or to now, meets the condition. */
function ageIs(condition: NumberCondition, nowMicroseconds: () => number): Predicate {
  const start = S.TIMESTAMP + C.CTA_TIMESTAMP_START;
  const stop = S.TIMESTAMP + C.CTA_TIMESTAMP_STOP;
  const test = holds(condition);
  return (view) => {
    if (!view.has(start)) return false;
    const end = view.has(stop) ? view.u64(stop) : BigInt(Math.floor(nowMicroseconds())) * 1000n;
    const age = end - view.u64(start);
    return test(age < 0n ? 0 : Number(age / 1_000_000_000n));
  };
}

function noClock(): never {
  throw new Error("a condition on the age needs a clock");
}

function tupleChecks(tuple: TupleMatch, base: number): Predicate[] {
  const checks: Predicate[] = [];
  const { src, dst, sport, dport, icmpType, icmpCode, icmpId, zone } = tuple;
  const icmp = (v4: number, v6: number, condition: NumberCondition, read: Read) =>
    either(number(base + v4, condition, read), number(base + v6, condition, read));
  if (sport !== undefined) checks.push(number(base + S.T_SRC_PORT, sport, u16));
  if (dport !== undefined) checks.push(number(base + S.T_DST_PORT, dport, u16));
  if (src !== undefined) checks.push(address(base + S.T_V4_SRC, base + S.T_V6_SRC, src));
  if (dst !== undefined) checks.push(address(base + S.T_V4_DST, base + S.T_V6_DST, dst));
  if (icmpType !== undefined) checks.push(icmp(S.T_ICMP_TYPE, S.T_ICMPV6_TYPE, icmpType, u8));
  if (icmpCode !== undefined) checks.push(icmp(S.T_ICMP_CODE, S.T_ICMPV6_CODE, icmpCode, u8));
  if (icmpId !== undefined) checks.push(icmp(S.T_ICMP_ID, S.T_ICMPV6_ID, icmpId, u16));
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
  if (protonum !== undefined) checks.push(number(S.ORIG + S.T_PROTO_NUM, protonum, u8));
  if (filter.orig) checks.push(...tupleChecks(filter.orig, S.ORIG));
  if (filter.reply) checks.push(...tupleChecks(filter.reply, S.REPLY));
  if (state !== undefined) {
    const test = holds(state);
    checks.push((view) => {
      const number = stateNumber(view);
      return number !== undefined && test(number);
    });
  }
  if (status !== undefined) {
    const { set } = status;
    const clear = status.unset ? status.clear | UNSET_FLAGS : status.clear;
    const slot = S.TOP + C.CTA_STATUS;
    checks.push((view) => view.has(slot) && (view.u32(slot) & (set | clear)) === set);
  }
  if (mark !== undefined) checks.push(markIs(mark));
  if (timeoutSeconds !== undefined) checks.push(number(S.TOP + C.CTA_TIMEOUT, timeoutSeconds, u32));
  if (secmark !== undefined) checks.push(number(S.TOP + C.CTA_SECMARK, secmark, u32));
  if (id !== undefined) checks.push(number(S.TOP + C.CTA_ID, id, u32));
  if (zone !== undefined) checks.push(zoneIs(S.TOP + C.CTA_ZONE, zone));
  if (origVtag !== undefined) checks.push(number(S.SCTP + C.CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, origVtag, vtag));
  if (replyVtag !== undefined) checks.push(number(S.SCTP + C.CTA_PROTOINFO_SCTP_VTAG_REPLY, replyVtag, vtag));
  if (filter.srcNat) checks.push(sourceNat(filter.srcNat));
  if (filter.dstNat) checks.push(destinationNat(filter.dstNat));
  if (filter.anyNat) checks.push(either(sourceNat(filter.anyNat), destinationNat(filter.anyNat)));
  if (labels !== undefined && labels.length > 0) {
    checks.push((view) => {
      if (!view.has(S.TOP + C.CTA_LABELS)) return false;
      const bits = view.bytes(S.TOP + C.CTA_LABELS);
      return labels.every((bit) => hasLabel(bits, bit));
    });
  }
  if (filter.packets !== undefined) checks.push(countersAre(C.CTA_COUNTERS_PACKETS, filter.packets));
  if (filter.bytes !== undefined) checks.push(countersAre(C.CTA_COUNTERS_BYTES, filter.bytes));
  if (filter.ageSeconds !== undefined) checks.push(ageIs(filter.ageSeconds, nowMicroseconds));
  if (filter.expiresSeconds !== undefined) checks.push(number(S.TOP + C.CTA_TIMEOUT, filter.expiresSeconds, u32));
  return checks.length === 0 ? undefined : all(checks);
}
