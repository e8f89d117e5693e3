/**
 * A table of groups: a key made of some fields of a flow, and sums over the flows that have it.
 *
 *     const table = new GroupTable([fieldByName("src")!, fieldByName("dport")!], [FLOWS, ORIG_BYTES]);
 *     tally(connection, filter, [table]);
 *     for (let row = 0; row < table.size; row++) … table.value(row, 0), table.sum(row, 1) …
 *
 * Rows are numbered in the order in which their groups were first seen, and keep their numbers. Memory grows with the groups.
 */
import type { FlowView } from "../ctnetlink/view.js";
import type { Predicate } from "../match/filter.js";
import { LITTLE_ENDIAN } from "../netlink/attributes.js";
import type { LabelMap } from "../system/labelmap.js";
import type { Field, FieldValue } from "./fields.js";
import { KeyWriter } from "./key.js";
import type { Sum } from "./sums.js";

const FIRST_CAPACITY = 256;
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
}

/** In place of a row. */
const NO_ROW = -1;

export class GroupTable {
  readonly fields: readonly Field[];
  readonly sums: readonly Sum[];
  /** Where each field begins in a key. */
  readonly offsets: readonly number[];
  /** How many groups there are. */
  size = 0;

  readonly #key: KeyWriter;
  /** Words of a key. */
  readonly #words: number;
  readonly #where: Predicate | undefined;
  readonly #most: number;
  /** Who makes up addresses must not know which of them collide. */
  readonly #seed = (Math.random() * WORD) >>> 0;
  #capacity = FIRST_CAPACITY;
  /** The keys by row, and the same as bytes. */
  #keys: Uint32Array;
  #keyBytes: Uint8Array;
  /** By row, two words for each sum. */
  #sums: Uint32Array;
  /** Open addressing: 1 + the row, or 0 for a free place. Twice the capacity, so half of it stays free. */
  #places: Uint32Array;

  constructor(fields: readonly Field[], sums: readonly Sum[], { where, most = Number.POSITIVE_INFINITY }: Bounds = {}) {
    this.fields = fields;
    this.sums = sums;
    this.#where = where;
    this.#most = most;
    let width = 0;
    this.offsets = fields.map((field) => {
      const at = width;
      width += field.width;
      return at;
    });
    this.#key = new KeyWriter(width);
    this.#words = this.#key.words.length;
    this.#keys = new Uint32Array(this.#capacity * this.#words);
    this.#keyBytes = new Uint8Array(this.#keys.buffer);
    this.#sums = new Uint32Array(2 * this.#capacity * sums.length);
    this.#places = new Uint32Array(2 * this.#capacity);
  }

  /** Adds a flow to its group; returns the group's row, or -1 where the flow does not count. */
  add(view: FlowView): number {
    if (this.#where !== undefined && !this.#where(view)) return NO_ROW;
    const row = this.rowOf(view);
    if (row === NO_ROW) return NO_ROW;
    const { sums } = this;
    for (let i = 0, at = 2 * row * sums.length; i < sums.length; i++, at += 2) {
      const sum = sums[i]!;
      if ("counts" in sum) {
        if (sum.counts(view)) this.#add(at, 0, 1);
      } else if (view.has(sum.slot)) {
        this.#add(at, view.u32(sum.slot), view.u32Low(sum.slot));
      }
    }
    return row;
  }

  /** The row of a flow's group, which is made where there is room for it, else -1; its sums stay as they are. */
  rowOf(view: FlowView): number {
    const key = this.#key;
    key.begin();
    for (const field of this.fields) field.write(key, view);
    return this.#find(key.words);
  }

  /** The row of the group that is row `row` of another table with the same fields; -1 where there is none. */
  rowLike(other: GroupTable, row: number): number {
    const words = this.#words;
    const mask = this.#places.length - 1;
    const from = row * words;
    for (let place = this.#hash(other.#keys, from) & mask; ; place = (place + 1) & mask) {
      const found = this.#places[place]! - 1;
      if (found < 0) return -1;
      let i = 0;
      while (i < words && this.#keys[found * words + i] === other.#keys[from + i]) i++;
      if (i === words) return found;
    }
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

  /** The same, not rounded: a u64, modulo 2^64. */
  exactSum(row: number, index: number): bigint {
    const at = 2 * (row * this.sums.length + index);
    return (BigInt(this.#sums[at + HIGH]!) << 32n) | BigInt(this.#sums[at + LOW]!);
  }

  /** The two halves of a sum. */
  lowWord(row: number, index: number): number {
    return this.#sums[2 * (row * this.sums.length + index) + LOW]!;
  }

  highWord(row: number, index: number): number {
    return this.#sums[2 * (row * this.sums.length + index) + HIGH]!;
  }

  /** A sum over all groups, not rounded. */
  total(index: number): bigint {
    let low = 0;
    let high = 0;
    for (let row = 0, at = 2 * index; row < this.size; row++, at += 2 * this.sums.length) {
      low += this.#sums[at + LOW]!;
      high += this.#sums[at + HIGH]!;
      if (low >= WORD) {
        low -= WORD;
        high++;
      }
    }
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /** All keys, one behind the other; good until the next group is made. */
  get keyBytes(): Uint8Array {
    return this.#keyBytes;
  }

  /** Where the key of a row begins in keyBytes. */
  keyOffset(row: number): number {
    return 4 * row * this.#words;
  }

  #add(at: number, high: number, low: number): void {
    const sums = this.#sums;
    const sum = sums[at + LOW]! + low;
    sums[at + LOW] = sum;
    sums[at + HIGH] = sums[at + HIGH]! + high + (sum >= WORD ? 1 : 0);
  }

  #find(key: Uint32Array): number {
    const words = this.#words;
    const mask = this.#places.length - 1;
    for (let place = this.#hash(key, 0) & mask; ; place = (place + 1) & mask) {
      const row = this.#places[place]! - 1;
      if (row < 0) return this.#insert(key, place);
      const keys = this.#keys;
      const at = row * words;
      let i = 0;
      while (i < words && keys[at + i] === key[i]) i++;
      if (i === words) return row;
    }
  }

  #insert(key: Uint32Array, place: number): number {
    const row = this.size;
    if (row >= this.#most) return NO_ROW;
    if (row === this.#capacity) {
      this.#grow();
      return this.#find(key);
    }
    this.#keys.set(key, row * this.#words);
    this.#places[place] = row + 1;
    this.size = row + 1;
    return row;
  }

  #grow(): void {
    this.#capacity *= 2;
    const keys = new Uint32Array(this.#capacity * this.#words);
    keys.set(this.#keys);
    this.#keys = keys;
    this.#keyBytes = new Uint8Array(keys.buffer);
    const sums = new Uint32Array(2 * this.#capacity * this.sums.length);
    sums.set(this.#sums);
    this.#sums = sums;
    this.#places = new Uint32Array(2 * this.#capacity);
    const mask = this.#places.length - 1;
    for (let row = 0; row < this.size; row++) {
      let place = this.#hash(keys, row * this.#words) & mask;
      while (this.#places[place] !== 0) place = (place + 1) & mask;
      this.#places[place] = row + 1;
    }
  }

  #hash(keys: Uint32Array, at: number): number {
    let hash = this.#seed;
    for (let end = at + this.#words; at < end; at++) {
      hash = Math.imul(hash ^ keys[at]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0x85ebca6b);
    return hash ^ (hash >>> 13);
  }
}
