/** Changing many entries that a dump found: requests are sent in batches, and each entry is shown once its answer is known. */
import { encodeFlowDelete, encodeFlowUpdate } from "../ctnetlink/encode.js";
import type { Counter, FlowView } from "../ctnetlink/view.js";
import { type DumpOptions, dumpFlowParts } from "../match/dump.js";
import type { FlowFilter } from "../match/filter.js";
import { type Ahead, lastOf, type NetlinkConnection } from "../netlink/connection.js";
import { MessageWriter, SEQUENCE_AT } from "../netlink/message.js";
import { ENOENT, ENOSPC } from "../system/errno.js";
import type { Chosen, Repeater, TracedOutput } from "../trace/repeater.js";
import { type Changes, changesFor } from "./changes.js";
import { type Context, repeaterOf, withConnection } from "./context.js";
import { withFacts } from "./facts.js";

/** So many requests go out in one datagram: enough to make the round trip cheap, few enough that all their errors fit in the receive buffer. */
const BATCH_ENTRIES = 64;
const BATCH_BYTES = 1 << 15;

/** What is asked of the kernel about an entry. */
export interface EntryRequest {
  /** The request's name in errors. */
  readonly name: "CT_NEW" | "CT_DELETE";
  /** Errors of entries that are passed over: already gone, or without room for what was asked. */
  readonly harmless: readonly number[];
  /** Writes the request for the entry under `view`; nothing where there is nothing to ask. */
  encode(writer: MessageWriter, view: FlowView): void;
}

export const DELETION: EntryRequest = {
  name: "CT_DELETE",
  harmless: [ENOENT],
  encode: encodeFlowDelete,
};

export function updateTo(changes: Changes): EntryRequest {
  return {
    name: "CT_NEW",
    harmless: [ENOENT, ENOSPC],
    encode(writer, view) {
      const request = changesFor(view, changes);
      if (request !== undefined) encodeFlowUpdate(writer, view, request);
    },
  };
}

/**
 * Requests about entries of a buffer, to be sent in one datagram. Traces can write them: whatever `encode` copies from an entry,
 * it has its view copy.
 */
export class RequestBatch implements TracedOutput {
  readonly writer = new MessageWriter(BATCH_BYTES);
  count = 0;
  /** Which entries the requests are about. */
  readonly chosen: Chosen;
  readonly #sequence: Counter;
  readonly #encode: (writer: MessageWriter, view: FlowView) => void;
  readonly #send: (batch: RequestBatch) => void;

  /** @param sequence that of the connection that sends them */
  constructor(
    most: number,
    sequence: Counter,
    encode: (writer: MessageWriter, view: FlowView) => void,
    send: (batch: RequestBatch) => void,
  ) {
    this.chosen = { pairs: new Int32Array(2 * most), count: 0, last: 0 };
    this.#sequence = sequence;
    this.#encode = encode;
    this.#send = send;
  }

  /** Adds the request for the entry under `view`, if there is one. */
  readonly add = (view: FlowView): void => {
    this.makeRoom();
    const { writer, chosen } = this;
    const start = writer.length;
    this.#encode(writer, view);
    if (writer.length === start) return;
    view.number(writer, start + SEQUENCE_AT, this.#sequence);
    chosen.pairs[2 * chosen.count] = view.start;
    chosen.pairs[2 * chosen.count + 1] = view.end - view.start;
    chosen.count++;
    chosen.last = start;
  };

  makeRoom(): void {
    const { chosen, writer } = this;
    if (2 * chosen.count === chosen.pairs.length || writer.length > BATCH_BYTES / 2) this.flush();
  }

  /** Sends what is waiting. */
  flush(): void {
    if (this.chosen.count > 0) this.#send(this);
    this.chosen.count = 0;
    this.writer.clear();
  }
}

export interface BatchHandlers {
  /**
   * Told of the entries of each batch that were changed, in order: pairs of where the message from before the change begins, and
   * how long it is. They are good until the call returns.
   */
  done(buffer: Uint8Array, pairs: Int32Array): void;
}

export interface ChangeOptions extends DumpOptions {
  /** Writes requests again. */
  repeater?: Repeater | undefined;
}

/**
 * Dumps the flows that match over one connection, and asks the kernel to change each over another, in batches. Part by part, as
 * dumpFlowParts: each step fetches one datagram of the dump. Without a connection for changes it is a dry run: every entry that
 * would be changed counts as changed.
 * @throws KernelError for the first entry that the kernel refuses to change
 */
export function* changeParts(
  { dump, changes }: { dump: NetlinkConnection; changes?: NetlinkConnection | undefined },
  filter: FlowFilter,
  { name, harmless, encode }: EntryRequest,
  handlers: BatchHandlers,
  options: ChangeOptions = {},
  ahead: Ahead = false,
): Generator<void, void, void> {
  const send = ({ writer, chosen: { pairs, count, last } }: RequestBatch): void => {
    const errors: number[] = [];
    changes?.numberedBatch(writer, count, last, (index, errno) => (errors[index] = errno));
    const refused = errors.findIndex((errno) => errno > 0 && !harmless.includes(errno));
    const changed = pairs.subarray(0, 2 * (refused < 0 ? count : refused));
    const done = errors.length === 0 ? changed : changed.filter((_, word) => (errors[word >> 1] ?? 0) === 0);
    if (done.length > 0) handlers.done(dump.received, done);
    if (refused >= 0) throw changes!.failure(errors[refused]!, name);
  };
  const batch = new RequestBatch(BATCH_ENTRIES, changes?.sequence ?? { count: 1 }, encode, send);
  const repeater = options.repeater?.into(batch);
  const parts = dumpFlowParts(dump, filter, batch.add, { ...options, repeater }, ahead);
  for (;;) {
    const { done } = parts.next();
    // The next part takes the place of this one.
    batch.flush();
    if (done) return;
    yield;
  }
}

/** The same to its end; warns of entries that lack what the filter asks for. In a dry run nothing is changed. */
export function changeMatching(
  context: Context,
  filter: FlowFilter,
  request: EntryRequest,
  handlers: BatchHandlers,
): void {
  const repeater = repeaterOf(context);
  withFacts(context, filter, (options) =>
    withConnection(context, (dump) => {
      const change = (changes?: NetlinkConnection) =>
        lastOf(changeParts({ dump, changes }, filter, request, handlers, { ...options, repeater }, true));
      if (context.dryRun) change();
      else withConnection(context, change);
    }),
  );
}
