/**
 * An entry as a saved dump says it, and the message that the kernel would send of it: CT_NEW, its attributes in the order of
 * ctnetlink_fill_info (Linux 6.18). So everything that reads the kernel's messages reads a saved dump too.
 */
import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import { FlowView } from "../ctnetlink/view.js";
import { LITTLE_ENDIAN } from "../netlink/attributes.js";
import { NLM_F_MULTI } from "../netlink/constants.js";
import { MessageWriter } from "../netlink/message.js";
import { protocolByNumber } from "../protocol/protocols.js";
import { TUPLES, type TupleField } from "../protocol/tuples.js";

/** A count of packets or bytes; a bigint from 2^53 on. */
export type Counter = number | bigint;

/** One direction. Addresses are raw bytes in network order, 4 or 16. */
export interface SavedTuple {
  src: Uint8Array | undefined;
  dst: Uint8Array | undefined;
  /** What the protocol has besides, in the order of its row in TUPLES; as many as the dump says. */
  fields: (number | undefined)[];
  zone: number | undefined;
  packets: Counter | undefined;
  bytes: Counter | undefined;
  /** SCTP's verification tag in host byte order, as the formats show it. */
  vtag: number | undefined;
}

/** The tuple of the flow that brought this one about, with its own protocol. */
export interface SavedMaster extends SavedTuple {
  protonum: number | undefined;
}

export interface SavedFlow {
  /** AF_INET or AF_INET6. */
  family: number;
  protonum: number | undefined;
  timeoutSeconds: number | undefined;
  /** The protocol's state number. */
  state: number | undefined;
  /** DCCP: see DCCP_ROLES. */
  role: number | undefined;
  /** IPS_* bits. */
  status: number | undefined;
  orig: SavedTuple;
  reply: SavedTuple;
  master: SavedMaster | undefined;
  mark: number | undefined;
  secmark: number | undefined;
  /** Text as decodeText makes it. */
  secctx: string | undefined;
  zone: number | undefined;
  helper: string | undefined;
  use: number | undefined;
  id: number | undefined;
  /** The bit string of CTA_LABELS. */
  labels: Uint8Array | undefined;
  /** Nanoseconds since 1970. */
  startNs: bigint | undefined;
  stopNs: bigint | undefined;
}

export function emptyTuple(): SavedTuple {
  return {
    src: undefined,
    dst: undefined,
    fields: [],
    zone: undefined,
    packets: undefined,
    bytes: undefined,
    vtag: undefined,
  };
}

export function emptyFlow(): SavedFlow {
  return {
    family: C.AF_INET,
    protonum: undefined,
    timeoutSeconds: undefined,
    state: undefined,
    role: undefined,
    status: undefined,
    orig: emptyTuple(),
    reply: emptyTuple(),
    master: undefined,
    mark: undefined,
    secmark: undefined,
    secctx: undefined,
    zone: undefined,
    helper: undefined,
    use: undefined,
    id: undefined,
    labels: undefined,
    startNs: undefined,
    stopNs: undefined,
  };
}

const NO_FIELDS: readonly TupleField[] = [];

/** What a tuple of protocol `number` has besides addresses. */
export function fieldsOf(number: number | undefined): readonly TupleField[] {
  const protocol = number === undefined ? undefined : protocolByNumber(number);
  return protocol === undefined ? NO_FIELDS : TUPLES[protocol.kind].fields;
}

/** Whether the reply's addresses and ports are those of the original direction, the other way round. */
function isMirrored(mine: Uint8Array | undefined, theirs: Uint8Array | undefined): boolean {
  if (mine === undefined || theirs === undefined || mine.length !== theirs.length) return true;
  for (let i = 0; i < mine.length; i++) if (mine[i] !== theirs[i]) return false;
  return true;
}

/** The IPS_* bits of translations, as the two tuples show them: for dumps that do not say the status. */
export function natStatus({ protonum, orig, reply }: SavedFlow): number {
  const kind = protonum === undefined ? undefined : protocolByNumber(protonum)?.kind;
  const [mine, theirs] = [orig.fields, reply.fields];
  let source = !isMirrored(orig.src, reply.dst);
  let destination = !isMirrored(orig.dst, reply.src);
  if (kind === "ports" || kind === "keys") {
    source ||= mine[0] !== theirs[1];
    destination ||= mine[1] !== theirs[0];
  } else if (kind !== undefined) {
    source ||= mine[2] !== theirs[2];
  }
  return (source ? C.IPS_SRC_NAT | C.IPS_SRC_NAT_DONE : 0) | (destination ? C.IPS_DST_NAT | C.IPS_DST_NAT_DONE : 0);
}

// The encoder

function writeTuple(writer: MessageWriter, type: number, protonum: number | undefined, tuple: SavedTuple): void {
  const { src, dst, fields, zone } = tuple;
  const nest = writer.nestStart(type);
  if (src !== undefined || dst !== undefined) {
    const addresses = writer.nestStart(C.CTA_TUPLE_IP);
    if (src !== undefined) writer.bytes(src.length === 4 ? C.CTA_IP_V4_SRC : C.CTA_IP_V6_SRC, src);
    if (dst !== undefined) writer.bytes(dst.length === 4 ? C.CTA_IP_V4_DST : C.CTA_IP_V6_DST, dst);
    writer.nestEnd(addresses);
  }
  if (protonum !== undefined) {
    const proto = writer.nestStart(C.CTA_TUPLE_PROTO);
    writer.u8(C.CTA_PROTO_NUM, protonum);
    const written = fieldsOf(protonum).map(({ slot, bytes }, i) => ({ slot, bytes, value: fields[i] }));
    for (const { slot, bytes, value } of written.sort((a, b) => a.slot - b.slot)) {
      if (value === undefined) continue;
      // A field's slot is its attribute's number behind T_PROTO_BASE.
      if (bytes === 1) writer.u8(slot - S.T_PROTO_BASE, value);
      else writer.u16(slot - S.T_PROTO_BASE, value);
    }
    writer.nestEnd(proto);
  }
  if (zone !== undefined) writer.u16(C.CTA_TUPLE_ZONE, zone);
  writer.nestEnd(nest);
}

function writeText(writer: MessageWriter, type: number, text: string): void {
  const nest = writer.nestStart(type);
  writer.string0(1, text);
  writer.nestEnd(nest);
}

function writeProtoinfo(writer: MessageWriter, { protonum, state, role, orig, reply }: SavedFlow): void {
  const row = protocolByNumber(protonum ?? 0)?.protoinfo;
  if (row === undefined || (state === undefined && role === undefined && orig.vtag === undefined)) return;
  const nest = writer.nestStart(C.CTA_PROTOINFO);
  const own = writer.nestStart(row.attribute);
  // Each protocol has its state in attribute 1. What else the kernel says, no format shows, but for these.
  if (state !== undefined) writer.u8(1, state);
  if (role !== undefined) writer.u8(C.CTA_PROTOINFO_DCCP_ROLE, role);
  if (orig.vtag !== undefined) writer.u32Host(C.CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, orig.vtag);
  if (reply.vtag !== undefined) writer.u32Host(C.CTA_PROTOINFO_SCTP_VTAG_REPLY, reply.vtag);
  writer.nestEnd(own);
  writer.nestEnd(nest);
}

function writeCounters(writer: MessageWriter, type: number, { packets, bytes }: SavedTuple): void {
  if (packets === undefined && bytes === undefined) return;
  const nest = writer.nestStart(type);
  if (packets !== undefined) writer.u64(1, BigInt(packets));
  if (bytes !== undefined) writer.u64(2, BigInt(bytes));
  writer.nestEnd(nest);
}

function writeFlow(writer: MessageWriter, flow: SavedFlow, sequence: number): void {
  const { protonum, orig, reply, master, mark, secmark, secctx, zone, helper, use, id, labels } = flow;
  writer.begin(C.CT_NEW, NLM_F_MULTI, sequence, flow.family);
  writeTuple(writer, C.CTA_TUPLE_ORIG, protonum, orig);
  writeTuple(writer, C.CTA_TUPLE_REPLY, protonum, reply);
  // The kernel does not send zone 0, which /proc shows.
  if (zone !== undefined && zone !== 0) writer.u16(C.CTA_ZONE, zone);
  if (flow.status !== undefined) writer.u32(C.CTA_STATUS, flow.status);
  if (mark !== undefined) writer.u32(C.CTA_MARK, mark);
  if (secmark !== undefined) writer.u32(C.CTA_SECMARK, secmark);
  if (secctx !== undefined) writeText(writer, C.CTA_SECCTX, secctx);
  if (id !== undefined) writer.u32(C.CTA_ID, id);
  if (use !== undefined) writer.u32(C.CTA_USE, use);
  if (master !== undefined) writeTuple(writer, C.CTA_TUPLE_MASTER, master.protonum, master);
  if (flow.timeoutSeconds !== undefined) writer.u32(C.CTA_TIMEOUT, flow.timeoutSeconds);
  writeProtoinfo(writer, flow);
  writeCounters(writer, C.CTA_COUNTERS_ORIG, orig);
  writeCounters(writer, C.CTA_COUNTERS_REPLY, reply);
  if (flow.startNs !== undefined) {
    const nest = writer.nestStart(C.CTA_TIMESTAMP);
    writer.u64(1, flow.startNs);
    if (flow.stopNs !== undefined) writer.u64(2, flow.stopNs);
    writer.nestEnd(nest);
  }
  if (helper !== undefined) writeText(writer, C.CTA_HELP, helper);
  if (labels !== undefined) writer.bytes(C.CTA_LABELS, labels);
  writer.end();
}

// Most entries of a dump have the same attributes: their messages are copies of one, with other values.

/** A message, where its values lie in it, and a view to write them by. */
interface Template {
  message: Uint8Array;
  values: DataView;
  /** By slot: where the payload begins, 0 for none. */
  offset(slot: number): number;
}

const MOST_TEMPLATES = 1024;
/** Where nlmsg_seq lies in a message. */
const SEQUENCE_AT = 8;

/** The attributes that a flow has, as a key; undefined for a rare flow, which is written attribute by attribute. */
function shapeOf(flow: SavedFlow): string | undefined {
  const { orig, reply, protonum, secctx = "", helper = "" } = flow;
  const fields = fieldsOf(protonum).length;
  const length = orig.src?.length;
  if (flow.master !== undefined || flow.role !== undefined || orig.vtag !== undefined) return undefined;
  if (length === undefined || orig.dst?.length !== length) return undefined;
  if (reply.src?.length !== length || reply.dst?.length !== length) return undefined;
  if (orig.fields.length !== fields || orig.fields.includes(undefined)) return undefined;
  if (reply.fields.length !== fields || reply.fields.includes(undefined)) return undefined;
  const has = (value: unknown, bit: number): number => (value === undefined ? 0 : 1 << bit);
  const given =
    has(flow.timeoutSeconds, 0) |
    has(flow.state, 1) |
    has(flow.mark, 2) |
    has(flow.secmark, 3) |
    has(flow.zone || undefined, 4) |
    has(flow.use, 5) |
    has(flow.id, 6) |
    has(flow.startNs, 7) |
    has(flow.stopNs, 8) |
    has(orig.packets, 9) |
    has(orig.bytes, 10) |
    has(reply.packets, 11) |
    has(reply.bytes, 12) |
    has(orig.zone, 13) |
    has(reply.zone, 14) |
    has(flow.status, 15);
  return `${flow.family} ${length} ${protonum} ${given} ${flow.labels?.length} ${helper} ${secctx}`;
}

function setTuple(
  { message, values, offset }: Template,
  base: number,
  counters: number,
  fields: readonly TupleField[],
  tuple: SavedTuple,
): void {
  const [src, dst] = tuple.src!.length === 4 ? [S.T_V4_SRC, S.T_V4_DST] : [S.T_V6_SRC, S.T_V6_DST];
  message.set(tuple.src!, offset(base + src));
  message.set(tuple.dst!, offset(base + dst));
  for (let i = 0; i < fields.length; i++) {
    const { slot, bytes } = fields[i]!;
    if (bytes === 1) message[offset(base + slot)] = tuple.fields[i]!;
    else values.setUint16(offset(base + slot), tuple.fields[i]!);
  }
  if (tuple.zone !== undefined) values.setUint16(offset(base + S.T_ZONE), tuple.zone);
  if (tuple.packets !== undefined) setCounter(values, offset(counters + 1), tuple.packets);
  if (tuple.bytes !== undefined) setCounter(values, offset(counters + 2), tuple.bytes);
}

function setCounter(values: DataView, at: number, value: Counter): void {
  if (typeof value === "bigint") {
    values.setBigUint64(at, value);
    return;
  }
  values.setUint32(at, value / 0x100000000);
  values.setUint32(at + 4, value);
}

/** Makes messages of saved flows. */
export class FlowEncoder {
  readonly #templates = new Map<string, Template>();
  readonly #writer = new MessageWriter();
  readonly #view = new FlowView();

  /** The message with nlmsg_seq `sequence`, good until the next one. Its length is a multiple of 4. */
  encode(flow: SavedFlow, sequence: number): Uint8Array {
    const shape = shapeOf(flow);
    if (shape === undefined) return this.#write(flow, sequence);
    const template = this.#templates.get(shape);
    if (template === undefined) {
      const message = this.#write(flow, sequence).slice();
      if (this.#templates.size === MOST_TEMPLATES) this.#templates.clear();
      this.#templates.set(shape, this.#learn(message));
      return message;
    }
    template.values.setUint32(SEQUENCE_AT, sequence, LITTLE_ENDIAN);
    this.#fill(template, flow);
    return template.message;
  }

  #write(flow: SavedFlow, sequence: number): Uint8Array {
    const writer = this.#writer;
    writer.clear();
    writeFlow(writer, flow, sequence);
    return writer.buffer.subarray(0, writer.length);
  }

  #learn(message: Uint8Array): Template {
    const view = this.#view;
    view.read(message, 0, message.length);
    const offsets = Int32Array.from({ length: S.SLOTS }, (_, slot) => (view.has(slot) ? view.at(slot) : 0));
    return { message, values: new DataView(message.buffer), offset: (slot) => offsets[slot]! };
  }

  #fill(template: Template, flow: SavedFlow): void {
    const { message, values, offset } = template;
    const fields = fieldsOf(flow.protonum);
    setTuple(template, S.ORIG, S.COUNTERS_ORIG, fields, flow.orig);
    setTuple(template, S.REPLY, S.COUNTERS_REPLY, fields, flow.reply);
    if (flow.status !== undefined) values.setUint32(offset(S.TOP + C.CTA_STATUS), flow.status);
    if (flow.timeoutSeconds !== undefined) values.setUint32(offset(S.TOP + C.CTA_TIMEOUT), flow.timeoutSeconds);
    if (flow.mark !== undefined) values.setUint32(offset(S.TOP + C.CTA_MARK), flow.mark);
    if (flow.secmark !== undefined) values.setUint32(offset(S.TOP + C.CTA_SECMARK), flow.secmark);
    if (flow.zone) values.setUint16(offset(S.TOP + C.CTA_ZONE), flow.zone);
    if (flow.use !== undefined) values.setUint32(offset(S.TOP + C.CTA_USE), flow.use);
    if (flow.id !== undefined) values.setUint32(offset(S.TOP + C.CTA_ID), flow.id);
    if (flow.startNs !== undefined) values.setBigUint64(offset(S.TIMESTAMP + 1), flow.startNs);
    if (flow.stopNs !== undefined) values.setBigUint64(offset(S.TIMESTAMP + 2), flow.stopNs);
    if (flow.labels !== undefined) message.set(flow.labels, offset(S.TOP + C.CTA_LABELS));
    const state = flow.state === undefined ? undefined : protocolByNumber(flow.protonum ?? 0)?.protoinfo?.stateSlot;
    if (state !== undefined) message[offset(state)] = flow.state!;
  }
}
