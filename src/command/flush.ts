/** -F: empties a table. */
import * as C from "../ctnetlink/constants.js";
import { encodeFlowDelete, encodeFlowFlush, encodePlain } from "../ctnetlink/encode.js";
import { ENOENT } from "../netlink/errno.js";
import { KernelError } from "../system/errors.js";
import type { Command } from "./command.js";
import { type Context, say, withConnection } from "./context.js";
import { changeMatching } from "./entry-batch.js";

/**
 * Whether the kernel heeds the family of a flush (Linux 5.3 and later). One that does not would delete the flows of both, so
 * a release that cannot be read counts as one of those.
 */
function flushHeedsFamily(context: Context): boolean {
  try {
    const release = Buffer.from(context.readFile("/proc/sys/kernel/osrelease")).toString();
    const [major = 0, minor = 0] = release.split(".").map((part) => Number.parseInt(part, 10));
    return major > 5 || (major === 5 && minor >= 3);
  } catch {
    return false;
  }
}

/** Deletes the flows of a family one by one. */
function deleteFamily(family: number, context: Context): void {
  changeMatching(context, { family }, (batch, view) => batch.add(view, (writer) => encodeFlowDelete(writer, view)), {
    done(_buffer, _start, _end, errno) {
      if (errno !== 0 && errno !== ENOENT) throw new KernelError(errno, "CT_DELETE");
    },
  });
}

export function flushFlows({ family }: Command, context: Context): number {
  if (family !== C.AF_UNSPEC && !flushHeedsFamily(context)) deleteFamily(family, context);
  else withConnection(context, (connection) => connection.request((writer) => encodeFlowFlush(writer, family)));
  say(context, "connection tracking table has been emptied.");
  return 0;
}

export function flushExpectations(context: Context): number {
  withConnection(context, (connection) =>
    connection.request((writer) => encodePlain(writer, C.EXP_DELETE, C.AF_UNSPEC)),
  );
  say(context, "expectation table has been emptied.");
  return 0;
}
