/** Filters on flows, compiled once into a predicate over the view. */

import * as C from "../ctnetlink/constants.js";
import type { TupleFields } from "../ctnetlink/encode.js";
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

/** A translation that must have taken place, and what it must have made of the address or port. */
export interface NatFilter {
  address?: Uint8Array;
  port?: number;
}

/** What a flow must be to match: every property that is present must hold. */
export interface FlowFilter {
  /** AF_INET or AF_INET6; 0 = both. */
  family?: number;
  orig?: TupleFields;
  reply?: TupleFields;
  /** Network masks of orig.src and orig.dst. */
  srcMask?: Uint8Array;
  dstMask?: Uint8Array;
  protonum?: number;
  /** The protocol's state number. */
  state?: number;
  origVtag?: number;
  replyVtag?: number;
  timeoutSeconds?: number;
  /** All of `set`, none of `clear`; `unset`: none of the four flags that UNSET names. IPS_* bits. */
  status?: { set: number; clear: number; unset: boolean };
  mark?: { value: number; mask: number };
  secmark?: number;
  id?: number;
  /** The zone of both directions; an entry without one is in zone 0. */
  zone?: number;
  srcNat?: NatFilter;
  dstNat?: NatFilter;
  anyNat?: NatFilter;
  /** Label bits, all of which must be set. */
  labels?: readonly number[];
}

export type Predicate = (view: FlowView) => boolean;

/** Those that UNSET says are not set. */
export const UNSET_FLAGS = C.IPS_EXPECTED | C.IPS_SEEN_REPLY | C.IPS_ASSURED | C.IPS_FIXED_TIMEOUT;

/** The field in `slot` is present and equal. */
const equalU8 =
  (slot: number, value: number): Predicate =>
  (view) =>
    view.has(slot) && view.u8(slot) === value;
const equalU16 =
  (slot: number, value: number): Predicate =>
  (view) =>
    view.has(slot) && view.u16(slot) === value;
const equalU32 =
  (slot: number, value: number): Predicate =>
  (view) =>
    view.has(slot) && view.u32(slot) === value;
/** A zone that was not sent is zone 0. */
const equalZone =
  (slot: number, value: number): Predicate =>
  (view) =>
    (view.has(slot) ? view.u16(slot) : 0) === value;
const equalVtag =
  (slot: number, value: number): Predicate =>
  (view) =>
    view.has(slot) && readU32Host(view.buffer, view.offset(slot)) === value;

/** Either of two slots, as for ICMP and ICMPv6: a message holds only one of them. */
const either =
  (first: Predicate, second: Predicate): Predicate =>
  (view) =>
    first(view) || second(view);

function equalAddress(v4: number, v6: number, address: Uint8Array, mask?: Uint8Array): Predicate {
  const slot = address.length === 4 ? v4 : v6;
  const wanted = mask === undefined ? address : address.map((byte, i) => byte & mask[i]!);
  return (view) => {
    if (!view.has(slot)) return false;
    const offset = view.offset(slot);
    for (let i = 0; i < wanted.length; i++) {
      const byte = view.buffer[offset + i]!;
      if ((mask === undefined ? byte : byte & mask[i]!) !== wanted[i]) return false;
    }
    return true;
  };
}

function tupleChecks(tuple: TupleFields, base: number, srcMask?: Uint8Array, dstMask?: Uint8Array): Predicate[] {
  const checks: Predicate[] = [];
  const { src, dst, sport, dport, icmpType, icmpCode, icmpId, zone } = tuple;
  if (sport !== undefined) checks.push(equalU16(base + S.T_SRC_PORT, sport));
  if (dport !== undefined) checks.push(equalU16(base + S.T_DST_PORT, dport));
  if (src !== undefined) checks.push(equalAddress(base + S.T_V4_SRC, base + S.T_V6_SRC, src, srcMask));
  if (dst !== undefined) checks.push(equalAddress(base + S.T_V4_DST, base + S.T_V6_DST, dst, dstMask));
  if (icmpType !== undefined)
    checks.push(either(equalU8(base + S.T_ICMP_TYPE, icmpType), equalU8(base + S.T_ICMPV6_TYPE, icmpType)));
  if (icmpCode !== undefined)
    checks.push(either(equalU8(base + S.T_ICMP_CODE, icmpCode), equalU8(base + S.T_ICMPV6_CODE, icmpCode)));
  if (icmpId !== undefined)
    checks.push(either(equalU16(base + S.T_ICMP_ID, icmpId), equalU16(base + S.T_ICMPV6_ID, icmpId)));
  if (zone !== undefined) checks.push(equalZone(base + S.T_ZONE, zone));
  return checks;
}

/** The source is translated, and to what `nat` says: the reply's destination shows it. */
function sourceNat({ address, port }: NatFilter): Predicate {
  const checks: Predicate[] = [(view) => isSourceTranslated(view) || isSourcePortTranslated(view)];
  if (address !== undefined) checks.push(equalAddress(S.REPLY + S.T_V4_DST, S.REPLY + S.T_V6_DST, address));
  if (port !== undefined) checks.push(equalU16(S.REPLY + S.T_DST_PORT, port));
  return all(checks);
}

/** The destination is translated, and to what `nat` says: the reply's source shows it. */
function destinationNat({ address, port }: NatFilter): Predicate {
  const checks: Predicate[] = [(view) => isDestinationTranslated(view) || isDestinationPortTranslated(view)];
  if (address !== undefined) checks.push(equalAddress(S.REPLY + S.T_V4_SRC, S.REPLY + S.T_V6_SRC, address));
  if (port !== undefined) checks.push(equalU16(S.REPLY + S.T_SRC_PORT, port));
  return all(checks);
}

function all(checks: readonly Predicate[]): Predicate {
  if (checks.length === 1) return checks[0]!;
  return (view) => {
    for (const check of checks) if (!check(view)) return false;
    return true;
  };
}

/** The predicate of a filter, or undefined where everything matches. */
export function compileFilter(filter: FlowFilter): Predicate | undefined {
  const checks: Predicate[] = [];
  const { family, protonum, state, origVtag, replyVtag, timeoutSeconds, status, mark, secmark, id, zone, labels } =
    filter;
  if (family) checks.push((view) => view.family === family);
  if (protonum !== undefined) checks.push(equalU8(S.ORIG + S.T_PROTO_NUM, protonum));
  if (filter.orig) checks.push(...tupleChecks(filter.orig, S.ORIG, filter.srcMask, filter.dstMask));
  if (filter.reply) checks.push(...tupleChecks(filter.reply, S.REPLY));
  if (state !== undefined) checks.push((view) => stateNumber(view) === state);
  if (status !== undefined) {
    const { set } = status;
    const clear = status.unset ? status.clear | UNSET_FLAGS : status.clear;
    const slot = S.TOP + C.CTA_STATUS;
    checks.push((view) => view.has(slot) && (view.u32(slot) & (set | clear)) === set);
  }
  if (mark !== undefined) {
    const { value, mask } = mark;
    const slot = S.TOP + C.CTA_MARK;
    checks.push((view) => view.has(slot) && (view.u32(slot) & mask) >>> 0 === value);
  }
  if (timeoutSeconds !== undefined) checks.push(equalU32(S.TOP + C.CTA_TIMEOUT, timeoutSeconds));
  if (secmark !== undefined) checks.push(equalU32(S.TOP + C.CTA_SECMARK, secmark));
  if (id !== undefined) checks.push(equalU32(S.TOP + C.CTA_ID, id));
  if (zone !== undefined) checks.push(equalZone(S.TOP + C.CTA_ZONE, zone));
  if (origVtag !== undefined) checks.push(equalVtag(S.SCTP + C.CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, origVtag));
  if (replyVtag !== undefined) checks.push(equalVtag(S.SCTP + C.CTA_PROTOINFO_SCTP_VTAG_REPLY, replyVtag));
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
  return checks.length === 0 ? undefined : all(checks);
}
