/**
 * A command while its words are read, and the options that read them. These types refer to one another, so they share a file.
 */
import type { TableName } from "../command/command.js";
import type { Protocol } from "../protocol/protocols.js";
import type { LabelMap } from "../system/labelmap.js";
import type { PortNames, ServiceNames } from "../system/service-names.js";
import type { Arguments } from "./arguments.js";
import type { OptionSpec } from "./getopt.js";
import type { PairNames, Rules, Subject } from "./matrix.js";
import type { Proposal } from "./proposal.js";

/** What reading words takes from outside. Files are read when they are needed, and once for a context. */
export interface ParseContext {
  /** Throws as node:fs does. */
  readFile(path: string): Uint8Array;
  /** The C library's text for an errno. */
  strerror(errno: number): string;
  /** A line for stderr that stops nothing, without its newline. */
  warn(line: string): void;
  /** Whether the first word that is no option ends the options. */
  readonly posixlyCorrect: boolean;
}

/** The files that values may refer to. */
export interface Files {
  protocolNumber(name: string): number | undefined;
  services(): ServiceNames;
  portNames(): PortNames;
  /** Undefined where there is no map, which was said then, unless `quietly`. */
  labelMap(path: string, quietly?: boolean): LabelMap | undefined;
}

export interface Draft {
  readonly context: ParseContext;
  readonly files: Files;
  readonly low: Arguments;
  subject: Subject;
  /** The command that a later word chooses, while `subject` is none. */
  commandAhead(): { subject: Subject; table: TableName };
  /** The words that were neither options nor values. */
  operands: readonly string[];
  /** The common options that were given, as bits of OPTION_NAMES. */
  given: number;
  /** The options of the protocol that were given, as bits of its list. */
  protocolGiven: number;
  /** What -p brought, or will bring. */
  protocol: ProtocolOptions | undefined;
  /** The masks that -s and -d brought as /LEN. */
  lengthMasks: { src: Uint8Array | undefined; dst: Uint8Array | undefined };
  labelMapPath: string | undefined;
  /** Label names, for when the map is known; undefined: all labels. */
  labels: { field: "labels" | "labelAdd" | "labelDel"; names: string | undefined }[];
}

/** What a word can be found to be: how it takes a value, and what it then does. */
export interface Word extends OptionSpec {
  /** How an option that picks flows is written in a filter's text; absent for all others. */
  readonly filter?: string;
  apply(draft: Draft, value: string | undefined): void;
}

/** What a command does with flows or expectations, as far as the options of protocols are concerned. */
export type Use = "filter" | "update" | "create" | "get" | "create expect" | "find expect";

/** Which commands take an option, and which need it. */
export type Legality = "original" | "reply" | "replyKey" | "expected" | "state" | "vtag" | "role" | "icmp" | "icmpId";

/** An option that comes with a protocol: it has long names alone. */
export interface ProtocolOption {
  /** Messages show the first. */
  readonly names: readonly [string, ...string[]];
  readonly argumentName: string;
  /** One line, without a full stop. */
  readonly help: string;
  /** What a shell may propose for the value; nothing where it is absent. */
  proposal?(protocol: Protocol): Proposal;
  readonly legality: Legality;
  /** `protocols` are those of -p; several where it is a list. */
  read(draft: Draft, text: string, protocols: readonly [Protocol, ...Protocol[]]): void;
}

/** The options of a protocol, or those that several have together, ready for use. */
export interface ProtocolOptions {
  /** The first, where there are several. */
  readonly protocol: Protocol;
  readonly options: readonly ProtocolOption[];
  /** By each long name. */
  readonly words: ReadonlyMap<string, Word>;
  readonly rules: Readonly<Record<Use, Rules>>;
  readonly pairNames: PairNames | undefined;
  /** The names that messages show. */
  readonly names: readonly string[];
}
