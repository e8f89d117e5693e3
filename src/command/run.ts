/** Which function does which command on which table, and how its failures read. */
import * as E from "../system/errno.js";
import { ConntrackError, KernelError, UsageError } from "../system/errors.js";
import type { Command, CommandName } from "./command.js";
import type { Context } from "./context.js";
import { countExpectations, countFlows } from "./count.js";
import { createExpectation, createFlow } from "./create.js";
import { deleteExpectation, deleteFlows } from "./delete.js";
import { expectEvents, flowEvents } from "./event.js";
import { flushExpectations, flushFlows } from "./flush.js";
import { getExpectation, getFlow } from "./get.js";
import { listExpectations, listFlows } from "./list.js";
import { stats } from "./stats.js";
import { updateFlows } from "./update.js";

/** Does a command and returns the exit status. Failures are thrown. */
type Runner = (command: Command, context: Context) => number;

interface Runners {
  flows: Runner;
  expectations: Runner;
}

/** The commands that the command line itself answers are not among them. */
type Run = Exclude<CommandName, "help" | "version" | "load-file">;

/** The command line has refused these before. */
function impossible({ name }: Command): never {
  throw new UsageError(`Can't do --${name} on expectations`);
}

const RUNNERS: Readonly<Record<Run, Runners>> = {
  list: { flows: listFlows, expectations: listExpectations },
  get: { flows: getFlow, expectations: getExpectation },
  count: { flows: countFlows, expectations: countExpectations },
  stats: { flows: stats, expectations: stats },
  create: { flows: createFlow, expectations: createExpectation },
  add: { flows: createFlow, expectations: impossible },
  update: { flows: updateFlows, expectations: impossible },
  delete: { flows: deleteFlows, expectations: deleteExpectation },
  flush: { flows: flushFlows, expectations: (_, context) => flushExpectations(context) },
  event: { flows: flowEvents, expectations: expectEvents },
};

export function runCommand(command: Command, context: Context): number {
  const { flows, expectations } = RUNNERS[command.name as Run];
  const expect = command.table === "expect";
  try {
    return (expect ? expectations : flows)(command, context);
  } catch (error) {
    if (error instanceof KernelError) error.command ??= expect ? `${command.name} expect` : command.name;
    throw error;
  }
}

interface KernelErrorText {
  errno: number;
  /** The commands; absent: all. */
  on?: readonly string[];
  /** The commands that show the C library's text all the same. */
  not?: readonly string[];
  text: string;
}

/** Texts for the kernel's errors that the reference words itself. */
const KERNEL_ERRORS: readonly KernelErrorText[] = [
  { errno: E.EPERM, text: "sorry, you must be root or get CAP_NET_ADMIN capability to do this" },
  { errno: E.EINVAL, not: ["add"], text: "invalid parameters" },
  { errno: E.ENOMEM, text: "not enough memory" },
  { errno: E.ENOTSUPP, on: ["list"], text: "function not implemented" },
  { errno: E.ENOENT, on: ["create", "get", "delete", "add"], text: "such conntrack doesn't exist" },
  { errno: E.ENOENT, on: ["create expect"], text: "master conntrack not found" },
  { errno: E.EEXIST, on: ["create"], text: "Such conntrack exists, try -U to update" },
  { errno: E.EAFNOSUPPORT, on: ["get"], text: "protocol not supported" },
  { errno: E.ETIME, on: ["create", "add"], text: "conntrack has expired" },
];

/** What stderr says of a failure, without the prefix. */
export function failureText(error: unknown, strerror: (errno: number) => string): string {
  if (error instanceof KernelError) {
    if (error.syscall === "bind") return error.message;
    if (error.syscall === "write") return `write error: ${strerror(error.errno)}`;
    const { errno, command = "" } = error;
    const row = KERNEL_ERRORS.find(
      (row) => row.errno === errno && (row.on?.includes(command) ?? true) && !row.not?.includes(command),
    );
    return `Operation failed: ${row?.text ?? strerror(errno)}`;
  }
  if (error instanceof ConntrackError) return `Operation failed: ${error.message}`;
  return `internal error: ${error instanceof Error ? error.message : String(error)}`;
}
