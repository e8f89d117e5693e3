/** Which command a recorded case runs. */
import type { CommandName } from "../../src/command/command.js";

const LETTERS: Readonly<Record<string, CommandName>> = {
  L: "list",
  G: "get",
  D: "delete",
  I: "create",
  A: "add",
  U: "update",
  E: "event",
  F: "flush",
  C: "count",
  S: "stats",
  V: "version",
  h: "help",
};

const WORDS: Readonly<Record<string, CommandName>> = {
  dump: "list",
  get: "get",
  delete: "delete",
  create: "create",
  add: "add",
  update: "update",
  event: "event",
  flush: "flush",
  counter: "count",
  stats: "stats",
  version: "version",
  help: "help",
};

/** The command of an argument vector that the reference accepts. */
export function commandName(argv: readonly string[]): CommandName {
  if (argv[0] === "-R" || argv[0] === "--load-file") return "load-file";
  for (const word of argv) {
    const long = /^--([a-z]+)(?:=.*)?$/.exec(word)?.[1];
    const found = long === undefined ? LETTERS[/^-z*([A-Zh])/.exec(word)?.[1] ?? ""] : longCommand(long);
    if (found !== undefined) return found;
  }
  return "help";
}

function longCommand(prefix: string): CommandName | undefined {
  const word = Object.keys(WORDS).find((name) => name.startsWith(prefix));
  return word === undefined ? undefined : WORDS[word];
}

/** Whether a recorded run was refused for its words alone, before anything was done. */
export function refused(status: number, stderr: string): boolean {
  return status === 2 || (status === 1 && /: (unexpected value|cannot (combine|use)) /.test(stderr));
}
