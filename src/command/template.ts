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

/** The id of an ICMP flow: 0 where none was given, as with the reference. Other protocols have none. */
export function icmpIdToSend({ icmpId }: TupleValues, protonum: number | undefined): number | undefined {
  return icmpId ?? (isIcmp(protonum) ? 0 : undefined);
}

/** A direction as its options say. Of half a pair of addresses the other one is all zeroes: a translation fills it in. */
function given(values: TupleValues, protonum: number | undefined): Tuple {
  const { sport, dport, icmpType, icmpCode, zone } = values;
  const icmpId = icmpIdToSend(values, protonum);
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
    icmpType: answerOf(values.icmpType, values.src ?? values.dst),
    icmpCode: values.icmpCode,
    icmpId: icmpIdToSend(values, protonum),
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
