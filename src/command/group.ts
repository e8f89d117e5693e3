/** -L --group-by: groups of entries and their sums in place of the entries. */

import { metricLines } from "../format/prometheus.js";
import { rfc3339 } from "../format/time.js";
import { checkStatus } from "../match/dump.js";
import type { Sink } from "../system/io.js";
import { fromUtf8, toUtf8 } from "../system/text.js";
import { GROUP_SUMS, type Shown, totalOf, writeJson, writeTable } from "../tally/group-rows.js";
import { GroupTable } from "../tally/group-table.js";
import { groupMetrics } from "../tally/metrics.js";
import { sortGroups } from "../tally/order.js";
import { tally } from "../tally/tally.js";
import type { GroupFlows, Repetition } from "./command.js";
import { type Context, repeaterOf, say, withConnection } from "./context.js";
import { warnOfUncounted, withFacts } from "./facts.js";
import { dumpType, warnIfInterrupted } from "./list.js";
import { clockText, repeat } from "./repeat.js";

/** Output is handed on in pieces of about this many characters. */
const PIECE = 1 << 16;

/** Lines on their way to stdout. */
class Lines {
  readonly #sink: Sink;
  #lines: string[] = [];
  #length = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  write(line: string): void {
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#length >= PIECE) this.flush();
  }

  flush(): void {
    if (this.#lines.length === 0) return;
    this.#lines.push("");
    const bytes = toUtf8(this.#lines.join("\n"));
    this.#lines = [];
    this.#length = 0;
    this.#sink.write(bytes);
  }
}

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

/** Reads the table once. */
function read({ table: name, filter, by }: GroupFlows, context: Context): GroupTable {
  const table = new GroupTable(by, GROUP_SUMS);
  const { interrupted } = withFacts(context, filter, (facts) =>
    withConnection(context, (connection) =>
      tally(connection, filter, [table], { ...facts, type: dumpType(name), repeater: repeaterOf(context) }),
    ),
  );
  warnIfInterrupted(interrupted, context);
  return table;
}

function show(shown: Shown, format: GroupFlows["format"], context: Context, nowMicroseconds: number | undefined): void {
  const output = new Lines(context.stdout);
  const write = (line: string) => output.write(line);
  if (format === "json") {
    const time = nowMicroseconds === undefined ? undefined : rfc3339(BigInt(nowMicroseconds) * 1000n);
    writeJson(shown, time, write);
  } else if (format === "prometheus") {
    for (const line of metricLines(groupMetrics(shown))) write(line);
  } else {
    if (nowMicroseconds !== undefined) {
      const { rows, table } = shown;
      const groups = `${rows.length} of ${table.size} groups`;
      write(
        `${shown.before === undefined ? "" : "\n"}${clockText(context)}  ${groups} of ${totalOf(table).flows} flow entries`,
      );
    }
    if (shown.rows.length > 0) writeTable(shown, write);
  }
  output.flush();
}

/** --interval: the same again and again, with the growth of each group. */
function watch(command: GroupFlows, repetition: Repetition, context: Context): void {
  const { sort, limit, format, labelMap: labels } = command;
  let before: GroupTable | undefined;
  repeat(repetition, context, () => {
    const now = context.nowMicroseconds();
    const table = read(command, context);
    show({ table, rows: sortGroups(table, sort).subarray(0, limit), labels, before }, format, context, now);
    before = table;
  });
}

export function groupFlows(command: GroupFlows, context: Context): number {
  const { filter, sort, limit, format, labelMap: labels, repetition } = command;
  checkStatus(filter);
  if (repetition !== undefined) {
    watch(command, repetition, context);
    return 0;
  }
  const table = read(command, context);
  const rows = sortGroups(table, sort).subarray(0, limit);
  show({ table, rows, labels, before: undefined }, format, context, undefined);
  const total = totalOf(table);
  warnOfUncounted(context, sort, total.flows - total.counted);
  if (format === "table" && total.flows > 0 && total.counted === 0) {
    hintAtAccounting(context, command.from !== undefined);
  }
  say(context, `${rows.length} of ${table.size} groups of ${total.flows} flow entries have been shown.`);
  return 0;
}
