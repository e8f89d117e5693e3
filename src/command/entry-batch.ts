/** Changing many entries that a dump found: requests are sent in batches, and each entry is kept until its answer is known. */
import { encodeFlowDelete, encodeFlowUpdate } from "../ctnetlink/encode.js";
import type { FlowView } from "../ctnetlink/view.js";
import { type DumpOptions, dumpFlowParts } from "../match/dump.js";
import type { FlowFilter } from "../match/filter.js";
import { type Ahead, lastOf, type NetlinkConnection } from "../netlink/connection.js";
import { MessageWriter } from "../netlink/message.js";
import { ENOENT, ENOSPC } from "../system/errno.js";
import { type Changes, changesFor } from "./changes.js";
import { type Context, withConnection } from "./context.js";
import { withFacts } from "./facts.js";

/** So many requests go out in one datagram: enough to make the round trip cheap, few enough that all their errors fit in the receive buffer. */
const BATCH_ENTRIES = 64;

/** What is asked of the kernel about an entry. */
export interface EntryRequest {
  /** The request's name in errors. */
  readonly name: "CT_NEW" | "CT_DELETE";
  /** Errors of entries that are passed over: already gone, or without room for what was asked. */
  readonly harmless: readonly number[];
  /** Writes the request for the entry under `view`; undefined where there is nothing to ask. */
  encode(view: FlowView): ((writer: MessageWriter) => void) | undefined;
}

export const DELETION: EntryRequest = {
  name: "CT_DELETE",
  harmless: [ENOENT],
  encode: (view) => (writer) => encodeFlowDelete(writer, view),
};

export function updateTo(changes: Changes): EntryRequest {
  return {
    name: "CT_NEW",
    harmless: [ENOENT, ENOSPC],
    encode(view) {
      const request = changesFor(view, changes);
      return request && ((writer) => encodeFlowUpdate(writer, view, request));
    },
  };
}

export interface BatchHandlers {
  /** Told of each entry that was changed, in order, with its message from before. It is good until the call returns. */
  done(buffer: Uint8Array, start: number, end: number): void;
  /** Told when it has been told of all entries of a batch. */
  batchDone?(): void;
}

/** Requests on their way: sent in batches, and each entry is kept until its answer is known. */
class EntryBatch {
  readonly #connection: NetlinkConnection | undefined;
  readonly #requests = new MessageWriter(1 << 14);
  /** Copies of the entries' own messages, for those who want to show them afterwards. */
  #entries = new Uint8Array(1 << 15);
  readonly #ends = new Int32Array(BATCH_ENTRIES);
  readonly #errors = new Int32Array(BATCH_ENTRIES);
  #count = 0;

  readonly #request: EntryRequest;
  readonly #handlers: BatchHandlers;

  constructor(connection: NetlinkConnection | undefined, request: EntryRequest, handlers: BatchHandlers) {
    this.#connection = connection;
    this.#request = request;
    this.#handlers = handlers;
  }

  /** Adds the request for the entry under `view`, if there is one. */
  add(view: FlowView): void {
    const write = this.#request.encode(view);
    if (write === undefined) return;
    write(this.#requests);
    const message = view.message();
    const start = this.#count === 0 ? 0 : (this.#ends[this.#count - 1]! + 3) & ~3;
    const end = start + message.length;
    if (end > this.#entries.length) {
      const grown = new Uint8Array(2 * end);
      grown.set(this.#entries);
      this.#entries = grown;
    }
    this.#entries.set(message, start);
    this.#ends[this.#count++] = end;
    if (this.#count === BATCH_ENTRIES) this.flush();
  }

  /** Sends what is waiting, where there is a connection, and tells of each entry. */
  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#errors.fill(0);
    this.#count = 0;
    this.#connection?.batch(this.#requests, count, (index, errno) => {
      this.#errors[index] = errno;
    });
    this.#requests.clear();
    let start = 0;
    for (let i = 0; i < count; i++) {
      const end = this.#ends[i]!;
      const errno = this.#errors[i]!;
      if (errno === 0) this.#handlers.done(this.#entries, start, end);
      else if (!this.#request.harmless.includes(errno)) throw this.#connection!.failure(errno, this.#request.name);
      // The next one lies where its words are aligned, as the kernel's do.
      start = (end + 3) & ~3;
    }
    this.#handlers.batchDone?.();
  }
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
  request: EntryRequest,
  handlers: BatchHandlers,
  options: DumpOptions = {},
  ahead: Ahead = false,
): Generator<void, void, void> {
  const batch = new EntryBatch(changes, request, handlers);
  yield* dumpFlowParts(dump, filter, (view) => batch.add(view), options, ahead);
  batch.flush();
}

/** The same to its end; warns of entries that lack what the filter asks for. In a dry run nothing is changed. */
export function changeMatching(
  context: Context,
  filter: FlowFilter,
  request: EntryRequest,
  handlers: BatchHandlers,
): void {
  withFacts(context, filter, (options) =>
    withConnection(context, (dump) => {
      const change = (changes?: NetlinkConnection) =>
        lastOf(changeParts({ dump, changes }, filter, request, handlers, options, true));
      if (context.dryRun) change();
      else withConnection(context, change);
    }),
  );
}
