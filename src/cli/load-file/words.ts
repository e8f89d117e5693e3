/** Lines of a load-file to words. */
import { UsageError } from "../../system/errors.js";
import { encodeText } from "../../system/text.js";

const MAX_WORDS = 255;
/** Bytes of a word, without its quotes. */
const MAX_WORD_BYTES = 1023;
/** Bytes of a line. All words that it can hold fit in, in quotes and each byte behind a backslash. */
export const MAX_LINE_BYTES = 1 << 19;

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BLANK = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const BACKSLASH = 0x5c;

/**
 * Splits a line, its newline included, at blanks and tabs. Double quotes hold blanks; within them a backslash takes the
 * next character as it is; the closing quote ends the word, and a missing one is taken to stand at the end of the line.
 * An empty line and one whose first character is `#` have no words.
 * @throws UsageError for too many words, or too long ones
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  const end = lineEnd(line);
  for (let i = 0; ; ) {
    while (i < end && isBlank(line.charCodeAt(i))) i++;
    if (i === end) return words;
    if (words.length === 0 && line.charCodeAt(i) === HASH) return words;
    const start = i;
    let code = 0;
    while (i < end && !isBlank((code = line.charCodeAt(i))) && code !== QUOTE) i++;
    let word = line.slice(start, i);
    if (i < end && code === QUOTE) {
      for (i++; i < line.length && (code = line.charCodeAt(i)) !== QUOTE; i++) {
        if (code === BACKSLASH && i + 1 < line.length) i++;
        word += line[i];
      }
      i = Math.min(i + 1, end);
    }
    add(words, word);
  }
}

function add(words: string[], word: string): void {
  // A UTF-16 unit takes at most three bytes.
  if (word.length > MAX_WORD_BYTES / 3 && encodeText(word).length > MAX_WORD_BYTES) {
    throw new UsageError("Parameter too long!");
  }
  if (words.length === MAX_WORDS) throw new UsageError("too many arguments");
  words.push(word);
}

function isBlank(code: number): boolean {
  return code === BLANK || code === TAB;
}

/** Where the line's own characters end: before \n, \r\n, or a \r at the end of the file. */
function lineEnd(line: string): number {
  let end = line.length;
  if (end > 0 && line.charCodeAt(end - 1) === NEWLINE) end--;
  if (end > 0 && line.charCodeAt(end - 1) === RETURN) end--;
  return end;
}
