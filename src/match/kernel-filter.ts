/**
 * What of a filter the kernel can apply itself while it dumps: it saves reading the rest of the table. See CTA_FILTER in
 * linux/netfilter/nfnetlink_conntrack.h; the complete predicate runs in user space all the same, so this can only save work.
 */
import * as C from "../ctnetlink/constants.js";
import type { DumpFilter, Tuple, TupleFields } from "../ctnetlink/encode.js";
import { protocolByNumber } from "../protocol/protocols.js";
import { type FlowFilter, UNSET_FLAGS } from "./filter.js";

/** A mask without a clear bit is no network. */
const isWhole = (mask: Uint8Array | undefined) => mask === undefined || mask.every((byte) => byte === 0xff);

/**
 * IPv6 addresses stay in user space: Linux 6.18 was seen to compare them the wrong way round, and to send
 * the entries that do not have the address.
 */
const isIpv4 = (address: Uint8Array | undefined) => address?.length === 4;

/** The exact values of a direction; the kernel knows no networks. Undefined where there are none. */
function exactTuple(tuple: TupleFields | undefined, protonum: number | undefined, src: boolean, dst: boolean) {
  const exact: Tuple = {};
  if (src && isIpv4(tuple?.src)) exact.src = tuple?.src;
  if (dst && isIpv4(tuple?.dst)) exact.dst = tuple?.dst;
  if (protonum !== undefined) {
    exact.protonum = protonum;
    // Port and icmp flags need the protocol flag. GRE's keys stay in user space: the kernel is not known to compare them.
    if (protocolByNumber(protonum)?.kind === "ports") {
      if (tuple?.sport !== undefined) exact.sport = tuple.sport;
      if (tuple?.dport !== undefined) exact.dport = tuple.dport;
    }
    if (tuple?.icmpType !== undefined) exact.icmpType = tuple.icmpType;
    if (tuple?.icmpCode !== undefined) exact.icmpCode = tuple.icmpCode;
    if (tuple?.icmpId !== undefined) exact.icmpId = tuple.icmpId;
  }
  return Object.keys(exact).length === 0 ? undefined : exact;
}

/** The family that a filter implies: the kernel filters tuples of one family only. */
function familyOf({ family, orig, reply }: FlowFilter): number {
  if (family) return family;
  const address = orig?.src ?? orig?.dst ?? reply?.src ?? reply?.dst;
  return address === undefined ? C.AF_UNSPEC : address.length === 4 ? C.AF_INET : C.AF_INET6;
}

/** The part of a filter that goes into the dump request. */
export function kernelFilter(filter: FlowFilter): DumpFilter {
  const family = familyOf(filter);
  const result: DumpFilter = { family, mark: filter.mark };
  const { status, zone } = filter;
  if (status !== undefined) {
    const clear = status.unset ? status.clear | UNSET_FLAGS : status.clear;
    result.status = { value: status.set, mask: status.set | clear };
  }
  if (zone !== undefined && zone !== 0) result.zone = zone;
  if (family !== C.AF_UNSPEC) {
    result.orig = exactTuple(filter.orig, filter.protonum, isWhole(filter.srcMask), isWhole(filter.dstMask));
    const { reply } = filter;
    if (reply !== undefined && Object.entries(reply).some(([key, value]) => key !== "zone" && value !== undefined)) {
      result.reply = exactTuple(reply, filter.protonum, true, true);
    }
  }
  return result;
}
