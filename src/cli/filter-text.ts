/** The text of a filter, as the view shows it and lets it be edited: options as on the command line. */
import { UsageError } from "../system/errors.js";
import { shellWord } from "../system/shell.js";
import { splitWords } from "./load-file/words.js";

/** Its words: double quotes hold blanks, and a backslash takes the next character as it is within them. */
export function splitFilter(text: string): string[] {
  // Lines of a file may be comments. A filter must not quietly be none.
  if (text.trimStart().startsWith("#")) throw new UsageError(`unexpected \`${text.trim()}'`);
  return splitWords(text);
}

/** A text that splitFilter makes these words of. */
export function filterText(words: readonly string[]): string {
  return words.map((word) => (/^[^\s"\\]+$/.test(word) ? word : `"${word.replace(/["\\]/g, "\\$&")}"`)).join(" ");
}

/** The same text for a shell. */
export function shellText(text: string): string {
  return splitFilter(text).map(shellWord).join(" ");
}
