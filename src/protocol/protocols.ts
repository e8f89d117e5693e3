/** The layer-4 protocols that conntrack knows by name: one row each. All others are shown as "unknown" with their number. */
import * as C from "../ctnetlink/constants.js";
import { ascii } from "../system/byte-writer.js";
import type { TupleKind } from "./tuples.js";

export interface Protocol {
  readonly number: number;
  readonly name: string;
  readonly kind: TupleKind;
  /** State names by the kernel's number; the reference shows any other number as NONE. */
  readonly states?: readonly string[];
  /** Other names that --state takes. */
  readonly stateAliases?: Readonly<Record<string, number>>;
  /** Whether a translation may name a port (CTA_NAT_PROTO): the reference sends it for these alone. */
  readonly natPorts: boolean;
}

/** enum tcp_conntrack, linux/netfilter/nf_conntrack_tcp.h; 9 was LISTEN, and has long been SYN_SENT2. */
const TCP_STATES = [
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
const SCTP_STATES = [
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
const DCCP_STATES = [
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

export const PROTOCOLS: readonly Protocol[] = [
  {
    number: C.IPPROTO_TCP,
    name: "tcp",
    kind: "ports",
    states: TCP_STATES,
    stateAliases: { LISTEN: 9 },
    natPorts: true,
  },
  { number: C.IPPROTO_UDP, name: "udp", kind: "ports", natPorts: true },
  { number: C.IPPROTO_UDPLITE, name: "udplite", kind: "ports", natPorts: false },
  { number: C.IPPROTO_SCTP, name: "sctp", kind: "ports", states: SCTP_STATES, natPorts: false },
  { number: C.IPPROTO_DCCP, name: "dccp", kind: "ports", states: DCCP_STATES, natPorts: false },
  { number: C.IPPROTO_ICMP, name: "icmp", kind: "icmp", natPorts: false },
  { number: C.IPPROTO_ICMPV6, name: "icmpv6", kind: "icmpv6", natPorts: false },
  { number: C.IPPROTO_GRE, name: "gre", kind: "keys", natPorts: false },
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
