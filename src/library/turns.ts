/** The event loop's turns: long work lets timers and other input have theirs, about every 4 ms. */
import { setImmediate } from "node:timers/promises";

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
