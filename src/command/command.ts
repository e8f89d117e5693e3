/**
 * A command line after it was understood: what the command-line layer hands to the commands.
 * Addresses are raw bytes in network order (4 or 16); numbers are in host terms.
 */
import type { LabelMap } from "../system/labelmap.js";

export type CommandName =
  | "list"
  | "get"
  | "create"
  | "add"
  | "update"
  | "delete"
  | "flush"
  | "event"
  | "count"
  | "stats"
  | "version"
  | "help"
  | "load-file";

export type TableName = "conntrack" | "expect" | "dying" | "unconfirmed";

/** The fields of one direction as options give them; undefined was not given. */
export interface TupleValues {
  src?: Uint8Array | undefined;
  dst?: Uint8Array | undefined;
  /** Ports; for gre the keys. */
  sport?: number | undefined;
  dport?: number | undefined;
  icmpType?: number | undefined;
  icmpCode?: number | undefined;
  icmpId?: number | undefined;
  /** --orig-zone, --reply-zone. */
  zone?: number | undefined;
}

/** A direction of which nothing was said. All have the same shape, for a million of them are made for a load-file. */
export function noTuple(): TupleValues {
  return {
    src: undefined,
    dst: undefined,
    sport: undefined,
    dport: undefined,
    icmpType: undefined,
    icmpCode: undefined,
    icmpId: undefined,
    zone: undefined,
  };
}

/** -u. As a filter: all of `set`, none of `clear` (IPS_* bits), `unset` = none of the four that UNSET names. As a value: the bits of `set`. */
export interface StatusValues {
  set: number;
  clear: number;
  unset: boolean;
}

/** -n, -g, -j: an empty object asks whether the flow is translated at all. */
export interface NatValues {
  address?: Uint8Array;
  port?: number;
}

/** Everything that options can say about a flow or an expectation. */
export interface Values {
  orig: TupleValues;
  reply: TupleValues;
  /** The network mask of -s / -d, from /LEN or --mask-src / --mask-dst; absent = the whole address. */
  srcMask?: Uint8Array;
  dstMask?: Uint8Array;
  /** The expectation's own tuple and mask: --tuple-src … --mask-port-dst. */
  expectTuple: TupleValues;
  expectMask: TupleValues;
  protonum?: number;
  /** TCP_CONNTRACK_*, SCTP_CONNTRACK_* or DCCP state number. */
  state?: number;
  /** DCCP role: 0 client, 1 server. */
  role?: number;
  origVtag?: number;
  replyVtag?: number;
  timeoutSeconds?: number;
  status?: StatusValues;
  mark?: { value: number; mask: number };
  secmark?: number;
  id?: number;
  zone?: number;
  srcNat?: NatValues;
  dstNat?: NatValues;
  anyNat?: NatValues;
  /** Label bits that must all be set (-l). */
  labels?: number[];
  labelAdd?: number[];
  /** Bits to clear, or all of them. */
  labelDel?: number[] | "all";
}

/** -o. */
export interface OutputValues {
  xml: boolean;
  save: boolean;
  json: boolean;
  extended: boolean;
  timestamp: boolean;
  id: boolean;
  ktimestamp: boolean;
  labels: boolean;
  userspace: boolean;
}

export interface Command {
  name: CommandName;
  table: TableName;
  /** AF_INET, AF_INET6, or AF_UNSPEC where neither -f nor an address said one. */
  family: number;
  values: Values;
  output: OutputValues;
  /** -z: read and zero the counters. */
  zero: boolean;
  /** -e: bit 0 new, 1 update, 2 destroy; 0 = not given, that is all. */
  eventMask: number;
  /** -b, bytes. */
  bufferSizeBytes?: number;
  /** Where label names come from; absent unless a label option or -o labels asked for them, or where the file is missing. */
  labelMap?: LabelMap;
  /** -R: the path, "-" for standard input. */
  file?: string;
}
