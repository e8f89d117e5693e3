/**
 * What of a filter the kernel can apply itself while it dumps: it saves reading the rest of the table. See CTA_FILTER in
 * linux/netfilter/nfnetlink_conntrack.h; the complete predicate runs in user space all the same, so this can only save work.
 */
import * as C from "../ctnetlink/constants.js";
import type { DumpFilter, Tuple } from "../ctnetlink/encode.js";
import { protocolByNumber } from "../protocol/protocols.js";
import {
  type AddressCondition,
  addressLength,
  exactAddress,
  exactNumber,
  type MarkCondition,
  type MaskedMark,
} from "./conditions.js";
import { type FlowFilter, type TupleMatch, UNSET_FLAGS } from "./filter.js";

/**
 * IPv6 addresses stay in user space: Linux 6.18 was seen to compare them the wrong way round, and to send
 * the entries that do not have the address.
 */
function exactIpv4(condition: AddressCondition | undefined): Uint8Array | undefined {
  const address = exactAddress(condition);
  return address?.length === 4 ? address : undefined;
}

/** The fields of a direction that must be one value; the kernel knows no others. Undefined where there are none. */
function exactTuple(match: TupleMatch | undefined, protonum: number | undefined): Tuple | undefined {
  const exact: Tuple = {};
  const put = <Name extends keyof Tuple>(name: Name, value: Tuple[Name]) => {
    if (value !== undefined) exact[name] = value;
  };
  put("src", exactIpv4(match?.src));
  put("dst", exactIpv4(match?.dst));
  if (protonum !== undefined) {
    exact.protonum = protonum;
    // Port and icmp flags need the protocol flag. GRE's keys stay in user space: the kernel is not known to compare them.
    if (protocolByNumber(protonum)?.kind === "ports") {
      put("sport", exactNumber(match?.sport));
      put("dport", exactNumber(match?.dport));
    }
    put("icmpType", exactNumber(match?.icmpType));
    put("icmpCode", exactNumber(match?.icmpCode));
    put("icmpId", exactNumber(match?.icmpId));
  }
  return Object.keys(exact).length === 0 ? undefined : exact;
}

/** The family that a filter implies: the kernel filters tuples of one family only. */
function familyOf({ family, orig, reply }: FlowFilter): number {
  if (family) return family;
  const condition = orig?.src ?? orig?.dst ?? reply?.src ?? reply?.dst;
  if (condition === undefined) return C.AF_UNSPEC;
  return addressLength(condition) === 4 ? C.AF_INET : C.AF_INET6;
}

const isOneBit = (mask: number): boolean => mask !== 0 && (mask & (mask - 1)) === 0;

/** The bits in which all entries that meet the condition are alike, and what they are; undefined where there are none. */
function commonMark(condition: MarkCondition | undefined): MaskedMark | undefined {
  if (condition === undefined) return undefined;
  const [first, ...others] = condition.not ? oppositeBits(condition) : condition.items;
  if (first === undefined || others.length === 0) return first;
  const join = condition.not ? bothOf : sharedBy;
  const common = others.reduce(join, first);
  return common.mask === 0 ? undefined : common;
}

/** Of marks that must not be: those of one bit, which has to be the other way round. */
function oppositeBits({ items }: MarkCondition): MaskedMark[] {
  const bits = items.filter(({ value, mask }) => isOneBit(mask) && (value & ~mask) === 0);
  return bits.map(({ value, mask }) => ({ value: (value ^ mask) >>> 0, mask }));
}

/** What an entry has in common with a mark whichever of the two it meets. */
function sharedBy(a: MaskedMark, b: MaskedMark): MaskedMark {
  const mask = (a.mask & b.mask & ~(a.value ^ b.value)) >>> 0;
  return { value: (a.value & mask) >>> 0, mask };
}

/** What an entry is that meets both. */
function bothOf(a: MaskedMark, b: MaskedMark): MaskedMark {
  return { value: (a.value | b.value) >>> 0, mask: (a.mask | b.mask) >>> 0 };
}

/** The part of a filter that goes into the dump request. */
export function kernelFilter(filter: FlowFilter): DumpFilter {
  const family = familyOf(filter);
  const result: DumpFilter = { family, mark: commonMark(filter.mark) };
  const { status } = filter;
  if (status !== undefined) {
    const clear = status.unset ? status.clear | UNSET_FLAGS : status.clear;
    result.status = { value: status.set, mask: status.set | clear };
  }
  const zone = exactNumber(filter.zone);
  if (zone !== undefined && zone !== 0) result.zone = zone;
  if (family !== C.AF_UNSPEC) {
    const protonum = exactNumber(filter.protonum);
    result.orig = exactTuple(filter.orig, protonum);
    const { reply } = filter;
    if (reply !== undefined && Object.entries(reply).some(([key, value]) => key !== "zone" && value !== undefined)) {
      result.reply = exactTuple(reply, protonum);
    }
  }
  return result;
}
