/**
 * What a command line means: what the command-line layer hands to the commands. Each command has what it needs, and nothing else.
 * Addresses are raw bytes in network order (4 or 16); numbers are in host terms.
 */
import type { ExpectTemplate, FlowKey, Tuple } from "../ctnetlink/encode.js";
import type { FormatName } from "../format/formats.js";
import type { FormatOptions } from "../format/formatter.js";
import type { FlowFilter } from "../match/filter.js";
import type { LabelMap } from "../system/labelmap.js";
import type { PortNames } from "../system/service-names.js";
import type { Field } from "../tally/fields.js";
import type { Sort } from "../tally/names.js";
import type { FlowSort } from "../top/passes.js";
import type { GroupSort } from "../top/rows.js";
import type { Changes } from "./changes.js";
import type { NewFlow } from "./new-flow.js";

export type TableName = "conntrack" | "expect" | "dying" | "unconfirmed";

/** -o: the format, and what it shows beyond its least. */
export interface Output {
  format: FormatName;
  show: Pick<FormatOptions, "extended" | "id" | "timestamp" | "ktimestamp" | "labels">;
}

/** How a command is run, whatever it does. */
export interface Modes {
  /** --dry-run: it finds and shows what it would change, and changes nothing. */
  dryRun?: boolean;
  /** --netns: the network namespace that it works in, see enterNamedNetwork. */
  network?: string;
  /** --all-netns: it is done in each network namespace of the machine. */
  allNetworks?: boolean;
}

/** --ignore-not-found: that nothing was there, or that nothing needed a change, is no failure. */
interface Tolerant {
  ignoreNotFound?: boolean;
}

/** --from: a table that was saved as text. */
export interface SavedTableFile {
  /** "-" for standard input. */
  path: string;
  /** What the names of labels mean. */
  labels?: LabelMap;
}

export interface ListFlows {
  name: "list";
  table: Exclude<TableName, "expect">;
  from?: SavedTableFile;
  filter: FlowFilter;
  /** -z: read and zero the counters. */
  zero: boolean;
  /** --sort; in the order of the dump where it is absent. */
  sort?: Sort;
  /** --limit: how many are shown at most. */
  limit?: number;
  output: Output;
}

/** -L --group-by. */
export interface GroupFlows {
  name: "group";
  table: Exclude<TableName, "expect">;
  from?: SavedTableFile;
  filter: FlowFilter;
  by: readonly Field[];
  sort: Sort;
  limit?: number;
  /** Absent: once. */
  repetition?: Repetition;
  format: "table" | "json" | "prometheus";
  labelMap?: LabelMap;
}

export interface ListExpectations {
  name: "list";
  table: "expect";
  /** AF_INET, AF_INET6, or AF_UNSPEC for both. */
  family: number;
  /** --limit: how many are shown at most. */
  limit?: number;
  output: Output;
}

export interface GetFlow extends Tolerant {
  name: "get";
  table: "conntrack";
  key: FlowKey;
  /** What the flow that is found must be besides. */
  filter: FlowFilter;
  output: Output;
}

/** One expectation by the tuple that it expects. */
interface OfExpectation extends Tolerant {
  table: "expect";
  family: number;
  tuple: Tuple;
  output: Output;
}

export interface GetExpectation extends OfExpectation {
  name: "get";
}

/** -I refuses an entry that is there already; -A changes it. */
export interface CreateFlow {
  name: "create" | "add";
  table: "conntrack";
  flow: NewFlow;
  output: Output;
}

export interface CreateExpectation {
  name: "create";
  table: "expect";
  family: number;
  expectation: ExpectTemplate;
  output: Output;
}

export interface UpdateFlows extends Tolerant {
  name: "update";
  table: "conntrack";
  filter: FlowFilter;
  changes: Changes;
  output: Output;
}

export interface DeleteFlows extends Tolerant {
  name: "delete";
  table: "conntrack";
  filter: FlowFilter;
  output: Output;
}

export interface DeleteExpectation extends OfExpectation {
  name: "delete";
}

export interface FlushFlows {
  name: "flush";
  table: "conntrack";
  family: number;
}

export interface FlushExpectations {
  name: "flush";
  table: "expect";
}

/** What -E takes on both tables. */
interface Events {
  name: "event";
  /** -e: a mask of events, see eventBit. */
  eventMask: number;
  /** -b; the usual size where it is absent. */
  bufferSizeBytes?: number;
  output: Output;
}

export interface FlowEvents extends Events {
  table: "conntrack";
  filter: FlowFilter;
}

export interface ExpectEvents extends Events {
  table: "expect";
}

export interface Count {
  name: "count";
  from?: SavedTableFile;
  table: "conntrack" | "expect";
  /** Which entries count; absent: all of them, which the kernel knows without a dump. */
  filter?: FlowFilter;
  format: FigureFormat;
}

/** What shows figures, not entries: lines of the command's own, JSON, or the text format of Prometheus. */
export type FigureFormat = "default" | "json" | "prometheus";

/** --interval and --rounds: shows the figures again and again, with their rates. */
export interface Repetition {
  intervalSeconds: number;
  /** How often; until a signal ends it where it is absent. */
  rounds?: number;
}

/** -C --interval. */
export interface WatchCount {
  name: "watch-count";
  table: "conntrack";
  /** What the entries that count are; all of them where it is absent. */
  filter?: FlowFilter;
  repetition: Repetition;
  format: "default" | "json";
}

/** -S --explain. */
export interface ExplainStats {
  name: "explain";
  table: "conntrack";
  /** Absent: the totals once, without rates. */
  repetition?: Repetition;
  format: "default" | "json";
}

/** --diagnose. */
export interface Diagnose {
  name: "diagnose";
  from?: SavedTableFile;
  table: "conntrack";
  /** Restricts what is said of flows. */
  filter: FlowFilter;
  /** The time between two samples of the counters; 0: one sample. */
  intervalSeconds: number;
  /** --rounds: how many reports, one after the other. */
  rounds?: number;
  format: FigureFormat;
}

export interface Stats {
  name: "stats";
  table: "conntrack" | "expect";
  format: FigureFormat;
}

/** --top. */
export interface TopView {
  name: "top";
  table: "conntrack";
  filter: FlowFilter;
  /** The filter as options; how such a text is read again (throws UsageError), and written for a shell. */
  filterText: string;
  readFilter(text: string): FlowFilter;
  shellText(text: string): string;
  /** Empty where the machine has none. */
  portNames(): PortNames;
  /** None: flows for themselves. */
  by: readonly Field[];
  /** The view's own order where it is undefined. */
  sort: GroupSort | FlowSort | undefined;
  reverse: boolean;
  limit?: number;
  intervalSeconds: number;
  /** How many blocks are printed; without it, a terminal has the live view. */
  rounds?: number;
  isJson: boolean;
  color?: "auto" | "always" | "never";
  labelMap?: LabelMap;
}

/** What is done with the kernel. */
export type KernelCommand =
  | ListFlows
  | ListExpectations
  | GroupFlows
  | GetFlow
  | GetExpectation
  | CreateFlow
  | CreateExpectation
  | UpdateFlows
  | DeleteFlows
  | DeleteExpectation
  | FlushFlows
  | FlushExpectations
  | FlowEvents
  | ExpectEvents
  | Count
  | WatchCount
  | Stats
  | ExplainStats
  | Diagnose
  | TopView;

/** -h; with the protocol whose options it shows too. */
export interface Help {
  name: "help";
  protonum: number | undefined;
}

/** -R: the path, "-" for standard input. */
export interface LoadFile {
  name: "load-file";
  file: string;
}

export type Command = (KernelCommand | Help | LoadFile | { name: "version" }) & Modes;

export type CommandName = Command["name"];

/** The commands that a line of a load-file may be. */
export type LoadableCommand = CreateFlow | UpdateFlows | DeleteFlows | FlushFlows;
