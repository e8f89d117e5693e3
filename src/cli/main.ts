/** The program: a command line in, an exit status out. */

import type { Command, Help, KernelCommand, LoadFile, Modes } from "../command/command.js";
import { say } from "../command/context.js";
import { enterEachNetwork, enterNamedNetwork, markedContext, type Network } from "../command/network.js";
import { failureText, runCommand } from "../command/run.js";
import { readOnly } from "../ctnetlink/read-only.js";
import { EPIPE } from "../system/errno.js";
import { ConntrackError, KernelError, UsageError } from "../system/errors.js";
import { messageLine, toUtf8 } from "../system/text.js";
import type { ColorChoice } from "./arguments.js";
import { HeldOutput } from "./held-output.js";
import type { Io } from "./io.js";
import { loadFile } from "./load-file/load-file.js";
import { type ParseContext, readCommandLine } from "./parse.js";
import { savedIo } from "./saved-io.js";

export const VERSION_LINE = "conntrack v1.4.9 (conntrack-tools)\n";
const TRY_HELP = "Try `conntrack -h' or 'conntrack --help' for more information.";

/** What a shell shows for a program that SIGPIPE ended; the executable then really dies of it. */
export const STATUS_SIGPIPE = 128 + 13;

/**
 * Runs one command line.
 * @param argv the words after the program's name
 * @returns the exit status; a promise of it only for help and for colours, whose code is loaded then
 */
export function main(
  argv: readonly string[],
  io: Io,
  environment: { POSIXLY_CORRECT?: string } = {},
): number | Promise<number> {
  try {
    const context: ParseContext = {
      readFile: io.readFile,
      strerror: io.backend.strerror,
      warn: (line) => io.stderr.write(messageLine(line)),
      posixlyCorrect: environment.POSIXLY_CORRECT !== undefined,
    };
    const { command, color } = readCommandLine(argv, context);
    if (isColored(color ?? defaultColor(command), io)) return inColor(command, io, context);
    return perform(command, io, context);
  } catch (error) {
    return fail(error, io);
  }
}

/** What is coloured without --color: formats that the reference does not have. */
function defaultColor(command: Command): ColorChoice {
  const format = "output" in command ? command.output.format : "format" in command ? command.format : undefined;
  const isOurs = command.name === "diagnose" || command.name === "explain";
  return format === "table" || (isOurs && format === "default") ? "auto" : "never";
}

function isColored(choice: ColorChoice, { terminalColumns, variable }: Io): boolean {
  if (choice !== "auto") return choice === "always";
  return terminalColumns() !== undefined && !variable("NO_COLOR") && variable("TERM") !== "dumb";
}

/** The same in colours, whose code is loaded then. */
async function inColor(command: Command, io: Io, context: ParseContext): Promise<number> {
  try {
    const { colored } = await import("./color.js");
    return await perform(command, { ...io, stdout: colored(io.stdout) }, context);
  } catch (error) {
    return fail(error, io);
  }
}

function perform(command: Command, io: Io, context: ParseContext): number | Promise<number> {
  try {
    if (command.name === "help") return help(command, io);
    if (command.name === "version") {
      io.stdout.write(toUtf8(VERSION_LINE));
      return 0;
    }
    const takesItsTime =
      ["event", "top", "diagnose"].includes(command.name) || "repetition" in command || command.allNetworks;
    if (takesItsTime || io.stdoutIsDevice()) return run(command, io, context);
    return runHeld(command, io, context);
  } catch (error) {
    return fail(error, io);
  }
}

type Runnable = (KernelCommand | LoadFile) & Modes;

function run(command: Runnable, io: Io, context: ParseContext): number {
  if (command.allNetworks && command.name !== "load-file") return inEachNetwork(command, io);
  const { network: where } = command;
  const there = where === undefined ? io : { ...io, network: { where, path: enterNamedNetwork(io, where) } };
  const outside = outsideOf(command, there);
  return command.name === "load-file" ? loadFile(command.file, outside, context) : runCommand(command, outside);
}

/** Does a command in each network namespace; returns the highest exit status. */
function inEachNetwork(command: KernelCommand, io: Io): number {
  let highest = 0;
  const inside = (network: Network, work: (io: Io) => number) => {
    const marked = { ...io, ...markedContext(io, command, network) };
    try {
      highest = Math.max(highest, work(marked));
    } catch (error) {
      // Nobody reads the others either.
      if (error instanceof KernelError && error.syscall === "write") throw error;
      highest = Math.max(highest, fail(error, marked));
    }
  };
  const failed = (network: Network, error: KernelError) =>
    inside(network, () => {
      throw error;
    });
  for (const network of enterEachNetwork(io, failed)) inside(network, (marked) => runCommand(command, marked));
  return highest;
}

/** What a command works on: the kernel, a kernel that is only asked, or a saved table. */
function outsideOf(command: Runnable, io: Io): Io {
  if (command.dryRun) return { ...io, backend: readOnly(io.backend), dryRun: true };
  const from = "from" in command ? command.from : undefined;
  return from === undefined ? io : savedIo(from, io);
}

/** The same with a short output held back until the summary, or the error, is written. */
function runHeld(command: Runnable, io: Io, context: ParseContext): number {
  const stdout = new HeldOutput(io.stdout);
  let status: number;
  try {
    status = run(command, { ...io, stdout }, context);
  } catch (error) {
    status = fail(error, io);
  }
  stdout.flush();
  return status;
}

async function help(command: Help, io: Io): Promise<number> {
  try {
    const { helpText } = await import("./docs/help.js");
    io.stdout.write(toUtf8(helpText(command)));
    return 0;
  } catch (error) {
    return fail(error, io);
  }
}

const isBrokenPipe = (error: unknown): boolean =>
  error instanceof KernelError && error.syscall === "write" && error.errno === EPIPE;

/** Says what went wrong and returns the exit status. */
function fail(error: unknown, io: Io): number {
  if (isBrokenPipe(error)) return STATUS_SIGPIPE;
  try {
    if (error instanceof UsageError) {
      say(io, error.message);
      if (error.exitCode === 2) io.stderr.write(messageLine(TRY_HELP));
    } else {
      say(io, failureText(error, io.backend.strerror));
    }
    if (error instanceof ConntrackError && error.note !== undefined) say(io, error.note);
  } catch (unsaid) {
    if (isBrokenPipe(unsaid)) return STATUS_SIGPIPE;
  }
  return error instanceof ConntrackError ? error.exitCode : 1;
}
