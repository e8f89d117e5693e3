/**
 * The lines of a load-file are mostly alike: the same words, with other addresses and numbers. A pattern is a line whose
 * message is known, with the places where its values lie, so that the next line like it is a copy with other values.
 *
 * Patterns are found by asking the one reader of lines: a value is changed, the line is read again, and the bytes of its
 * message that changed are where the value goes. What does not come out clear stays a word that must be equal.
 */
import type { MessageWriter } from "../netlink/message.js";
import { parseIpv6 } from "../system/inet.js";

/** Reads a line of words; undefined where it is refused, or is no new entry. */
export type EncodeLine = (words: readonly string[]) => Uint8Array | undefined;

/** Learning one takes as long as reading some thirty lines. */
const MOST_PATTERNS = 64;
const MOST_WORDS = 64;

const BLANK = 0x20;
const TAB = 0x09;
const ZERO = 0x30;
const NINE = 0x39;
const DOT = 0x2e;

type Kind = "ipv4" | "ipv6" | "u16" | "u32";
const WIDTHS: Readonly<Record<Kind, number>> = { ipv4: 4, ipv6: 16, u16: 2, u32: 4 };

interface Value {
  word: number;
  kind: Kind;
  /** Where it goes in the message, once or more. */
  offsets: Int32Array;
}

interface Pattern {
  /** Words that must be equal, one behind the other, with where each begins. */
  literals: Uint8Array;
  literalWords: Int32Array;
  literalStarts: Int32Array;
  words: number;
  values: Value[];
  message: Uint8Array;
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const IPV6 = /^[0-9a-f:]*:[0-9a-f:]*$/;
const NUMBER = /^(0|[1-9]\d{0,9})$/;

/** Another value of the same kind, none of whose bytes is that of `word`. */
function changed(word: string, kind: Kind): string {
  switch (kind) {
    case "ipv4":
      return word.replace(/\d+/g, (octet) => String(Number(octet) ^ 0x5a));
    case "ipv6":
      return Array.from(parseIpv6(word)!, (byte) => (byte ^ 0x5a).toString(16).padStart(2, "0"))
        .join("")
        .replace(/(....)(?=.)/g, "$1:");
    case "u16":
      return String((Number(word) ^ 0x5a5a) & 0xffff);
    case "u32":
      return String((Number(word) ^ 0x5a5a5a5a) >>> 0);
  }
}

/** The bytes that a value is in a message: network order. */
function bytesOf(word: string, kind: Kind): Uint8Array {
  if (kind === "ipv6") return parseIpv6(word)!;
  if (kind === "ipv4") return Uint8Array.from(word.split("."), Number);
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, Number(word));
  return bytes.subarray(4 - WIDTHS[kind]);
}

/** Where a value of `kind` in place of word `i` goes in the message; undefined where that is not clear. */
function place(words: readonly string[], i: number, kind: Kind, message: Uint8Array, encode: EncodeLine) {
  const other = changed(words[i]!, kind);
  const after = encode(words.with(i, other));
  if (after === undefined || after.length !== message.length) return undefined;
  const [now, then] = [bytesOf(words[i]!, kind), bytesOf(other, kind)];
  const width = WIDTHS[kind];
  const offsets: number[] = [];
  for (let at = 0; at < message.length; at++) {
    if (message[at] === after[at]) continue;
    for (let k = 0; k < width; k++) {
      if (message[at + k] !== now[k] || after[at + k] !== then[k]) return undefined;
    }
    offsets.push(at);
    at += width - 1;
  }
  return offsets.length === 0 ? undefined : Int32Array.from(offsets);
}

function findValue(words: readonly string[], i: number, message: Uint8Array, encode: EncodeLine): Value | undefined {
  const word = words[i]!;
  const kinds: Kind[] = [];
  const octets = IPV4.exec(word);
  if (octets !== null && octets.slice(1).every((octet) => String(Number(octet)) === octet && Number(octet) < 256)) {
    kinds.push("ipv4");
  } else if (IPV6.test(word) && parseIpv6(word) !== undefined) kinds.push("ipv6");
  // The wider one first: the lower half of a u32 looks like a u16.
  else if (NUMBER.test(word) && Number(word) <= 0xffffffff)
    kinds.push(...(Number(word) > 0xffff ? (["u32"] as const) : (["u32", "u16"] as const)));
  for (const kind of kinds) {
    const offsets = place(words, i, kind, message, encode);
    if (offsets !== undefined) return { word: i, kind, offsets };
  }
  return undefined;
}

export class LinePatterns {
  readonly #patterns: Pattern[] = [];
  #learned = 0;
  /** Where the words of the present line begin and end. */
  readonly #starts = new Int32Array(MOST_WORDS);
  readonly #ends = new Int32Array(MOST_WORDS);

  /** Learns from a line that was read the long way; `message` is what became of it. */
  learn(words: readonly string[], message: Uint8Array, encode: EncodeLine): void {
    if (this.#learned === MOST_PATTERNS || words.length > MOST_WORDS) return;
    this.#learned++;
    const values: Value[] = [];
    const literals: number[] = [];
    const literalWords: number[] = [];
    const literalStarts: number[] = [];
    words.forEach((word, i) => {
      const value = findValue(words, i, message, encode);
      if (value !== undefined) {
        values.push(value);
        return;
      }
      literalWords.push(i);
      literalStarts.push(literals.length);
      literals.push(...Buffer.from(word));
    });
    literalStarts.push(literals.length);
    const pattern: Pattern = {
      literals: Uint8Array.from(literals),
      literalWords: Int32Array.from(literalWords),
      literalStarts: Int32Array.from(literalStarts),
      words: words.length,
      values,
      message: message.slice(),
    };
    // All values changed at once must still be where each was found: else they depend on one another.
    const others = [...words];
    const expected = message.slice();
    for (const { word, kind, offsets } of values) {
      others[word] = changed(words[word]!, kind);
      for (const offset of offsets) expected.set(bytesOf(others[word]!, kind), offset);
    }
    const actual = encode(others);
    if (actual === undefined || Buffer.compare(actual, expected) !== 0) return;
    this.#patterns.push(pattern);
  }

  /** Writes the message of the line `buffer[start, end)`, without its newline, if it fits a pattern. Returns whether it does. */
  write(buffer: Uint8Array, start: number, end: number, writer: MessageWriter): boolean {
    const words = this.#split(buffer, start, end);
    const patterns = this.#patterns;
    for (let i = 0; i < patterns.length; i++) {
      const pattern = patterns[i]!;
      if (pattern.words !== words || !this.#literalsEqual(buffer, pattern)) continue;
      const at = writer.append(pattern.message);
      if (this.#setValues(buffer, pattern, writer.buffer, at)) return true;
      writer.length = at;
    }
    return false;
  }

  /** Notes where the words are; -1 for a line that is not just words and blanks. */
  #split(buffer: Uint8Array, start: number, end: number): number {
    let words = 0;
    let inWord = false;
    for (let at = start; at < end; at++) {
      const byte = buffer[at]!;
      if (byte === BLANK || byte === TAB) {
        if (inWord) this.#ends[words++] = at;
        inWord = false;
      } else {
        // Quotes, carriage returns and what is not ASCII are read the long way.
        if (byte < BLANK || byte === 0x22 || byte > 0x7e) return -1;
        if (!inWord) {
          if (words === MOST_WORDS) return -1;
          this.#starts[words] = at;
          inWord = true;
        }
      }
    }
    if (inWord) this.#ends[words++] = end;
    return words;
  }

  #literalsEqual(buffer: Uint8Array, { literals, literalWords, literalStarts }: Pattern): boolean {
    for (let i = 0; i < literalWords.length; i++) {
      const word = literalWords[i]!;
      const from = literalStarts[i]!;
      const length = literalStarts[i + 1]! - from;
      const at = this.#starts[word]!;
      if (this.#ends[word]! - at !== length) return false;
      for (let k = 0; k < length; k++) if (buffer[at + k] !== literals[from + k]) return false;
    }
    return true;
  }

  #setValues(buffer: Uint8Array, { values }: Pattern, message: Uint8Array, base: number): boolean {
    for (let i = 0; i < values.length; i++) {
      const { word, kind, offsets } = values[i]!;
      const from = this.#starts[word]!;
      const to = this.#ends[word]!;
      const at = base + offsets[0]!;
      const good =
        kind === "ipv4"
          ? setIpv4(buffer, from, to, message, at)
          : kind === "ipv6"
            ? setIpv6(buffer, from, to, message, at)
            : setNumber(buffer, from, to, message, at, WIDTHS[kind]);
      if (!good) return false;
      for (let k = 1; k < offsets.length; k++) message.copyWithin(base + offsets[k]!, at, at + WIDTHS[kind]);
    }
    return true;
  }
}

/** A decimal number without leading zeros, as `width` bytes in network order. */
function setNumber(
  buffer: Uint8Array,
  from: number,
  to: number,
  message: Uint8Array,
  at: number,
  width: number,
): boolean {
  if (to - from > 10 || (buffer[from] === ZERO && to - from > 1)) return false;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = buffer[i]!;
    if (digit < ZERO || digit > NINE) return false;
    value = value * 10 + (digit - ZERO);
  }
  if (value > (width === 2 ? 0xffff : 0xffffffff)) return false;
  for (let k = width - 1; k >= 0; k--) {
    message[at + k] = value & 0xff;
    value = Math.floor(value / 256);
  }
  return true;
}

/** A dotted quad without leading zeros: with them it would be octal. */
function setIpv4(buffer: Uint8Array, from: number, to: number, message: Uint8Array, at: number): boolean {
  let octet = 0;
  let digits = 0;
  let octets = 0;
  for (let i = from; i <= to; i++) {
    const byte = i < to ? buffer[i]! : DOT;
    if (byte === DOT) {
      if (digits === 0 || octet > 255 || octets === 4) return false;
      message[at + octets++] = octet;
      octet = 0;
      digits = 0;
    } else {
      if (byte < ZERO || byte > NINE || digits === 3 || (digits > 0 && octet === 0)) return false;
      octet = octet * 10 + (byte - ZERO);
      digits++;
    }
  }
  return octets === 4;
}

function setIpv6(buffer: Uint8Array, from: number, to: number, message: Uint8Array, at: number): boolean {
  const word = Buffer.from(buffer.buffer, buffer.byteOffset + from, to - from).toString("latin1");
  if (!IPV6.test(word)) return false;
  const address = parseIpv6(word);
  if (address === undefined) return false;
  message.set(address, at);
  return true;
}
