/** Words to commands: what is on a command line, or on a line of a load-file. */
import type { Command, LoadableCommand } from "../command/command.js";
import { AF_UNSPEC } from "../ctnetlink/constants.js";
import type { FlowFilter } from "../match/filter.js";
import { UsageError } from "../system/errors.js";
import { LABEL_MAP_PATH } from "../system/labelmap.js";
import { once } from "../system/once.js";
import { type Arguments, type ColorChoice, noTuple, type Values } from "./arguments.js";
import { COMMANDS, type CommandOption, chooseCommand, tableOf } from "./commands.js";
import type { Draft, ParseContext, Word } from "./draft.js";
import { checkExtensions, extensionIn, extensionWord, takeBesideLoadFile } from "./extensions.js";
import { filesOf } from "./files.js";
import { splitFilter } from "./filter-text.js";
import { Getopt } from "./getopt.js";
import { checkGroups } from "./groups.js";
import { ADDRESS_PAIRS, checkOptions, commandRules, OPTION_NAMES, type OptionName, optionBits } from "./matrix.js";
import { optionRow } from "./options.js";
import {
  checkProtocolOptions,
  optionsInCommon,
  protocolOptions,
  readOneOrMoreProtocols,
  useProtocol,
} from "./protocol-options.js";
import { filterOf, modesOf, resolve, type ViewReaders } from "./resolve.js";

export type { ParseContext } from "./draft.js";

const PROGRAM = "conntrack";

const SUBJECTS = Object.keys(COMMANDS) as CommandOption[];

/** Commands and options by character code, each made when it is first asked for: a start is short. */
const LETTERS: (Word | undefined)[] = [];
/** The same by long name; commands that the reference does not have are in `extensions`, by their full names alone. */
const names = once(() => {
  const reference = new Map<string, Word>();
  const extensions = new Map<string, Word>();
  for (const subject of SUBJECTS) {
    const { name, letter } = COMMANDS[subject];
    (letter === undefined ? extensions : reference).set(name, commandWord(subject));
  }
  for (const name of OPTION_NAMES) {
    const word = optionWord(name);
    for (const one of [name, ...(optionRow(name).synonyms ?? [])]) reference.set(one, word);
  }
  return { reference, extensions };
});

const commandWords: Partial<Record<CommandOption, Word>> = {};
const optionWords: Partial<Record<OptionName, Word>> = {};

/** What may stand in the view's filter. */
const viewFilters = once(() => commandRules("top", "conntrack")!.allowed);

function commandWord(subject: CommandOption): Word {
  commandWords[subject] ??= {
    ...COMMANDS[subject],
    apply: (draft, value) => chooseCommand(draft, subject, value),
  };
  return commandWords[subject];
}

function optionWord(name: OptionName): Word {
  optionWords[name] ??= newOptionWord(name);
  return optionWords[name];
}

function newOptionWord(name: OptionName): Word {
  const row = optionRow(name);
  const bit = optionBits(name);
  const word: Word = {
    argument: row.argument,
    apply(draft, value) {
      if (row.argument === "required") row.read(draft, value!);
      else row.read(draft, value);
      draft.given |= bit;
    },
  };
  if ((bit & viewFilters()) === 0) return word;
  return { ...word, filter: /[a-z]/.test(row.letter) ? `-${row.letter}` : `--${name}` };
}

function findLetter(letter: string): Word | undefined {
  const subject = SUBJECTS.find((subject) => COMMANDS[subject].letter === letter);
  if (subject !== undefined) return commandWord(subject);
  const name = OPTION_NAMES.find((name) => optionRow(name).letter === letter);
  return name && optionWord(name);
}

function letter(code: number): Word | undefined {
  LETTERS[code] ??= findLetter(String.fromCharCode(code));
  return LETTERS[code];
}

/** An option that may turn out to be one of a protocol that is named further on. */
const PERHAPS: Word = { argument: "required", apply: () => undefined };

const NO_WORDS: ReadonlyMap<string, Word> = new Map();

/** The word that a long name stands for, or an unambiguous beginning of one that the reference has. */
function findName(name: string, more: ReadonlyMap<string, Word>): Word | undefined {
  const { reference, extensions } = names();
  const exact = reference.get(name) ?? more.get(name) ?? extensionWord(name) ?? extensions.get(name);
  if (exact !== undefined) return exact;
  let found: Word | undefined;
  for (const words of [reference, more]) {
    for (const [full, word] of words) {
      if (!full.startsWith(name) || word === found) continue;
      if (found !== undefined) return undefined;
      found = word;
    }
  }
  return found;
}

/**
 * Reads a command line.
 * @param argv the words after the program's name
 * @throws UsageError with the text that follows the program's prefix
 */
export function parseCommandLine(argv: readonly string[], context: ParseContext): Command {
  return readCommandLine(argv, context).command;
}

/** A command, and what is said of its run as a whole. */
export interface CommandLine {
  command: Command;
  /** --color. */
  color: ColorChoice | undefined;
}

/** The same, with what does not belong to the command. */
export function readCommandLine(argv: readonly string[], context: ParseContext): CommandLine {
  const loading = loadFileOf(argv, context);
  if (loading !== undefined) return loading;
  const low = readArguments(argv, context);
  const view: ViewReaders = {
    readFilter: (text) => readFilterText(text, context),
    portNames: () => filesOf(context).portNames(),
  };
  return { command: resolve(low, view), color: low.extensions.color };
}

/**
 * -R counts as the first word alone, but for extensions that go with it, and all words behind its file are ignored, but for
 * extensions: these are heeded or refused. A command line that is not one of -R is undefined.
 */
function loadFileOf(argv: readonly string[], context: ParseContext): CommandLine | undefined {
  const at = argv.findIndex((word) => word === "-R" || word === "--load-file");
  const file = argv[at + 1];
  if (at < 0 || file === undefined) return undefined;
  const draft = newDraft(context);
  let i = 0;
  while (i < at) {
    if (extensionIn(argv[i]!) === undefined) return undefined;
    i += takeBesideLoadFile(draft, argv, i);
  }
  // The value of the one before it.
  if (i > at) return undefined;
  for (i = at + 2; i < argv.length; ) {
    if (names().extensions.has(argv[i]!.slice(2))) throw new UsageError("Invalid commands combination");
    i += extensionIn(argv[i]!) === undefined ? 1 : takeBesideLoadFile(draft, argv, i);
  }
  const { extensions } = draft.low;
  return { command: { name: "load-file", file, ...modesOf(extensions) }, color: extensions.color };
}

/** What the words of a command line say, each option for itself: see parseCommandLine. */
export function readArguments(argv: readonly string[], context: ParseContext): Arguments {
  return readWords(argv, context).low;
}

/** A filter that was typed, options as on the command line. Throws UsageError. */
function readFilterText(text: string, context: ParseContext): FlowFilter {
  const { low, operands } = readWords(["--top", ...splitFilter(text)], { ...context, warn: () => {} });
  if (operands.length > 0) throw new UsageError(`unexpected \`${operands[0]}'`);
  const other = Object.keys(low.extensions).find((name) => extensionWord(name)!.filter === undefined);
  if (other !== undefined || low.output.json) throw new UsageError(`\`--${other ?? "output"}' is no filter`);
  return filterOf(low);
}

/** Reads a line of a load-file, as splitWords returns it: see parseCommandLine. */
export function parseLoadFileLine(words: readonly string[], context: ParseContext): LoadableCommand {
  const { subject, low } = readWords(words, context, true);
  const command = resolve(low, NO_VIEW);
  if (subject !== "none" && isLoadable(command)) return command;
  throw new UsageError(`Cannot use command \`${loadFileName(subject, low)}' with --load-file`);
}

function noView(): never {
  throw new UsageError("a load-file has no view");
}
const NO_VIEW: ViewReaders = { readFilter: noView, portNames: noView };

/** The commands that a load-file may hold. */
const LOADABLE: readonly string[] = ["create", "add", "update", "delete", "flush"];

function isLoadable(command: Command): command is LoadableCommand {
  return LOADABLE.includes(command.name) && "table" in command && command.table === "conntrack";
}

function loadFileName(subject: Draft["subject"], { table }: Arguments): string {
  if (subject === "none") return "unknown";
  const row = COMMANDS[subject];
  const letter = row.letter === undefined ? `--${row.name}` : `-${row.letter}`;
  if (table !== "expect" || subject === "help" || subject === "version") return letter;
  // The reference takes the letter of --counter for --create.
  return `${subject === "create" ? "-C" : letter} expect`;
}

function noArguments(): Arguments {
  return {
    name: "help",
    table: "conntrack",
    family: AF_UNSPEC,
    values: { orig: noTuple(), reply: noTuple(), expectTuple: noTuple(), expectMask: noTuple() },
    lists: { orig: {}, reply: {} },
    extensions: {},
    filterWords: [],
    output: {
      xml: false,
      save: false,
      json: false,
      table: false,
      prometheus: false,
      extended: false,
      timestamp: false,
      id: false,
      ktimestamp: false,
      labels: false,
      userspace: false,
    },
    zero: false,
  };
}

/** Commands that take -o for json alone, with their table where it matters: the reference shows nothing that -o could format. */
const JSON_ALONE: readonly string[] = [
  "create conntrack",
  "add conntrack",
  "count conntrack",
  "stats conntrack",
  "diagnose conntrack",
  "top conntrack",
  "create expect",
  "get expect",
  "delete expect",
  "count expect",
  "stats expect",
];

function newDraft(context: ParseContext): Draft {
  return {
    context,
    files: filesOf(context),
    low: noArguments(),
    subject: "none",
    commandAhead: () => ({ subject: "none", table: "conntrack" }),
    given: 0,
    protocolGiven: 0,
    protocol: undefined,
    operands: [],
    lengthMasks: { src: undefined, dst: undefined },
    labelMapPath: undefined,
    labels: [],
  };
}

function readWords(words: readonly string[], context: ParseContext, inLoadFile = false): Draft {
  const draft = newDraft(context);
  readOptions(draft, words);
  readLabels(draft);
  check(draft, inLoadFile);
  if (Object.keys(draft.low.extensions).length > 0) checkGivenExtensions(draft, inLoadFile);
  refuseLoneBang(draft);
  return draft;
}

function checkGivenExtensions(draft: Draft, inLoadFile: boolean): void {
  const { low } = draft;
  checkExtensions(draft, inLoadFile);
  const { sort, limit, "group-by": by } = low.extensions;
  if (sort !== undefined || limit !== undefined || by !== undefined) checkGroups(low);
  checkRepetition(low);
  if (low.zero && low.extensions.from !== undefined) throw new UsageError("Can't use -z with --from");
}

function readOptions(draft: Draft, words: readonly string[]): void {
  const name = (name: string): Word | undefined => {
    const found = findName(name, draft.protocol?.words ?? NO_WORDS);
    if (found !== undefined || draft.protocol !== undefined) return found;
    if ((draft.given & optionBits("protonum")) !== 0) return found;
    // The options of a protocol may stand before it.
    const protocol = protocolAhead(draft, getopt);
    if (protocol === undefined) return undefined;
    useProtocol(draft, protocol);
    return findName(name, protocol.words);
  };
  const getopt = new Getopt<Word>([PROGRAM, ...words], { letter, name }, draft.context.posixlyCorrect);
  draft.commandAhead = () => commandAhead(getopt);
  const { filterWords } = draft.low;
  for (let word = getopt.next(); word !== undefined; word = getopt.next()) {
    word.apply(draft, getopt.value);
    if (word.filter !== undefined) filterWords.push(word.filter, ...(getopt.value === undefined ? [] : [getopt.value]));
  }
  draft.operands = getopt.operands;
}

const AHEAD = { letter, name: (name: string) => findName(name, NO_WORDS) ?? PERHAPS };

/** What the next -p names; undefined where there is none, or none that can be read. */
function protocolAhead(draft: Draft, getopt: Getopt<Word>): Draft["protocol"] {
  return ahead(getopt.ahead(AHEAD), (word, value) => {
    if (word !== optionWord("protonum")) return undefined;
    const { one, list } = readOneOrMoreProtocols(draft, value!);
    return list === undefined ? protocolOptions(one!) : optionsInCommon(list);
  });
}

/** The command that a word behind the option being read chooses. */
function commandAhead(getopt: Getopt<Word>): ReturnType<Draft["commandAhead"]> {
  const found = ahead(getopt.behind(AHEAD), (word, value) => {
    const subject = SUBJECTS.find((subject) => commandWords[subject] === word);
    return subject && { subject, table: (value !== undefined && tableOf(value)) || "conntrack" };
  });
  return found ?? { subject: "none", table: "conntrack" };
}

/** What `find` makes of the first word that it knows; undefined where there is none, or where one cannot be read. */
function ahead<Found>(
  getopt: Getopt<Word>,
  find: (word: Word, value: string | undefined) => Found | undefined,
): Found | undefined {
  try {
    for (let word = getopt.next(); word !== undefined; word = getopt.next()) {
      const found = find(word, getopt.value);
      if (found !== undefined) return found;
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
  return undefined;
}

/** Turns label names into bits, now that all options are known. */
function readLabels({ low, labels, labelMapPath, files }: Draft): void {
  const asked = labels.length > 0 || low.output.labels;
  if (low.extensions.from !== undefined) {
    const map = files.labelMap(labelMapPath ?? LABEL_MAP_PATH, labelMapPath === undefined);
    if (map !== undefined) low.savedLabels = map;
  }
  if (!asked && !low.output.json && low.extensions["group-by"] === undefined) return;
  // json and groups name labels where they can, and say nothing where they cannot.
  const map = files.labelMap(labelMapPath ?? LABEL_MAP_PATH, !asked);
  if (map !== undefined) low.labelMap = map;
  const { values } = low;
  for (const { field, names } of labels) {
    const before = values[field];
    if (before === "all") continue;
    if (names === undefined) {
      values.labelDel = "all";
      continue;
    }
    const bits = names.split(",").map((name) => {
      const bit = map?.bits.get(name);
      if (bit === undefined) throw new UsageError(`unknown label '${name}'`);
      return bit;
    });
    values[field] = [...(before ?? []), ...bits];
  }
}

/** The reference ignores a `!` of its own, and so does the opposite of what was meant. */
function refuseLoneBang({ operands, subject }: Draft): void {
  if (!operands.includes("!") || (subject !== "delete" && subject !== "update")) return;
  throw new UsageError("a `!' goes into the value, as in -s '!10.0.0.0/8'");
}

/** What cannot be combined with -z: the kernel zeroes all counters, whatever is then shown. */
const FILTERS = once(
  () =>
    optionBits("src", "dst", "reply-src", "reply-dst", "protonum", "mark", "secmark", "status", "id", "zone", "label") |
    optionBits("orig-zone", "reply-zone", "src-nat", "dst-nat", "any-nat"),
);

/** Throws UsageError for options that do not go with the command, or with one another. */
function check(draft: Draft, inLoadFile: boolean): void {
  const { low, subject } = draft;
  const { values, table } = low;
  // A mask may have come as /LEN.
  if (values.srcMask !== undefined) draft.given |= optionBits("mask-src");
  if (values.dstMask !== undefined) draft.given |= optionBits("mask-dst");
  const { given } = draft;
  if ((given & optionBits("any-nat")) !== 0 && (given & optionBits("src-nat", "dst-nat")) !== 0) {
    throw new UsageError("cannot specify `--src-nat' or `--dst-nat' with `--any-nat'");
  }
  // In a load-file a new entry is not shown.
  const isOurs =
    (low.output.json || low.output.prometheus) && !inLoadFile && JSON_ALONE.includes(`${subject} ${table}`);
  checkOptions(
    commandRules(subject, table)!,
    isOurs ? given & ~optionBits("output") : given,
    OPTION_NAMES,
    ADDRESS_PAIRS,
  );
  if (low.output.prometheus) checkPrometheus(draft, inLoadFile);
  if (draft.protocol !== undefined) checkProtocolOptions(draft);
  // Lines of a load-file take nothing that the reference does not have, and expectations have other columns.
  if (low.output.table && (inLoadFile || table === "expect")) {
    throw new UsageError(inLoadFile ? "Bad parameter `table'" : "Can't use -o table with expectations");
  }
  if (table === "conntrack") {
    if (low.zero && (given & FILTERS()) !== 0) throw new UsageError("Can't use -z with filtering parameters");
    if (values.srcMask && low.lists.orig.src) throw new UsageError("Can't use --mask-src with a list");
    if (values.dstMask && low.lists.orig.dst) throw new UsageError("Can't use --mask-dst with a list");
    if (values.srcMask && !values.orig.src) throw new UsageError("Can't use --mask-src without --src");
    if (values.dstMask && !values.orig.dst) throw new UsageError("Can't use --mask-dst without --dst");
  } else if (table === "expect") {
    moveMasks(values);
  }
}

/** Commands that have metrics. Those of -L are groups, and --limit bounds how many series they are. */
const WITH_METRICS: readonly string[] = ["count conntrack", "stats conntrack", "diagnose conntrack", "list conntrack"];

/** Throws UsageError where -o prometheus does not go with the line. */
function checkPrometheus({ subject, low: { table, output, extensions } }: Draft, inLoadFile: boolean): void {
  if (inLoadFile) throw new UsageError("Bad parameter `prometheus'");
  if (!WITH_METRICS.includes(`${subject} ${table}`)) {
    throw new UsageError("Can't use -o prometheus with this command");
  }
  const { "group-by": by, limit, explain, interval, rounds } = extensions;
  if (subject === "list" && by === undefined) throw new UsageError("Can't use -o prometheus without --group-by");
  if (subject === "list" && limit === undefined) throw new UsageError("Can't use -o prometheus without --limit");
  if (explain !== undefined) throw new UsageError("Can't use -o prometheus with --explain");
  if (interval !== undefined && subject !== "diagnose") throw new UsageError("Can't use -o prometheus with --interval");
  if (rounds !== undefined) throw new UsageError("Can't use -o prometheus with --rounds");
  const other = Object.entries(output).find(([word, given]) => given && word !== "prometheus");
  if (other !== undefined) throw new UsageError(`Can't use -o prometheus with -o ${other[0]}`);
}

/** Throws UsageError for repetition options that mean nothing together. */
function checkRepetition({ name, extensions }: Arguments): void {
  const { interval, rounds, explain, from, "group-by": by } = extensions;
  if (rounds !== undefined && interval === undefined && name !== "top" && name !== "diagnose")
    throw new UsageError("Can't use --rounds without --interval");
  if (name === "stats" && interval !== undefined && explain === undefined) {
    throw new UsageError("Can't use --interval without --explain");
  }
  if (name === "list" && interval !== undefined) {
    if (by === undefined) throw new UsageError("Can't use --interval without --group-by");
  }
  if (from !== undefined && interval !== undefined) throw new UsageError("Can't use --interval with --from");
  if (from !== undefined && rounds !== undefined) throw new UsageError("Can't use --rounds with --from");
  if (interval === 0 && (name !== "diagnose" || rounds !== undefined)) throw new UsageError("Invalid interval `0'");
}

/** An expectation has masks of its own, by the same options. */
function moveMasks(values: Values): void {
  const { srcMask, dstMask } = values;
  if (srcMask !== undefined) values.expectMask.src = srcMask;
  if (dstMask !== undefined) values.expectMask.dst = dstMask;
  delete values.srcMask;
  delete values.dstMask;
}
