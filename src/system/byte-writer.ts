/** A growing buffer of output bytes, with the writes that the formatters need. Numbers are written as text. */
import { toUtf8 } from "./text.js";

/** Bytes that one entry may take without asking: `room()` keeps at least this much free. */
export const ENTRY_ROOM = 4096;
const ZERO = 0x30;

/** By octet, four bytes: its digits, padded, and how many they are. Each is made when it is first written. */
const OCTETS = new Uint8Array(4 * 256);

function makeOctet(octet: number): void {
  let at = 4 * octet;
  if (octet >= 100) OCTETS[at++] = ZERO + ((octet / 100) | 0);
  if (octet >= 10) OCTETS[at++] = ZERO + (((octet / 10) | 0) % 10);
  OCTETS[at++] = ZERO + (octet % 10);
  OCTETS[4 * octet + 3] = at - 4 * octet;
}

export class ByteWriter {
  buffer: Uint8Array;
  length = 0;

  constructor(capacity = 1 << 17) {
    this.buffer = new Uint8Array(capacity);
  }

  /** Makes sure that `bytes` more fit. The other methods do not check: callers ask once per entry, and again for text of any length. */
  room(bytes = ENTRY_ROOM): void {
    if (this.length + bytes <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(2 * this.buffer.length, this.length + bytes));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }

  /** What was written. */
  written(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  byte(code: number): void {
    this.buffer[this.length++] = code;
  }

  /** Writes constant text that `ascii()` prepared. */
  put(text: Uint8Array): void {
    const { buffer, length: at } = this;
    const { length } = text;
    for (let i = 0; i < length; i++) buffer[at + i] = text[i]!;
    this.length = at + length;
  }

  /** Writes text of any length. */
  text(text: string): void {
    const bytes = toUtf8(text);
    this.room(bytes.length + ENTRY_ROOM);
    this.put(bytes);
  }

  /** A whole number 0 … 2^53 - 1, in decimal. */
  decimal(value: number): void {
    if (value > 0x7fffffff) {
      const high = Math.floor(value / 1e9);
      this.decimal(high);
      this.#padded(value - high * 1e9, 9);
      return;
    }
    let digits = 1;
    if (value > 9) digits = value < 100 ? 2 : value < 1000 ? 3 : value < 1e4 ? 4 : value < 1e5 ? 5 : 0;
    if (digits === 0) digits = value < 1e6 ? 6 : value < 1e7 ? 7 : value < 1e8 ? 8 : value < 1e9 ? 9 : 10;
    this.#padded(value, digits);
  }

  /** The last `digits` digits of a number below 2^31. */
  #padded(value: number, digits: number): void {
    const { buffer } = this;
    let rest = value | 0;
    const end = this.length + digits;
    for (let at = end - 1; at >= this.length; at--) {
      const next = (rest / 10) | 0;
      buffer[at] = ZERO + (rest - next * 10);
      rest = next;
    }
    this.length = end;
  }

  /** A 64-bit number in network byte order at `offset` of `from`, in decimal. */
  decimal64(from: Uint8Array, offset: number): void {
    const high =
      (from[offset]! * 0x1000000 + ((from[offset + 1]! << 16) | (from[offset + 2]! << 8) | from[offset + 3]!)) >>> 0;
    const low =
      (from[offset + 4]! * 0x1000000 + ((from[offset + 5]! << 16) | (from[offset + 6]! << 8) | from[offset + 7]!)) >>>
      0;
    if (high < 0x200000) this.decimal(high * 0x100000000 + low);
    else this.put(ascii(((BigInt(high) << 32n) | BigInt(low)).toString()));
  }

  /** A number 0 … 0xffff in lower-case hexadecimal, without padding. */
  hex16(value: number): void {
    let shift = value > 0xfff ? 12 : value > 0xff ? 8 : value > 0xf ? 4 : 0;
    for (; shift >= 0; shift -= 4) {
      const digit = (value >> shift) & 0xf;
      this.buffer[this.length++] = digit < 10 ? ZERO + digit : 0x57 + digit;
    }
  }

  /** An IPv4 address at `offset` of `from`, as inet_ntop(3) prints it. */
  ipv4(from: Uint8Array, offset: number): void {
    const { buffer } = this;
    let at = this.length;
    for (let i = 0; i < 4; i++) {
      const octet = from[offset + i]! << 2;
      if (OCTETS[octet + 3] === 0) makeOctet(octet >> 2);
      // Three bytes always: what is too much is written over by what comes next.
      buffer[at] = OCTETS[octet]!;
      buffer[at + 1] = OCTETS[octet + 1]!;
      buffer[at + 2] = OCTETS[octet + 2]!;
      at += OCTETS[octet + 3]!;
      buffer[at++] = 0x2e;
    }
    this.length = at - 1;
  }

  /** An IPv6 address at `offset` of `from`, as inet_ntop(3) prints it. */
  ipv6(from: Uint8Array, offset: number): void {
    let runStart = -1;
    let runLength = 1;
    for (let i = 0; i < 8; ) {
      let end = i;
      while (end < 8 && from[offset + 2 * end] === 0 && from[offset + 2 * end + 1] === 0) end++;
      if (end - i > runLength) {
        runStart = i;
        runLength = end - i;
      }
      i = Math.max(end, i + 1);
    }
    // IPv4-compatible (::1.2.3.4, but not ::1 and ::) and IPv4-mapped (::ffff:1.2.3.4) addresses end in a dotted quad.
    const mapped =
      runStart === 0 &&
      (runLength === 6 || (runLength === 5 && from[offset + 10] === 0xff && from[offset + 11] === 0xff));
    const groups = mapped ? 6 : 8;
    for (let i = 0; i < groups; i++) {
      if (i === runStart) {
        this.buffer[this.length++] = 0x3a;
        i += runLength - 1;
        if (i >= groups - 1) this.buffer[this.length++] = 0x3a;
        continue;
      }
      if (i > 0) this.buffer[this.length++] = 0x3a;
      this.hex16((from[offset + 2 * i]! << 8) | from[offset + 2 * i + 1]!);
    }
    if (mapped) {
      if (runLength === 5) this.buffer[this.length++] = 0x3a;
      this.ipv4(from, offset + 12);
    }
  }

  /** Takes back a blank at the end, as every line of the default format does. */
  trimBlank(): void {
    if (this.length > 0 && this.buffer[this.length - 1] === 0x20) this.length--;
  }
}

/** Constant text, made once. */
export function ascii(text: string): Uint8Array {
  // Every start makes hundreds of these, and Uint8Array.from takes ten times as long.
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
