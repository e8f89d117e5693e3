/** -G: one entry by its tuple. */
import * as query from "../ctnetlink/queries.js";
import { compileFilter } from "../match/filter.js";
import type { GetExpectation, GetFlow } from "./command.js";
import { type Context, say, withConnection, withOutput } from "./context.js";
import { expectFormatter, flowFormatter, unclosed } from "./output.js";

export function getFlow({ key, filter, output, ignoreNotFound }: GetFlow, context: Context): number {
  const matches = compileFilter(filter);
  const count = withOutput(context.stdout, unclosed(flowFormatter(output, context)), (shown) =>
    withConnection(context, (connection) =>
      query.getFlow(connection, key, (view) => {
        if (matches === undefined || matches(view)) shown.entry(view);
      }),
    ),
  );
  say(context, `${count} flow entries have been shown.`);
  return count > 0 || ignoreNotFound ? 0 : 1;
}

export function getExpectation({ family, tuple, output }: GetExpectation, context: Context): number {
  withOutput(context.stdout, unclosed(expectFormatter(output, context)), (shown) =>
    withConnection(context, (connection) =>
      query.getExpectation(connection, family, tuple, (view) => shown.entry(view)),
    ),
  );
  return 0;
}
