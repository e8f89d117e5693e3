/** -I and -A: a new entry. */
import * as C from "../ctnetlink/constants.js";
import { encodeExpectCreate, encodeFlowCreate } from "../ctnetlink/encode.js";
import { getExpectation, getFlow } from "../ctnetlink/queries.js";
import type { Formatter } from "../format/formatter.js";
import { NLM_F_CREATE, NLM_F_EXCL } from "../netlink/constants.js";
import type { MessageWriter } from "../netlink/message.js";
import { ENOENT } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import type { Command } from "./command.js";
import { type Context, say, withConnection, withOutput } from "./context.js";
import { expectFormatter, flowFormatter } from "./output.js";
import { createChanges, flowTuples } from "./template.js";

/** Create refuses an entry that is there already; add changes it. */
const FLAGS = { create: NLM_F_CREATE | NLM_F_EXCL, add: NLM_F_CREATE } as const;
const DONE = { create: "created", add: "added" } as const;

/** A command without any address is for IPv4, as the reference has it. */
const createFamily = ({ family }: Command): number => (family === C.AF_UNSPEC ? C.AF_INET : family);

/** Writes the request of a create or add command. */
export function encodeCreate(writer: MessageWriter, command: Command): void {
  const name = command.name as keyof typeof FLAGS;
  encodeFlowCreate(writer, FLAGS[name], createFamily(command), flowTuples(command.values), createChanges(command));
}

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

export function createFlow(command: Command, context: Context): number {
  const { values, output } = command;
  withConnection(context, (connection) => {
    connection.request((writer) => encodeCreate(writer, command));
    if (!output.json) return;
    const { orig } = flowTuples(values);
    const key = { family: createFamily(command), type: C.CTA_TUPLE_ORIG, tuple: orig, zone: values.zone };
    showCreated(context, flowFormatter(command, context), (visit) => getFlow(connection, key, visit));
  });
  say(context, `1 flow entries have been ${DONE[command.name as keyof typeof DONE]}.`);
  return 0;
}

export function createExpectation(command: Command, context: Context): number {
  const { family, output, values } = command;
  const { orig, expectTuple, expectMask, protonum, timeoutSeconds } = values;
  const tuple = { ...expectTuple, protonum };
  withConnection(context, (connection) => {
    connection.request((writer) =>
      encodeExpectCreate(writer, FLAGS.create, family, {
        master: { ...orig, protonum },
        tuple,
        mask: { ...expectMask, protonum },
        timeoutSeconds,
      }),
    );
    if (!output.json) return;
    showCreated(context, expectFormatter(command, context), (visit) =>
      getExpectation(connection, family, tuple, visit),
    );
  });
  return 0;
}
