/** -C: how many entries a table holds, or how many of them match. */
import * as counts from "../ctnetlink/counts.js";
import type { Counter } from "../ctnetlink/view.js";
import { type Metric, matchingMetrics, metricLines, occupancyMetrics } from "../format/prometheus.js";
import { countJson } from "../format/stats.js";
import { checkStatus, dumpFlows } from "../match/dump.js";
import type { FlowFilter } from "../match/filter.js";
import { fromUtf8, toUtf8 } from "../system/text.js";
import type { Count } from "./command.js";
import type { Context } from "./context.js";
import { repeaterOf, withConnection } from "./context.js";
import { withFacts } from "./facts.js";
import { warnIfInterrupted } from "./list.js";
import { orFromProc } from "./proc.js";

const COUNT = "/proc/sys/net/netfilter/nf_conntrack_count";
const MAXIMUM = "/proc/sys/net/netfilter/nf_conntrack_max";

function show({ format, table }: Count, context: Context, entries: number): void {
  context.stdout.write(toUtf8(format === "json" ? countJson(table, entries) : `${entries}\n`));
}

function showMetrics(metrics: readonly Metric[], context: Context): void {
  context.stdout.write(toUtf8(`${metricLines(metrics).join("\n")}\n`));
}

/** How many entries match. */
export function countMatching(filter: FlowFilter, context: Context): number {
  checkStatus(filter);
  const counter: Counter = { count: 0 };
  const repeater = repeaterOf(context);
  const { interrupted } = withFacts(context, filter, (options) =>
    withConnection(context, (connection) =>
      dumpFlows(connection, filter, (view) => view.count(counter), { ...options, repeater }),
    ),
  );
  warnIfInterrupted(interrupted, context);
  return counter.count;
}

export function countFlows(command: Count, context: Context): number {
  const { filter, from, format } = command;
  if (filter !== undefined || from !== undefined) {
    const entries = countMatching(filter ?? {}, context);
    if (format === "prometheus") {
      showMetrics(filter === undefined ? occupancyMetrics(entries, undefined) : matchingMetrics(entries), context);
    } else show(command, context, entries);
    return 0;
  }
  const number = (path: string) => Number.parseInt(fromUtf8(context.readFile(path)), 10);
  if (format === "prometheus") {
    return orFromProc(
      context,
      () => showMetrics(occupancyMetrics(number(COUNT), number(MAXIMUM)), context),
      () => {
        const { entries, limit } = withConnection(context, counts.occupancy);
        showMetrics(occupancyMetrics(entries, limit), context);
      },
    );
  }
  return orFromProc(
    context,
    () => show(command, context, number(COUNT)),
    () => show(command, context, withConnection(context, counts.countFlows)),
  );
}

export function countExpectations(command: Count, context: Context): number {
  return orFromProc(
    context,
    // /proc does not count expectations: the reference then shows 0 before the error, which json need not.
    () => (command.format === "json" ? undefined : show(command, context, 0)),
    () => show(command, context, withConnection(context, counts.countExpectations)),
  );
}
