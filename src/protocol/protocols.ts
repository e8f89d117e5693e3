/**
 * The layer-4 protocols that conntrack knows by name: one row each. All others are shown as "unknown" with their number.
 * The constants of a new protocol go to constants.ts, and the lengths of its attributes in CTA_PROTOINFO to view.ts, both in
 * src/ctnetlink. All else follows from its row: options, filters, formats, man page and completions.
 */
import * as C from "../ctnetlink/constants.js";
import type { ProtoinfoEncoder } from "../ctnetlink/encode.js";
import * as S from "../ctnetlink/slots.js";
import { ascii } from "../system/byte-writer.js";
import type { TupleKind } from "./tuples.js";

/** Options that belong together: src/cli has the options of each group. */
export type OptionGroup = "ports" | "expectedPorts" | "keys" | "icmp" | "icmpv6" | "state" | "vtags" | "role";

export interface Protocol {
  readonly number: number;
  readonly name: string;
  /** What it has in a tuple besides addresses. */
  readonly kind: TupleKind;
  /** In the order in which the options are checked. */
  readonly options: readonly OptionGroup[];
  /** Whether a translation may name a port (CTA_NAT_PROTO): the reference sends it for these alone. */
  readonly natPorts: boolean;
  readonly protoinfo?: ProtoinfoRow;
}

/** What CTA_PROTOINFO holds of a protocol whose connections have a state. */
export interface ProtoinfoRow extends ProtoinfoEncoder {
  /** Where the views note the state. */
  readonly stateSlot: number;
  /** State names by the kernel's number; the reference shows any other number as NONE. */
  readonly states: readonly string[];
  /** Other names that --state takes. */
  readonly stateAliases?: Readonly<Record<string, number>>;
  /** The names that the xml format shows, where they differ. */
  readonly xmlStates?: readonly string[];
}

/** enum tcp_conntrack, linux/netfilter/nf_conntrack_tcp.h; 9 was LISTEN, and has long been SYN_SENT2. */
export const TCP_STATES = [
  "NONE",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
  "SYN_SENT2",
] as const;

/** enum sctp_conntrack, linux/netfilter/nf_conntrack_sctp.h. */
export const SCTP_STATES = [
  "NONE",
  "CLOSED",
  "COOKIE_WAIT",
  "COOKIE_ECHOED",
  "ESTABLISHED",
  "SHUTDOWN_SENT",
  "SHUTDOWN_RECD",
  "SHUTDOWN_ACK_SENT",
  "HEARTBEAT_SENT",
  "HEARTBEAT_ACKED",
] as const;

/** enum ct_dccp_states; Linux 6.18 has no tracker for it any more. */
export const DCCP_STATES = [
  "NONE",
  "REQUEST",
  "RESPOND",
  "PARTOPEN",
  "OPEN",
  "CLOSEREQ",
  "CLOSING",
  "TIMEWAIT",
  "IGNORE",
  "INVALID",
] as const;

/** TCP_CONNTRACK_TIME_WAIT: from here on the connection was seen to close. */
const TCP_TIME_WAIT = 7;
/** IP_CT_TCP_FLAG_*, linux/netfilter/nf_conntrack_tcp.h. */
const SACK_PERM_BE_LIBERAL = 0x02 | 0x08;
const CLOSE_INIT = 0x04;

const TCP: ProtoinfoRow = {
  attribute: C.CTA_PROTOINFO_TCP,
  stateSlot: S.TCP + C.CTA_PROTOINFO_TCP_STATE,
  states: TCP_STATES,
  stateAliases: { LISTEN: 9 },
  encode(writer, { state }) {
    if (state !== undefined) writer.u8(C.CTA_PROTOINFO_TCP_STATE, state);
    // struct nf_ct_tcp_flags: the flags, and the mask of those that count.
    const flags = SACK_PERM_BE_LIBERAL | (state !== undefined && state >= TCP_TIME_WAIT ? CLOSE_INIT : 0);
    const both = Uint8Array.of(flags, flags);
    writer.bytes(C.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, both);
    writer.bytes(C.CTA_PROTOINFO_TCP_FLAGS_REPLY, both);
  },
};

const SCTP: ProtoinfoRow = {
  attribute: C.CTA_PROTOINFO_SCTP,
  stateSlot: S.SCTP + C.CTA_PROTOINFO_SCTP_STATE,
  states: SCTP_STATES,
  // The reference's xml shows SCTP's numbers with TCP's names; readers of it are used to that.
  xmlStates: TCP_STATES,
  encode(writer, { state, origVtag, replyVtag }) {
    if (state !== undefined) writer.u8(C.CTA_PROTOINFO_SCTP_STATE, state);
    if (origVtag !== undefined) writer.u32Host(C.CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, origVtag);
    if (replyVtag !== undefined) writer.u32Host(C.CTA_PROTOINFO_SCTP_VTAG_REPLY, replyVtag);
  },
};

const DCCP: ProtoinfoRow = {
  attribute: C.CTA_PROTOINFO_DCCP,
  stateSlot: S.DCCP + C.CTA_PROTOINFO_DCCP_STATE,
  states: DCCP_STATES,
  encode(writer, { state, role }) {
    if (state !== undefined) writer.u8(C.CTA_PROTOINFO_DCCP_STATE, state);
    if (role !== undefined) writer.u8(C.CTA_PROTOINFO_DCCP_ROLE, role);
  },
};

export const PROTOCOLS: readonly Protocol[] = [
  {
    number: C.IPPROTO_TCP,
    name: "tcp",
    kind: "ports",
    options: ["ports", "state", "expectedPorts"],
    natPorts: true,
    protoinfo: TCP,
  },
  { number: C.IPPROTO_UDP, name: "udp", kind: "ports", options: ["ports", "expectedPorts"], natPorts: true },
  { number: C.IPPROTO_UDPLITE, name: "udplite", kind: "ports", options: ["ports", "expectedPorts"], natPorts: false },
  {
    number: C.IPPROTO_SCTP,
    name: "sctp",
    kind: "ports",
    options: ["ports", "state", "expectedPorts", "vtags"],
    natPorts: false,
    protoinfo: SCTP,
  },
  {
    number: C.IPPROTO_DCCP,
    name: "dccp",
    kind: "ports",
    options: ["ports", "state", "expectedPorts", "role"],
    natPorts: false,
    protoinfo: DCCP,
  },
  { number: C.IPPROTO_ICMP, name: "icmp", kind: "icmp", options: ["icmp"], natPorts: false },
  { number: C.IPPROTO_ICMPV6, name: "icmpv6", kind: "icmpv6", options: ["icmpv6"], natPorts: false },
  { number: C.IPPROTO_GRE, name: "gre", kind: "keys", options: ["keys"], natPorts: false },
];

const BY_NUMBER: (Protocol | undefined)[] = new Array(256).fill(undefined);
for (const protocol of PROTOCOLS) BY_NUMBER[protocol.number] = protocol;

/** The row of a protocol number, or undefined for one without a row. */
export function protocolByNumber(number: number): Protocol | undefined {
  return BY_NUMBER[number];
}

/** Constant text for each protocol number, made when it is first asked for: most runs see few of the 256. */
export function textByProtocol(text: (number: number, protocol: Protocol | undefined) => string) {
  const made: (Uint8Array | undefined)[] = new Array(256).fill(undefined);
  return (number: number): Uint8Array => (made[number] ??= ascii(text(number, protocolByNumber(number))));
}
