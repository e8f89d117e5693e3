/** Lines of a load-file as messages. */
import type { ParseContext } from "../../src/cli/draft.js";
import { parseLoadFileLine } from "../../src/cli/parse.js";
import type { CreateFlow, LoadableCommand } from "../../src/command/command.js";
import { encodeNewFlow } from "../../src/command/new-flow.js";
import { MessageWriter } from "../../src/netlink/message.js";

export function isCreate(command: LoadableCommand): command is CreateFlow {
  return command.name === "create" || command.name === "add";
}

/** The message that makes a new entry. */
export function createMessage({ name, flow }: CreateFlow): Uint8Array {
  const writer = new MessageWriter();
  encodeNewFlow(writer, name, flow);
  return writer.buffer.slice(0, writer.length);
}

/** The command of a line that makes a new entry. Throws what reading it throws. */
export function createLine(words: readonly string[], context: ParseContext): CreateFlow {
  const command = parseLoadFileLine(words, context);
  if (!isCreate(command)) throw new Error(`${words.join(" ")} makes no entry`);
  return command;
}
