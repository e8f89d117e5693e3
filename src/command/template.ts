/** From a command's values to the flow that create and add ask for. */
import * as C from "../ctnetlink/constants.js";
import type { FlowChanges, NatRange, Protoinfo, Tuple } from "../ctnetlink/encode.js";
import { labelBytes } from "../ctnetlink/labels.js";
import { protocolByNumber } from "../protocol/protocols.js";
import type { Command, NatValues, TupleValues, Values } from "./command.js";

/** TCP_CONNTRACK_TIME_WAIT: from here on the connection was seen to close. */
const TCP_TIME_WAIT = 7;
/** IP_CT_TCP_FLAG_*, linux/netfilter/nf_conntrack_tcp.h. */
const SACK_PERM_BE_LIBERAL = 0x02 | 0x08;
const CLOSE_INIT = 0x04;

/** The type that answers an ICMP or ICMPv6 message, both ways. */
const ICMP_ANSWERS = new Map(
  [
    [8, 0],
    [13, 14],
    [15, 16],
    [17, 18],
    [128, 129],
    [139, 140],
  ].flatMap(([a, b]) => [
    [a!, b!],
    [b!, a!],
  ]) as [number, number][],
);

const answerOf = (icmpType: number | undefined): number | undefined =>
  icmpType === undefined ? undefined : (ICMP_ANSWERS.get(icmpType) ?? icmpType);

/** A direction as its options say. Of half a pair of addresses the other one is all zeroes: a translation fills it in. */
function given(values: TupleValues, protonum: number | undefined): Tuple {
  const { sport, dport, icmpType, icmpCode, icmpId, zone } = values;
  const src = values.src ?? (values.dst && new Uint8Array(values.dst.length));
  const dst = values.dst ?? (values.src && new Uint8Array(values.src.length));
  return { src, dst, protonum, sport, dport, icmpType, icmpCode, icmpId, zone };
}

/** The opposite of a direction, but for its zone. */
function mirrored(values: TupleValues, protonum: number | undefined, zone: number | undefined): Tuple {
  return {
    src: values.dst,
    dst: values.src,
    protonum,
    sport: values.dport,
    dport: values.sport,
    icmpType: answerOf(values.icmpType),
    icmpCode: values.icmpCode,
    icmpId: values.icmpId,
    zone,
  };
}

const hasAddress = ({ src, dst }: TupleValues) => src !== undefined || dst !== undefined;

/** Both tuples of a flow: a direction without addresses is the mirror of the other. */
export function flowTuples({ orig, reply, protonum }: Values): { orig: Tuple; reply: Tuple } {
  if (!hasAddress(orig)) return { orig: mirrored(reply, protonum, orig.zone), reply: given(reply, protonum) };
  const mirror = mirrored(orig, protonum, reply.zone);
  if (!hasAddress(reply)) return { orig: given(orig, protonum), reply: mirror };
  // There are no options for the ICMP fields of the reply: they follow from those of the original direction.
  const { icmpType, icmpCode, icmpId } = mirror;
  return { orig: given(orig, protonum), reply: { ...given(reply, protonum), icmpType, icmpCode, icmpId } };
}

/** The protocol state that --state, --role and the verification tags ask for. */
export function protoinfo({ protonum, state, role, origVtag, replyVtag }: Values): Protoinfo | undefined {
  if (state === undefined && role === undefined && origVtag === undefined && replyVtag === undefined) return undefined;
  switch (protonum) {
    case C.IPPROTO_TCP: {
      const flags = SACK_PERM_BE_LIBERAL | (state !== undefined && state >= TCP_TIME_WAIT ? CLOSE_INIT : 0);
      return { protonum, state, flags };
    }
    case C.IPPROTO_SCTP:
      return { protonum, state, origVtag, replyVtag };
    case C.IPPROTO_DCCP:
      return { protonum, state, role };
    default:
      return undefined;
  }
}

/** A translation with an address; the kernel takes a port only where the protocol has ports to translate. */
function natRange(nat: NatValues | undefined, protonum: number | undefined): NatRange | undefined {
  if (nat?.address === undefined) return undefined;
  const { natPorts = false } = protocolByNumber(protonum ?? 0) ?? {};
  return { address: nat.address, port: natPorts ? nat.port : undefined };
}

/** Everything that create and add send besides the tuples. */
export function createChanges({ values }: Pick<Command, "values">): FlowChanges {
  const { status, timeoutSeconds, mark, zone, labelAdd, protonum, srcNat, dstNat } = values;
  return {
    // The kernel answers EBUSY to a status without IPS_CONFIRMED.
    status: status === undefined ? undefined : status.set | C.IPS_CONFIRMED,
    timeoutSeconds,
    mark: mark?.value,
    zone,
    protoinfo: protoinfo(values),
    srcNat: natRange(srcNat, protonum),
    dstNat: natRange(dstNat, protonum),
    labels: labelAdd === undefined ? undefined : labelBytes(labelAdd),
  };
}
