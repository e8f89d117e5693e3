/** --interval: a look at the table again and again. */
import type { Repetition } from "./command.js";
import type { Context } from "./context.js";
import { sleep } from "./wait.js";

/** Runs `look` in the rhythm of the interval: a look that takes long does not shift those behind it. */
export function repeat({ intervalSeconds, rounds }: Repetition, context: Context, look: () => void): void {
  const begun = context.nowMicroseconds();
  for (let round = 0; rounds === undefined || round < rounds; round++) {
    const due = begun + round * intervalSeconds * 1e6;
    const left = due - context.nowMicroseconds();
    if (left > 0) sleep(context, left / 1000);
    look();
  }
}

/** The time of day in the local time zone: "22:57:43". */
export function clockText(context: Context): string {
  const local = context.backend.localTime(Math.floor(context.nowMicroseconds() / 1e6));
  if (local === undefined) return "--:--:--";
  return [local.hour, local.minute, local.second].map((part) => String(part).padStart(2, "0")).join(":");
}

/** "+412/s", "-3/s". */
export function rateText(perSecond: number): string {
  const rounded = Math.round(perSecond);
  return `${rounded < 0 ? "" : "+"}${rounded}/s`;
}
