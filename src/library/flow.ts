/** Flows as plain objects: what `-o json` prints, in the same order, with bigints for the 64-bit counters. */
import * as C from "../ctnetlink/constants.js";
import { hasLabel } from "../ctnetlink/labels.js";
import { DCCP_ROLES, flagNames, STATUS_NAMES } from "../ctnetlink/names.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView, MessageView } from "../ctnetlink/view.js";
import { destinationSlot, isIpv4Slot, sourceSlot } from "../format/addresses.js";
import { rfc3339 } from "../format/time.js";
import {
  isDestinationPortTranslated,
  isDestinationTranslated,
  isSourcePortTranslated,
  isSourceTranslated,
} from "../protocol/nat.js";
import { type DCCP_STATES, protocolByNumber, type SCTP_STATES, type TCP_STATES } from "../protocol/protocols.js";
import { stateName } from "../protocol/state.js";
import { TUPLES, type TupleField } from "../protocol/tuples.js";
import { ByteWriter } from "../system/byte-writer.js";
import type { LabelMap } from "../system/labelmap.js";

/** The network layer's address family. */
export type Family = "ipv4" | "ipv6";

/** The protocols that conntrack has a name for. */
export type ProtocolName = "tcp" | "udp" | "udplite" | "sctp" | "dccp" | "icmp" | "icmpv6" | "gre";

/** A protocol by its name, by a name of /etc/protocols, by its number, or as flows have it. */
export type AnyProtocol = ProtocolName | (string & {}) | number | Protocol;

/** The states of TCP, SCTP and DCCP. */
export type State = (typeof TCP_STATES)[number] | (typeof SCTP_STATES)[number] | (typeof DCCP_STATES)[number];

/** A state: an editor completes those that are known, and a newer kernel may have others. */
export type AnyState = State | (string & {});

/** A layer-4 protocol. */
export interface Protocol {
  /** Its number in the IP header, 0 to 255. */
  number: number;
  /** Its name, where conntrack has one: tcp, udp, udplite, sctp, dccp, icmp, icmpv6, gre. */
  name?: ProtocolName;
}

/** The identification of an ICMP or ICMPv6 exchange. */
export interface Icmp {
  type?: number;
  code?: number;
  id?: number;
}

/** Addresses of one direction, and what the protocol has besides: ports, keys of GRE, or ICMP's fields. */
export interface Tuple {
  /** Source address, as text. */
  src?: string;
  /** Destination address, as text. */
  dst?: string;
  /** Source port of TCP, UDP, UDP-Lite, SCTP and DCCP. */
  sport?: number;
  /** Destination port. */
  dport?: number;
  /** Source key of GRE. */
  srckey?: number;
  /** Destination key of GRE. */
  dstkey?: number;
  /** ICMP and ICMPv6. */
  icmp?: Icmp;
  /** The zone of this direction alone. */
  zone?: number;
}

/** One direction of a flow. */
export interface Direction extends Tuple {
  src: string;
  dst: string;
  /** SCTP's verification tag, as the command shows it. */
  vtag?: number;
  /** Packets seen; only where net.netfilter.nf_conntrack_acct is set. */
  packets?: bigint;
  /** Bytes seen, IP headers included. */
  bytes?: bigint;
}

/** What took the place of an address, and of the port, GRE key or ICMP id where the protocol has one. */
export interface Translation {
  address?: string;
  port?: number;
  key?: number;
  id?: number;
}

/** The translations of a flow, as its reply direction shows them. */
export interface Nat {
  /** The source was translated: to what. */
  snat?: Translation;
  /** The destination was translated: to what. */
  dnat?: Translation;
}

/** The flow that brought another one about. */
export interface Master extends Tuple {
  protocol?: Protocol;
}

/** A connection label. */
export interface Label {
  /** Its bit number. */
  bit: number;
  /** Its name in connlabel.conf, where it has one. */
  name?: string;
}

/** When a flow began and ended: RFC 3339 in UTC with nanoseconds. Only where net.netfilter.nf_conntrack_timestamp is set. */
export interface Timestamp {
  start: string;
  /** In destroy events. */
  stop?: string;
}

/** The flags of a flow that have names (IPS_*); one that a newer kernel added is called BIT_n. */
export type Status = (typeof STATUS_NAMES)[number] | `BIT_${number}`;

/**
 * An entry of the connection tracking table. A property is absent where the kernel did not send it.
 * `toJson` makes of it the line that `conntrack -o json` prints.
 */
export interface Flow {
  family: Family;
  protocol: Protocol;
  /** Seconds until the entry expires; absent in the destroy events of those that did. */
  timeout?: number;
  /** State of a TCP, SCTP or DCCP connection, e.g. "ESTABLISHED". */
  state?: AnyState;
  /** Which side of a DCCP connection the original direction comes from. */
  role?: "client" | "server";
  status?: Status[];
  /** The direction of the first packet. */
  orig: Direction;
  /** What answers are expected to look like. */
  reply: Direction;
  /** Absent where nothing is translated. */
  nat?: Nat;
  /** In flows that a helper expected. */
  master?: Master;
  /** The connection mark. */
  mark?: number;
  secmark?: number;
  /** The security context, as text. */
  secctx?: string;
  /** The zone of both directions; absent for zone 0. */
  zone?: number;
  labels?: Label[];
  /** The helper that reads the flow, e.g. "ftp". */
  helper?: string;
  timestamp?: Timestamp;
  /** How many references the kernel holds. */
  use?: number;
  /** The kernel's id of the entry. */
  id?: number;
}

const scratch = new ByteWriter(64);

function addressText(view: MessageView, slot: number): string {
  const address = view.bytes(slot);
  if (isIpv4Slot(slot)) return `${address[0]}.${address[1]}.${address[2]}.${address[3]}`;
  scratch.clear();
  scratch.ipv6(address, 0);
  return Buffer.from(scratch.written()).toString("latin1");
}

/** Text from outside; what is not UTF-8 becomes U+FFFD. */
export function textOf(view: MessageView, slot: number): string {
  return Buffer.from(view.text(slot)).toString();
}

export function protocolOf(number: number): Protocol {
  const name = protocolByNumber(number)?.name as ProtocolName | undefined;
  return name === undefined ? { number } : { number, name };
}

/** The fields that the kernel sent, as properties. */
function readFields<Name extends string>(
  into: { [name in Name]?: number },
  fields: readonly TupleField<Name>[],
  view: MessageView,
  base: number,
): void {
  for (const { name, slot, bytes } of fields) {
    if (view.has(base + slot)) into[name] = bytes === 1 ? view.u8(base + slot) : view.u16(base + slot);
  }
}

/** The tuple at `base` of protocol `number`, added to `into`. */
export function readTuple<T extends Tuple>(into: T, view: MessageView, base: number, number: number | undefined): T {
  const source = sourceSlot(view, base);
  if (source !== 0) into.src = addressText(view, source);
  const destination = destinationSlot(view, base);
  if (destination !== 0) into.dst = addressText(view, destination);
  const kind = number === undefined ? undefined : protocolByNumber(number)?.kind;
  if (kind === undefined) return into;
  const { fields } = TUPLES[kind];
  if (kind === "ports" || kind === "keys") {
    readFields(into, fields, view, base);
    return into;
  }
  const icmp: Icmp = {};
  readFields(icmp, fields, view, base);
  if (Object.keys(icmp).length > 0) into.icmp = icmp;
  return into;
}

export function readMaster(view: MessageView): Master {
  const number = view.has(S.MASTER + S.T_PROTO_NUM) ? view.u8(S.MASTER + S.T_PROTO_NUM) : undefined;
  const master: Master = number === undefined ? {} : { protocol: protocolOf(number) };
  readTuple(master, view, S.MASTER, number);
  if (view.has(S.MASTER + S.T_ZONE)) master.zone = view.u16(S.MASTER + S.T_ZONE);
  return master;
}

function direction(
  view: FlowView,
  base: number,
  number: number | undefined,
  counters: number,
  vtag: number,
): Direction {
  // The kernel sends no tuple without addresses.
  const result = readTuple({}, view, base, number) as Direction;
  if (view.has(base + S.T_ZONE)) result.zone = view.u16(base + S.T_ZONE);
  if (view.has(vtag)) result.vtag = view.u32Host(vtag);
  if (view.has(counters + 1)) result.packets = view.u64(counters + 1);
  if (view.has(counters + 2)) result.bytes = view.u64(counters + 2);
  return result;
}

function translation(view: FlowView, address: number, number: number | undefined, side: "snat" | "dnat"): Translation {
  const result: Translation = address === 0 ? {} : { address: addressText(view, address) };
  const kind = number === undefined ? undefined : protocolByNumber(number)?.kind;
  if (kind === undefined) return result;
  const { translated } = TUPLES[kind];
  const slot = S.REPLY + translated[side];
  if (translated[side] !== 0 && view.has(slot)) result[translated.name] = view.u16(slot);
  return result;
}

function natOf(view: FlowView, number: number | undefined): Nat | undefined {
  const nat: Nat = {};
  if (isSourceTranslated(view) || isSourcePortTranslated(view)) {
    nat.snat = translation(view, destinationSlot(view, S.REPLY), number, "snat");
  }
  if (isDestinationTranslated(view) || isDestinationPortTranslated(view)) {
    nat.dnat = translation(view, sourceSlot(view, S.REPLY), number, "dnat");
  }
  return nat.snat === undefined && nat.dnat === undefined ? undefined : nat;
}

function labelsOf(bits: Uint8Array, map: LabelMap | undefined): Label[] {
  const labels: Label[] = [];
  for (let bit = 0; bit < 8 * bits.length; bit++) {
    if (!hasLabel(bits, bit)) continue;
    const name = map?.names[bit];
    labels.push(name === undefined ? { bit } : { bit, name });
  }
  return labels;
}

/** The properties of an entry in the order in which they are printed. `head` is what an event has in front. */
export function readFlow<Head extends object>(view: FlowView, map: LabelMap | undefined, head: Head): Head & Flow {
  const number = view.has(S.ORIG + S.T_PROTO_NUM) ? view.u8(S.ORIG + S.T_PROTO_NUM) : undefined;
  const flow = head as Head & Flow;
  flow.family = view.family === C.AF_INET6 ? "ipv6" : "ipv4";
  if (number !== undefined) flow.protocol = protocolOf(number);
  if (view.has(S.TOP + C.CTA_TIMEOUT)) flow.timeout = view.u32(S.TOP + C.CTA_TIMEOUT);
  const state = stateName(view);
  if (state !== undefined) flow.state = Buffer.from(state).toString("latin1");
  if (view.has(S.DCCP + C.CTA_PROTOINFO_DCCP_ROLE)) {
    const role = DCCP_ROLES[view.u8(S.DCCP + C.CTA_PROTOINFO_DCCP_ROLE)];
    if (role !== undefined) flow.role = role;
  }
  if (view.has(S.TOP + C.CTA_STATUS)) flow.status = flagNames(view.u32(S.TOP + C.CTA_STATUS), STATUS_NAMES);
  flow.orig = direction(view, S.ORIG, number, S.COUNTERS_ORIG, S.SCTP + C.CTA_PROTOINFO_SCTP_VTAG_ORIGINAL);
  flow.reply = direction(view, S.REPLY, number, S.COUNTERS_REPLY, S.SCTP + C.CTA_PROTOINFO_SCTP_VTAG_REPLY);
  const nat = natOf(view, number);
  if (nat !== undefined) flow.nat = nat;
  if (view.has(S.TOP + C.CTA_TUPLE_MASTER)) flow.master = readMaster(view);
  if (view.has(S.TOP + C.CTA_MARK)) flow.mark = view.u32(S.TOP + C.CTA_MARK);
  if (view.has(S.TOP + C.CTA_SECMARK)) flow.secmark = view.u32(S.TOP + C.CTA_SECMARK);
  if (view.has(S.SECCTX + 1)) flow.secctx = textOf(view, S.SECCTX + 1);
  if (view.has(S.TOP + C.CTA_ZONE)) flow.zone = view.u16(S.TOP + C.CTA_ZONE);
  if (view.has(S.TOP + C.CTA_LABELS)) flow.labels = labelsOf(view.bytes(S.TOP + C.CTA_LABELS), map);
  if (view.has(S.HELP + 1)) flow.helper = textOf(view, S.HELP + 1);
  if (view.has(S.TIMESTAMP + 1)) {
    flow.timestamp = { start: rfc3339(view.u64(S.TIMESTAMP + 1)) };
    if (view.has(S.TIMESTAMP + 2)) flow.timestamp.stop = rfc3339(view.u64(S.TIMESTAMP + 2));
  }
  if (view.has(S.TOP + C.CTA_USE)) flow.use = view.u32(S.TOP + C.CTA_USE);
  if (view.has(S.TOP + C.CTA_ID)) flow.id = view.u32(S.TOP + C.CTA_ID);
  return flow;
}
