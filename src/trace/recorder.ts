/**
 * Records what is done with a message. Whoever decides or writes by a message does it through a view, and cannot tell that this
 * one keeps a record: what is asked of the message becomes a condition, what is written constant text, unless the view is
 * asked to test or write a field itself. So a trace can be too narrow, but never wrong. docs/architecture.md has the whole.
 */
import { bytes64, type FieldSet, type FlagTexts } from "../ctnetlink/fields.js";
import { HEADERS, payloadLength } from "../ctnetlink/schema.js";
import { type Counter, FlowView } from "../ctnetlink/view.js";
import { OPERATIONS as OP, type Trace } from "../netlink/backend/traces.js";
import { NLM_F_DUMP_INTR } from "../netlink/constants.js";
import type { ByteWriter } from "../system/byte-writer.js";

/** What is written to, as the recorder sees it. */
export type Written = Pick<ByteWriter, "buffer" | "length">;

/** nlmsg_seq, which is the run's: its place in the header, and its length. */
const SEQUENCE = 8;
const SEQUENCE_BYTES = 4;
/** The limits of src/native/trace.c. */
const LONGEST_MESSAGE = 2048;
const MOST_WORDS = 4096;
const MOST_CONSTANTS = 0xffff;
const LONGEST_NAME = 0xff;
const MOST_COUNTERS = 4;

/** Constants that more than one instruction has: made once, and kept once for a trace. */
const NAMES = new WeakMap<readonly Uint8Array[], Uint8Array>();

/** Names as the engine takes them: how long a row is, then the rows: how long the name is, the name, and zeros. */
function nameTable(names: readonly Uint8Array[]): Uint8Array {
  const known = NAMES.get(names);
  if (known !== undefined) return known;
  const width = 1 + Math.max(...names.map((name) => name.length));
  const table = new Uint8Array(1 + names.length * width);
  table[0] = width;
  for (const [row, name] of names.entries()) {
    table[1 + row * width] = name.length;
    table.set(name, 2 + row * width);
  }
  NAMES.set(names, table);
  return table;
}

/**
 * Flags as the engine takes them: three texts, how many rows; the rows: byte, bit, text. A text has its length in front.
 * Undefined where a text is too long. `length` is that of the field: there are no flags behind it.
 */
function flagTable({ first, between, none, rows }: FlagTexts, length: number): Uint8Array | undefined {
  const there = rows.filter(({ byte }) => byte < length);
  const texts = [first, between, none, ...there.map(({ name }) => name)];
  if (there.length > 0xff || texts.some((text) => text.length > LONGEST_NAME)) return undefined;
  const table: number[] = [];
  for (const text of [first, between, none]) table.push(text.length, ...text);
  table.push(there.length);
  for (const { byte, bit, name } of there) table.push(byte, bit, name.length, ...name);
  return Uint8Array.from(table);
}

export class RecordingView extends FlowView {
  #writer: Written = { buffer: new Uint8Array(0), length: 0 };
  /** Where the record's output begins, and up to where it is in the record. */
  #begin = 0;
  #noted = 0;
  #good = false;
  #mask = new Uint8Array(0);
  readonly #program = new Uint16Array(MOST_WORDS);
  #words = 0;
  readonly #constants = new Uint8Array(MOST_CONSTANTS);
  #constantsLength = 0;
  /** Instructions that go behind all others. */
  readonly #last: [operation: number, at: number][] = [];
  /** What the traces count, by the number that they have for it. */
  readonly counters: Counter[] = [];
  /** Tables that are among the constants already. */
  readonly #kept = new Map<object, number>();

  /** Points the view at a message, and begins a record of what is done with it and written to `writer`. */
  record(buffer: Uint8Array, start: number, end: number, writer: Written): void {
    this.#writer = writer;
    this.#begin = this.#noted = writer.length;
    this.#words = this.#constantsLength = 0;
    this.#kept.clear();
    this.#last.length = 0;
    this.#good = false;
    this.#mask = new Uint8Array((end - start + 3) & ~3);
    super.read(buffer, start, end);
    const { headers } = this;
    // That the dump was interrupted is for TypeScript to see, every time.
    const interrupted = (this.flags & NLM_F_DUMP_INTR) !== 0;
    if (headers === undefined || interrupted || end - start > LONGEST_MESSAGE || ((end - start) & 3) !== 0) return;
    this.#good = true;
    this.#mask.fill(0xff, 0, SEQUENCE).fill(0xff, SEQUENCE + SEQUENCE_BYTES, HEADERS);
    const masks = new Uint32Array(this.#mask.buffer);
    for (const place of headers) masks[place] = 0xffffffff;
  }

  /** What goes into the record from somewhere else than the message: no trace can repeat it. */
  spoil(): void {
    this.#good = false;
  }

  /** The record, good until the next one begins; undefined where what was done cannot be repeated. */
  trace(): Trace | undefined {
    this.#noteText();
    for (const [operation, at] of this.#last) this.#instruction(operation, at);
    if (!this.#good) return undefined;
    this.#fillTexts();
    if (!this.#good) return undefined;
    return {
      mask: this.#mask,
      pattern: super.message(),
      program: this.#program.subarray(0, this.#words),
      constants: this.#constants.subarray(0, this.#constantsLength),
    };
  }

  /** The whole of it matters. */
  override message(): Uint8Array {
    this.#mask.fill(0xff);
    return super.message();
  }

  /** Whoever is given a value may decide by all of it. */
  protected override offset(slot: number): number {
    const offset = super.offset(slot);
    const at = this.at(slot);
    this.#mask.fill(0xff, at, at + payloadLength(this.buffer, offset));
    return offset;
  }

  override bits(slot: number, mask: number): number {
    const at = this.at(slot);
    for (let i = 0; i < 4; i++) this.#mask[at + i]! |= mask >>> (24 - 8 * i);
    return super.bits(slot, mask);
  }

  override isIn(slot: number, set: FieldSet): boolean {
    const result = super.isIn(slot, set);
    const { width, items } = set;
    const at = this.at(slot);
    const single =
      items.length === 3 * width && items.slice(width, 2 * width).every((byte, i) => byte === items[2 * width + i]);
    if (result && single) for (let i = 0; i < width; i++) this.#mask[at + i]! |= items[i]!;
    else this.#instruction(result ? OP.IN : OP.NOT_IN, at, width, this.#keepSet(set));
    return result;
  }

  override isSame(one: number, other: number, length: number): boolean {
    const result = super.isSame(one, other, length);
    this.#instruction(result ? OP.SAME : OP.DIFFERENT, this.at(one), this.at(other), length);
    return result;
  }

  override isSumIn(one: number, other: number, set: FieldSet): boolean {
    const result = super.isSumIn(one, other, set);
    this.#instruction(result ? OP.SUM_IN : OP.SUM_NOT_IN, this.at(one), this.at(other), this.#keepSet(set));
    return result;
  }

  override count(counter: Counter): void {
    let index = this.counters.indexOf(counter);
    if (index < 0) index = this.counters.push(counter) - 1;
    // Behind all conditions: they say whether it counts at all.
    if (index < MOST_COUNTERS) this.#last.push([OP.COUNT, index]);
    else this.#good = false;
    super.count(counter);
  }

  override holdsUntil(micros: number): void {
    this.#instruction(OP.BEFORE, this.#keep(bytes64(BigInt(Math.floor(micros)))));
  }

  override putDecimal(writer: ByteWriter, slot: number, bytes: 1 | 2 | 4 | 8): void {
    this.#field(OP.DECIMAL, slot, bytes);
    super.putDecimal(writer, slot, bytes);
    this.#noted = writer.length;
  }

  override putHostDecimal(writer: ByteWriter, slot: number): void {
    this.#field(OP.HOST_DECIMAL, slot);
    super.putHostDecimal(writer, slot);
    this.#noted = writer.length;
  }

  override putHex(writer: ByteWriter, slot: number): void {
    this.#field(OP.HEX, slot);
    super.putHex(writer, slot);
    this.#noted = writer.length;
  }

  override putIpv4(writer: ByteWriter, slot: number): void {
    this.#field(OP.IPV4, slot);
    super.putIpv4(writer, slot);
    this.#noted = writer.length;
  }

  override putIpv6(writer: ByteWriter, slot: number): void {
    this.#field(OP.IPV6, slot);
    super.putIpv6(writer, slot);
    this.#noted = writer.length;
  }

  override putName(writer: ByteWriter, slot: number, names: readonly Uint8Array[]): void {
    this.#field(
      OP.NAME,
      slot,
      this.#keepOnce(names, () => nameTable(names)),
      names.length,
    );
    super.putName(writer, slot, names);
    this.#noted = writer.length;
  }

  override putFlags(writer: ByteWriter, slot: number, flags: FlagTexts): void {
    const length = payloadLength(this.buffer, this.start + this.at(slot));
    const table = flagTable(flags, length);
    if (table === undefined) this.#good = false;
    else this.#field(OP.FLAGS, slot, this.#keep(table), length);
    super.putFlags(writer, slot, flags);
    this.#noted = writer.length;
  }

  override putAge(writer: ByteWriter, slot: number, nowMicroseconds: () => number): void {
    this.#field(OP.AGE, slot);
    // Reading the clock spoils a record, but for this.
    const good = this.#good;
    super.putAge(writer, slot, nowMicroseconds);
    this.#good = good;
    this.#noted = writer.length;
  }

  override putSpan(writer: ByteWriter, from: number, to: number, exact: boolean): void {
    this.#field(OP.SPAN, from, this.at(to), exact ? 1 : 0);
    super.putSpan(writer, from, to, exact);
    this.#noted = writer.length;
  }

  /** An instruction that writes a field, behind the text that was written before it. */
  #field(operation: number, slot: number, b = 0, c = 0): void {
    this.#noteText();
    this.#instruction(operation, this.at(slot), b, c);
  }

  #instruction(operation: number, at: number, b = 0, c = 0): void {
    const words = this.#words;
    if (words + 4 > MOST_WORDS) {
      this.#good = false;
      return;
    }
    const program = this.#program;
    program[words] = operation;
    program[words + 1] = at;
    program[words + 2] = b;
    program[words + 3] = c;
    this.#words = words + 4;
  }

  /** Keeps constant bytes; returns where. */
  #keep(bytes: Uint8Array): number {
    const at = this.#constantsLength;
    if (at + bytes.length > MOST_CONSTANTS) {
      this.#good = false;
      return 0;
    }
    this.#constants.set(bytes, at);
    this.#constantsLength = at + bytes.length;
    return at;
  }

  #keepOnce(key: object, make: () => Uint8Array): number {
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const at = this.#keep(make());
    this.#kept.set(key, at);
    return at;
  }

  /** A set as the engine takes it: how many items in two bytes, and the items. */
  #keepSet(set: FieldSet): number {
    return this.#keepOnce(set, () => {
      const count = set.items.length / (3 * set.width);
      const bytes = new Uint8Array(2 + set.items.length);
      bytes.set([count >> 8, count & 0xff]);
      bytes.set(set.items, 2);
      return bytes;
    });
  }

  /** Notes that text was written since the last field. Who takes back more than that does what no trace can repeat. */
  #noteText(): void {
    const { length } = this.#writer;
    if (length < this.#noted) this.#good = false;
    if (length <= this.#noted) return;
    this.#instruction(OP.TEXT, this.#noted - this.#begin, length - this.#noted);
    this.#noted = length;
  }

  /** Keeps the texts now that they have their last form: the length of a nest, say, is written over the first one. */
  #fillTexts(): void {
    const { buffer } = this.#writer;
    const program = this.#program;
    for (let word = 0; word < this.#words; word += 4) {
      if (program[word] !== OP.TEXT) continue;
      const from = this.#begin + program[word + 1]!;
      program[word + 1] = this.#keep(buffer.subarray(from, from + program[word + 2]!));
    }
  }
}
