/** Low arguments: what the words of a command line say, option by option, before it is clear what they mean together. */
import type { CommandName, TableName } from "../command/command.js";
import type { TupleFields } from "../ctnetlink/encode.js";
import type { MarkCondition, MaskedMark, NumberCondition } from "../match/conditions.js";
import type { NatFilter, StatusCondition, TupleMatch } from "../match/filter.js";
import type { LabelMap } from "../system/labelmap.js";
import type { Field } from "../tally/fields.js";
import type { Sort } from "../tally/names.js";

/** A direction of which nothing was said. All have the same shape, for a million of them are made for a load-file. */
export function noTuple(): TupleFields {
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

/** The values of options about a flow or an expectation. Whether they filter, create or change is for the command to say. */
export interface Values {
  orig: TupleFields;
  reply: TupleFields;
  /** The expectation's own tuple and mask: --tuple-src … --mask-port-dst. */
  expectTuple: TupleFields;
  expectMask: TupleFields;
  /** Network masks of orig.src and orig.dst. */
  srcMask?: Uint8Array;
  dstMask?: Uint8Array;
  protonum?: number | undefined;
  state?: number | undefined;
  origVtag?: number;
  replyVtag?: number;
  /** DCCP role: 0 client, 1 server. */
  role?: number;
  timeoutSeconds?: number;
  status?: StatusCondition;
  mark?: MaskedMark | undefined;
  secmark?: number;
  id?: number | undefined;
  zone?: number | undefined;
  /** -n, -g, -j: an empty object asks whether the flow is translated at all. */
  srcNat?: NatFilter;
  dstNat?: NatFilter;
  anyNat?: NatFilter;
  /** Label bits that must all be set (-l). */
  labels?: number[];
  labelAdd?: number[];
  /** Bits to clear, or all of them. */
  labelDel?: number[] | "all";
}

/**
 * Conditions by options whose value is a list, a range or a negation. `Values` has nothing for these options then: what is
 * written to the kernel is one value.
 */
export interface Lists {
  orig: TupleMatch;
  reply: TupleMatch;
  protonum?: NumberCondition | undefined;
  state?: NumberCondition | undefined;
  id?: NumberCondition | undefined;
  zone?: NumberCondition | undefined;
  mark?: MarkCondition | undefined;
}

/** The words of -o that were given. */
export interface OutputWords {
  xml: boolean;
  save: boolean;
  json: boolean;
  table: boolean;
  prometheus: boolean;
  extended: boolean;
  timestamp: boolean;
  id: boolean;
  ktimestamp: boolean;
  labels: boolean;
  userspace: boolean;
}

/** The values of the options in extensions.ts, by their names. Absent where the option is. */
export interface Extensions {
  bytes?: NumberCondition;
  packets?: NumberCondition;
  /** In seconds. */
  age?: NumberCondition;
  expires?: NumberCondition;
  "group-by"?: readonly Field[];
  sort?: Sort;
  limit?: number;
  /** A path, or "-" for standard input. */
  from?: string;
  explain?: true;
  /** In seconds; a fraction is possible. */
  interval?: number;
  rounds?: number;
  color?: ColorChoice;
  "dry-run"?: true;
  "ignore-not-found"?: true;
  netns?: string;
  "all-netns"?: true;
}

/** When output is coloured. */
export const COLOR_CHOICES = ["auto", "always", "never"] as const;
export type ColorChoice = (typeof COLOR_CHOICES)[number];

export type ExtensionName = keyof Extensions;

export interface Arguments {
  name: Exclude<CommandName, "load-file" | "group" | "watch-count" | "explain">;
  table: TableName;
  /** AF_INET, AF_INET6, or AF_UNSPEC where neither -f nor an address said one. */
  family: number;
  values: Values;
  lists: Lists;
  extensions: Extensions;
  output: OutputWords;
  /** -z. */
  zero: boolean;
  /** -e: bit 0 new, 1 update, 2 destroy; absent where -e is. 0 is a list that names no event. */
  eventMask?: number;
  /** The options that pick flows, each with its value, as they were written. */
  filterWords: string[];
  /** What the names of labels in a saved table mean: with --from, where there is a map. */
  savedLabels?: LabelMap;
  /** -b. */
  bufferSizeBytes?: number;
  /** Where label names come from; absent unless a label option or -o labels asked for them, or where the file is missing. */
  labelMap?: LabelMap;
}
