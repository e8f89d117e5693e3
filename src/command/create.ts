/** -I and -A: a new entry. */
import * as C from "../ctnetlink/constants.js";
import { encodeExpectCreate, encodeFlowCreate } from "../ctnetlink/encode.js";
import { NLM_F_CREATE, NLM_F_EXCL } from "../netlink/constants.js";
import type { MessageWriter } from "../netlink/message.js";
import type { Command } from "./command.js";
import { type Context, say, withConnection } from "./context.js";
import { createChanges, flowTuples } from "./template.js";

/** Create refuses an entry that is there already; add changes it. */
const FLAGS = { create: NLM_F_CREATE | NLM_F_EXCL, add: NLM_F_CREATE } as const;
const DONE = { create: "created", add: "added" } as const;

/** Writes the request of a create or add command. */
export function encodeCreate(writer: MessageWriter, command: Command): void {
  const name = command.name as keyof typeof FLAGS;
  // A command without any address is for IPv4, as the reference has it.
  const family = command.family === C.AF_UNSPEC ? C.AF_INET : command.family;
  encodeFlowCreate(writer, FLAGS[name], family, flowTuples(command.values), createChanges(command));
}

export function createFlow(command: Command, context: Context): number {
  withConnection(context, (connection) => connection.request((writer) => encodeCreate(writer, command)));
  say(context, `1 flow entries have been ${DONE[command.name as keyof typeof DONE]}.`);
  return 0;
}

export function createExpectation(command: Command, context: Context): number {
  const { orig, expectTuple, expectMask, protonum, timeoutSeconds } = command.values;
  withConnection(context, (connection) =>
    connection.request((writer) =>
      encodeExpectCreate(writer, FLAGS.create, command.family, {
        master: { ...orig, protonum },
        tuple: { ...expectTuple, protonum },
        mask: { ...expectMask, protonum },
        timeoutSeconds,
      }),
    ),
  );
  return 0;
}
