/** A flow that was listed, as a flow that is to be created: what somebody may say of a new flow, and nothing else. */
import * as C from "../ctnetlink/constants.js";
import type { TupleFields } from "../ctnetlink/encode.js";
import { hasLabel } from "../ctnetlink/labels.js";
import type { SavedFlow, SavedTuple } from "../saved/flow.js";
import { fieldsOf } from "../saved/flow.js";
import { UsageError } from "../system/errors.js";
import type { NewFlow, NewTranslation } from "./new-flow.js";

/** Flags that a new flow can be given. The kernel sets the others itself, or they are over. */
const GIVEN_STATUS = C.IPS_SEEN_REPLY | C.IPS_ASSURED | C.IPS_FIXED_TIMEOUT;

function translation(
  address: Uint8Array | undefined,
  port: number | undefined,
  id: number | undefined,
): NewTranslation {
  const nat: NewTranslation = {};
  if (address !== undefined) nat.address = address;
  if (port !== undefined) nat.port = nat.id = port;
  else if (id !== undefined) nat.id = id;
  return nat;
}

/**
 * The request's view of a listed flow. The reply of a translated flow shows the translation; the kernel wants it without, and the
 * translation beside it: only then it goes on to translate packets. `srcNat` and `dstNat` that are there already stay.
 */
export function asNew(flow: NewFlow): NewFlow {
  const { orig, status = 0 } = flow;
  const reply = { ...flow.reply };
  const fresh: NewFlow = { ...flow, reply, status: status & GIVEN_STATUS };
  if (reply.src === undefined || reply.dst === undefined) return fresh;
  if ((status & C.IPS_SRC_NAT) !== 0) {
    fresh.srcNat ??= translation(reply.dst, reply.dport, reply.icmpId);
    reply.dst = orig.src;
    reply.dport = orig.sport;
    reply.icmpId = orig.icmpId;
  }
  if ((status & C.IPS_DST_NAT) !== 0) {
    fresh.dstNat ??= translation(reply.src, reply.sport, undefined);
    reply.src = orig.dst;
    reply.sport = orig.dport;
  }
  return fresh;
}

function tupleOf(saved: SavedTuple, protonum: number): TupleFields {
  const { src, dst, zone, fields } = saved;
  const tuple: TupleFields = { src, dst, zone };
  for (const [i, { name }] of fieldsOf(protonum).entries()) {
    const value = fields[i];
    if (name === "sport" || name === "srckey") tuple.sport = value;
    else if (name === "dport" || name === "dstkey") tuple.dport = value;
    else if (name === "type") tuple.icmpType = value;
    else if (name === "code") tuple.icmpCode = value;
    else tuple.icmpId = value;
  }
  return tuple;
}

/**
 * A flow of a saved dump as a new one. Counters, times, ids, secmark, security context and the master are passed over: nobody can
 * give them to a flow.
 * @throws UsageError for an entry that no flow can be made of
 */
export function newFlowOf(saved: SavedFlow): NewFlow {
  const { family, protonum, timeoutSeconds, orig, reply, labels } = saved;
  const { src, dst } = orig;
  if (protonum === undefined) throw new UsageError("the entry has no protocol");
  if (src === undefined || dst === undefined) throw new UsageError("the entry has no addresses");
  if (timeoutSeconds === undefined) throw new UsageError("the entry has no timeout");
  const flow: NewFlow = {
    family,
    protonum,
    timeoutSeconds,
    orig: tupleOf(orig, protonum),
    reply: tupleOf(reply, protonum),
    state: saved.state,
    role: saved.role,
    origVtag: orig.vtag,
    replyVtag: reply.vtag,
  };
  if (saved.status !== undefined) flow.status = saved.status;
  if (saved.mark !== undefined) flow.mark = saved.mark;
  if (saved.zone !== undefined) flow.zone = saved.zone;
  if (saved.helper !== undefined) flow.helper = saved.helper;
  if (labels !== undefined) flow.labels = bitsOf(labels);
  return asNew(flow);
}

function bitsOf(labels: Uint8Array): number[] {
  const bits: number[] = [];
  for (let bit = 0; bit < 8 * labels.length; bit++) if (hasLabel(labels, bit)) bits.push(bit);
  return bits;
}
