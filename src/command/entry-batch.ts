/** Changing many entries that a dump found: requests are sent in batches, and each entry is kept until its answer is known. */
import type { FlowView } from "../ctnetlink/view.js";
import { dumpFlows } from "../match/dump.js";
import type { FlowFilter } from "../match/filter.js";
import type { NetlinkConnection } from "../netlink/connection.js";
import { MessageWriter } from "../netlink/message.js";
import { type Context, withConnection } from "./context.js";

/** So many requests go out in one datagram: enough to make the round trip cheap, few enough that all their errors fit in the receive buffer. */
const BATCH_ENTRIES = 64;

export interface BatchHandlers {
  /** Told of each entry in order, with errno 0 where its request succeeded. The message is good until the call returns. */
  done(buffer: Uint8Array, start: number, end: number, errno: number): void;
  /** Told when it has been told of all entries of a batch. */
  batchDone?(): void;
}

export class EntryBatch {
  readonly #connection: NetlinkConnection;
  readonly #requests = new MessageWriter(1 << 14);
  /** Copies of the entries' own messages, for those who want to show them afterwards. */
  #entries = new Uint8Array(1 << 15);
  readonly #ends = new Int32Array(BATCH_ENTRIES);
  readonly #errors = new Int32Array(BATCH_ENTRIES);
  #count = 0;

  readonly #handlers: BatchHandlers;

  constructor(connection: NetlinkConnection, handlers: BatchHandlers) {
    this.#connection = connection;
    this.#handlers = handlers;
  }

  /** Adds the request that `encode` writes for the entry under `view`. */
  add(view: FlowView, encode: (writer: MessageWriter) => void): void {
    encode(this.#requests);
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

  /** Sends what is waiting and tells of each entry. */
  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#errors.fill(0);
    this.#count = 0;
    this.#connection.batch(this.#requests, count, (index, errno) => {
      this.#errors[index] = errno;
    });
    this.#requests.clear();
    let start = 0;
    for (let i = 0; i < count; i++) {
      const end = this.#ends[i]!;
      this.#handlers.done(this.#entries, start, end, this.#errors[i]!);
      // The next one lies where its words are aligned, as the kernel's do.
      start = (end + 3) & ~3;
    }
    this.#handlers.batchDone?.();
  }
}

/** Dumps the flows that match over one connection, and lets `change` act on them over another, in batches. */
export function changeMatching(
  context: Context,
  filter: FlowFilter,
  change: (batch: EntryBatch, view: FlowView) => void,
  handlers: BatchHandlers,
): void {
  withConnection(context, (dump) =>
    withConnection(context, (changes) => {
      const batch = new EntryBatch(changes, handlers);
      dumpFlows(dump, filter, (view) => change(batch, view));
      batch.flush();
    }),
  );
}
