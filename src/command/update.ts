/** -U: entries that match are changed, fetched again, and shown. */
import { encodeFlowRefetch } from "../ctnetlink/encode.js";
import { FlowView } from "../ctnetlink/view.js";
import type { FlowFilter } from "../match/filter.js";
import { MAX_BATCH_QUERIES, type NetlinkConnection } from "../netlink/connection.js";
import { MessageWriter } from "../netlink/message.js";
import { ENOENT } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import type { Changes } from "./changes.js";
import type { UpdateFlows } from "./command.js";
import { type Context, despiteBrokenOutput, type EntryOutput, say, withConnection, withOutput } from "./context.js";
import { changeMatching, updateTo } from "./entry-batch.js";
import { bareFlowFormatter } from "./output.js";

/** Fetches changed entries again, many at a time, and shows them. */
class Refetch {
  readonly #connection: NetlinkConnection;
  readonly #output: EntryOutput<FlowView>;
  readonly #queries = new MessageWriter();
  readonly #changed = new FlowView();
  readonly #fresh = new FlowView();
  #count = 0;

  constructor(connection: NetlinkConnection, output: EntryOutput<FlowView>) {
    this.#connection = connection;
    this.#output = output;
  }

  /** Adds the entry whose message, from before the change, is `buffer[start, end)`. */
  add(buffer: Uint8Array, start: number, end: number): void {
    this.#changed.read(buffer, start, end);
    encodeFlowRefetch(this.#queries, this.#changed);
    if (++this.#count === MAX_BATCH_QUERIES) this.flush();
  }

  flush(): void {
    const failed = (_: number, errno: number) => {
      // Already gone: not an error, and not counted.
      if (errno !== ENOENT) throw new KernelError(errno, "CT_GET");
    };
    this.#connection.batch(this.#queries, this.#count, failed, (buffer, start, end) => {
      this.#fresh.read(buffer, start, end);
      this.#output.entry(this.#fresh);
    });
    this.#queries.clear();
    this.#count = 0;
  }
}

function showAsTheyAre(shown: EntryOutput<FlowView>, context: Context, filter: FlowFilter, changes: Changes): void {
  const view = new FlowView();
  changeMatching(context, filter, updateTo(changes), {
    done(buffer, start, end) {
      view.read(buffer, start, end);
      shown.entry(view);
    },
  });
}

/** Changes and shows what matches; returns how many entries were changed. A dry run shows them as they are. */
export function updateMatching({ filter, changes, output }: UpdateFlows, context: Context): number {
  return despiteBrokenOutput(context.stdout, (stdout) =>
    withOutput(stdout, bareFlowFormatter(output, context), (shown) =>
      withConnection(context, (connection) => {
        if (context.dryRun) return showAsTheyAre(shown, context, filter, changes);
        const refetch = new Refetch(connection, shown);
        changeMatching(context, filter, updateTo(changes), {
          done: (buffer, start, end) => refetch.add(buffer, start, end),
          batchDone: () => refetch.flush(),
        });
      }),
    ),
  );
}

export function updateFlows(command: UpdateFlows, context: Context): number {
  const count = updateMatching(command, context);
  say(context, `${count} flow entries ${context.dryRun ? "would be" : "have been"} updated.`);
  return count > 0 || command.ignoreNotFound ? 0 : 1;
}
