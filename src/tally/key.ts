/**
 * Keys of groups and of sorting: the bytes of some fields, one behind the other. Every field has a fixed width, so the same
 * fields give keys of the same length.
 *
 * A field decides by the view's typed reads what to write, and writes what varies with the methods below alone. So each key
 * is a short list of simple operations, which native code can repeat for other messages of the same layout.
 */
import type { FlowView } from "../ctnetlink/view.js";

export class KeyWriter {
  /** The key; its length is a multiple of four, and the bytes behind the last field are zero. */
  readonly bytes: Uint8Array;
  /** The same as words in host byte order. */
  readonly words: Uint32Array;
  /** Where the next piece goes. */
  length = 0;

  /** @param width how many bytes the fields have together */
  constructor(width: number) {
    this.words = new Uint32Array((width + 3) >> 2);
    this.bytes = new Uint8Array(this.words.buffer);
  }

  /** Begins the next key. All of its bytes have to be written. */
  begin(): void {
    this.length = 0;
  }

  /** A constant byte, or one that follows from what the view's typed reads said. */
  byte(value: number): void {
    this.bytes[this.length++] = value;
  }

  /** Zero bytes. */
  zeros(count: number): void {
    const end = this.length + count;
    for (let at = this.length; at < end; at++) this.bytes[at] = 0;
    this.length = end;
  }

  /** The first `count` bytes of the slot's payload. */
  copy(view: FlowView, slot: number, count: number): void {
    const { bytes, length } = this;
    const { buffer } = view;
    const from = view.offset(slot);
    for (let i = 0; i < count; i++) bytes[length + i] = buffer[from + i]!;
    this.length = length + count;
  }

  /** As many bytes as the mask has, under the mask. */
  masked(view: FlowView, slot: number, mask: Uint8Array): void {
    const { bytes, length } = this;
    const { buffer } = view;
    const from = view.offset(slot);
    for (let i = 0; i < mask.length; i++) bytes[length + i] = buffer[from + i]! & mask[i]!;
    this.length = length + mask.length;
  }

  /** What a table of 256 bytes says of the first byte of the payload. */
  lookup(view: FlowView, slot: number, table: Uint8Array): void {
    this.bytes[this.length++] = table[view.buffer[view.offset(slot)]!]!;
  }

  /** A u32 of network byte order, divided by a constant and rounded down; four bytes, again in network byte order. */
  quotient(view: FlowView, slot: number, divisor: number): void {
    const value = Math.floor(view.u32(slot) / divisor);
    const { bytes, length } = this;
    bytes[length] = value >>> 24;
    bytes[length + 1] = value >>> 16;
    bytes[length + 2] = value >>> 8;
    bytes[length + 3] = value;
    this.length = length + 4;
  }

  /** The sum of two u64 of network byte order, modulo 2^64; eight bytes in network byte order. */
  sum64(view: FlowView, first: number, second: number): void {
    const { bytes, length } = this;
    const { buffer } = view;
    const a = view.offset(first);
    const b = view.offset(second);
    for (let i = 7, carry = 0; i >= 0; i--) {
      carry += buffer[a + i]! + buffer[b + i]!;
      bytes[length + i] = carry;
      carry >>= 8;
    }
    this.length = length + 8;
  }
}
