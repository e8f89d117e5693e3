/** Waiting for what another process brings about. */
import { setTimeout as sleep } from "node:timers/promises";

/** Waits until `done` answers true (or another truthy value, which it returns). Throws after `timeoutMs`. */
export async function until<T>(what: string, done: () => T | Promise<T>, timeoutMs = 5_000): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await done();
    if (value) return value;
    if (performance.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(5);
  }
}

export { sleep };
