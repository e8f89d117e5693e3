/** -L: entries of a table, filtered and formatted as the kernel sends them. */
import * as C from "../ctnetlink/constants.js";
import { encodePlain } from "../ctnetlink/encode.js";
import { ExpectView, type FlowView } from "../ctnetlink/view.js";
import { checkStatus, dumpFlows, upTo } from "../match/dump.js";
import { lastOf } from "../netlink/connection.js";
import { dumpSorted } from "../tally/sorted.js";
import type { ListExpectations, ListFlows } from "./command.js";
import { type Context, repeaterOf, say, withConnection, withOutput } from "./context.js";
import { warnOfUnsorted, withFacts } from "./facts.js";
import { expectFormatter, flowFormatter, unclosed } from "./output.js";

/** The dump request of each table of flows. */
const DUMP_TYPES: Readonly<Record<ListFlows["table"], number>> = {
  conntrack: C.CT_GET,
  dying: C.CT_GET_DYING,
  unconfirmed: C.CT_GET_UNCONFIRMED,
};

export function dumpType(table: ListFlows["table"]): number {
  return DUMP_TYPES[table];
}

export function warnIfInterrupted(interrupted: boolean, context: Context): void {
  if (interrupted) say(context, "the table changed while it was read: entries may be missing or shown twice");
}

export function listFlows({ table, filter, zero, sort, limit, output }: ListFlows, context: Context): number {
  checkStatus(filter);
  const type = zero && table === "conntrack" ? C.CT_GET_CTRZERO : DUMP_TYPES[table];
  let interrupted = false;
  let unsorted = 0;
  const repeater = repeaterOf(context);
  const formatter = flowFormatter(output, context, { repeater });
  const count = withFacts(context, filter, (facts) =>
    withOutput(context.stdout, table === "conntrack" ? formatter : unclosed(formatter), (shown) =>
      withConnection(context, (connection) => {
        const show = (view: FlowView) => shown.entry(view);
        ({ interrupted, unsorted } =
          sort === undefined
            ? {
                unsorted,
                ...dumpFlows(connection, filter, show, { ...facts, type, limit, repeater: repeater?.into(shown) }),
              }
            : dumpSorted(connection, filter, show, { ...facts, type, repeater }, sort, limit));
      }),
    ),
  );
  if (sort !== undefined) warnOfUnsorted(context, sort, unsorted);
  warnIfInterrupted(interrupted, context);
  say(context, `${count} flow entries have been shown.`);
  return 0;
}

export function listExpectations({ family, limit, output }: ListExpectations, context: Context): number {
  const view = new ExpectView();
  let interrupted = false;
  const count = withOutput(context.stdout, expectFormatter(output, context), (shown) =>
    withConnection(context, (connection) => {
      const parts = connection.dumpParts(
        (writer) => encodePlain(writer, C.EXP_GET, family),
        (buffer, start, end) => {
          view.read(buffer, start, end);
          const wanted = family === C.AF_UNSPEC || view.family === family;
          if (wanted && (limit === undefined || shown.count < limit)) shown.entry(view);
        },
        limit === undefined,
      );
      ({ interrupted } = lastOf(limit === undefined ? parts : upTo(parts, () => shown.count >= limit)));
    }),
  );
  warnIfInterrupted(interrupted, context);
  say(context, `${count} expectations have been shown.`);
  return 0;
}
