/** Requests about flows and expectations as ctnetlink messages. Attributes go out in the order of their numbers' use here, always the same. */
import { NLA_F_NESTED, NLM_F_REQUEST } from "../netlink/constants.js";
import type { MessageWriter } from "../netlink/message.js";
import * as C from "./constants.js";
import { numberBytes } from "./fields.js";
import * as S from "./slots.js";
import type { FlowView } from "./view.js";

/** The fields of one direction of a flow. Addresses are raw bytes in network order, 4 or 16; what is absent is not said. */
export interface TupleFields {
  src?: Uint8Array | undefined;
  dst?: Uint8Array | undefined;
  /** Ports; GRE's keys. */
  sport?: number | undefined;
  dport?: number | undefined;
  icmpType?: number | undefined;
  icmpCode?: number | undefined;
  icmpId?: number | undefined;
  /** The zone of this direction alone. */
  zone?: number | undefined;
}

/** A tuple as it is sent: an absent property is not. */
export interface Tuple extends TupleFields {
  protonum?: number | undefined;
}

/** What narrows a dump in the kernel. The caller applies its complete filter again: older kernels ignore some of these. */
export interface DumpFilter {
  /** AF_INET, AF_INET6, or AF_UNSPEC for both. */
  family: number;
  mark?: { value: number; mask: number } | undefined;
  /** Entries whose status bits under `mask` are `value`. Older kernels ignore it. */
  status?: { value: number; mask: number } | undefined;
  /** Linux 6.8 and later. */
  zone?: number | undefined;
  /** Linux 5.8 and later: fields that must be equal. Both need a family, ports and icmp fields need the protocol. */
  orig?: Tuple | undefined;
  reply?: Tuple | undefined;
}

function encodeAddresses(writer: MessageWriter, { src, dst }: Tuple): void {
  if (src === undefined && dst === undefined) return;
  const nest = writer.nestStart(C.CTA_TUPLE_IP);
  if (src !== undefined) writer.bytes(src.length === 4 ? C.CTA_IP_V4_SRC : C.CTA_IP_V6_SRC, src);
  if (dst !== undefined) writer.bytes(dst.length === 4 ? C.CTA_IP_V4_DST : C.CTA_IP_V6_DST, dst);
  writer.nestEnd(nest);
}

function encodeProtocol(writer: MessageWriter, tuple: Tuple): void {
  if (tuple.protonum === undefined) return;
  const nest = writer.nestStart(C.CTA_TUPLE_PROTO);
  writer.u8(C.CTA_PROTO_NUM, tuple.protonum);
  if (tuple.sport !== undefined) writer.u16(C.CTA_PROTO_SRC_PORT, tuple.sport);
  if (tuple.dport !== undefined) writer.u16(C.CTA_PROTO_DST_PORT, tuple.dport);
  const v6 = tuple.protonum === C.IPPROTO_ICMPV6;
  if (tuple.icmpCode !== undefined) writer.u8(v6 ? C.CTA_PROTO_ICMPV6_CODE : C.CTA_PROTO_ICMP_CODE, tuple.icmpCode);
  if (tuple.icmpType !== undefined) writer.u8(v6 ? C.CTA_PROTO_ICMPV6_TYPE : C.CTA_PROTO_ICMP_TYPE, tuple.icmpType);
  if (tuple.icmpId !== undefined) writer.u16(v6 ? C.CTA_PROTO_ICMPV6_ID : C.CTA_PROTO_ICMP_ID, tuple.icmpId);
  writer.nestEnd(nest);
}

/** Writes a tuple as attribute `type`, e.g. CTA_TUPLE_ORIG or CTA_EXPECT_MASTER. */
export function encodeTuple(writer: MessageWriter, type: number, tuple: Tuple): void {
  const nest = writer.nestStart(type);
  encodeAddresses(writer, tuple);
  encodeProtocol(writer, tuple);
  if (tuple.zone !== undefined) writer.u16(C.CTA_TUPLE_ZONE, tuple.zone);
  writer.nestEnd(nest);
}

/** Which fields of a tuple a dump is to compare: the bits of CTA_FILTER_ORIG_FLAGS and CTA_FILTER_REPLY_FLAGS. */
function filterFlags(tuple: Tuple | undefined): number {
  if (tuple === undefined) return 0;
  const icmp = tuple.protonum === C.IPPROTO_ICMPV6 ? C.CTA_FILTER_F_ICMPV6_TYPE : C.CTA_FILTER_F_ICMP_TYPE;
  return (
    (tuple.src === undefined ? 0 : C.CTA_FILTER_F_IP_SRC) |
    (tuple.dst === undefined ? 0 : C.CTA_FILTER_F_IP_DST) |
    (tuple.protonum === undefined ? 0 : C.CTA_FILTER_F_PROTO_NUM) |
    (tuple.sport === undefined ? 0 : C.CTA_FILTER_F_SRC_PORT) |
    (tuple.dport === undefined ? 0 : C.CTA_FILTER_F_DST_PORT) |
    (tuple.icmpType === undefined ? 0 : icmp) |
    (tuple.icmpCode === undefined ? 0 : icmp << 1) |
    (tuple.icmpId === undefined ? 0 : icmp << 2)
  );
}

/** A dump of flows. `type` is CT_GET, CT_GET_CTRZERO, CT_GET_DYING or CT_GET_UNCONFIRMED. */
export function encodeFlowDump(writer: MessageWriter, type: number, filter: DumpFilter): void {
  const { family, mark, status, zone, orig, reply } = filter;
  writer.begin(type, 0, 0, family);
  if (orig !== undefined) encodeTuple(writer, C.CTA_TUPLE_ORIG, orig);
  if (reply !== undefined) encodeTuple(writer, C.CTA_TUPLE_REPLY, reply);
  if (status !== undefined) writer.u32(C.CTA_STATUS, status.value);
  if (mark !== undefined) {
    writer.u32(C.CTA_MARK, mark.value);
    writer.u32(C.CTA_MARK_MASK, mark.mask);
  }
  if (zone !== undefined) writer.u16(C.CTA_ZONE, zone);
  if (orig !== undefined || reply !== undefined) {
    const nest = writer.nestStart(C.CTA_FILTER);
    if (orig !== undefined) writer.u32Host(C.CTA_FILTER_ORIG_FLAGS, filterFlags(orig));
    if (reply !== undefined) writer.u32Host(C.CTA_FILTER_REPLY_FLAGS, filterFlags(reply));
    writer.nestEnd(nest);
  }
  if (status !== undefined) writer.u32(C.CTA_STATUS_MASK, status.mask);
  writer.end();
}

/** What names one flow: one of its tuples, and the zone that it is in. */
export interface FlowKey {
  family: number;
  /** CTA_TUPLE_ORIG or CTA_TUPLE_REPLY. */
  type: number;
  tuple: Tuple;
  zone?: number | undefined;
  /** The entry's id. The kernel compares it where a flow is deleted, and nowhere else. */
  id?: number | undefined;
}

function encodeKey(writer: MessageWriter, type: number, key: FlowKey): void {
  writer.begin(type, 0, 0, key.family);
  encodeTuple(writer, key.type, key.tuple);
  if (key.zone !== undefined) writer.u16(C.CTA_ZONE, key.zone);
}

/** A query for one flow. */
export function encodeFlowGet(writer: MessageWriter, key: FlowKey): void {
  encodeKey(writer, C.CT_GET, key);
  writer.end();
}

/** Deletes one flow. With its id, a successor that has the same tuple stays (ENOENT). */
export function encodeFlowRemove(writer: MessageWriter, key: FlowKey): void {
  encodeKey(writer, C.CT_DELETE, key);
  if (key.id !== undefined) writer.u32(C.CTA_ID, key.id);
  writer.end();
}

/** Changes one flow: ENOENT where there is none, for it is not created. */
export function encodeFlowChange(writer: MessageWriter, key: FlowKey, changes: FlowChanges): void {
  encodeKey(writer, C.CT_NEW, key);
  encodeChanges(writer, changes);
  writer.end();
}

/** What names one expectation besides the tuple that it expects. */
export interface ExpectKey {
  zone?: number | undefined;
  /** The kernel compares it. */
  id?: number | undefined;
}

function encodeExpectKey(writer: MessageWriter, type: number, family: number, tuple: Tuple, key: ExpectKey): void {
  writer.begin(type, 0, 0, family);
  encodeTuple(writer, C.CTA_EXPECT_TUPLE, tuple);
  if (key.zone !== undefined) writer.u16(C.CTA_EXPECT_ZONE, key.zone);
  if (key.id !== undefined) writer.u32(C.CTA_EXPECT_ID, key.id);
  writer.end();
}

/** A query for one expectation by the tuple that it expects. */
export function encodeExpectGet(writer: MessageWriter, family: number, tuple: Tuple, key: ExpectKey = {}): void {
  encodeExpectKey(writer, C.EXP_GET, family, tuple, key);
}

/** A request without attributes: dumps of expectations and statistics, the global statistics, a flush. */
export function encodePlain(writer: MessageWriter, type: number, family: number): void {
  writer.begin(type, 0, 0, family);
  writer.end();
}

/** A 32-bit number made of the one in a slot: its bits under `and`, then changed by exclusive or with `xor`. */
export interface Combination {
  readonly view: FlowView;
  readonly slot: number;
  readonly and: number;
  readonly xor: number;
}

/** What a create or update request says of a flow besides its tuples. An absent property is not sent. */
export interface FlowChanges {
  timeoutSeconds?: number | undefined;
  /** IPS_* bits. */
  status?: number | Combination | undefined;
  mark?: number | Combination | undefined;
  /** In changes alone: which bits of the mark make room for those of `mark`. All of them where absent. */
  markMask?: number | undefined;
  zone?: number | undefined;
  id?: number | undefined;
  protoinfo?: Protoinfo | undefined;
  srcNat?: NatRange | undefined;
  dstNat?: NatRange | undefined;
  /** Label bits and which of them to touch, both of the length that the kernel uses. */
  labels?: Uint8Array | undefined;
  labelsMask?: Uint8Array | undefined;
  /** The name of a helper. The kernel takes one for a new flow, and knows those alone whose module is loaded. */
  helper?: string | undefined;
}

/** What a request can say in CTA_PROTOINFO. */
export interface ProtoinfoValues {
  state?: number | undefined;
  /** SCTP's verification tags in host byte order, as the reference sends and shows them. */
  origVtag?: number | undefined;
  replyVtag?: number | undefined;
  /** DCCP: see DCCP_ROLES. */
  role?: number | undefined;
}

/** How a protocol sends them. The protocol table of src/protocol has one for each protocol with a state. */
export interface ProtoinfoEncoder {
  /** CTA_PROTOINFO_* */
  readonly attribute: number;
  /** Writes what nests in the attribute. */
  encode(writer: MessageWriter, values: ProtoinfoValues): void;
}

/** The state of a protocol as a request sends it. */
export interface Protoinfo {
  encoder: ProtoinfoEncoder;
  values: ProtoinfoValues;
}

/** The address that takes the place of the source or destination, and the port where the protocol has one. */
export interface NatRange {
  address: Uint8Array;
  port?: number | undefined;
}

function encodeProtoinfo(writer: MessageWriter, { encoder, values }: Protoinfo): void {
  const nest = writer.nestStart(C.CTA_PROTOINFO);
  const own = writer.nestStart(encoder.attribute);
  encoder.encode(writer, values);
  writer.nestEnd(own);
  writer.nestEnd(nest);
}

function encodeHelper(writer: MessageWriter, name: string): void {
  const nest = writer.nestStart(C.CTA_HELP);
  writer.string0(C.CTA_HELP_NAME, name);
  writer.nestEnd(nest);
}

function encodeNat(writer: MessageWriter, type: number, { address, port }: NatRange): void {
  const nest = writer.nestStart(type);
  writer.bytes(address.length === 4 ? C.CTA_NAT_V4_MINIP : C.CTA_NAT_V6_MINIP, address);
  if (port !== undefined) {
    const proto = writer.nestStart(C.CTA_NAT_PROTO);
    writer.u16(C.CTA_PROTONAT_PORT_MIN, port);
    writer.u16(C.CTA_PROTONAT_PORT_MAX, port);
    writer.nestEnd(proto);
  }
  writer.nestEnd(nest);
}

function encodeNumber(writer: MessageWriter, type: number, value: number | Combination): void {
  if (typeof value === "number") writer.u32(type, value);
  else {
    const { view, slot, and, xor } = value;
    writer.payloadStart(type, 4);
    view.copyCombined(writer, slot, numberBytes(and, 4), numberBytes(xor, 4));
    writer.payloadEnd();
  }
}

/** Everything of a create or update request behind its tuples. */
export function encodeChanges(writer: MessageWriter, changes: FlowChanges): void {
  const { status, timeoutSeconds, mark, markMask, protoinfo, srcNat, dstNat, zone, id, labels, labelsMask, helper } =
    changes;
  if (status !== undefined) encodeNumber(writer, C.CTA_STATUS, status);
  if (timeoutSeconds !== undefined) writer.u32(C.CTA_TIMEOUT, timeoutSeconds);
  if (mark !== undefined) encodeNumber(writer, C.CTA_MARK, mark);
  if (markMask !== undefined) writer.u32(C.CTA_MARK_MASK, markMask);
  if (protoinfo !== undefined) encodeProtoinfo(writer, protoinfo);
  if (srcNat !== undefined) encodeNat(writer, C.CTA_NAT_SRC, srcNat);
  if (dstNat !== undefined) encodeNat(writer, C.CTA_NAT_DST, dstNat);
  if (id !== undefined) writer.u32(C.CTA_ID, id);
  if (zone !== undefined) writer.u16(C.CTA_ZONE, zone);
  if (labels !== undefined) writer.bytes(C.CTA_LABELS, labels);
  if (labelsMask !== undefined) writer.bytes(C.CTA_LABELS_MASK, labelsMask);
  if (helper !== undefined) encodeHelper(writer, helper);
}

/** A new flow: NLM_F_CREATE, with NLM_F_EXCL only where none may be there already. */
export function encodeFlowCreate(
  writer: MessageWriter,
  flags: number,
  family: number,
  { orig, reply }: { orig: Tuple; reply: Tuple },
  changes: FlowChanges,
): void {
  writer.begin(C.CT_NEW, flags, 0, family);
  encodeTuple(writer, C.CTA_TUPLE_ORIG, orig);
  encodeTuple(writer, C.CTA_TUPLE_REPLY, reply);
  encodeChanges(writer, changes);
  writer.end();
}

/**
 * What addresses the entry under `view`: its original tuple (with the tuple's zone) and its zone, as the kernel sent them.
 */
function encodeAddress(writer: MessageWriter, view: FlowView): void {
  copyAttribute(writer, C.CTA_TUPLE_ORIG | NLA_F_NESTED, view, S.TOP + C.CTA_TUPLE_ORIG);
  if (view.has(S.TOP + C.CTA_ZONE)) copyAttribute(writer, C.CTA_ZONE, view, S.TOP + C.CTA_ZONE);
}

/** Writes an attribute with the payload of the one in a slot. */
function copyAttribute(writer: MessageWriter, type: number, view: FlowView, slot: number): void {
  const length = view.payloadLength(slot);
  writer.payloadStart(type, length);
  view.copy(writer, slot, length);
  writer.payloadEnd();
}

/** Changes to the entry under `view`. */
export function encodeFlowUpdate(writer: MessageWriter, view: FlowView, changes: FlowChanges): void {
  writer.begin(C.CT_NEW, NLM_F_REQUEST, 0, view.family);
  encodeAddress(writer, view);
  encodeChanges(writer, changes);
  writer.end();
}

/** Deletes the entry under `view`. Its id keeps a successor with the same tuple from being deleted in its place. */
export function encodeFlowDelete(writer: MessageWriter, view: FlowView): void {
  writer.begin(C.CT_DELETE, NLM_F_REQUEST, 0, view.family);
  encodeAddress(writer, view);
  if (view.has(S.TOP + C.CTA_ID)) copyAttribute(writer, C.CTA_ID, view, S.TOP + C.CTA_ID);
  writer.end();
}

/** Asks for the entry under `view` again. */
export function encodeFlowRefetch(writer: MessageWriter, view: FlowView): void {
  writer.begin(C.CT_GET, NLM_F_REQUEST, 0, view.family);
  encodeAddress(writer, view);
  writer.end();
}

/** Deletes all flows of a family. Version 1 makes the kernel heed the family; with version 0 it deletes those of both. */
export function encodeFlowFlush(writer: MessageWriter, family: number): void {
  writer.begin(C.CT_DELETE, 0, 0, family, family === C.AF_UNSPEC ? 0 : 1);
  writer.end();
}

/** An expectation to be created: what is expected, under which mask, and the flow that brings it about. */
export interface ExpectTemplate {
  master: Tuple;
  tuple: Tuple;
  mask: Tuple;
  timeoutSeconds?: number | undefined;
  zone?: number | undefined;
  /** NF_CT_EXPECT_* bits. */
  flags?: number | undefined;
  /** The helper's own class of expectations. */
  class?: number | undefined;
  /** The name of a helper that is to read the expected flow. */
  helper?: string | undefined;
}

export function encodeExpectCreate(
  writer: MessageWriter,
  flags: number,
  family: number,
  template: ExpectTemplate,
): void {
  writer.begin(C.EXP_NEW, flags, 0, family);
  encodeTuple(writer, C.CTA_EXPECT_MASTER, template.master);
  encodeTuple(writer, C.CTA_EXPECT_TUPLE, template.tuple);
  encodeTuple(writer, C.CTA_EXPECT_MASK, template.mask);
  if (template.timeoutSeconds !== undefined) writer.u32(C.CTA_EXPECT_TIMEOUT, template.timeoutSeconds);
  if (template.helper !== undefined) writer.string0(C.CTA_EXPECT_HELP_NAME, template.helper);
  if (template.zone !== undefined) writer.u16(C.CTA_EXPECT_ZONE, template.zone);
  if (template.flags !== undefined) writer.u32(C.CTA_EXPECT_FLAGS, template.flags);
  if (template.class !== undefined) writer.u32(C.CTA_EXPECT_CLASS, template.class);
  writer.end();
}

/** Deletes one expectation by the tuple that it expects. */
export function encodeExpectDelete(writer: MessageWriter, family: number, tuple: Tuple, key: ExpectKey = {}): void {
  encodeExpectKey(writer, C.EXP_DELETE, family, tuple, key);
}
