/** A flow that is to be created, and the request for it. */
import * as C from "../ctnetlink/constants.js";
import {
  encodeFlowCreate,
  type FlowChanges,
  type NatRange,
  type ProtoinfoValues,
  type Tuple,
  type TupleFields,
} from "../ctnetlink/encode.js";
import { labelBytes } from "../ctnetlink/labels.js";
import { NLM_F_CREATE, NLM_F_EXCL } from "../netlink/constants.js";
import type { MessageWriter } from "../netlink/message.js";
import { protocolByNumber } from "../protocol/protocols.js";
import { protoinfoToSend } from "../protocol/state.js";

/** A state of a protocol, and what belongs to it. */
export interface ProtocolState extends ProtoinfoValues {
  protonum?: number;
}

/** A translation: one without an address asks for none. The port counts where the protocol has ports to translate. */
export interface NewTranslation {
  address?: Uint8Array;
  port?: number;
  /** What else is translated: the id of ICMP, or a key of GRE. */
  id?: number;
}

export interface NewFlow extends ProtocolState {
  /** AF_INET or AF_INET6. */
  family: number;
  /** A direction without addresses is the mirror of the other one. */
  orig: TupleFields;
  reply: TupleFields;
  timeoutSeconds?: number;
  /** IPS_* bits. */
  status?: number;
  mark?: number;
  zone?: number;
  /** Bit numbers. */
  labels?: readonly number[];
  srcNat?: NewTranslation;
  dstNat?: NewTranslation;
  /** The name of a helper that is to read the flow. */
  helper?: string;
}

/** The types of ICMP and ICMPv6 messages that answer one another. */
const ICMP_ANSWERS: readonly (readonly [number, number])[] = [
  [8, 0],
  [13, 14],
  [15, 16],
  [17, 18],
];
const ICMPV6_ANSWERS: readonly (readonly [number, number])[] = [
  [128, 129],
  [139, 140],
];

/** A type that answers nothing: the kernel refuses a flow with it as EINVAL, as it does with the reference's. */
const NO_ANSWER = 0xff;

/** The type that answers `icmpType` in the family of `address`: ICMP belongs to IPv4, ICMPv6 to IPv6. */
function answerOf(icmpType: number | undefined, address: Uint8Array | undefined): number | undefined {
  if (icmpType === undefined) return undefined;
  const answers = address?.length === 16 ? ICMPV6_ANSWERS : ICMP_ANSWERS;
  const pair = answers.find((pair) => pair.includes(icmpType));
  return pair === undefined ? NO_ANSWER : pair[0] === icmpType ? pair[1] : pair[0];
}

const isIcmp = (protonum: number | undefined) => protonum === C.IPPROTO_ICMP || protonum === C.IPPROTO_ICMPV6;

/** The tuple with an id where it is ICMP's: 0 if none was given, as with the reference. */
export function withIcmpId(tuple: Tuple): Tuple {
  return tuple.icmpId === undefined && isIcmp(tuple.protonum) ? { ...tuple, icmpId: 0 } : tuple;
}

/** A direction as its options say. Of half a pair of addresses the other one is all zeroes: a translation fills it in. */
function given(values: TupleFields, protonum: number | undefined): Tuple {
  const { sport, dport, icmpType, icmpCode, icmpId, zone } = values;
  const src = values.src ?? (values.dst && new Uint8Array(values.dst.length));
  const dst = values.dst ?? (values.src && new Uint8Array(values.src.length));
  return withIcmpId({ src, dst, protonum, sport, dport, icmpType, icmpCode, icmpId, zone });
}

/** The opposite of a direction, but for its zone. */
function mirrored(values: TupleFields, protonum: number | undefined, zone: number | undefined): Tuple {
  return withIcmpId({
    src: values.dst,
    dst: values.src,
    protonum,
    sport: values.dport,
    dport: values.sport,
    icmpType: answerOf(values.icmpType, values.src ?? values.dst),
    icmpCode: values.icmpCode,
    icmpId: values.icmpId,
    zone,
  });
}

const hasAddress = ({ src, dst }: TupleFields) => src !== undefined || dst !== undefined;

/** Both tuples of a flow: a direction without addresses is the mirror of the other. */
export function flowTuples({ orig, reply, protonum }: NewFlow): { orig: Tuple; reply: Tuple } {
  if (!hasAddress(orig)) return { orig: mirrored(reply, protonum, orig.zone), reply: given(reply, protonum) };
  const mirror = mirrored(orig, protonum, reply.zone);
  if (!hasAddress(reply)) return { orig: given(orig, protonum), reply: mirror };
  // There are no options for the ICMP fields of the reply: they follow from those of the original direction.
  const { icmpType, icmpCode, icmpId } = mirror;
  return { orig: given(orig, protonum), reply: { ...given(reply, protonum), icmpType, icmpCode, icmpId } };
}

/** A translation with an address; the kernel takes a port only where the protocol has ports to translate. */
function natRange(nat: NewTranslation | undefined, protonum: number | undefined): NatRange | undefined {
  if (nat?.address === undefined) return undefined;
  const { natPorts = false } = protocolByNumber(protonum ?? 0) ?? {};
  return { address: nat.address, port: natPorts ? nat.port : nat.id };
}

/** Everything that the request says besides the tuples. */
function changesOf(flow: NewFlow): FlowChanges {
  const { status, timeoutSeconds, mark, zone, labels, protonum, srcNat, dstNat, helper } = flow;
  return {
    // The kernel answers EBUSY to a status without IPS_CONFIRMED.
    status: status === undefined ? undefined : status | C.IPS_CONFIRMED,
    timeoutSeconds,
    mark,
    zone,
    protoinfo: protoinfoToSend(protonum, flow),
    srcNat: natRange(srcNat, protonum),
    dstNat: natRange(dstNat, protonum),
    labels: labels === undefined ? undefined : labelBytes(labels),
    helper,
  };
}

/** Create refuses a flow that is there already; add changes it. */
const FLAGS = { create: NLM_F_CREATE | NLM_F_EXCL, add: NLM_F_CREATE } as const;

/** Writes the request for a new flow. */
export function encodeNewFlow(writer: MessageWriter, name: keyof typeof FLAGS, flow: NewFlow): void {
  encodeFlowCreate(writer, FLAGS[name], flow.family, flowTuples(flow), changesOf(flow));
}
