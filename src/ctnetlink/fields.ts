/** What can be asked of a field, or written of it, by those who need not know its value: see MessageView. */
import { ascii } from "../system/byte-writer.js";

/** Values from `from` to `to`, both included, once only the bits of `mask` are left. Bytes in network order. */
export interface FieldItem {
  readonly mask?: Uint8Array;
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** Values of a field of `width` bytes: those that one of the items has. */
export interface FieldSet {
  readonly width: number;
  /** Mask, first and last value of each item, one behind the other. */
  readonly items: Uint8Array;
}

export function fieldSet(width: number, items: readonly FieldItem[]): FieldSet {
  const all = new Uint8Array(items.length * 3 * width);
  for (const [i, { mask, from, to }] of items.entries()) {
    const at = i * 3 * width;
    if (mask === undefined) all.fill(0xff, at, at + width);
    else all.set(mask, at);
    all.set(from, at + width);
    all.set(to, at + 2 * width);
  }
  return { width, items: all };
}

/** A number as a field of `width` bytes. */
export function numberBytes(value: number, width: 1 | 2 | 4): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value).subarray(4 - width);
}

export const MOST_64 = 0xffff_ffff_ffff_ffffn;

/** A number of 64 bits as a field. */
export function bytes64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** How the flags of a field are written: their names in the order of the rows. */
export interface FlagTexts {
  /** What stands before the first name, between two, and where there is none. */
  readonly first: Uint8Array;
  readonly between: Uint8Array;
  readonly none: Uint8Array;
  readonly rows: readonly FlagRow[];
}

export interface FlagRow {
  /** Which byte of the field, and which of its bits. */
  readonly byte: number;
  readonly bit: number;
  readonly name: Uint8Array;
}

/** Rows for the bits of a 32-bit field in network order, by bit number; those without a name are not written. */
export function flagRows(names: readonly (string | undefined)[]): FlagRow[] {
  return names.flatMap((name, bit) =>
    name === undefined ? [] : [{ byte: 3 - (bit >> 3), bit: 1 << (bit & 7), name: ascii(name) }],
  );
}
