/** -D: entries that match are deleted, and shown. */
import { encodeExpectDelete, encodeFlowDelete } from "../ctnetlink/encode.js";
import { getExpectation } from "../ctnetlink/queries.js";
import { ExpectView, FlowView } from "../ctnetlink/view.js";
import { ENOENT } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import type { Command } from "./command.js";
import { type Context, despiteBrokenOutput, say, withConnection, withOutput } from "./context.js";
import { changeMatching } from "./entry-batch.js";
import { checkStatus, flowFilter } from "./filter.js";
import { bareFlowFormatter, expectFormatter } from "./output.js";

/** Deletes and shows what matches; returns how many entries that were. */
export function deleteMatching(command: Command, context: Context): number {
  checkStatus(command);
  const deleted = new FlowView();
  return despiteBrokenOutput(context.stdout, (stdout) =>
    withOutput(stdout, bareFlowFormatter(command, context), (output) =>
      changeMatching(
        context,
        flowFilter(command),
        (batch, view) => batch.add(view, (writer) => encodeFlowDelete(writer, view)),
        {
          done(buffer, start, end, errno) {
            // An entry that vanished meanwhile is none of ours.
            if (errno === ENOENT) return;
            if (errno !== 0) throw new KernelError(errno, "CT_DELETE");
            deleted.read(buffer, start, end);
            output.entry(deleted);
          },
        },
      ),
    ),
  );
}

export function deleteFlows(command: Command, context: Context): number {
  const count = deleteMatching(command, context);
  say(context, `${count} flow entries have been deleted.`);
  return count > 0 ? 0 : 1;
}

/** The reference says "shown", counts nothing and exits 1 when it has deleted the expectation: programs see it, so it stays. */
export function deleteExpectation(command: Command, context: Context): number {
  const { family, output, values } = command;
  const tuple = { ...values.orig, protonum: values.protonum };
  const deleted = new ExpectView();
  withConnection(context, (connection) => {
    let found: Uint8Array | undefined;
    // The reference shows nothing here.
    if (output.json) getExpectation(connection, family, tuple, (view) => (found = view.message().slice()));
    connection.request((writer) => encodeExpectDelete(writer, family, tuple));
    if (found !== undefined) deleted.read(found, 0, found.length);
  });
  if (output.json) withOutput(context.stdout, expectFormatter(command, context), (shown) => shown.entry(deleted));
  say(context, "0 expectations have been shown.");
  return 1;
}
