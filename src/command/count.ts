/** -C: how many entries a table holds. */
import * as C from "../ctnetlink/constants.js";
import { encodePlain } from "../ctnetlink/encode.js";
import { decodeEntryCount } from "../ctnetlink/stats.js";
import type { Context } from "./context.js";
import { withConnection } from "./context.js";
import { orFromProc } from "./proc.js";

function show(context: Context, entries: number): void {
  context.stdout.write(Buffer.from(`${entries}\n`));
}

function showFromProc(context: Context): void {
  const text = Buffer.from(context.readFile("/proc/sys/net/netfilter/nf_conntrack_count")).toString();
  show(context, Number.parseInt(text, 10));
}

export function countFlows(context: Context): number {
  return orFromProc(context, showFromProc, () => {
    let entries = 0;
    withConnection(context, (connection) =>
      connection.request(
        (writer) => encodePlain(writer, C.CT_GET_STATS, C.AF_UNSPEC),
        (buffer, start, end) => {
          entries = decodeEntryCount(buffer, start, end);
        },
      ),
    );
    show(context, entries);
  });
}

export function countExpectations(context: Context): number {
  // /proc does not count expectations: the reference then shows 0 before the error.
  return orFromProc(
    context,
    () => show(context, 0),
    () => {
      let entries = 0;
      withConnection(context, (connection) =>
        connection.dump(
          (writer) => encodePlain(writer, C.EXP_GET, C.AF_UNSPEC),
          () => {
            entries++;
          },
        ),
      );
      show(context, entries);
    },
  );
}
