/** -S: the statistics that each CPU keeps. */
import * as query from "../ctnetlink/queries.js";
import type { CpuStats } from "../ctnetlink/stats.js";
import { metricLines, statsMetrics } from "../format/prometheus.js";
import { parseProcStats, statsJson, statsLine } from "../format/stats.js";
import { fromUtf8, toUtf8 } from "../system/text.js";
import type { Stats } from "./command.js";
import type { Context } from "./context.js";
import { withConnection } from "./context.js";
import { orFromProc } from "./proc.js";

function show({ format }: Stats, context: Context, stats: readonly CpuStats[]): void {
  const text =
    format === "prometheus"
      ? `${metricLines(statsMetrics(stats)).join("\n")}\n`
      : stats.map(format === "json" ? statsJson : statsLine).join("");
  context.stdout.write(toUtf8(text));
}

export function stats(command: Stats, context: Context): number {
  return orFromProc(
    context,
    () => show(command, context, parseProcStats(fromUtf8(context.readFile("/proc/net/stat/nf_conntrack")))),
    () =>
      show(
        command,
        context,
        withConnection(context, (connection) => query.cpuStats(connection, command.table)),
      ),
  );
}
