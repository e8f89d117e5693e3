/** The manual page: man/conntrack.8.in with what the tables know. Used by scripts/docs.mjs, not by the command. */
import type { TableName } from "../../command/command.js";
import type { Protocol } from "../../protocol/protocols.js";
import { COMMANDS, type CommandOption, LOAD_FILE } from "../commands.js";
import type { ProtocolOption } from "../draft.js";
import { EXTENSION_NAMES, EXTENSIONS, type Place } from "../extensions.js";
import { OPTION_NAMES, type OptionName } from "../matrix.js";
import { OPTIONS } from "../options.js";
import { stateWords } from "../value-readers.js";
import {
  COMMAND_NAMES,
  longNames,
  optionsOf,
  PROTOCOLS_WITH_OPTIONS,
  plainLetter,
  tablesOf,
  tableWordsOf,
} from "./catalog.js";

/** What there is to say about a command beyond its line of help. */
const ABOUT_COMMANDS: Readonly<Partial<Record<CommandOption, string>>> = {
  get: "The entry is found by its tuple, in either direction.",
  update: "Filters pick the entries; the other options say what to change.",
  event:
    "Ends at SIGINT or SIGTERM, or when its output is closed. If events come faster than they are read, the kernel drops" +
    " some: a warning says so, and the summary says how often.",
  flush: "With -f only the entries of that family.",
  stats: "They count from the creation of the network namespace on.",
};

/** Text for roff: a backslash, a hyphen that is a minus sign, and what would be a macro at the start of a line. */
function roff(text: string): string {
  return text
    .replace(/\\/g, "\\e")
    .replace(/-/g, "\\-")
    .replace(/^([.'])/gm, "\\&$1");
}

const bold = (text: string) => `\\fB${roff(text)}\\fR`;
const italic = (text: string) => `\\fI${roff(text)}\\fR`;

/** "source of the flow" → "Source of the flow."; a name such as ipv4 stays as it is. */
function sentence(text: string): string {
  const first = /^[a-z]+\d/.test(text) ? text[0]! : text[0]!.toUpperCase();
  return roff(`${first}${text.slice(1)}.`);
}

function term(names: readonly string[], argument: string, paragraphs: readonly string[]): string {
  const head = `${names.map(bold).join(", ")}${argument === "" ? "" : ` ${argument}`}`;
  return [".TP", head, ...paragraphs].join("\n");
}

function words(letter: string | undefined, names: readonly string[]): string[] {
  const plain = plainLetter(letter);
  return [...(plain === undefined ? [] : [`-${plain}`]), ...names.map((name) => `--${name}`)];
}

/** ", "-joined options, each by its letter where that is plain, else by its name. */
function optionList(options: readonly OptionName[]): string {
  return options
    .map((name) => {
      const letter = plainLetter(OPTIONS[name].letter);
      return bold(letter === undefined ? `--${name}` : `-${letter}`);
    })
    .join(", ");
}

function needsAndTakes(command: CommandOption, table: TableName): string {
  const { required, addresses, optional } = optionsOf(command, table);
  const either = "either \\fB\\-s\\fR and \\fB\\-d\\fR or \\fB\\-r\\fR and \\fB\\-q\\fR";
  const needs = [required.length > 0 ? optionList(required) : "", addresses ? either : ""].filter(
    (part) => part !== "",
  );
  const parts = [
    ...(needs.length > 0 ? [`needs ${needs.join(", and ")}`] : []),
    ...(optional.length > 0 ? [`takes ${optionList(optional)}`] : []),
  ];
  return parts.length === 0 ? "takes no options" : parts.join("; ");
}

/** What the tables that a command works on need and take; those that are alike in one sentence. */
function optionSentences(command: CommandOption): string[] {
  const byRules = new Map<string, TableName[]>();
  const tables = tablesOf(command).toSorted((a, b) => Number(b === "conntrack") - Number(a === "conntrack"));
  for (const table of tables) {
    const rules = needsAndTakes(command, table);
    byRules.set(rules, [...(byRules.get(rules) ?? []), table]);
  }
  return Array.from(byRules, ([rules, names]) => `.br\nOn ${names.map(bold).join(", ")}: ${rules}.`);
}

function commands(): string {
  const rows = COMMAND_NAMES.map((command) => {
    const { letter, name, help } = COMMANDS[command];
    const about = ABOUT_COMMANDS[command];
    return term(words(letter, [name]), tableWordsOf(command).length > 0 ? `[${italic("table")}]` : "", [
      sentence(help),
      ...(about === undefined ? [] : [roff(about)]),
      ...optionSentences(command),
    ]);
  });
  const { letter, name, argumentName, help } = LOAD_FILE;
  const load = term(words(letter, [name]), italic(argumentName), [
    sentence(help),
    "It has to be the first word. Only --netns, --dry-run and --color can come before it, or after the file.",
  ]);
  return [...rows, load].join("\n");
}

function options(): string {
  return OPTION_NAMES.map((option) => {
    const { letter, help, about, ...row } = OPTIONS[option];
    const argument =
      row.argument === "none"
        ? ""
        : row.argument === "optional"
          ? `[${italic(row.argumentName)}]`
          : italic(row.argumentName);
    return term(words(letter, longNames(option)), argument, [
      sentence(help),
      ...(about === undefined ? [] : [roff(about)]),
    ]);
  }).join("\n");
}

/** "With -L, -E; on expect: -L." */
function places(on: readonly Place[] | "everywhere"): string {
  if (on === "everywhere") return "With every command.";
  const byTable = new Map<string, string[]>();
  for (const place of on) {
    const [command, table = "conntrack"] = place.split(" ") as [CommandOption | "load-file", string?];
    const { letter, name }: { letter?: string; name: string } = command === "load-file" ? LOAD_FILE : COMMANDS[command];
    const word = bold(letter === undefined ? `--${name}` : `-${letter}`);
    byTable.set(table, [...(byTable.get(table) ?? []), word]);
  }
  const parts = Array.from(
    byTable,
    ([table, words]) => `${table === "conntrack" ? "" : `on ${table} `}${words.join(", ")}`,
  );
  return `With ${parts.join("; ")}.`;
}

function extensions(): string {
  return EXTENSION_NAMES.map((name) => {
    const row = EXTENSIONS[name];
    const argument =
      row.argument === "none"
        ? ""
        : row.argument === "attached"
          ? `[=${italic(row.argumentName)}]`
          : italic(row.argumentName);
    return term([`--${name}`], argument, [
      sentence(row.help),
      ...(row.about === undefined ? [] : [roff(row.about)]),
      `.br\n${places(row.on)}`,
    ]);
  }).join("\n");
}

/** The options of protocols, those that the same protocols have together. */
function protocols(): string {
  const owners = new Map<string, { option: ProtocolOption; protocols: Protocol[] }>();
  for (const { protocol, options: rows } of PROTOCOLS_WITH_OPTIONS) {
    for (const option of rows) {
      const owner = owners.get(option.names[0]) ?? { option, protocols: [] };
      owner.protocols.push(protocol);
      owners.set(option.names[0], owner);
    }
  }
  const sections = new Map<string, string[]>();
  for (const { option, protocols: having } of owners.values()) {
    const { names, argumentName, help } = option;
    const title = having.map(({ name }) => name).join(", ");
    const states = having.map((protocol) => `.br\n${protocol.name}: ${stateWords(protocol).map(bold).join(", ")}.`);
    const row = term(
      names.map((name) => `--${name}`),
      italic(argumentName),
      [sentence(help), ...(names[0] === "state" ? states : [])],
    );
    sections.set(title, [...(sections.get(title) ?? []), row]);
  }
  return Array.from(sections, ([title, rows]) => [`.SS ${title}`, ...rows].join("\n")).join("\n");
}

function synopsis(): string {
  const lines = COMMAND_NAMES.map((command) => {
    const { required, optional } = optionsOf(command, "conntrack");
    const table = tableWordsOf(command).length > 0 ? ` [${italic("table")}]` : "";
    const more = required.length + optional.length > 0 ? ` [${italic("options")}]` : "";
    const { letter, name } = COMMANDS[command];
    const word = bold(letter === undefined ? `--${name}` : `-${letter}`);
    return `${bold("conntrack")} ${word}${table}${more}`;
  });
  return [...lines, `${bold("conntrack")} ${bold(`-${LOAD_FILE.letter}`)} ${italic(LOAD_FILE.argumentName)}`].join(
    "\n",
  );
}

/** Fills the template in; `version` is the package's. */
export function manPage(template: string, version: string): string {
  const parts: Readonly<Record<string, () => string>> = {
    VERSION: () => version,
    SYNOPSIS: synopsis,
    COMMANDS: commands,
    OPTIONS: options,
    EXTENSIONS: extensions,
    PROTOCOLS: protocols,
  };
  return template.replace(/@([A-Z]+)@/g, (_, name: string) => {
    const part = parts[name];
    if (part === undefined) throw new Error(`the template asks for @${name}@`);
    return part();
  });
}
