/**
 * A table of groups: a key made of some fields of a flow, and sums over the flows that have it.
 *
 *     const table = new GroupTable([fieldByName("src")!, fieldByName("dport")!], [FLOWS, ORIG_BYTES]);
 *     tally(connection, filter, [table]);
 *     for (let row = 0; row < table.size; row++) … table.value(row, 0), table.sum(row, 1) …
 *
 * Rows are numbered in the order in which their groups were first seen, and keep their numbers. Memory grows with the groups,
 * unless there is a bound.
 */
import type { FlowView, Sums } from "../ctnetlink/view.js";
import type { Predicate } from "../match/filter.js";
import { LITTLE_ENDIAN } from "../netlink/attributes.js";
import { TABLE, TABLE_WORDS } from "../netlink/backend/traces.js";
import type { LabelMap } from "../system/labelmap.js";
import type { Field, FieldValue } from "./fields.js";
import { KeyWriter } from "./key.js";
import type { Sum } from "./sums.js";

const FIRST_CAPACITY = 1024;
/** More than the flows of one datagram of a dump: so many groups may be new in one run of the traces. */
const RESERVE = 512;
const WORD = 0x100000000;
/** A sum is a u64 in host byte order: which of its two words is the low one. */
const LOW = LITTLE_ENDIAN ? 0 : 1;
const HIGH = 1 - LOW;

/** What keeps a table small. */
export interface Bounds {
  /** The flows that count; all of them where it is absent. */
  readonly where?: Predicate;
  /**
   * So many groups are made at most; flows of further groups are passed over. The order of a dump is that of a keyed hash, so
   * a group with a share of the flows worth showing is among the first, and its sums are complete.
   */
  readonly most?: number;
  /**
   * In place of that: where a group would be one more than `most`, about so many are kept and the others dropped. Those are kept
   * that are among the largest by any of the sums, and the first of the others. What is dropped still counts in total().
   */
  readonly kept?: number;
  /** For about so many groups there is room from the beginning. */
  readonly expected?: number;
}

/** In place of a row. */
const NO_ROW = -1;

/** More than there can be groups. */
const NO_LIMIT = 0xffffffff;

/** Rows are kept for so many sums at most: the first ones. */
const MOST_RANKED = 32;

export class GroupTable implements Sums {
  readonly fields: readonly Field[];
  readonly sums: readonly Sum[];
  /** Where each field begins in a key. */
  readonly offsets: readonly number[];

  readonly #key: KeyWriter;
  /** Words of a key. */
  readonly #words: number;
  readonly #where: Predicate | undefined;
  /** All of it in one array, so that native code can add flows too: TABLE, and the three below. */
  #memory: Uint32Array;
  /** Open addressing: 1 + the row, or 0 for a free place. Twice the capacity, so half of it stays free. */
  #places: Uint32Array;
  /** The keys by row, and the same as bytes. */
  #keys: Uint32Array;
  #keyBytes: Uint8Array;
  /** By row, two words for each sum; behind the last row the sums of those that were dropped. */
  #sums: Uint32Array;
  /** The row of the flow that is being added. */
  #row = NO_ROW;

  constructor(
    fields: readonly Field[],
    sums: readonly Sum[],
    { where, most = NO_LIMIT, kept = 0, expected = 0 }: Bounds = {},
  ) {
    this.fields = fields;
    this.sums = sums;
    this.#where = where;
    let width = 0;
    this.offsets = fields.map((field) => {
      const at = width;
      width += field.width;
      return at;
    });
    this.#key = new KeyWriter(width);
    this.#words = this.#key.words.length;
    this.#memory = this.#places = this.#keys = this.#sums = new Uint32Array(0);
    this.#keyBytes = new Uint8Array(0);
    let capacity = FIRST_CAPACITY;
    while (capacity < Math.min(expected + RESERVE, most)) capacity *= 2;
    this.#use(capacity);
    this.#memory[TABLE.KEPT] = kept;
    this.#memory[TABLE.MOST] = most;
    // Who makes up addresses must not know which of them collide.
    this.#memory[TABLE.SEED] = (Math.random() * WORD) >>> 0;
    this.#memory[TABLE.KEY_WORDS] = this.#words;
    this.#memory[TABLE.SUMS] = sums.length;
  }

  /** How many groups there are. */
  get size(): number {
    return this.#memory[TABLE.SIZE]!;
  }

  /** Whether rows were dropped: there are more groups than rows. */
  get hasDropped(): boolean {
    return this.#memory[TABLE.DROPS]! > 0;
  }

  /** Whether a row has all flows of its group: no row was dropped before it was made. Else its sums are at least so much. */
  isWhole(row: number): boolean {
    return !this.hasDropped || row < this.#memory[TABLE.WHOLE]!;
  }

  get memory(): Uint32Array {
    return this.#memory;
  }

  /** Adds a flow to its group; returns the group's row, or -1 where the flow does not count. */
  add(view: FlowView): number {
    if (this.#where !== undefined && !this.#where(view)) return NO_ROW;
    const key = this.#key;
    key.begin(view);
    for (const field of this.fields) field.write(key, view);
    view.enter(this, key);
    for (const [i, sum] of this.sums.entries()) {
      if ("counts" in sum) {
        if (sum.counts(view)) view.addOne(this, i);
      } else if ("leastOf" in sum) {
        if (view.has(sum.leastOf)) view.keepLeast(this, i, sum.leastOf);
      } else if (view.has(sum.slot)) {
        view.addNumber(this, i, sum.slot);
      }
    }
    return this.#row;
  }

  // What the view does with the table.

  reserve(): void {
    const { size } = this;
    const capacity = this.#memory[TABLE.CAPACITY]!;
    if (size + RESERVE > capacity && capacity < this.#memory[TABLE.MOST]!) this.#grow();
  }

  enter(): void {
    const { words } = this.#key;
    let row = this.#find(words, 0);
    const most = this.#memory[TABLE.MOST]!;
    if (row === NO_ROW && this.size === most && this.#memory[TABLE.KEPT]! > 0) this.#dropRows();
    if (row === NO_ROW && this.size < most) row = this.#insert(words);
    this.#row = row;
  }

  addTo(index: number, high: number, low: number): void {
    const sums = this.#sums;
    if (this.#row === NO_ROW) return;
    const at = 2 * (this.#row * this.sums.length + index);
    const sum = sums[at + LOW]! + low;
    sums[at + LOW] = sum;
    sums[at + HIGH] = sums[at + HIGH]! + high + (sum >= WORD ? 1 : 0);
  }

  raiseTo(index: number, high: number, low: number): void {
    const sums = this.#sums;
    if (this.#row === NO_ROW) return;
    const at = 2 * (this.#row * this.sums.length + index);
    if (high < sums[at + HIGH]! || (high === sums[at + HIGH] && low <= sums[at + LOW]!)) return;
    sums[at + LOW] = low;
    sums[at + HIGH] = high;
  }

  /** The row of the group that is row `row` of another table with the same fields; -1 where there is none. */
  rowLike(other: GroupTable, row: number): number {
    return this.#find(other.#keys, row * this.#words);
  }

  /** The value of the field of this index in `fields`. */
  value(row: number, index: number, labels?: LabelMap): FieldValue {
    return this.fields[index]!.value(this.keyBytes, this.keyOffset(row) + this.offsets[index]!, labels);
  }

  /** The sum of this index in `sums`, rounded where it is above 2^53. */
  sum(row: number, index: number): number {
    const at = 2 * (row * this.sums.length + index);
    return this.#sums[at + HIGH]! * WORD + this.#sums[at + LOW]!;
  }

  /** The first row from `from` on whose sum is above `least`; the number of rows where there is none. */
  nextAbove(index: number, from: number, least: number): number {
    const sums = this.#sums;
    const { size } = this;
    const step = 2 * this.sums.length;
    let row = from;
    for (let at = row * step + 2 * index; row < size; row++, at += step) {
      if (sums[at + HIGH]! * WORD + sums[at + LOW]! > least) break;
    }
    return row;
  }

  /** A sum, not rounded: a u64, modulo 2^64. */
  exactSum(row: number, index: number): bigint {
    const at = 2 * (row * this.sums.length + index);
    return (BigInt(this.#sums[at + HIGH]!) << 32n) | BigInt(this.#sums[at + LOW]!);
  }

  /** The least value, where the sum is one of those; undefined where no flow of the group has any. */
  least(row: number, index: number): bigint | undefined {
    const complement = this.exactSum(row, index);
    return complement === 0n ? undefined : BigInt.asUintN(64, ~complement);
  }

  /** The two halves of a sum. */
  lowWord(row: number, index: number): number {
    return this.#sums[2 * (row * this.sums.length + index) + LOW]!;
  }

  highWord(row: number, index: number): number {
    return this.#sums[2 * (row * this.sums.length + index) + HIGH]!;
  }

  /** A sum over all groups, those of dropped rows too, not rounded: a u64, modulo 2^64. */
  total(index: number): bigint {
    const sums = this.#sums;
    const step = 2 * this.sums.length;
    const end = this.size * step;
    const rest = this.#memory[TABLE.CAPACITY]! * step + 2 * index;
    let low = sums[rest + LOW]!;
    let high = sums[rest + HIGH]!;
    for (let at = 2 * index; at < end; at += step) {
      low += sums[at + LOW]!;
      high += sums[at + HIGH]!;
    }
    // Neither is rounded: fewer than 2^21 rows of 2^32 each stay below 2^53.
    return BigInt.asUintN(64, (BigInt(high) << 32n) + BigInt(low));
  }

  /** All keys, one behind the other; good until the next group is made. */
  get keyBytes(): Uint8Array {
    return this.#keyBytes;
  }

  /** Where the key of a row begins in keyBytes. */
  keyOffset(row: number): number {
    return 4 * row * this.#words;
  }

  /** Below 0 where the first `width` bytes of the key of row `a` come before those of row `b`: in the order of the fields. */
  compareKeys(a: number, b: number, width = 4 * this.#words): number {
    const bytes = this.#keyBytes;
    const [from, other] = [this.keyOffset(a), this.keyOffset(b)];
    for (let i = 0; i < width; i++) {
      const difference = bytes[from + i]! - bytes[other + i]!;
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #find(key: Uint32Array, from: number): number {
    this.#placeRows();
    const words = this.#words;
    const keys = this.#keys;
    const mask = this.#places.length - 1;
    for (let place = this.#hash(key, from) & mask; ; place = (place + 1) & mask) {
      const row = this.#places[place]! - 1;
      if (row < 0) return NO_ROW;
      const at = row * words;
      let i = 0;
      while (i < words && keys[at + i] === key[from + i]) i++;
      if (i === words) return row;
    }
  }

  /** Makes a row for a key that has none. */
  #insert(key: Uint32Array): number {
    const row = this.size;
    if (row === this.#memory[TABLE.CAPACITY]) this.#grow();
    this.#keys.set(key, row * this.#words);
    this.#memory[TABLE.SIZE] = row + 1;
    this.#placeRows();
    return row;
  }

  /** Gives places to the rows that have none, unless native code has done it. */
  #placeRows(): void {
    const mask = this.#places.length - 1;
    for (let row = this.#memory[TABLE.PLACED]!; row < this.size; row++) {
      let place = this.#hash(this.#keys, row * this.#words) & mask;
      while (this.#places[place] !== 0) place = (place + 1) & mask;
      this.#places[place] = row + 1;
    }
    this.#memory[TABLE.PLACED] = this.size;
  }

  /** The least value of a sum that no more than `count` rows exceed, digit by digit from the highest: high word, low word. */
  #exceededBy(index: number, count: number): readonly [number, number] {
    const sums = this.#sums;
    const step = 2 * this.sums.length;
    const end = this.size * step;
    const least: [number, number] = [0, 0];
    let rest = count;
    for (const [i, word] of [HIGH, LOW].entries()) {
      for (let shift = 24; shift >= 0; shift -= 8) {
        // By this digit: rows whose higher digits are those of the least value.
        const rows = new Uint32Array(256);
        for (let at = 2 * index; at < end; at += step) {
          const isNear = i === 0 || sums[at + HIGH] === least[0];
          if (isNear && (sums[at + word]! ^ least[i]!) >>> shift <= 0xff) rows[(sums[at + word]! >>> shift) & 0xff]!++;
        }
        let digit = 255;
        for (; digit > 0 && rows[digit]! <= rest; digit--) rest -= rows[digit]!;
        least[i] = (least[i]! | (digit << shift)) >>> 0;
      }
    }
    return least;
  }

  /** Drops rows (drop_rows in src/native/trace.c does likewise). */
  #dropRows(): void {
    const [memory, keys, sums] = [this.#memory, this.#keys, this.#sums];
    const { size } = this;
    const count = this.sums.length;
    const kept = memory[TABLE.KEPT]!;
    const ranked = Math.min(count, MOST_RANKED);
    const least = Array.from({ length: ranked }, (_, i) => this.#exceededBy(i, Math.floor(kept / ranked)));
    const exceedsAny = (row: number) =>
      least.some(([high, low], i) => {
        const [highWord, lowWord] = [this.highWord(row, i), this.lowWord(row, i)];
        return highWord > high || (highWord === high && lowWord > low);
      });
    let others = kept;
    for (let row = 0; row < size; row++) if (exceedsAny(row)) others--;
    if (memory[TABLE.DROPS]!++ === 0) memory[TABLE.WHOLE] = size;
    let to = 0;
    let whole = 0;
    for (let row = 0; row < size; row++) {
      if (!exceedsAny(row) && others-- <= 0) {
        this.#row = memory[TABLE.CAPACITY]!;
        for (let i = 0; i < count; i++) this.addTo(i, this.highWord(row, i), this.lowWord(row, i));
        continue;
      }
      keys.copyWithin(to * this.#words, row * this.#words, (row + 1) * this.#words);
      sums.copyWithin(to * 2 * count, row * 2 * count, (row + 1) * 2 * count);
      if (row < memory[TABLE.WHOLE]!) whole++;
      to++;
    }
    sums.fill(0, to * 2 * count, size * 2 * count);
    this.#places.fill(0);
    memory[TABLE.SIZE] = to;
    memory[TABLE.WHOLE] = whole;
    memory[TABLE.PLACED] = 0;
  }

  #grow(): void {
    const [memory, keys, sums] = [this.#memory, this.#keys, this.#sums];
    this.#use(2 * memory[TABLE.CAPACITY]!);
    const capacity = this.#memory[TABLE.CAPACITY]!;
    this.#memory.set(memory.subarray(0, TABLE_WORDS));
    this.#memory[TABLE.CAPACITY] = capacity;
    this.#memory[TABLE.PLACED] = 0;
    this.#keys.set(keys);
    this.#sums.set(sums);
  }

  /** Takes fresh memory. */
  #use(capacity: number): void {
    const keyWords = capacity * this.#words;
    const sumWords = 2 * (capacity + 1) * this.sums.length;
    const memory = new Uint32Array(TABLE_WORDS + 2 * capacity + keyWords + sumWords);
    memory[TABLE.CAPACITY] = capacity;
    const keys = TABLE_WORDS + 2 * capacity;
    this.#memory = memory;
    this.#places = memory.subarray(TABLE_WORDS, keys);
    this.#keys = memory.subarray(keys, keys + keyWords);
    this.#keyBytes = new Uint8Array(memory.buffer, 4 * keys, 4 * keyWords);
    this.#sums = memory.subarray(keys + keyWords);
  }

  #hash(keys: Uint32Array, at: number): number {
    let hash = this.#memory[TABLE.SEED]!;
    for (let end = at + this.#words; at < end; at++) {
      hash = Math.imul(hash ^ keys[at]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0x85ebca6b);
    return hash ^ (hash >>> 13);
  }
}
