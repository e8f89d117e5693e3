/** -U: entries that match are changed, fetched again, and shown. */
import { encodeFlowRefetch } from "../ctnetlink/encode.js";
import { FlowView } from "../ctnetlink/view.js";
import { MAX_BATCH_QUERIES, type NetlinkConnection, type OnMessage } from "../netlink/connection.js";
import { ENOENT } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import type { Repeater } from "../trace/repeater.js";
import type { UpdateFlows } from "./command.js";
import {
  type Context,
  despiteBrokenOutput,
  type EntryOutput,
  forPairs,
  repeaterOf,
  say,
  withConnection,
  withOutput,
} from "./context.js";
import { type BatchHandlers, changeMatching, RequestBatch, updateTo } from "./entry-batch.js";
import { bareFlowFormatter } from "./output.js";

/** Fetches changed entries again, many at a time, and shows them. `repeater` repeats what is shown. */
function refetch(
  context: Context,
  connection: NetlinkConnection,
  shown: EntryOutput<FlowView>,
  repeater: Repeater | undefined,
): BatchHandlers {
  const failed = (_: number, errno: number) => {
    // Already gone: not an error, and not counted.
    if (errno !== ENOENT) throw new KernelError(errno, "CT_GET");
  };
  const view = new FlowView();
  const show: OnMessage = (buffer, start, end) => {
    if (repeater !== undefined) return repeater.record(buffer, start, end, (view) => shown.entry(view));
    view.read(buffer, start, end);
    shown.entry(view);
  };
  const queries = new RequestBatch(
    MAX_BATCH_QUERIES,
    connection.sequence,
    encodeFlowRefetch,
    ({ writer, chosen: { count, last } }) =>
      connection.numberedBatch(
        writer,
        count,
        last,
        failed,
        show,
        repeater && ((buffer, start, end, first) => repeater.run(buffer, start, end, first, count)),
      ),
  );
  const query = forPairs(queries.add, repeaterOf(context)?.into(queries));
  return {
    done(buffer, pairs) {
      query(buffer, pairs);
      queries.flush();
    },
  };
}

/** Changes and shows what matches; returns how many entries were changed. A dry run shows them as they are. */
export function updateMatching({ filter, changes, output }: UpdateFlows, context: Context): number {
  const repeater = repeaterOf(context);
  const request = updateTo(changes);
  return despiteBrokenOutput(context.stdout, (stdout) =>
    withOutput(stdout, bareFlowFormatter(output, context, { repeater }), (shown) => {
      repeater?.into(shown);
      if (context.dryRun) {
        const done = forPairs((view) => shown.entry(view), repeater);
        return changeMatching(context, filter, request, { done });
      }
      withConnection(context, (connection) =>
        changeMatching(context, filter, request, refetch(context, connection, shown, repeater)),
      );
    }),
  );
}

export function updateFlows(command: UpdateFlows, context: Context): number {
  const count = updateMatching(command, context);
  say(context, `${count} flow entries ${context.dryRun ? "would be" : "have been"} updated.`);
  return count > 0 || command.ignoreNotFound ? 0 : 1;
}
