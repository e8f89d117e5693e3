/** Entries of a dump in an order other than the dump's: copies of their messages, of all of them or of the first N alone. */
import type { Counter, FlowView, Threshold } from "../ctnetlink/view.js";
import { align4 } from "../netlink/attributes.js";
import { ABSENT } from "./fields.js";
import { KeyWriter } from "./key.js";
import type { EntryOrder } from "./order.js";
import { sortKeys } from "./radix.js";

const FIRST_CAPACITY = 64;
/** Messages are kept in pieces of memory of this size. */
const PIECE_BYTES = 1 << 18;
/** Behind the order's bytes a key has the entry's place in the dump, so that no two keys are equal. */
const PLACE_BYTES = 4;

const NO_THRESHOLD = new Uint32Array(0);

/**
 * What the key of an entry must come before to be kept, once all places are taken: the last of the kept ones. An entry whose key is
 * equal is not kept.
 */
class LastKept implements Threshold {
  memory = NO_THRESHOLD;
  readonly inverted: boolean;
  readonly #key: KeyWriter;
  readonly #width: number;
  #bytes = new Uint8Array(0);

  constructor({ width, inverted }: EntryOrder, key: KeyWriter) {
    this.inverted = inverted;
    this.#key = key;
    this.#width = width;
  }

  /** @param keys the key begins at `at` */
  set(keys: Uint8Array, at: number): void {
    if (this.memory === NO_THRESHOLD) {
      this.memory = new Uint32Array(1 + ((this.#width + 3) >> 2));
      this.#bytes = new Uint8Array(this.memory.buffer, 4);
    }
    for (let i = 0; i < this.#width; i++) this.#bytes[i] = keys[at + i]!;
  }

  isNotBefore(): boolean {
    if (this.memory === NO_THRESHOLD) return false;
    const { buffer } = this.#key;
    for (let i = 0; i < this.#width; i++) {
      const byte = this.inverted && i > 0 ? buffer[i]! ^ 0xff : buffer[i]!;
      if (byte !== this.#bytes[i]) return byte > this.#bytes[i]!;
    }
    return true;
  }
}

export class Ranking {
  readonly #order: EntryOrder;
  readonly #limit: number;
  readonly #key: KeyWriter;
  readonly #stride: number;
  /** How many entries were offered and not passed over. */
  #offered = 0;
  readonly #lacking: Counter = { count: 0 };
  readonly #last: LastKept;
  /** How many are kept. */
  #count = 0;
  /** By slot. Once `limit` are kept the slots are a heap, whose root is the last of them in the order. */
  #keys: Uint8Array;
  #heap: Uint32Array = new Uint32Array(0);
  /** Where each message lies: its piece, its offset there, its length, and how much room there is. */
  #places: Uint32Array;
  readonly #pieces: Uint8Array[] = [];
  #free = PIECE_BYTES;

  /** @param limit how many entries are kept at most */
  constructor(order: EntryOrder, limit = Number.POSITIVE_INFINITY) {
    this.#order = order;
    this.#limit = limit;
    this.#stride = order.width + PLACE_BYTES;
    this.#key = new KeyWriter(this.#stride);
    this.#last = new LastKept(order, this.#key);
    const capacity = Math.min(limit, FIRST_CAPACITY);
    this.#keys = new Uint8Array(capacity * this.#stride);
    this.#places = new Uint32Array(4 * capacity);
  }

  /** How many of the entries that were offered lack what they are sorted by. */
  get unsorted(): number {
    return this.#lacking.count;
  }

  /** Keeps a copy of the entry, unless `limit` others come before it. Traces can pass over those that are not kept. */
  offer(view: FlowView): void {
    const key = this.#key;
    key.begin(view);
    this.#order.write(key, view);
    if (key.buffer[0] === ABSENT) view.count(this.#lacking);
    if (view.isNotBefore(this.#last, key)) return;
    this.#completeKey();
    if (this.#count < this.#limit) this.#append(view);
    else if (this.#limit > 0) this.#replaceLast(view);
  }

  /** Hands over what is kept, in order. The view is good until `visit` returns. */
  forEach(view: FlowView, visit: (view: FlowView) => void): void {
    for (const slot of sortKeys(this.#keys, this.#stride, this.#count)) {
      const start = this.#places[4 * slot + 1]!;
      view.read(this.#pieces[this.#places[4 * slot]!]!, start, start + this.#places[4 * slot + 2]!);
      visit(view);
    }
  }

  /** Inverts the key that was written where the order says so, and adds the entry's place. */
  #completeKey(): void {
    const key = this.#key;
    const { width, inverted } = this.#order;
    const { buffer: bytes } = key;
    if (inverted) for (let i = 1; i < width; i++) bytes[i]! ^= 0xff;
    const place = this.#offered++;
    key.byte(place >>> 24);
    key.byte(place >>> 16);
    key.byte(place >>> 8);
    key.byte(place);
  }

  #append(view: FlowView): void {
    const slot = this.#count;
    if (4 * slot === this.#places.length) this.#grow();
    this.#store(slot, view);
    this.#count = slot + 1;
    if (this.#count === this.#limit) this.#makeHeap();
  }

  #replaceLast(view: FlowView): void {
    this.#store(this.#heap[0]!, view);
    this.#sink(0);
    this.#last.set(this.#keys, this.#heap[0]! * this.#stride);
  }

  #grow(): void {
    const capacity = Math.min(this.#limit, 2 * this.#count);
    const keys = new Uint8Array(capacity * this.#stride);
    keys.set(this.#keys);
    this.#keys = keys;
    const places = new Uint32Array(4 * capacity);
    places.set(this.#places);
    this.#places = places;
  }

  /** Copies the key and the message to a slot, into the room that it has if that is enough. */
  #store(slot: number, view: FlowView): void {
    const message = view.message();
    const places = this.#places;
    const at = 4 * slot;
    if (places[at + 3]! < message.length) {
      const room = align4(message.length);
      if (this.#free + room > PIECE_BYTES) {
        this.#pieces.push(new Uint8Array(Math.max(PIECE_BYTES, room)));
        this.#free = 0;
      }
      places[at] = this.#pieces.length - 1;
      places[at + 1] = this.#free;
      places[at + 3] = room;
      this.#free += room;
    }
    places[at + 2] = message.length;
    this.#pieces[places[at]!]!.set(message, places[at + 1]!);
    const keys = this.#keys;
    const { buffer: bytes } = this.#key;
    const stride = this.#stride;
    for (let i = 0; i < stride; i++) keys[slot * stride + i] = bytes[i]!;
  }

  #makeHeap(): void {
    // Sorted from the last to the first, it is one.
    this.#heap = sortKeys(this.#keys, this.#stride, this.#count).reverse();
    this.#last.set(this.#keys, this.#heap[0]! * this.#stride);
  }

  /** Puts the slot at `at` where it belongs below. */
  #sink(at: number): void {
    const heap = this.#heap;
    const slot = heap[at]!;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#isBefore(heap[child]!, heap[child + 1]!)) child++;
      if (this.#isBefore(heap[child]!, slot)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = slot;
  }

  #isBefore(a: number, b: number): boolean {
    const keys = this.#keys;
    const stride = this.#stride;
    for (let i = a * stride, j = b * stride; ; i++, j++) if (keys[i] !== keys[j]) return keys[i]! < keys[j]!;
  }
}
