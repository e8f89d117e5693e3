/** The event loop's turns: long work lets timers and other input have theirs, about every 4 ms. */
import { setImmediate } from "node:timers/promises";
import type { StopSignal } from "./options.js";

/** How long work may go on in one turn, in milliseconds. */
const TURN_MS = 4;

/** When the turn began that work goes on in. It is the same for all work of the thread: they share the loop. */
let began = 0;

/** Whether it is time to let others have their turn. */
export function isTurnOver(): boolean {
  return performance.now() - began >= TURN_MS;
}

/** Lets others have their turn. */
export async function nextTurn(): Promise<void> {
  await setImmediate();
  began = performance.now();
}

/** Where work waits for a thread, which tells by `open` that there is something to do. */
export class Gate {
  #isOpen = false;
  #wake: (() => void) | undefined;

  /** Lets the work go on: that which waits, or the next that would. */
  readonly open = (): void => {
    this.#isOpen = true;
    this.#wake?.();
  };

  /** Waits until it is opened, or the signal is aborted. */
  async wait(signal: StopSignal | undefined): Promise<void> {
    if (!this.#isOpen) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal?.addEventListener("abort", this.open);
      });
      signal?.removeEventListener("abort", this.open);
      began = performance.now();
    }
    this.#wake = undefined;
    this.#isOpen = false;
  }
}
