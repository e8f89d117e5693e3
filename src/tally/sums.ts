/** What is added up of the flows of a group: one row each. */
import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";

/**
 * A counter of the kernel, of flows that have it; the number of flows of which something is true; or the least value of a
 * 64-bit field, which GroupTable.least() reads.
 */
export type Sum =
  | { readonly name: string; readonly slot: number }
  | { readonly name: string; readonly leastOf: number }
  | { readonly name: string; readonly counts: (view: FlowView) => boolean };

const STATUS = S.TOP + C.CTA_STATUS;

/** Whether the flow has a status in which `flag` is not set. */
const lacks = (flag: number) => (view: FlowView) => view.has(STATUS) && view.bits(STATUS, flag) === 0;

export const FLOWS: Sum = { name: "flows", counts: () => true };
/** No packet of the reply direction was seen. */
export const UNREPLIED: Sum = { name: "unreplied", counts: lacks(C.IPS_SEEN_REPLY) };
/** Those that the kernel may throw out when the table is full. */
export const UNASSURED: Sum = { name: "unassured", counts: lacks(C.IPS_ASSURED) };
/** In software or in hardware. */
export const OFFLOADED: Sum = {
  name: "offloaded",
  counts: (view) => view.has(STATUS) && view.bits(STATUS, C.IPS_OFFLOAD | C.IPS_HW_OFFLOAD) !== 0,
};
/** Flows that have counters: net.netfilter.nf_conntrack_acct was on when they began. */
export const COUNTED: Sum = { name: "counted", counts: (view) => view.has(S.COUNTERS_ORIG + 1) };
export const ORIG_PACKETS: Sum = { name: "orig-packets", slot: S.COUNTERS_ORIG + 1 };
export const ORIG_BYTES: Sum = { name: "orig-bytes", slot: S.COUNTERS_ORIG + 2 };
export const REPLY_PACKETS: Sum = { name: "reply-packets", slot: S.COUNTERS_REPLY + 1 };
export const REPLY_BYTES: Sum = { name: "reply-bytes", slot: S.COUNTERS_REPLY + 2 };
/** When the oldest flow began, in nanoseconds since 1970: net.netfilter.nf_conntrack_timestamp was on then. */
export const OLDEST: Sum = { name: "oldest", leastOf: S.TIMESTAMP + C.CTA_TIMESTAMP_START };
