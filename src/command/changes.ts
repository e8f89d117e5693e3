/** What an update sends for an entry. */
import * as C from "../ctnetlink/constants.js";
import type { Combination, FlowChanges } from "../ctnetlink/encode.js";
import { fieldSet, numberBytes } from "../ctnetlink/fields.js";
import { hasLabel, LABEL_BITS, labelBytes } from "../ctnetlink/labels.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import { protoinfoToSend, stateSlot } from "../protocol/state.js";
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

/** Whether the 32-bit number in a slot has a value in the bits of a mask. */
function isNumber(view: FlowView, slot: number, value: number, mask = 0xffffffff): boolean {
  const bytes = numberBytes(value, 4);
  return view.has(slot) && view.isIn(slot, fieldSet(4, [{ mask: numberBytes(mask, 4), from: bytes, to: bytes }]));
}

/** The number of a slot, 0 where the kernel did not send it, with the bits of `and`, changed by exclusive or with `xor`. */
function combined(view: FlowView, slot: number, and: number, xor: number): Combination | number {
  return view.has(slot) ? { view, slot, and, xor } : xor >>> 0;
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

function isState(view: FlowView, state: number): boolean {
  const slot = stateSlot(view);
  const bytes = Uint8Array.of(state);
  return slot !== 0 && view.isIn(slot, fieldSet(1, [{ from: bytes, to: bytes }]));
}

/** What to send for an entry, or undefined where nothing would change. */
export function changesFor(view: FlowView, wanted: Changes): FlowChanges | undefined {
  const changes: FlowChanges = {};
  let any = false;
  const { timeoutSeconds, mark, status } = wanted;
  if (timeoutSeconds !== undefined && !isNumber(view, S.TOP + C.CTA_TIMEOUT, timeoutSeconds)) {
    changes.timeoutSeconds = timeoutSeconds;
    any = true;
  }
  if (mark !== undefined) {
    const slot = S.TOP + C.CTA_MARK;
    if (view.has(slot) ? !isNumber(view, slot, mark.value, mark.mask) : mark.value !== 0) {
      changes.mark = combined(view, slot, ~mark.mask, mark.value);
      any = true;
    }
  }
  if (status !== undefined) {
    const slot = S.TOP + C.CTA_STATUS;
    if (view.has(slot) ? !isNumber(view, slot, status, status) : status !== 0) {
      changes.status = combined(view, slot, ~status, status);
      any = true;
    }
  }
  if (wanted.state !== undefined && !isState(view, wanted.state)) {
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
