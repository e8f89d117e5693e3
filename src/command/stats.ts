/** -S: the statistics that each CPU keeps. */
import * as C from "../ctnetlink/constants.js";
import { encodePlain } from "../ctnetlink/encode.js";
import { CPU_COUNTERS, decodeCpuStats, EXPECT_CPU_COUNTERS } from "../ctnetlink/stats.js";
import { parseProcStats, statsLine } from "../format/stats.js";
import type { Context } from "./context.js";
import { withConnection } from "./context.js";
import { orFromProc } from "./proc.js";

function showFromProc(context: Context): void {
  const text = Buffer.from(context.readFile("/proc/net/stat/nf_conntrack")).toString();
  context.stdout.write(Buffer.from(parseProcStats(text).map(statsLine).join("")));
}

function showStats(context: Context, type: number, names: readonly string[]): number {
  return orFromProc(context, showFromProc, () => {
    const lines: string[] = [];
    withConnection(context, (connection) =>
      connection.dump(
        (writer) => encodePlain(writer, type, C.AF_UNSPEC),
        (buffer, start, end) => {
          lines.push(statsLine(decodeCpuStats(buffer, start, end, names)));
        },
      ),
    );
    context.stdout.write(Buffer.from(lines.join("")));
  });
}

export function flowStats(context: Context): number {
  return showStats(context, C.CT_GET_STATS_CPU, CPU_COUNTERS);
}

export function expectStats(context: Context): number {
  return showStats(context, C.EXP_GET_STATS_CPU, EXPECT_CPU_COUNTERS);
}
