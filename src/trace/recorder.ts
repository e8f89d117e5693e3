/**
 * Records what is done with a message. Whoever decides or writes by a message does it through a view, and cannot tell that this
 * one keeps a record: what is asked of the message becomes a condition, what is written constant text, unless the view is
 * asked to test or write a field itself. So a trace can be too narrow, but never wrong. docs/architecture.md has the whole.
 */
import { bytes64, type FieldSet, type FlagTexts, numberBytes } from "../ctnetlink/fields.js";
import { HEADERS, payloadLength } from "../ctnetlink/schema.js";
import { type Bytes, type Counter, FlowView, type Remembered, type Sums, type Threshold } from "../ctnetlink/view.js";
import { MOST_TABLES, OPERATIONS as OP, type Trace } from "../netlink/backend/traces.js";
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

/** A text of the output, whose place there is still to become one among the constants. */
const OUTPUT_TEXT = -1;

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
  /** Conditions come first: what has been done is not taken back where one does not hold. */
  #conditions: number[] = [];
  #actions: number[] = [];
  readonly #constants = new Uint8Array(MOST_CONSTANTS);
  #constantsLength = 0;
  /** What the traces count, by the number that they have for it, and what it was before the last record. */
  readonly counters: Counter[] = [];
  readonly before: number[] = [];
  /** What the traces add to or compare with, likewise. */
  readonly tables: (Sums | Threshold | Remembered)[] = [];
  /** The key that was begun last, the instructions that write it, and up to where they do. */
  #key: Bytes | undefined;
  #keyActions: number[] = [];
  #keyNoted = 0;
  /** The keys of the rows that were entered, one behind the other. */
  #keys: number[] = [];
  /** Tables that are among the constants already. */
  readonly #kept = new Map<object, number>();

  /** Points the view at a message, and begins a record of what is done with it and written to `writer`. */
  record(buffer: Uint8Array, start: number, end: number, writer: Written): void {
    this.#writer = writer;
    this.#begin = this.#noted = writer.length;
    this.#constantsLength = 0;
    this.#kept.clear();
    this.#conditions = [];
    this.#actions = [];
    this.#keys = [];
    this.#key = undefined;
    for (const [i, { count }] of this.counters.entries()) this.before[i] = count;
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
    if (this.#conditions.length + this.#actions.length > MOST_WORDS) this.#good = false;
    if (!this.#good) return undefined;
    this.#fillTexts();
    if (!this.#good) return undefined;
    return {
      mask: this.#mask,
      pattern: super.message(),
      program: Uint16Array.from([...this.#conditions, ...this.#actions]),
      constants: this.#constants.subarray(0, this.#constantsLength),
    };
  }

  /** The keys of the rows that the record entered: without its tables a trace leaves them in the output. */
  keys(): readonly number[] {
    return this.#keys;
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
    else this.#condition(result ? OP.IN : OP.NOT_IN, at, width, this.#keepSet(set));
    return result;
  }

  override isSame(one: number, other: number, length: number): boolean {
    const result = super.isSame(one, other, length);
    this.#condition(result ? OP.SAME : OP.DIFFERENT, this.at(one), this.at(other), length);
    return result;
  }

  override isSumIn(one: number, other: number, set: FieldSet): boolean {
    const result = super.isSumIn(one, other, set);
    this.#condition(result ? OP.SUM_IN : OP.SUM_NOT_IN, this.at(one), this.at(other), this.#keepSet(set));
    return result;
  }

  override count(counter: Counter): void {
    this.#action(OP.COUNT, this.#counter(counter));
    super.count(counter);
  }

  override holdsUntil(micros: number): void {
    this.#condition(OP.BEFORE, this.#keep(bytes64(BigInt(Math.floor(micros)))));
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

  override copy(to: Bytes, slot: number, count: number): void {
    this.#piece(to, OP.COPY, this.at(slot), count);
    super.copy(to, slot, count);
    this.#copied(to);
  }

  override copyCombined(to: Bytes, slot: number, and: Uint8Array, xor: Uint8Array): void {
    const both = new Uint8Array(2 * and.length);
    both.set(and);
    both.set(xor.subarray(0, and.length), and.length);
    this.#piece(to, OP.COMBINE, this.at(slot), and.length, this.#keep(both));
    super.copyCombined(to, slot, and, xor);
    this.#copied(to);
  }

  override copyLookedUp(to: Bytes, slot: number, table: Uint8Array): void {
    this.#piece(
      to,
      OP.LOOKUP,
      this.at(slot),
      this.#keepOnce(table, () => table),
    );
    super.copyLookedUp(to, slot, table);
    this.#copied(to);
  }

  override copyQuotient(to: Bytes, slot: number, divisor: number): void {
    this.#piece(to, OP.QUOTIENT, this.at(slot), this.#keep(numberBytes(divisor, 4)));
    super.copyQuotient(to, slot, divisor);
    this.#copied(to);
  }

  override copySum(to: Bytes, first: number, second: number): void {
    this.#piece(to, OP.ADD, this.at(first), this.at(second));
    super.copySum(to, first, second);
    this.#copied(to);
  }

  override number(to: Bytes, at: number, counter: Counter): void {
    if (to !== this.#writer) this.#good = false;
    this.#noteText();
    this.#action(OP.NUMBER, at - this.#begin, this.#counter(counter));
    super.number(to, at, counter);
  }

  override beginKey(key: Bytes): void {
    this.#key = key;
    this.#keyActions = [];
    this.#keyNoted = 0;
    super.beginKey(key);
  }

  override enter(sums: Sums, key: Bytes): void {
    this.#actions.push(...this.#keyDone(key));
    for (let i = 0; i < key.length; i++) this.#keys.push(key.buffer[i]!);
    this.#action(OP.ENTER, this.#table(sums), key.length);
    super.enter(sums, key);
  }

  override addOne(sums: Sums, index: number): void {
    this.#action(OP.ADD_ONE, index);
    super.addOne(sums, index);
  }

  override addNumber(sums: Sums, index: number, slot: number): void {
    this.#action(OP.ADD_FIELD, this.at(slot), index);
    super.addNumber(sums, index, slot);
  }

  override keepLeast(sums: Sums, index: number, slot: number): void {
    this.#action(OP.KEEP_LEAST, this.at(slot), index);
    super.keepLeast(sums, index, slot);
  }

  override isNotBefore(threshold: Threshold, key: Bytes): boolean {
    const result = super.isNotBefore(threshold, key);
    this.#conditions.push(...this.#keyDone(key));
    this.#condition(OP.NOT_BEFORE, this.#table(threshold), key.length, threshold.inverted ? 1 : 0);
    // What comes before it changes it: that is for TypeScript to do, every time.
    if (!result) this.#good = false;
    return result;
  }

  #counter(counter: Counter): number {
    return this.#indexOf(this.counters, counter, MOST_COUNTERS, () => this.before.push(counter.count));
  }

  override recall(flows: Remembered, slot: number, sums: Sums, index: number): void {
    this.#action(OP.RECALL, this.at(slot), this.#table(flows), index);
    super.recall(flows, slot, sums, index);
  }

  override addGrowth(flows: Remembered, which: 0 | 1, slot: number, sums: Sums, index: number): void {
    this.#action(OP.ADD_GROWTH, this.at(slot), which, index);
    super.addGrowth(flows, which, slot, sums, index);
  }

  override grewLittle(flows: Remembered, idSlot: number, which: 0 | 1, slot: number): boolean {
    const result = super.grewLittle(flows, idSlot, which, slot);
    this.#condition(OP.GREW_LITTLE, this.at(idSlot), this.at(slot), 2 * this.#table(flows) + which);
    // What grew much is for TypeScript to do, every time.
    if (!result) this.#good = false;
    return result;
  }

  #table(table: Sums | Threshold | Remembered): number {
    return this.#indexOf(this.tables, table, MOST_TABLES);
  }

  /** The number of a thing among those that the traces use. */
  #indexOf<Thing>(things: Thing[], thing: Thing, most: number, added?: () => void): number {
    const known = things.indexOf(thing);
    if (known >= 0) return known;
    if (things.length === most) {
      this.#good = false;
      return 0;
    }
    added?.();
    return things.push(thing) - 1;
  }

  /** An instruction that writes to the output or to the key, behind the constants that were written before it. */
  #piece(to: Bytes, operation: number, at: number, b = 0, c = 0): void {
    if (to === this.#writer) {
      this.#noteText();
      this.#action(operation, at, b, c);
    } else if (to === this.#key) {
      this.#noteKey();
      this.#keyActions.push(operation, at, b, c);
    } else {
      this.#good = false;
    }
  }

  #copied(to: Bytes): void {
    if (to === this.#writer) this.#noted = to.length;
    else if (to === this.#key) this.#keyNoted = to.length;
  }

  /** Notes the constants of the key since its last field. */
  #noteKey(): void {
    const { buffer, length } = this.#key!;
    if (length <= this.#keyNoted) return;
    const at = this.#keep(buffer.subarray(this.#keyNoted, length));
    this.#keyActions.push(OP.TEXT, at, length - this.#keyNoted, 0);
    this.#keyNoted = length;
  }

  /** The instructions that write the whole key. */
  #keyDone(key: Bytes): readonly number[] {
    if (key === this.#key) this.#noteKey();
    else this.#good = false;
    return this.#keyActions;
  }

  /** An instruction that writes a field, behind the text that was written before it. */
  #field(operation: number, slot: number, b = 0, c = 0): void {
    this.#noteText();
    this.#action(operation, this.at(slot), b, c);
  }

  #condition(operation: number, at: number, b = 0, c = 0): void {
    this.#conditions.push(operation, at, b, c);
  }

  #action(operation: number, at: number, b = 0, c = 0): void {
    this.#actions.push(operation, at, b, c);
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
    this.#action(OUTPUT_TEXT, this.#noted - this.#begin, length - this.#noted);
    this.#noted = length;
  }

  /** Keeps the texts now that they have their last form: the length of a nest, say, is written over the first one. */
  #fillTexts(): void {
    const { buffer } = this.#writer;
    const actions = this.#actions;
    for (let word = 0; word < actions.length; word += 4) {
      if (actions[word] !== OUTPUT_TEXT) continue;
      const from = this.#begin + actions[word + 1]!;
      actions[word] = OP.TEXT;
      actions[word + 1] = this.#keep(buffer.subarray(from, from + actions[word + 2]!));
    }
  }
}
