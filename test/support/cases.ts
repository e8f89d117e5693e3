/** The recorded runs of the reference: test/fixtures/cases/*.json. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fixtures } from "./paths.js";

export interface CliCase {
  /** The table that the case starts from, a key of `setup`. */
  group: string;
  argv: string[];
  exit: number;
  /** Null where the text is our own. */
  stdout: string | null;
  stderr: string;
  /** The entries of stdout were sorted. */
  sorted?: boolean;
  stdoutEmpty?: boolean;
  /** `-L -o save` afterwards, sorted, timeouts masked. */
  tableAfter?: string[];
  /** Why ours must differ. */
  deviation?: string;
}

export interface ShellCase {
  section: string;
  /** F: the fixture is loaded first. P: `post` is the table afterwards. */
  flags: string;
  cmd: string;
  out: string | null;
  err: string;
  rc: string;
  post: string | null;
  deviation?: string;
}

export interface LoadFileCase {
  name: string;
  input: string;
  argv: string[];
  exit: number;
  stdout: string[];
  stderr: string;
  tableAfter: string[];
}

export interface EventCase {
  argv: string[];
  commands: string[];
  signal: NodeJS.Signals;
  exit: number;
  stdout: string[];
  stderr: string;
}

function load<T>(name: string): T {
  return JSON.parse(readFileSync(join(fixtures, "cases", name), "utf8")) as T;
}

export const cliCases = load<{ setup: Record<string, string[]>; cases: CliCase[] }>("cli.json");
export const shellCases = load<{ fixture: string; files: Record<string, string>; cases: ShellCase[] }>("shell.json");
export const loadFileCases = load<{ cases: LoadFileCase[] }>("load-file.json");
export const eventCases = load<{ cases: EventCase[] }>("events.json");
