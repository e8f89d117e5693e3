/** -S --explain: the counters of all CPUs together, and what they mean. It reads no entry. */
import type { CpuStats } from "../ctnetlink/stats.js";
import { COUNTER_MEANINGS, growthOf, sumCounters } from "../diagnosis/counters.js";
import { readStats } from "../diagnosis/counts.js";
import { grouped } from "../format/human.js";
import { toJson } from "../format/json.js";
import { rfc3339 } from "../format/time.js";
import { toUtf8 } from "../system/text.js";
import type { ExplainStats } from "./command.js";
import { type Context, withConnection } from "./context.js";
import { clockText, rateText, repeat } from "./repeat.js";

interface Line {
  readonly name: string;
  readonly total: number;
  readonly perSecond: number | undefined;
  readonly meaning: string;
  readonly shouldBeZero: boolean;
}

/** Every counter of the kernel that has a meaning, those that tell most first. */
function lines(stats: readonly CpuStats[], perSecond: ReadonlyMap<string, number> | undefined): Line[] {
  const sums = sumCounters(stats);
  return COUNTER_MEANINGS.flatMap(({ name, meaning, shouldBeZero = false }) => {
    const sum = sums.find((one) => one.name === name);
    return sum === undefined
      ? []
      : [{ name, total: sum.total, perSecond: perSecond?.get(name), meaning, shouldBeZero }];
  });
}

function text(all: readonly Line[]): string[] {
  const moved = all.filter(({ total }) => total > 0);
  const still = all.filter(({ total }) => total === 0).map(({ name }) => name);
  const cells = moved.map(({ name, total, perSecond, meaning, shouldBeZero }) => [
    name,
    grouped(total),
    perSecond === undefined ? "" : rateText(perSecond),
    shouldBeZero ? `${meaning}. Should be 0` : meaning,
  ]);
  const width = (column: number) => Math.max(0, ...cells.map((row) => row[column]!.length));
  const rates = width(2) > 0;
  return [
    ...cells.map(([name, total, rate, meaning]) =>
      [name!.padEnd(width(0)), total!.padStart(width(1)), ...(rates ? [rate!.padStart(width(2))] : []), meaning].join(
        "  ",
      ),
    ),
    ...(still.length === 0 ? [] : [`0: ${still.join(", ")}`]),
  ];
}

function json(all: readonly Line[], time: string | undefined): string {
  const counters = Object.fromEntries(
    all.map(({ name, total, perSecond, meaning }) => [name, { total, per_second: perSecond, meaning }]),
  );
  return toJson({ time, counters });
}

export function explainStats({ repetition, format }: ExplainStats, context: Context): number {
  let before: { stats: CpuStats[]; at: number } | undefined;
  const look = (stats: CpuStats[], repeated: boolean) => {
    const at = context.nowMicroseconds();
    const growth = before && growthOf(before.stats, stats);
    const seconds = before && (at - before.at) / 1e6;
    const rates = growth && new Map([...growth].map(([name, value]) => [name, value / seconds!]));
    before = { stats, at };
    const all = lines(stats, rates);
    const shown =
      format === "json"
        ? [json(all, repeated ? rfc3339(BigInt(at) * 1000n) : undefined)]
        : [...(repeated ? [clockText(context)] : []), ...text(all)];
    context.stdout.write(toUtf8(`${shown.join("\n")}\n`));
  };
  withConnection(context, (connection) => {
    const stats = () => readStats(connection, context.readFile);
    if (repetition === undefined) look(stats(), false);
    else repeat(repetition, context, () => look(stats(), true));
  });
  return 0;
}
