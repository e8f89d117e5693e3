/** -C --interval: the number of entries again and again, with its growth. */
import { occupancy } from "../ctnetlink/counts.js";
import { percent } from "../format/human.js";
import { toJson } from "../format/json.js";
import { rfc3339 } from "../format/time.js";
import { toUtf8 } from "../system/text.js";
import type { WatchCount } from "./command.js";
import { type Context, withConnection } from "./context.js";
import { countMatching } from "./count.js";
import { clockText, rateText, repeat } from "./repeat.js";

export function watchCount({ filter, repetition, format }: WatchCount, context: Context): number {
  const matching = () => countMatching(filter!, context);
  let before: { entries: number; at: number } | undefined;
  withConnection(context, (connection) =>
    repeat(repetition, context, () => {
      const at = context.nowMicroseconds();
      const { entries, limit } =
        filter === undefined ? occupancy(connection) : { entries: matching(), limit: undefined };
      const perSecond = before && (1e6 * (entries - before.entries)) / (at - before.at);
      before = { entries, at };
      if (format === "json") {
        const time = rfc3339(BigInt(at) * 1000n);
        context.stdout.write(
          toUtf8(`${toJson({ time, table: "conntrack", entries, limit, per_second: perSecond })}\n`),
        );
        return;
      }
      const rate = perSecond === undefined ? [] : [rateText(perSecond)];
      const share = limit ? [`${percent(entries, limit, 0)} %`] : [];
      context.stdout.write(toUtf8(`${[clockText(context), entries, ...rate, ...share].join("  ")}\n`));
    }),
  );
  return 0;
}
