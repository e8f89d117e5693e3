/** -F: empties a table. */
import * as C from "../ctnetlink/constants.js";
import { countExpectations } from "../ctnetlink/counts.js";
import { encodeFlowFlush, encodePlain } from "../ctnetlink/encode.js";
import { dumpFlows } from "../match/dump.js";
import { fromUtf8 } from "../system/text.js";
import type { FlushExpectations, FlushFlows } from "./command.js";
import { type Context, say, withConnection } from "./context.js";
import { changeMatching, DELETION } from "./entry-batch.js";

/**
 * Whether the kernel is known to heed the family of a flush: Linux 6.18 was seen to. One that does not deletes the flows of
 * both, which cannot be taken back, so every older release, and one that cannot be read, gets the way that is always right.
 */
function flushHeedsFamily(context: Context): boolean {
  try {
    const release = fromUtf8(context.readFile("/proc/sys/kernel/osrelease"));
    const [major = 0, minor = 0] = release.split(".").map((part) => Number.parseInt(part, 10));
    return major > 6 || (major === 6 && minor >= 18);
  } catch {
    return false;
  }
}

/** How many entries a flush would delete. */
function countFlows(family: number, context: Context): number {
  let count = 0;
  withConnection(context, (connection) => dumpFlows(connection, { family }, () => void count++));
  return count;
}

export function flushFlows({ family }: FlushFlows, context: Context): number {
  if (context.dryRun) {
    say(context, `connection tracking table would be emptied: ${countFlows(family, context)} flow entries.`);
    return 0;
  }
  if (family !== C.AF_UNSPEC && !flushHeedsFamily(context))
    changeMatching(context, { family }, DELETION, { done() {} });
  else withConnection(context, (connection) => connection.request((writer) => encodeFlowFlush(writer, family)));
  say(context, "connection tracking table has been emptied.");
  return 0;
}

export function flushExpectations(_: FlushExpectations, context: Context): number {
  if (context.dryRun) {
    const count = withConnection(context, countExpectations);
    say(context, `expectation table would be emptied: ${count} expectations.`);
    return 0;
  }
  withConnection(context, (connection) =>
    connection.request((writer) => encodePlain(writer, C.EXP_DELETE, C.AF_UNSPEC)),
  );
  say(context, "expectation table has been emptied.");
  return 0;
}
