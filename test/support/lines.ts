/** Lines of a load-file as messages. */

import type { ParseContext } from "../../src/cli/draft.js";
import { parseLoadFileLine } from "../../src/cli/parse.js";
import { encodeNewFlow } from "../../src/command/new-flow.js";
import { MessageWriter } from "../../src/netlink/message.js";

/** Writes the request of a line that makes a new entry; returns whether it is one. */
export function writeLine(writer: MessageWriter, words: readonly string[], context: ParseContext): boolean {
  const command = parseLoadFileLine(words, context);
  if (command.name !== "create" && command.name !== "add") return false;
  encodeNewFlow(writer, command.name, (command as Extract<typeof command, { flow: unknown }>).flow);
  return true;
}

/** The message of a line that makes a new entry. Throws what reading it throws. */
export function lineMessage(words: readonly string[], context: ParseContext): Uint8Array {
  const writer = new MessageWriter();
  if (!writeLine(writer, words, context)) throw new Error(`${words.join(" ")} makes no entry`);
  return writer.buffer.slice(0, writer.length);
}
