/** -C: how many entries a table holds, or how many of them match. */
import * as counts from "../ctnetlink/counts.js";
import { countJson } from "../format/stats.js";
import { checkStatus, dumpFlows } from "../match/dump.js";
import type { FlowFilter } from "../match/filter.js";
import { fromUtf8, toUtf8 } from "../system/text.js";
import type { Count } from "./command.js";
import type { Context } from "./context.js";
import { withConnection } from "./context.js";
import { withFacts } from "./facts.js";
import { warnIfInterrupted } from "./list.js";
import { orFromProc } from "./proc.js";

function show({ output, table }: Count, context: Context, entries: number): void {
  context.stdout.write(toUtf8(output.format === "json" ? countJson(table, entries) : `${entries}\n`));
}

/** How many entries match. */
export function countMatching(filter: FlowFilter, context: Context): number {
  checkStatus(filter);
  let count = 0;
  const { interrupted } = withFacts(context, filter, (options) =>
    withConnection(context, (connection) => dumpFlows(connection, filter, () => void count++, options)),
  );
  warnIfInterrupted(interrupted, context);
  return count;
}

export function countFlows(command: Count, context: Context): number {
  const { filter, from } = command;
  if (filter !== undefined || from !== undefined) {
    show(command, context, countMatching(filter ?? {}, context));
    return 0;
  }
  return orFromProc(
    context,
    () => {
      const text = fromUtf8(context.readFile("/proc/sys/net/netfilter/nf_conntrack_count"));
      show(command, context, Number.parseInt(text, 10));
    },
    () => show(command, context, withConnection(context, counts.countFlows)),
  );
}

export function countExpectations(command: Count, context: Context): number {
  return orFromProc(
    context,
    // /proc does not count expectations: the reference then shows 0 before the error, which json need not.
    () => (command.output.format === "json" ? undefined : show(command, context, 0)),
    () => show(command, context, withConnection(context, counts.countExpectations)),
  );
}
