/** -G: one entry by its tuple. */
import * as C from "../ctnetlink/constants.js";
import * as query from "../ctnetlink/queries.js";
import { compileFilter } from "../match/filter.js";
import type { Command } from "./command.js";
import { type Context, say, withConnection, withOutput } from "./context.js";
import { flowFilter } from "./filter.js";
import { expectFormatter, flowFormatter, unclosed } from "./output.js";
import { icmpIdToSend } from "./template.js";

export function getFlow(command: Command, context: Context): number {
  const { orig, reply, protonum } = command.values;
  // The legality checks have made sure that one of the two directions is complete.
  const byOrig = orig.src !== undefined && orig.dst !== undefined;
  const type = byOrig ? C.CTA_TUPLE_ORIG : C.CTA_TUPLE_REPLY;
  const values = byOrig ? orig : reply;
  const tuple = { ...values, protonum, icmpId: icmpIdToSend(values, protonum) };
  const matches = compileFilter(flowFilter(command));
  const count = withOutput(context.stdout, unclosed(flowFormatter(command, context)), (output) =>
    withConnection(context, (connection) =>
      query.getFlow(connection, { family: command.family, type, tuple }, (view) => {
        if (matches === undefined || matches(view)) output.entry(view);
      }),
    ),
  );
  say(context, `${count} flow entries have been shown.`);
  return count > 0 ? 0 : 1;
}

export function getExpectation(command: Command, context: Context): number {
  const { orig, protonum } = command.values;
  withOutput(context.stdout, unclosed(expectFormatter(command, context)), (output) =>
    withConnection(context, (connection) =>
      query.getExpectation(connection, command.family, { ...orig, protonum }, (view) => output.entry(view)),
    ),
  );
  return 0;
}
