/**
 * The lines of a load-file are mostly alike: the same words, with other addresses and numbers. A pattern is a line whose
 * message is known, with the places where its values lie, so that the next line like it is a copy with other values. An
 * engine in C copies (src/native/lines.c), many lines in one call.
 *
 * Patterns are found by asking the one reader of lines: a value is changed, the line is read again, and the bytes of its
 * message that changed are where the value goes. What does not come out clear stays a word that must be equal.
 */
import {
  LINE_STATE_WORDS,
  LINES,
  type LineEngine,
  type LinePattern,
  LONGEST_LINE_MESSAGE,
  LINE_OPERATIONS as OP,
  LINE_STATE as STATE,
} from "../../netlink/backend/lines.js";
import type { MessageWriter } from "../../netlink/message.js";
import { ByteWriter } from "../../system/byte-writer.js";
import { parseIpv6 } from "../../system/inet.js";
import { toUtf8 } from "../../system/text.js";

/** Reads a line of words; undefined where it is refused, or is no new entry. */
export type EncodeLine = (words: readonly string[]) => Uint8Array | undefined;

/** Learning one takes as long as reading some thirty lines. */
const MOST_PATTERNS = 64;

type Kind = "ipv4" | "ipv6" | "u16" | "u32";
const WIDTHS: Readonly<Record<Kind, number>> = { ipv4: 4, ipv6: 16, u16: 2, u32: 4 };

interface Value {
  kind: Kind;
  /** Where it goes in the message, once or more. */
  offsets: Int32Array;
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const IPV6 = /^[0-9a-f:]*:[0-9a-f:]*$/;
const NUMBER = /^(0|[1-9]\d{0,9})$/;
/** A word that stands in a line as it is: no blanks, quotes or control characters, and nothing but ASCII. */
const PLAIN = /^[!#-~]+$/;
/** What may stand before, between and behind such words. */
const GAP = /^[ \t"]*\r?\n?$/;

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
    if (offsets !== undefined) return { kind, offsets };
  }
  return undefined;
}

/** What stands before each of the words and behind the last one; undefined where a word is not in the line as it is. */
function gapsOf(line: string, words: readonly string[]): string[] | undefined {
  const gaps: string[] = [];
  let end = 0;
  for (const word of words) {
    const start = line.indexOf(word, end);
    if (start < 0) return undefined;
    gaps.push(line.slice(end, start));
    end = start + word.length;
  }
  gaps.push(line.slice(end));
  return gaps.every((gap) => GAP.test(gap)) && words.every((word) => PLAIN.test(word)) ? gaps : undefined;
}

/** The program of a pattern, while it is made. */
class Program {
  readonly #words: number[] = [];
  readonly #texts = new ByteWriter();

  text(text: string): void {
    if (text === "") return;
    const bytes = toUtf8(text);
    this.#words.push(OP.TEXT, this.#texts.length, bytes.length, 0);
    this.#texts.put(bytes);
  }

  value({ kind, offsets }: Value): void {
    const [first = 0, ...others] = offsets;
    const width = WIDTHS[kind];
    if (kind === "ipv4") this.#words.push(OP.IPV4, first, 0, 0);
    else if (kind === "ipv6") this.#words.push(OP.IPV6, first, 0, 0);
    else this.#words.push(OP.DECIMAL, first, width, 0);
    for (const at of others) this.#words.push(OP.COPY, at, first, width);
  }

  pattern(message: Uint8Array): LinePattern {
    return { message, program: Uint16Array.from(this.#words), constants: this.#texts.written().slice() };
  }
}

export class LinePatterns {
  readonly #engine: LineEngine | undefined;
  readonly #state = new Uint32Array(LINE_STATE_WORDS);
  #learned = 0;

  /** Without an engine each line is read the long way, which only takes longer. */
  constructor(engine: LineEngine | undefined) {
    this.#engine = engine;
  }

  /**
   * Learns from a line that was read the long way: its text, the words that it was split into, and the message that became
   * of it. What stands between the words must be the same in lines like it.
   */
  learn(line: string, words: readonly string[], message: Uint8Array, encode: EncodeLine): void {
    if (this.#engine === undefined || this.#learned === MOST_PATTERNS) return;
    const gaps = gapsOf(line.endsWith("\n") ? line : `${line}\n`, words);
    if (gaps === undefined) return;
    this.#learned++;
    const program = new Program();
    const others = [...words];
    const expected = message.slice();
    let text = gaps[0]!;
    words.forEach((word, i) => {
      const value = findValue(words, i, message, encode);
      if (value === undefined) {
        text += word;
      } else {
        program.text(text);
        program.value(value);
        text = "";
        others[i] = changed(word, value.kind);
        for (const offset of value.offsets) expected.set(bytesOf(others[i]!, value.kind), offset);
      }
      text += gaps[i + 1]!;
    });
    program.text(text);
    // All values changed at once must still be where each was found: else they depend on one another.
    const actual = encode(others);
    if (actual?.length !== expected.length || actual.some((byte, at) => byte !== expected[at])) return;
    this.#engine.add(program.pattern(message));
  }

  /**
   * Writes the messages of the lines of `buffer[start, end)` up to the first that fits no pattern, `most` of them at most.
   * `ended` is false where the next line may fit one all the same.
   */
  write(
    buffer: Uint8Array,
    start: number,
    end: number,
    writer: MessageWriter,
    most: number,
  ): { lines: number; next: number; ended: boolean } {
    const state = this.#state;
    if (this.#engine === undefined) return { lines: 0, next: start, ended: true };
    writer.makeRoom(LONGEST_LINE_MESSAGE);
    state[STATE.AT] = start;
    state[STATE.END] = end;
    state[STATE.LENGTH] = writer.length;
    state[STATE.MOST] = most;
    state[STATE.COUNT] = 0;
    const ended = this.#engine.run(buffer, writer.buffer, state);
    writer.length = state[STATE.LENGTH]!;
    return { lines: state[STATE.COUNT]!, next: state[STATE.AT]!, ended: ended !== LINES.FULL };
  }
}
