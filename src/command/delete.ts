/** -D: entries that match are deleted, and shown. */
import { encodeExpectDelete } from "../ctnetlink/encode.js";
import { getExpectation } from "../ctnetlink/queries.js";
import { ExpectView } from "../ctnetlink/view.js";
import { checkStatus } from "../match/dump.js";
import type { DeleteExpectation, DeleteFlows } from "./command.js";
import { type Context, despiteBrokenOutput, forPairs, repeaterOf, say, withConnection, withOutput } from "./context.js";
import { changeMatching, DELETION } from "./entry-batch.js";
import { bareFlowFormatter, expectFormatter } from "./output.js";

/** Deletes and shows what matches; returns how many entries that were. */
export function deleteMatching({ filter, output }: DeleteFlows, context: Context): number {
  checkStatus(filter);
  const repeater = repeaterOf(context);
  return despiteBrokenOutput(context.stdout, (stdout) =>
    withOutput(stdout, bareFlowFormatter(output, context, { deleting: true, repeater }), (shown) =>
      changeMatching(context, filter, DELETION, {
        done: forPairs((view) => shown.entry(view), repeater?.into(shown)),
      }),
    ),
  );
}

export function deleteFlows(command: DeleteFlows, context: Context): number {
  const count = deleteMatching(command, context);
  say(context, `${count} flow entries ${context.dryRun ? "would be" : "have been"} deleted.`);
  return count > 0 || command.ignoreNotFound ? 0 : 1;
}

/** The reference says "shown", counts nothing and exits 1 when it has deleted the expectation: programs see it, so it stays. */
export function deleteExpectation(command: DeleteExpectation, context: Context): number {
  const { family, tuple, output, ignoreNotFound } = command;
  const json = output.format === "json";
  const deleted = new ExpectView();
  withConnection(context, (connection) => {
    let found: Uint8Array | undefined;
    // The reference shows nothing here.
    if (json) getExpectation(connection, family, tuple, (view) => (found = view.message().slice()));
    connection.request((writer) => encodeExpectDelete(writer, family, tuple));
    if (found !== undefined) deleted.read(found, 0, found.length);
  });
  if (json) {
    withOutput(context.stdout, expectFormatter(output, context, { deleting: true }), (shown) => shown.entry(deleted));
  }
  say(context, "0 expectations have been shown.");
  return ignoreNotFound ? 0 : 1;
}
