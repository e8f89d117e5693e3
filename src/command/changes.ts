/** What an update sends for an entry. */
import * as C from "../ctnetlink/constants.js";
import type { FlowChanges } from "../ctnetlink/encode.js";
import { hasLabel, LABEL_BITS, labelBytes } from "../ctnetlink/labels.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import { protoinfoToSend, stateNumber } from "../protocol/state.js";
import type { ProtocolState } from "./new-flow.js";

/** What an update changes; what is absent stays as it is. */
export interface Changes extends ProtocolState {
  timeoutSeconds?: number;
  /** The bits of `mask` become those of `value`, by exclusive or with what is left: iptables' --set-xmark. */
  mark?: { value: number; mask: number };
  /** IPS_* bits to set: the kernel clears none. */
  status?: number;
  /** Label bits to set, or to clear. */
  labelAdd?: readonly number[];
  labelDel?: readonly number[] | "all";
}

/** The value in a slot, or undefined where the kernel did not send it. */
function u32(view: FlowView, slot: number): number | undefined {
  return view.has(slot) ? view.u32(slot) : undefined;
}

/** The labels to send: see linux/netfilter/nfnetlink_conntrack.h, CTA_LABELS: the kernel wants its own length, and bits under a mask. */
function labelChanges(view: FlowView, { labelAdd, labelDel }: Changes): FlowChanges | undefined {
  const slot = S.TOP + C.CTA_LABELS;
  const had = view.has(slot) ? view.bytes(slot) : new Uint8Array(LABEL_BITS / 8);
  if (labelAdd !== undefined) {
    if (labelAdd.every((bit) => hasLabel(had, bit))) return undefined;
    const bits = labelBytes(labelAdd, had.length);
    return { labels: bits, labelsMask: bits };
  }
  if (labelDel === undefined) return undefined;
  if (labelDel === "all") return had.every((byte) => byte === 0) ? undefined : { labels: new Uint8Array(had.length) };
  if (!labelDel.some((bit) => hasLabel(had, bit))) return undefined;
  return { labels: new Uint8Array(had.length), labelsMask: labelBytes(labelDel, had.length) };
}

/** What to send for an entry, or undefined where nothing would change. */
export function changesFor(view: FlowView, wanted: Changes): FlowChanges | undefined {
  const changes: FlowChanges = {};
  let any = false;
  const { timeoutSeconds, mark, status } = wanted;
  if (timeoutSeconds !== undefined && timeoutSeconds !== u32(view, S.TOP + C.CTA_TIMEOUT)) {
    changes.timeoutSeconds = timeoutSeconds;
    any = true;
  }
  if (mark !== undefined) {
    const old = u32(view, S.TOP + C.CTA_MARK) ?? 0;
    const next = ((old & ~mark.mask) ^ mark.value) >>> 0;
    if (next !== old) {
      changes.mark = next;
      any = true;
    }
  }
  if (status !== undefined) {
    const old = u32(view, S.TOP + C.CTA_STATUS) ?? 0;
    const next = (old | status) >>> 0;
    if (next !== old) {
      changes.status = next;
      any = true;
    }
  }
  if (wanted.state !== undefined && wanted.state !== stateNumber(view)) {
    changes.protoinfo = protoinfoToSend(wanted.protonum, wanted);
    any = true;
  }
  const labels = labelChanges(view, wanted);
  if (labels !== undefined) Object.assign(changes, labels);
  return any || labels !== undefined ? changes : undefined;
}

/**
 * What to send for an entry that was not read. `status` is its status (IPS_* bits), which matters where flags are to be set:
 * the kernel refuses a status that would clear one (EBUSY).
 */
export function changesUnread(wanted: Changes, status = 0): FlowChanges {
  const changes: FlowChanges = {};
  const { timeoutSeconds, mark, labelAdd, labelDel } = wanted;
  if (timeoutSeconds !== undefined) changes.timeoutSeconds = timeoutSeconds;
  if (mark !== undefined) {
    changes.mark = mark.value;
    changes.markMask = mark.mask;
  }
  if (wanted.status !== undefined) changes.status = (status | wanted.status | C.IPS_CONFIRMED) >>> 0;
  if (wanted.state !== undefined) changes.protoinfo = protoinfoToSend(wanted.protonum, wanted);
  if (labelAdd !== undefined) changes.labels = changes.labelsMask = labelBytes(labelAdd);
  else if (labelDel !== undefined) {
    changes.labels = new Uint8Array(LABEL_BITS / 8);
    if (labelDel !== "all") changes.labelsMask = labelBytes(labelDel);
  }
  return changes;
}
