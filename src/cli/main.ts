/** The program: a command line in, an exit status out. */
import type { Command } from "../command/command.js";
import { PREFIX, say } from "../command/context.js";
import { failureText, runCommand } from "../command/run.js";
import { EPIPE } from "../netlink/errno.js";
import { ConntrackError, KernelError, UsageError } from "../system/errors.js";
import type { Io } from "./io.js";
import { loadFile } from "./load-file.js";
import { type ParseContext, parseCommandLine } from "./parse.js";

export const VERSION_LINE = "conntrack v1.4.9 (conntrack-tools)\n";
const TRY_HELP = "Try `conntrack -h' or 'conntrack --help' for more information.\n";

/** What a shell shows for a program that SIGPIPE ended; the executable then really dies of it. */
export const STATUS_SIGPIPE = 128 + 13;

/**
 * Runs one command line.
 * @param argv the words after the program's name
 * @returns the exit status; a promise of it only where help was asked for, whose code is loaded then
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
      warn: (line) => io.stderr.write(Buffer.from(`${line}\n`)),
      posixlyCorrect: environment.POSIXLY_CORRECT !== undefined,
    };
    const command = parseCommandLine(argv, context);
    if (command.name === "help") return help(command, io);
    if (command.name === "version") {
      io.stdout.write(Buffer.from(VERSION_LINE));
      return 0;
    }
    if (command.file !== undefined) return loadFile(command.file, io, context);
    return runCommand(command, io);
  } catch (error) {
    return fail(error, io);
  }
}

async function help(command: Command, io: Io): Promise<number> {
  try {
    const { helpText } = await import("./help.js");
    io.stdout.write(Buffer.from(helpText(command)));
    return 0;
  } catch (error) {
    return fail(error, io);
  }
}

/** Says what went wrong and returns the exit status. */
function fail(error: unknown, io: Io): number {
  if (error instanceof KernelError && error.syscall === "write" && error.errno === EPIPE) return STATUS_SIGPIPE;
  try {
    if (error instanceof UsageError) {
      const hint = error.exitCode === 2 ? TRY_HELP : "";
      io.stderr.write(Buffer.from(`${PREFIX}${error.message}\n${hint}`));
    } else {
      say(io, failureText(error, io.backend.strerror));
    }
    if (error instanceof ConntrackError && error.note !== undefined) say(io, error.note);
  } catch {
    // Nobody can read stderr either.
  }
  return error instanceof ConntrackError ? error.exitCode : 1;
}
