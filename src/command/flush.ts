/** -F: empties a table. */
import * as C from "../ctnetlink/constants.js";
import { encodeFlowFlush, encodePlain } from "../ctnetlink/encode.js";
import type { Command } from "./command.js";
import { type Context, say, withConnection } from "./context.js";

export function flushFlows({ family }: Command, context: Context): number {
  withConnection(context, (connection) => connection.request((writer) => encodeFlowFlush(writer, family)));
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
