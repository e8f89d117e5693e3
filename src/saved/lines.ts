/** The lines of a source, one after the other. */
import type { Source } from "../system/io.js";
import { decodeText } from "../system/text.js";
import { LineError } from "./errors.js";

const CHUNK_BYTES = 1 << 16;
/** An entry has less than a thousand bytes. */
const LONGEST_LINE = 1 << 16;
const NEWLINE = 0x0a;

export class Lines {
  /** The number of the line that `next` gave last, from 1. */
  number = 0;
  readonly #source: Source;
  readonly #buffer = new Uint8Array(LONGEST_LINE + CHUNK_BYTES);
  /** Bytes of a line whose end has not been read. */
  #held = 0;
  /** Whole chunks are made text at once, which is cheaper than line by line. */
  #lines: readonly string[] = [];
  #at = 0;
  #ended = false;

  constructor(source: Source) {
    this.#source = source;
  }

  /** The next line without its newline; undefined at the end. Throws KernelError, and LineError for one that is too long. */
  next(): string | undefined {
    while (this.#at === this.#lines.length) {
      if (this.#ended) return undefined;
      this.#read();
    }
    this.number++;
    return this.#lines[this.#at++];
  }

  #read(): void {
    const buffer = this.#buffer;
    const read = this.#source.read(buffer.subarray(this.#held, this.#held + CHUNK_BYTES));
    const end = this.#held + read;
    this.#ended = read === 0;
    const newline = read === 0 ? end : buffer.subarray(0, end).lastIndexOf(NEWLINE);
    if (newline < 0) {
      this.#held = end;
      this.number += end > LONGEST_LINE ? 1 : 0;
      if (end > LONGEST_LINE) throw new LineError("the line is too long");
      return;
    }
    this.#lines = newline === 0 && end === 0 ? [] : decodeText(buffer.subarray(0, newline)).split("\n");
    this.#at = 0;
    buffer.copyWithin(0, newline + 1, end);
    this.#held = Math.max(0, end - newline - 1);
  }
}
