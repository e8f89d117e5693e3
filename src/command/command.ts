/**
 * A command line after it was understood: what the command-line layer hands to the commands.
 * Addresses are raw bytes in network order (4 or 16); numbers are in host terms.
 */
import type { TupleFields } from "../ctnetlink/encode.js";
import type { FlowFilter, NatFilter } from "../match/filter.js";
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

/** The fields of one direction as options give them. */
export type TupleValues = TupleFields;

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

/** -u. As a filter what FlowFilter says; as a value the bits of `set`. */
export type StatusValues = NonNullable<FlowFilter["status"]>;

/** -n, -g, -j: an empty object asks whether the flow is translated at all. */
export type NatValues = NatFilter;

/** Everything that options can say about a flow or an expectation: what to look for, and what a change makes of it. */
export interface Values extends Omit<FlowFilter, "family" | "orig" | "reply" | "labels"> {
  orig: TupleValues;
  reply: TupleValues;
  /** The expectation's own tuple and mask: --tuple-src … --mask-port-dst. */
  expectTuple: TupleValues;
  expectMask: TupleValues;
  /** DCCP role: 0 client, 1 server. */
  role?: number;
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
  /** -e: a mask of events, see eventBit; absent where -e is, that is all. 0 is a list that names no event. */
  eventMask?: number;
  /** -b, bytes. */
  bufferSizeBytes?: number;
  /** Where label names come from; absent unless a label option or -o labels asked for them, or where the file is missing. */
  labelMap?: LabelMap;
  /** -R: the path, "-" for standard input. */
  file?: string;
}
