/** Lines of -o json in a file for -R: each is a flow that is added, as a line of -A adds one. */
import { newFlowOf } from "../../command/listed-flow.js";
import { encodeNewFlow } from "../../command/new-flow.js";
import type { MessageWriter } from "../../netlink/message.js";
import { LineError } from "../../saved/errors.js";
import { readJsonLine } from "../../saved/json-line.js";
import { UsageError } from "../../system/errors.js";
import { decodeText } from "../../system/text.js";

const BRACE = 0x7b;
const BRACKET = 0x5b;

/** Whether a line is JSON: no command line begins with a brace or a bracket. */
export function isJsonLine(line: Uint8Array): boolean {
  let at = 0;
  while (line[at] === 0x20 || line[at] === 0x09) at++;
  return line[at] === BRACE || line[at] === BRACKET;
}

/** What is wrong with JSON that no flow can be made of. */
function complaint(text: string, error: unknown): string {
  if (text.trimStart().startsWith("[")) return "a list, not one entry a line, as -L -o json prints them";
  if (/^\s*\{\s*$/.test(text)) return "an object over several lines, not one entry a line, as -L -o json prints them";
  if (/"expected"\s*:/.test(text)) return "an expectation, not a flow";
  return (error as Error).message;
}

/**
 * Writes the request for the entry of a line.
 * @throws UsageError for JSON that is no entry of the table
 */
export function writeJsonLine(writer: MessageWriter, line: Uint8Array): void {
  const text = decodeText(line);
  try {
    encodeNewFlow(writer, "add", newFlowOf(readJsonLine(text)));
  } catch (error) {
    if (!(error instanceof LineError || error instanceof UsageError)) throw error;
    throw new UsageError(`cannot load this JSON: ${complaint(text, error)}`);
  }
}
