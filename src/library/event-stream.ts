/** Events as an async iterable. */
import { setImmediate, setTimeout } from "node:timers/promises";
import type { EventListener } from "../netlink/events.js";
import { disposable } from "./disposable.js";
import type { EventBuffer, Events, StopSignal } from "./options.js";

/**
 * How long to let events gather before looking again, in milliseconds: while they keep coming it is cheaper than to be woken
 * for each. Once none has come for so long, a thread waits for the next. The kernel keeps what comes meanwhile.
 */
const GATHER_MS = 4;

/** What makes items of messages; an item that is undefined is passed over. */
export interface Items<Item> {
  message(buffer: Uint8Array, start: number, end: number): Item | undefined;
  /** @param events how many, where the kernel tells */
  lost(events: number | undefined): Item;
}

/** What a stream holds. It does not know the stream, which may be collected. */
class Held {
  readonly listener: EventListener;
  readonly #signal: StopSignal | undefined;
  readonly #open: Set<{ close(): void }>;
  /** Ends the wait for input, where somebody waits. */
  wake = () => {};
  closed = false;

  /** @param open where it stands while it is open */
  constructor(listener: EventListener, signal: StopSignal | undefined, open: Set<{ close(): void }>) {
    this.listener = listener;
    this.#signal = signal;
    this.#open = open;
    open.add(this);
    // Whether or not somebody waits for an item, the socket shall not stay open.
    if (signal?.aborted) this.close();
    else signal?.addEventListener("abort", this.close);
  }

  readonly close = (): void => {
    if (this.closed) return;
    this.closed = true;
    this.wake();
    this.listener.close();
    this.#signal?.removeEventListener("abort", this.close);
    this.#open.delete(this);
  };
}

/** Closes the socket of a stream that nobody reads or closes, once it is collected: events would fill the kernel's memory. */
const abandoned = new FinalizationRegistry<Held>((held) => held.close());

/**
 * Items of what a listener hears. Nothing is received before it is asked for, so that what a slow reader has not taken yet
 * waits in the kernel's receive buffer, and nowhere else.
 */
export class EventStream<Item> implements Events<Item> {
  readonly #held: Held;
  readonly #items: AsyncGenerator<Item, void, undefined>;
  readonly #signal: StopSignal | undefined;
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;
  #ending = false;

  /** @param open where it stands while it is open */
  constructor(
    listener: EventListener,
    items: Items<Item>,
    signal: StopSignal | undefined,
    open: Set<{ close(): void }>,
  ) {
    this.#held = new Held(listener, signal, open);
    this.#signal = signal;
    this.#items = this.#receive(items);
    abandoned.register(this, this.#held);
  }

  next(): Promise<IteratorResult<Item, void>> {
    return this.#items.next();
  }

  /** Closes the socket: what a loop does when it is left. */
  return(): Promise<IteratorResult<Item, void>> {
    this.close();
    return this.#items.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Closes the socket; whoever waits for an item is told that there are no more. */
  close(): void {
    this.#held.close();
  }

  end(): void {
    if (this.#held.closed || this.#ending) return;
    this.#ending = true;
    this.#held.listener.leave();
    this.#held.wake();
  }

  buffer(): EventBuffer | undefined {
    if (this.#held.closed) return undefined;
    const { bytes, drops } = this.#held.listener.receiveBuffer;
    return drops === undefined ? { bytes } : { bytes, drops };
  }

  #untilReadable(): Promise<void> {
    return new Promise<void>((resolve) => {
      const callOff = this.#held.listener.whenReadable(resolve);
      this.#held.wake = () => {
        callOff();
        resolve();
      };
    }).finally(() => {
      this.#held.wake = () => {};
    });
  }

  async *#receive({ message, lost }: Items<Item>): AsyncGenerator<Item, void, undefined> {
    const signal = this.#signal;
    const received: Item[] = [];
    const handlers = {
      message(buffer: Uint8Array, start: number, end: number) {
        const item = message(buffer, start, end);
        if (item !== undefined) received.push(item);
      },
      gap: (events: number | undefined) => void received.push(lost(events)),
    };
    let gathered = false;
    try {
      while (!this.#held.closed) {
        received.length = 0;
        if (this.#held.listener.receive(handlers)) {
          for (const item of received) {
            yield item;
            signal?.throwIfAborted();
          }
          gathered = false;
          await setImmediate();
        } else if (this.#ending) {
          return;
        } else if (gathered) {
          await this.#untilReadable();
        } else {
          gathered = true;
          await setTimeout(GATHER_MS);
        }
      }
      signal?.throwIfAborted();
    } finally {
      this.close();
    }
  }
}

disposable(EventStream, "asyncDispose", (events) => events.return().then(() => {}));
