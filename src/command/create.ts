/** -I and -A: a new entry. */
import * as C from "../ctnetlink/constants.js";
import { encodeExpectCreate } from "../ctnetlink/encode.js";
import { getExpectation, getFlow } from "../ctnetlink/queries.js";
import type { Formatter } from "../format/formatter.js";
import { NLM_F_CREATE, NLM_F_EXCL } from "../netlink/constants.js";
import { ENOENT } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import type { CreateExpectation, CreateFlow } from "./command.js";
import { type Context, say, withConnection, withOutput } from "./context.js";
import { encodeNewFlow, flowTuples } from "./new-flow.js";
import { expectFormatter, flowFormatter } from "./output.js";

const DONE = { create: "created", add: "added" } as const;

/** Shows what a query finds, which may have vanished again. */
function showCreated<View>(context: Context, formatter: Formatter<View>, query: (visit: (view: View) => void) => void) {
  withOutput(context.stdout, formatter, (output) => {
    try {
      query((view) => output.entry(view));
    } catch (error) {
      if (!(error instanceof KernelError && error.errno === ENOENT)) throw error;
    }
  });
}

export function createFlow({ name, flow, output }: CreateFlow, context: Context): number {
  withConnection(context, (connection) => {
    connection.request((writer) => encodeNewFlow(writer, name, flow));
    if (output.format !== "json") return;
    const { orig } = flowTuples(flow);
    const key = { family: flow.family, type: C.CTA_TUPLE_ORIG, tuple: orig, zone: flow.zone };
    showCreated(context, flowFormatter(output, context), (visit) => getFlow(connection, key, visit));
  });
  say(context, `1 flow entries have been ${DONE[name]}.`);
  return 0;
}

export function createExpectation({ family, expectation, output }: CreateExpectation, context: Context): number {
  withConnection(context, (connection) => {
    connection.request((writer) => encodeExpectCreate(writer, NLM_F_CREATE | NLM_F_EXCL, family, expectation));
    if (output.format !== "json") return;
    showCreated(context, expectFormatter(output, context), (visit) =>
      getExpectation(connection, family, expectation.tuple, visit),
    );
  });
  return 0;
}
