/** Requests about many flows that the caller names: sent in batches, with a result for each. */
import type { NetlinkConnection } from "../netlink/connection.js";
import { MessageWriter } from "../netlink/message.js";
import { EEXIST, ENOENT, EPERM } from "../system/errno.js";
import { AbortedError, ConntrackError, KernelError } from "../system/errors.js";
import type { BulkResult, ItemResult, StopSignal } from "./options.js";
import { isTurnOver, nextTurn } from "./turns.js";

/** So many requests go out in one datagram: all their errors fit in the receive buffer. */
const BATCH_ITEMS = 64;

/** What a bulk method asks of the kernel about one item. A KernelError that it throws is the item's result. */
export type WriteItem<Item> = (writer: MessageWriter, item: Item) => void;

export interface BulkWork<Item> {
  signal: StopSignal | undefined;
  onResult: ((result: ItemResult<Item>) => void) | undefined;
  /** The error for an item that the kernel refused with this errno. */
  failure(errno: number, item: Item): KernelError;
}

/** Items on their way. */
class Batch<Item> {
  readonly result: BulkResult = { done: 0, missing: 0, existing: 0, failed: 0 };
  readonly #connection: NetlinkConnection;
  readonly #write: WriteItem<Item>;
  readonly #work: BulkWork<Item>;
  readonly #writer = new MessageWriter(1 << 14);
  readonly #items: Item[] = [];
  /** The errno of each item, and of each message the item that it is about: some items fail before they are sent. */
  readonly #errnos = new Int32Array(BATCH_ITEMS);
  readonly #itemOf = new Int32Array(BATCH_ITEMS);
  #messages = 0;
  #index = 0;

  constructor(connection: NetlinkConnection, write: WriteItem<Item>, work: BulkWork<Item>) {
    this.#connection = connection;
    this.#write = write;
    this.#work = work;
  }

  get size(): number {
    return this.#items.length;
  }

  /** Adds an item; returns whether the batch is full. */
  add(item: Item): boolean {
    const writer = this.#writer;
    const start = writer.length;
    const at = this.#items.length;
    try {
      this.#write(writer, item);
      this.#errnos[at] = 0;
      this.#itemOf[this.#messages++] = at;
    } catch (error) {
      writer.length = start;
      if (!(error instanceof KernelError)) throw error;
      this.#errnos[at] = error.errno;
    }
    return this.#items.push(item) === BATCH_ITEMS;
  }

  /** Sends what is waiting, and tells of each item. */
  flush(): void {
    if (this.#items.length === 0) return;
    const items = this.#items.splice(0);
    const messages = this.#messages;
    this.#messages = 0;
    try {
      this.#connection.batch(this.#writer, messages, (message, errno) => {
        this.#errnos[this.#itemOf[message]!] = errno;
      });
    } finally {
      this.#writer.clear();
    }
    for (let i = 0; i < items.length; i++) this.#tell(items[i]!, this.#errnos[i]!);
  }

  #tell(item: Item, errno: number): void {
    const { result } = this;
    const { onResult, failure } = this.#work;
    const index = this.#index++;
    if (errno === 0) {
      result.done++;
      onResult?.({ item, index });
      return;
    }
    // Nobody has the right to any of it: not one of the items' results.
    if (errno === EPERM) throw failure(errno, item);
    let error: KernelError | undefined;
    if (errno === ENOENT) result.missing++;
    else if (errno === EEXIST) result.existing++;
    else {
      result.failed++;
      result.firstError ??= error = failure(errno, item);
    }
    onResult?.({ item, index, error: error ?? failure(errno, item) });
  }
}

/** Has items of an asynchronous source sent when it lets one wait for more: a result shall not wait for a full batch. */
class Eager<Item> {
  readonly #batch: Batch<Item>;
  /** Ends the wait for the source. */
  readonly #interrupt: () => void;
  #timer: NodeJS.Immediate | undefined;
  #failure: unknown;
  #failed = false;

  constructor(batch: Batch<Item>, interrupt: () => void) {
    this.#batch = batch;
    this.#interrupt = interrupt;
  }

  /** What the sending threw meanwhile is thrown here. */
  check(): void {
    if (this.#failed) throw this.#failure;
  }

  soon(): void {
    this.#timer ??= setImmediate(() => {
      this.#timer = undefined;
      try {
        this.#batch.flush();
      } catch (error) {
        this.#failed = true;
        this.#failure = error;
        this.#interrupt();
      }
    });
  }

  stop(): void {
    clearImmediate(this.#timer);
  }
}

/** The items of a source until `stop` is aborted, even where the source keeps one waiting and never answers. */
async function* untilStopped<Item>(
  items: AsyncIterable<Item>,
  stop: StopSignal,
): AsyncGenerator<Item, void, undefined> {
  const iterator = items[Symbol.asyncIterator]();
  let wake = () => {};
  const onAbort = () => wake();
  stop.addEventListener("abort", onAbort);
  let isOver = false;
  try {
    while (!stop.aborted) {
      const step = await new Promise<IteratorResult<Item> | undefined>((resolve, reject) => {
        wake = () => resolve(undefined);
        Promise.resolve(iterator.next()).then(resolve, reject);
      }).catch((error: unknown) => {
        isOver = true;
        throw error;
      });
      if (step === undefined) return;
      if (step.done) {
        isOver = true;
        return;
      }
      yield step.value;
    }
  } finally {
    stop.removeEventListener("abort", onAbort);
    if (!isOver) {
      const left = Promise.resolve(iterator.return?.());
      if (stop.aborted) left.catch(() => {});
      else await left;
    }
  }
}

/**
 * Makes a request about each of `items`.
 * @param open where it stands while it goes on: closing it ends the wait for an item
 * @throws AbortedError, UsageError or KernelError with `done`: how many the kernel did until then
 */
export async function runBulk<Item>(
  connection: () => NetlinkConnection,
  items: Iterable<Item> | AsyncIterable<Item>,
  write: WriteItem<Item>,
  work: BulkWork<Item>,
  open: Set<{ close(): void }>,
): Promise<BulkResult> {
  const batch = new Batch(connection(), write, work);
  const { signal } = work;
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  const eager = new Eager(batch, interrupt);
  const check = () => {
    eager.check();
    connection();
    if (signal?.aborted) throw new AbortedError(batch.result.done, { cause: signal.reason });
  };
  const flush = async () => {
    batch.flush();
    if (isTurnOver()) await nextTurn();
    check();
  };
  const closing = { close: interrupt };
  open.add(closing);
  signal?.addEventListener("abort", interrupt);
  try {
    check();
    if (Symbol.asyncIterator in items) {
      for await (const item of untilStopped(items, stop.signal)) {
        check();
        if (batch.add(item)) await flush();
        else eager.soon();
      }
      check();
    } else {
      for (const item of items) if (batch.add(item)) await flush();
    }
    await flush();
    return batch.result;
  } catch (error) {
    // What was asked for before something went wrong is done; what goes wrong with that now is no news.
    if (!(error instanceof AbortedError)) {
      try {
        batch.flush();
      } catch {}
    }
    if (error instanceof ConntrackError) error.done = batch.result.done;
    throw error;
  } finally {
    eager.stop();
    open.delete(closing);
    signal?.removeEventListener("abort", interrupt);
  }
}
