/** -L --group-by: groups of entries and their sums in place of the entries. */

import { checkStatus } from "../match/dump.js";
import { fromUtf8, toUtf8 } from "../system/text.js";
import { GROUP_SUMS, groupJson, groupLines, totalOf } from "../tally/group-rows.js";
import { GroupTable } from "../tally/group-table.js";
import { sortGroups } from "../tally/order.js";
import { tally } from "../tally/tally.js";
import type { GroupFlows } from "./command.js";
import { type Context, say, withConnection } from "./context.js";
import { withFacts } from "./facts.js";
import { dumpType, warnIfInterrupted } from "./list.js";

/** Output is handed on in pieces of about this many lines. */
const LINES_AT_ONCE = 512;

const ACCT = "/proc/sys/net/netfilter/nf_conntrack_acct";

function accountingIsOff(context: Context): boolean {
  try {
    return fromUtf8(context.readFile(ACCT)).trim() === "0";
  } catch {
    return false;
  }
}

/** Why there are no PACKETS and BYTES, for who sits at a terminal. */
function hintAtAccounting(context: Context, isSaved: boolean): void {
  if (!context.stderrIsTerminal()) return;
  const why = !isSaved && accountingIsOff(context) ? ": net.netfilter.nf_conntrack_acct is off" : "";
  say(context, `HINT: no entry has counters${why}`);
}

export function groupFlows(command: GroupFlows, context: Context): number {
  const { table: name, filter, by, sort, limit, format, labelMap } = command;
  checkStatus(filter);
  const table = new GroupTable(by, GROUP_SUMS);
  const { interrupted } = withFacts(context, filter, (facts) =>
    withConnection(context, (connection) => tally(connection, filter, [table], { ...facts, type: dumpType(name) })),
  );
  const rows = sortGroups(table, sort).subarray(0, limit);
  const lines =
    table.size === 0
      ? []
      : format === "json"
        ? Array.from(rows, (row) => groupJson(table, row, labelMap))
        : groupLines(table, rows, labelMap);
  for (let i = 0; i < lines.length; i += LINES_AT_ONCE) {
    context.stdout.write(toUtf8(`${lines.slice(i, i + LINES_AT_ONCE).join("\n")}\n`));
  }
  warnIfInterrupted(interrupted, context);
  const total = totalOf(table);
  if (format === "table" && total.flows > 0n && total.counted === 0n)
    hintAtAccounting(context, command.from !== undefined);
  say(context, `${rows.length} of ${table.size} groups of ${total.flows} flow entries have been shown.`);
  return 0;
}
