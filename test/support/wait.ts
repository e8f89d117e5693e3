/** Waiting for what another process brings about. */
import { setTimeout as sleep } from "node:timers/promises";

/** Waits until `done` answers true (or another truthy value, which it returns). Throws after `timeoutMs`. */
export async function until<T>(what: string, done: () => T | Promise<T>, timeoutMs = 60_000): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await done();
    if (value) return value;
    if (performance.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(5);
  }
}

/** What happens at once happens within this time on a machine that is busy with other things: it is there to tell it from a hang. */
export const AT_ONCE_MS = 30_000;

export { sleep };
