/** The commands: one row each. */
import type { TableName } from "../command/command.js";
import { UsageError } from "../system/errors.js";
import type { Draft } from "./draft.js";
import type { Argument } from "./getopt.js";
import { commandRules, type Subject } from "./matrix.js";

export type CommandOption = Exclude<Subject, "none">;

export interface CommandRow {
  /** Absent for a command that the reference does not have: that one is found by its full name alone, and takes "none". */
  readonly letter?: string;
  /** The long name. */
  readonly name: string;
  /** "none" where there is no table to choose. */
  readonly argument: Exclude<Argument, "required" | "optional" | "attached">;
  readonly ignoresAttached?: boolean;
  readonly help: string;
}

export const COMMANDS: Readonly<Record<CommandOption, CommandRow>> = {
  list: { letter: "L", name: "dump", argument: "long-or-word", help: "show the entries of a table" },
  get: { letter: "G", name: "get", argument: "long-or-word", help: "look up one entry and show it" },
  delete: {
    letter: "D",
    name: "delete",
    argument: "long-or-word",
    help: "delete the entries that match, and show them",
  },
  create: {
    letter: "I",
    name: "create",
    argument: "long-or-word",
    help: "create an entry; it is an error if it exists",
  },
  add: { letter: "A", name: "add", argument: "long-or-word", help: "create an entry, unless it exists" },
  update: {
    letter: "U",
    name: "update",
    argument: "long-or-word",
    help: "change the entries that match, and show them",
  },
  event: { letter: "E", name: "event", argument: "long-or-word", help: "show what happens, until interrupted" },
  flush: { letter: "F", name: "flush", argument: "long-or-word", help: "empty a table" },
  // The reference's -Cexpect counts flows, and a number alone tells nobody that it is another one.
  count: {
    letter: "C",
    name: "counter",
    argument: "long-or-word",
    ignoresAttached: true,
    help: "show how many entries a table has",
  },
  stats: { letter: "S", name: "stats", argument: "word", help: "show the kernel's counters, a line a CPU" },
  diagnose: {
    name: "diagnose",
    argument: "none",
    help: "say what fills the table and what helps: exit status 0 nothing, 3 warnings, 4 full or dropping",
  },
  top: { name: "top", argument: "none", help: "a live view of the table, which changes nothing" },
  version: { letter: "V", name: "version", argument: "word", help: "show the version" },
  help: { letter: "h", name: "help", argument: "word", help: "show this text; with -p, a protocol's options too" },
};

/** Not one of them, for it only counts as the first word. */
export const LOAD_FILE = {
  letter: "R",
  name: "load-file",
  argumentName: "file",
  help: "do what the lines of a file say; - reads standard input",
} as const;

/** Tables in the order in which a beginning of a name is tried. */
export const TABLES: readonly TableName[] = ["expect", "conntrack", "dying", "unconfirmed"];

/** Makes `subject` the command, and what `table` begins the name of its table. */
export function chooseCommand(draft: Draft, subject: CommandOption, table: string | undefined): void {
  const { low } = draft;
  if (table !== undefined) low.table = findTable(subject, table);
  if (draft.subject !== "none") throw new UsageError("Invalid commands combination");
  draft.subject = subject;
  low.name = subject;
}

/** The table that `text` begins the name of. */
export function tableOf(text: string): TableName | undefined {
  return TABLES.find((name) => name.startsWith(text));
}

function findTable(subject: CommandOption, text: string): TableName {
  const found = tableOf(text);
  if (found === undefined) throw new UsageError(`unknown type \`${text}'`);
  if (commandRules(subject, found) !== undefined) return found;
  throw new UsageError(
    found === "expect"
      ? `Can't do --${COMMANDS[subject].name} on expectations`
      : "Can't do that command with tables `dying' and `unconfirmed'",
  );
}
