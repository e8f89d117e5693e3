/**
 * Keys of groups and of sorting: the bytes of some fields, one behind the other. Every field has a fixed width, so the same
 * fields give keys of the same length.
 *
 * A field decides by the view's typed reads what to write, and writes what varies with the methods below alone. So each key
 * is a short list of simple operations, which native code can repeat for other messages of the same layout.
 */
import type { FlowView } from "../ctnetlink/view.js";

/** What changes nothing by exclusive or, as long as the longest address. */
const NO_BITS = new Uint8Array(16);

export class KeyWriter {
  /** The key; its length is a multiple of four, and the bytes behind the last field are zero. */
  readonly buffer: Uint8Array;
  /** The same as words in host byte order. */
  readonly words: Uint32Array;
  /** Where the next piece goes. */
  length = 0;

  /** @param width how many bytes the fields have together */
  constructor(width: number) {
    this.words = new Uint32Array((width + 3) >> 2);
    this.buffer = new Uint8Array(this.words.buffer);
  }

  /** Begins the key of the next flow. All of its bytes have to be written. */
  begin(view: FlowView): void {
    view.beginKey(this);
  }

  /** A constant byte, or one that follows from what the view's typed reads said. */
  byte(value: number): void {
    this.buffer[this.length++] = value;
  }

  /** Zero bytes. */
  zeros(count: number): void {
    const end = this.length + count;
    for (let at = this.length; at < end; at++) this.buffer[at] = 0;
    this.length = end;
  }

  /** The first `count` bytes of the slot's payload. */
  copy(view: FlowView, slot: number, count: number): void {
    view.copy(this, slot, count);
  }

  /** As many bytes as the mask has, under the mask. */
  masked(view: FlowView, slot: number, mask: Uint8Array): void {
    view.copyCombined(this, slot, mask, NO_BITS);
  }

  /** What a table of 256 bytes says of the first byte of the payload. */
  lookup(view: FlowView, slot: number, table: Uint8Array): void {
    view.copyLookedUp(this, slot, table);
  }

  /** A u32 of network byte order, divided by a constant and rounded down; four bytes, again in network byte order. */
  quotient(view: FlowView, slot: number, divisor: number): void {
    view.copyQuotient(this, slot, divisor);
  }

  /** The sum of two u64 of network byte order, modulo 2^64; eight bytes in network byte order. */
  sum64(view: FlowView, first: number, second: number): void {
    view.copySum(this, first, second);
  }
}
