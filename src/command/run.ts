/** Which function does which command on which table, and how its failures read. */
import * as E from "../system/errno.js";
import { ConntrackError, KernelError } from "../system/errors.js";
import type { KernelCommand } from "./command.js";
import type { Context } from "./context.js";
import { countExpectations, countFlows } from "./count.js";
import { createExpectation, createFlow } from "./create.js";
import { deleteExpectation, deleteFlows } from "./delete.js";
import { diagnose } from "./diagnose.js";
import { expectEvents, flowEvents } from "./event.js";
import { explainStats } from "./explain.js";
import { flushExpectations, flushFlows } from "./flush.js";
import { getExpectation, getFlow } from "./get.js";
import { groupFlows } from "./group.js";
import { listExpectations, listFlows } from "./list.js";
import { stats } from "./stats.js";
import { topView } from "./top.js";
import { updateFlows } from "./update.js";
import { watchCount } from "./watch-count.js";

/** Does a command and returns the exit status. Failures are thrown. */
function dispatch(command: KernelCommand, context: Context): number {
  switch (command.name) {
    case "list":
      return command.table === "expect" ? listExpectations(command, context) : listFlows(command, context);
    case "group":
      return groupFlows(command, context);
    case "get":
      return command.table === "expect" ? getExpectation(command, context) : getFlow(command, context);
    case "count":
      return command.table === "expect" ? countExpectations(command, context) : countFlows(command, context);
    case "watch-count":
      return watchCount(command, context);
    case "explain":
      return explainStats(command, context);
    case "diagnose":
      return diagnose(command, context);
    case "stats":
      return stats(command, context);
    case "top":
      return topView(command, context);
    case "create":
    case "add":
      return command.table === "expect" ? createExpectation(command, context) : createFlow(command, context);
    case "update":
      return updateFlows(command, context);
    case "delete":
      return command.table === "expect" ? deleteExpectation(command, context) : deleteFlows(command, context);
    case "flush":
      return command.table === "expect" ? flushExpectations(command, context) : flushFlows(command, context);
    case "event":
      return command.table === "expect" ? expectEvents(command, context) : flowEvents(command, context);
  }
}

export function runCommand(command: KernelCommand, context: Context): number {
  try {
    return dispatch(command, context);
  } catch (error) {
    const { name, table } = command;
    if (!(error instanceof KernelError)) throw error;
    error.command ??= table === "expect" ? `${name} expect` : name;
    if (error.errno === E.ENOENT && "ignoreNotFound" in command && command.ignoreNotFound) error.exitCode = 0;
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
  { errno: E.ENOTSUPP, on: ["list", "group"], text: "function not implemented" },
  { errno: E.ENOENT, on: ["create", "get", "delete", "add"], text: "such conntrack doesn't exist" },
  { errno: E.ENOENT, on: ["create expect"], text: "master conntrack not found" },
  { errno: E.EEXIST, on: ["create"], text: "Such conntrack exists, try -U to update" },
  { errno: E.EAFNOSUPPORT, on: ["get"], text: "protocol not supported" },
  { errno: E.ETIME, on: ["create", "add"], text: "conntrack has expired" },
];

/** What stderr says of a failure, without the prefix. */
export function failureText(error: unknown, strerror: (errno: number) => string): string {
  if (error instanceof KernelError) {
    if (error.syscall === "bind" || error.syscall === "setns") return error.message;
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
