/**
 * The lines of a load-file are mostly alike: the same words, with other addresses and numbers. A pattern is a line whose
 * message is known, with the places where its values lie, so that the next line like it is a copy with other values.
 *
 * Patterns are found by asking the one reader of lines: a value is changed, the line is read again, and the bytes of its
 * message that changed are where the value goes. What does not come out clear stays a word that must be equal.
 */
import type { MessageWriter } from "../../netlink/message.js";
import { parseIpv6 } from "../../system/inet.js";
import { fromUtf8, toUtf8 } from "../../system/text.js";

/** Reads a line of words; undefined where it is refused, or is no new entry. */
export type EncodeLine = (words: readonly string[]) => Uint8Array | undefined;

/** Learning one takes as long as reading some thirty lines. */
const MOST_PATTERNS = 64;

const BLANK = 0x20;
const NEWLINE = 0x0a;
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
  /** The text before each value, and behind the last one up to the newline: one more than there are values. */
  texts: Uint8Array[];
  values: Value[];
  message: Uint8Array;
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const IPV6 = /^[0-9a-f:]*:[0-9a-f:]*$/;
const NUMBER = /^(0|[1-9]\d{0,9})$/;
/** A word that stands in a line as it is: no blanks, quotes or control characters, and nothing but ASCII. */
const PLAIN = /^[!#-~]+$/;

/**
 * What `changed` flips in a value. The bytes all differ: a mask that reads the same both ways would let a number in host
 * order pass for one in network order. None is zero, so every byte of the value changes.
 */
const MASK = Uint8Array.from({ length: 16 }, (_, i) => 0x5a + i);

/** Another value of the same kind, none of whose bytes is that of `word`. */
function changed(word: string, kind: Kind): string {
  const bytes = bytesOf(word, kind).map((byte, i) => byte ^ MASK[i]!);
  if (kind === "ipv4") return bytes.join(".");
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return kind === "ipv6" ? hex.replace(/(....)(?=.)/g, "$1:") : String(Number.parseInt(hex, 16));
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
  if (octets?.slice(1).every((octet) => String(Number(octet)) === octet && Number(octet) < 256)) {
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

  /**
   * Learns from a line that was read the long way; `message` is what became of it. A pattern's text is the words with a
   * blank between them, so only from words that such a text splits into again.
   */
  learn(words: readonly string[], message: Uint8Array, encode: EncodeLine): void {
    if (this.#learned === MOST_PATTERNS) return;
    if (words[0]!.startsWith("#") || !words.every((word) => PLAIN.test(word))) return;
    this.#learned++;
    const values: Value[] = [];
    const texts: Uint8Array[] = [];
    let text = "";
    words.forEach((word, i) => {
      const value = findValue(words, i, message, encode);
      if (value === undefined) {
        text += word;
      } else {
        values.push(value);
        texts.push(toUtf8(text));
        text = "";
      }
      text += i < words.length - 1 ? " " : "\n";
    });
    texts.push(toUtf8(text));
    // All values changed at once must still be where each was found: else they depend on one another.
    const others = [...words];
    const expected = message.slice();
    for (const { word, kind, offsets } of values) {
      others[word] = changed(words[word]!, kind);
      for (const offset of offsets) expected.set(bytesOf(others[word]!, kind), offset);
    }
    const actual = encode(others);
    if (actual?.length !== expected.length || actual.some((byte, at) => byte !== expected[at])) return;
    this.#patterns.push({ texts, values, message: message.slice() });
  }

  /**
   * Writes the message of the line at `start`, if it fits a pattern. The line must be complete: reading stops at its newline.
   * @returns where the next line begins, or -1 for a line that fits none
   */
  write(buffer: Uint8Array, start: number, writer: MessageWriter): number {
    const patterns = this.#patterns;
    for (let i = 0; i < patterns.length; i++) {
      const pattern = patterns[i]!;
      // Most patterns differ early: nothing is written for those.
      if (!startsWith(buffer, start, pattern.texts[0]!)) continue;
      const at = writer.append(pattern.message);
      const end = setValues(buffer, start, pattern, writer.buffer, at);
      if (end >= 0) {
        // The next line is most likely to be like this one.
        if (i > 0) {
          patterns[i] = patterns[i - 1]!;
          patterns[i - 1] = pattern;
        }
        return end;
      }
      writer.length = at;
    }
    return -1;
  }
}

function startsWith(buffer: Uint8Array, at: number, text: Uint8Array): boolean {
  const { length } = text;
  for (let i = 0; i < length; i++) if (buffer[at + i] !== text[i]) return false;
  return true;
}

/** Puts the values of the line at `start` into the message at `base`; returns where the next line begins, or -1. */
function setValues(buffer: Uint8Array, start: number, pattern: Pattern, message: Uint8Array, base: number): number {
  const { texts, values } = pattern;
  let from = start;
  for (let i = 0; i < values.length; i++) {
    const text = texts[i]!;
    if (!startsWith(buffer, from, text)) return -1;
    from += text.length;
    const { kind, offsets } = values[i]!;
    const at = base + offsets[0]!;
    const width = WIDTHS[kind];
    if (kind === "ipv4") from = setIpv4(buffer, from, message, at);
    else if (kind === "ipv6") from = setIpv6(buffer, from, message, at);
    else from = setNumber(buffer, from, message, at, width);
    if (from < 0) return -1;
    for (let k = 1; k < offsets.length; k++) {
      const copy = base + offsets[k]!;
      for (let j = 0; j < width; j++) message[copy + j] = message[at + j]!;
    }
  }
  const text = texts[values.length]!;
  return startsWith(buffer, from, text) ? from + text.length : -1;
}

const endsWord = (byte: number): boolean => byte === BLANK || byte === NEWLINE;

// Each reads a word at `from` into the message and returns where the word ends, or -1 where it is not plainly of its kind.

/** A decimal number without leading zeros, as `width` bytes in network order. */
function setNumber(buffer: Uint8Array, from: number, message: Uint8Array, at: number, width: number): number {
  let value = 0;
  let to = from;
  for (; ; to++) {
    const digit = buffer[to]!;
    if (digit < ZERO || digit > NINE) break;
    value = value * 10 + (digit - ZERO);
  }
  const digits = to - from;
  if (digits === 0 || digits > 10 || (digits > 1 && buffer[from] === ZERO) || !endsWord(buffer[to]!)) return -1;
  if (width === 2) {
    if (value > 0xffff) return -1;
    message[at] = value >> 8;
    message[at + 1] = value;
    return to;
  }
  if (value > 0xffffffff) return -1;
  message[at] = value >>> 24;
  message[at + 1] = value >>> 16;
  message[at + 2] = value >>> 8;
  message[at + 3] = value;
  return to;
}

/** A dotted quad without leading zeros: with them it would be octal. */
function setIpv4(buffer: Uint8Array, from: number, message: Uint8Array, at: number): number {
  let to = from;
  for (let octets = 0; octets < 4; octets++) {
    let octet = 0;
    const first = to;
    for (; ; to++) {
      const digit = buffer[to]!;
      if (digit < ZERO || digit > NINE) break;
      octet = octet * 10 + (digit - ZERO);
    }
    const digits = to - first;
    if (digits === 0 || digits > 3 || octet > 255 || (digits > 1 && buffer[first] === ZERO)) return -1;
    message[at + octets] = octet;
    if (octets < 3 && buffer[to++] !== DOT) return -1;
  }
  return endsWord(buffer[to]!) ? to : -1;
}

/** What inet_pton(3) takes in lower case and without a dotted tail. */
function setIpv6(buffer: Uint8Array, from: number, message: Uint8Array, at: number): number {
  let to = from;
  while (to - from < 40 && buffer[to]! > BLANK) to++;
  if (!endsWord(buffer[to]!)) return -1;
  const word = fromUtf8(buffer.subarray(from, to));
  const address = IPV6.test(word) ? parseIpv6(word) : undefined;
  if (address === undefined) return -1;
  message.set(address, at);
  return to;
}
