/**
 * The options that the reference does not have: one row each. They have no letter and are found by their full name alone, so
 * that every beginning of a name means what it means to the reference. Help, man page and completions are made from the rows.
 * CONTRIBUTING.md says how to add one.
 */

import type { TableName } from "../command/command.js";
import type { NumberCondition } from "../match/conditions.js";
import { UsageError } from "../system/errors.js";
import { FIELD_NAMES, SORT_NAMES } from "../tally/names.js";
import { COLOR_CHOICES, type ExtensionName, type Extensions } from "./arguments.js";
import type { CommandOption } from "./commands.js";
import type { Draft, Word } from "./draft.js";
import { readFields, readSort } from "./groups.js";
import { readSizes, readTimes } from "./list-readers.js";
import type { Subject } from "./matrix.js";
import { NOTHING, type Proposal } from "./proposal.js";
import { readColor, readInterval, readLimit, readRounds } from "./value-readers.js";

/** A command on the table conntrack, or on another that is named: "list", "list dying", "delete expect"; or -R itself. */
export type Place = CommandOption | "load-file" | `${CommandOption} ${"expect" | "dying" | "unconfirmed"}`;

interface Row {
  /** One line, without a full stop. */
  readonly help: string;
  /** What the man page says besides, in whole sentences. */
  readonly about?: string;
  /** Where it may be given; elsewhere it is an illegal option. No line of a load-file takes any. */
  readonly on: readonly Place[] | "everywhere";
  /** Whether it picks entries: then -z does not go with it, for the kernel zeroes the counters of all of them. */
  readonly isFilter?: true;
}

interface Flag<Value> extends Row {
  readonly argument: "none";
  read(draft: Draft): Value;
}

interface Valued<Value> extends Row {
  readonly argument: "required";
  readonly argumentName: string;
  readonly proposal: Proposal;
  /** Throws UsageError in the reference's style: "Invalid range `x'". */
  read(draft: Draft, text: string): Value;
}

interface OptionallyValued<Value> extends Row {
  /** `--name=value` or `--name` alone: the next word is never the value. */
  readonly argument: "attached";
  readonly argumentName: string;
  readonly proposal: Proposal;
  read(draft: Draft, text: string | undefined): Value;
}

/** What `read` returns is the option's value in Extensions; of several, the last counts. */
export type ExtensionRow<Value = unknown> = Flag<Value> | Valued<Value> | OptionallyValued<Value>;

/** The commands that take filters, and so lists, ranges and negations. */
const FILTERING: readonly Place[] = [
  "list",
  "list dying",
  "list unconfirmed",
  "delete",
  "update",
  "event",
  "count",
  "diagnose",
  "top",
];

function placeOf(subject: Subject, table: TableName): Place {
  return (table === "conntrack" ? subject : `${subject} ${table}`) as Place;
}

/** Whether the command filters. */
export const filters = (subject: Subject, table: TableName): boolean => FILTERING.includes(placeOf(subject, table));

/** Where groups and sorting are possible. */
const LISTS: readonly Place[] = ["list", "list dying"];

/** What reads, and can be done in one namespace after the other. */
const READING: readonly Place[] = [
  ...(["list", "list dying", "list unconfirmed", "list expect"] as const),
  ...(["count", "count expect", "stats", "stats expect", "diagnose"] as const),
];

/** All commands but those that ask the kernel nothing. */
const KERNEL_COMMANDS: readonly Place[] = [
  ...FILTERING,
  ...(["get", "create", "add", "flush", "stats", "load-file"] as const),
  ...(["list expect", "get expect", "create expect", "delete expect", "flush expect"] as const),
  ...(["event expect", "count expect", "stats expect"] as const),
];

const sizes = (what: string): Valued<NumberCondition> => ({
  argument: "required",
  argumentName: "ranges",
  proposal: NOTHING,
  help: `${what} of both directions together: comma list of N, N-M, N-, -M, with units k, M, G, T or Ki, Mi, Gi, Ti`,
  about:
    "An exclamation mark in front negates the whole list. An entry without counters never matches; a warning says how many entries" +
    " have none.",
  on: FILTERING,
  isFilter: true,
  read: (_, text) => readSizes(text),
});

const times = (what: string, about: string): Valued<NumberCondition> => ({
  argument: "required",
  argumentName: "ranges",
  proposal: NOTHING,
  help: `${what}: comma list of T, T-U, T-, -U; each time is seconds, or like 30s, 5m, 1h30m, 2d`,
  about,
  on: FILTERING,
  isFilter: true,
  read: (_, text) => readTimes(text),
});

/** A name without a row does not compile. */
export const EXTENSIONS: { readonly [Name in ExtensionName]: ExtensionRow<Extensions[Name]> } = {
  bytes: sizes("bytes"),
  packets: sizes("packets"),
  age: times(
    "time since the entry was made",
    "Whole seconds. The kernel notes the time where net.netfilter.nf_conntrack_timestamp is on; an entry without it never" +
      " matches, and a warning says how many these were. Destroyed entries have the age that they reached.",
  ),
  expires: times(
    "time until the entry expires",
    "An entry that shows no such time (it is offloaded, or destroyed) never matches, and a warning says how many these were.",
  ),
  "group-by": {
    argument: "required",
    argumentName: "fields",
    proposal: { kind: "list", words: FIELD_NAMES },
    help: `groups in place of entries: comma list of ${FIELD_NAMES.join(", ")}`,
    about:
      "An address can have a length, as in src/24. A length up to 32 is for IPv4, and IPv6 addresses are grouped by /64. " +
      "A longer one is for IPv6, and IPv4 addresses are not shortened. " +
      "Shows a table, or with -o json an object a line; not with -z, -o xml or -o save. " +
      "--top also takes none: single flows.",
    on: [...LISTS, "top"],
    read: (_, text) => readFields(text),
  },
  sort: {
    argument: "required",
    argumentName: "key[:asc|:desc]",
    proposal: { kind: "words", words: SORT_NAMES },
    help: `order: a field of --group-by, ${SORT_NAMES.join(", ")}`,
    about:
      "Numbers begin with the largest, names with A, addresses with the lowest. " +
      "Equal entries keep the order of the table; entries without the value come last. " +
      "Groups are sorted by flows if this option is absent; they have no age and no expires, and entries have no flows. " +
      "The entries are in memory: as many as --limit says, or all of them. " +
      "In the view orig-bytes and reply-bytes are rates, and the age of a group is that of its oldest flow; packets are not counted there.",
    on: [...LISTS, "top"],
    read: (_, text) => readSort(text),
  },
  limit: {
    argument: "required",
    argumentName: "number",
    proposal: NOTHING,
    help: "how many entries or groups are shown at most",
    about: "Without --sort and --group-by, no more of the table is read.",
    on: [...LISTS, "list expect", "top"],
    read: (_, text) => readLimit(text),
  },
  from: {
    argument: "required",
    argumentName: "file",
    proposal: { kind: "file" },
    help: "read a saved table instead of the kernel's: lines of -o json, of the default or extended format, or of /proc/net/nf_conntrack; - is standard input",
    about:
      "It needs no rights. Ages count from the time of reading, unless the lines say when they were made (-o ktimestamp). " +
      "A line that cannot be read is an error that names its number. " +
      "--diagnose then leaves out what the file does not tell: the limit, the counters, the settings, idle times.",
    on: ["list", "count", "diagnose"],
    read: (_, text) => text,
  },
  explain: {
    argument: "none",
    help: "counters of all CPUs together, with what each means",
    about: "Counters that are 0 are in one line at the end.",
    on: ["stats"],
    read: () => true,
  },
  interval: {
    argument: "required",
    argumentName: "seconds",
    proposal: NOTHING,
    help: "show the figures again after each interval, with rates",
    about:
      "It goes with -C, -L --group-by, -S --explain and --top (2 seconds if absent). " +
      "For --diagnose it is the time between its two samples (2 seconds if absent; 0: one sample).",
    on: ["list", "count", "stats", "diagnose", "top"],
    read: (_, text) => readInterval(text),
  },
  rounds: {
    argument: "required",
    argumentName: "number",
    proposal: NOTHING,
    help: "how often --interval shows figures; without it, until interrupted",
    about:
      "--diagnose then prints so many reports, one after the other. " +
      "--top then prints so many blocks, also on a terminal, and ends.",
    on: ["list", "count", "stats", "diagnose", "top"],
    read: (_, text) => readRounds(text),
  },
  color: {
    argument: "attached",
    argumentName: "when",
    proposal: { kind: "words", words: COLOR_CHOICES },
    help: `colours on standard output: ${COLOR_CHOICES.join(", ")}; auto without a word`,
    about:
      "Auto: if standard output is a terminal, NO_COLOR is empty and TERM is not dumb. " +
      "Without this option, only tables are coloured, as with auto. " +
      "It goes with every command, so that an alias can have it, and changes nothing but the colours.",
    on: "everywhere",
    read: (_, text) => readColor(text),
  },
  "dry-run": {
    argument: "none",
    help: "show what would be changed, and change nothing",
    about:
      "It shows the entries that the real run would change; --update shows them as they are now. The exit status is that of the " +
      "real run. --load-file checks every line. It does not notice what the kernel would refuse.",
    on: ["delete", "update", "flush", "flush expect", "load-file"],
    read: () => true,
  },
  "ignore-not-found": {
    argument: "none",
    help: "exit status 0 if nothing was there, or nothing needed a change",
    about: "Then 1 means that it failed. The output stays the same.",
    on: ["get", "get expect", "delete", "delete expect", "update"],
    read: () => true,
  },
  netns: {
    argument: "required",
    argumentName: "name|pid|path",
    proposal: NOTHING,
    help: "work in another network namespace",
    about:
      "A path if it has a slash, else a name of ip-netns(8), else the id of a process in the namespace. " +
      "Files of /etc stay those of the machine: /etc/netns is not used. It needs CAP_SYS_ADMIN.",
    on: KERNEL_COMMANDS,
    read: (_, text) => text,
  },
  "all-netns": {
    argument: "none",
    help: "do it in every network namespace of the machine",
    about:
      "Those with a name of ip-netns(8) or docker, and those of all processes that can be seen, each once. " +
      "A line begins with the name in brackets, or with a process (pid 4711 nginx); -C prints NAME COUNT; " +
      "JSON has a member netns. --limit and --sort work for each namespace separately. " +
      "The exit status is the highest of all. It needs CAP_SYS_ADMIN.",
    on: READING,
    read: () => true,
  },
};

export const EXTENSION_NAMES = Object.keys(EXTENSIONS) as readonly ExtensionName[];

/** The word for the full name of an extension, without its dashes. */
export function extensionWord(name: string): Word | undefined {
  return Object.hasOwn(EXTENSIONS, name) ? wordOf(name as ExtensionName) : undefined;
}

function wordOf<Name extends ExtensionName>(name: Name): Word {
  const row: ExtensionRow<Extensions[Name]> = EXTENSIONS[name];
  return {
    argument: row.argument,
    ...(row.isFilter && { filter: `--${name}` }),
    apply: (draft, value) => {
      draft.low.extensions[name] = row.argument === "required" ? row.read(draft, value!) : row.read(draft, value);
    },
  };
}

/** Throws UsageError for an extension that does not go with the command. Lines of load-files take none. */
export function checkExtensions(draft: Draft, inLoadFile: boolean): void {
  const { subject, low } = draft;
  const { table, extensions, zero } = low;
  const place = placeOf(subject, table);
  for (const name of Object.keys(extensions) as ExtensionName[]) {
    const row = EXTENSIONS[name];
    if (inLoadFile || !isLegal(row, place)) throw illegal(name);
    if (zero && row.isFilter) throw new UsageError("Can't use -z with filtering parameters");
  }
  checkNetworks(draft);
}

/** Throws UsageError for what does not go with another network namespace, or with several. */
function checkNetworks({ subject, low: { extensions, zero, output } }: Draft): void {
  const { from, netns, interval, rounds, "all-netns": all } = extensions;
  if (from !== undefined && netns !== undefined) throw new UsageError("cannot specify `--from' with `--netns'");
  if (!all) return;
  if (from !== undefined) throw new UsageError("cannot specify `--from' with `--all-netns'");
  if (netns !== undefined) throw new UsageError("cannot specify `--netns' with `--all-netns'");
  if (zero) throw new UsageError("Can't use -z with --all-netns");
  if (interval !== undefined && subject !== "diagnose") throw new UsageError("Can't use --interval with --all-netns");
  if (rounds !== undefined) throw new UsageError("Can't use --rounds with --all-netns");
  // A line with a name in front is neither a part of a document, nor a line for -R, nor a metric.
  const word = (["xml", "save", "prometheus"] as const).find((word) => output[word]);
  if (word !== undefined) throw new UsageError(`Can't use -o ${word} with --all-netns`);
}

function isLegal({ on }: Row, place: Place): boolean {
  return on === "everywhere" || on.includes(place);
}

function illegal(name: string): UsageError {
  return new UsageError(`Illegal option \`--${name}' with this command`);
}

/** The name of the extension that a word is, `--NAME` or `--NAME=VALUE`. */
export function extensionIn(word: string): ExtensionName | undefined {
  const name = /^--([^=]+)/.exec(word)?.[1] ?? "";
  return Object.hasOwn(EXTENSIONS, name) ? (name as ExtensionName) : undefined;
}

/**
 * Takes the extension at `words[at]`, which stands beside -R, and its value; returns how many words that are.
 * @throws UsageError for one that does not go with -R, or has no value
 */
export function takeBesideLoadFile(draft: Draft, words: readonly string[], at: number): number {
  const text = words[at]!;
  const name = extensionIn(text)!;
  const row = EXTENSIONS[name];
  if (!isLegal(row, "load-file")) throw illegal(name);
  const { argument } = row;
  const equals = text.indexOf("=");
  const attached = equals < 0 ? undefined : text.slice(equals + 1);
  if (argument === "none" && attached !== undefined) throw new UsageError(`unknown option \`${text}'`);
  const own = argument === "required" && attached === undefined;
  if (own && at + 1 === words.length) throw new UsageError(`option \`--${name}' requires an argument`);
  wordOf(name).apply(draft, own ? words[at + 1] : attached);
  return own ? 2 : 1;
}
