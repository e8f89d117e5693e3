/**
 * Reading integers and attributes (struct nlattr, linux/netlink.h) where they lie in a buffer, without allocating.
 *
 * A run of attributes in `buffer[start, end)` is read by moving an offset:
 *
 *     for (let at = start; at < end; at += align4(attrLength(buffer, at, end))) {
 *       switch (attrType(buffer, at)) { … payload at `at + NLA_HDRLEN` … }
 *     }
 */
import { WireError } from "../system/errors.js";
import { NLA_HDRLEN, NLA_TYPE_MASK } from "./constants.js";

/** Whether this machine's own byte order, that of netlink's headers, is the little-endian one. */
export const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Rounds a length up to where the next attribute or message begins: NLA_ALIGN, NLMSG_ALIGN. */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** A u16 in network byte order. */
export function readU16BE(buffer: Uint8Array, offset: number): number {
  return (buffer[offset]! << 8) | buffer[offset + 1]!;
}

/** A u32 in network byte order. */
export function readU32BE(buffer: Uint8Array, offset: number): number {
  return ((readU16BE(buffer, offset) << 16) | readU16BE(buffer, offset + 2)) >>> 0;
}

/** A u64 in network byte order. */
export function readU64BE(buffer: Uint8Array, offset: number): bigint {
  return (BigInt(readU32BE(buffer, offset)) << 32n) | BigInt(readU32BE(buffer, offset + 4));
}

/** A u16 in host byte order. */
export function readU16Host(buffer: Uint8Array, offset: number): number {
  return LITTLE_ENDIAN ? buffer[offset]! | (buffer[offset + 1]! << 8) : readU16BE(buffer, offset);
}

/** A u32 in host byte order. */
export function readU32Host(buffer: Uint8Array, offset: number): number {
  return LITTLE_ENDIAN
    ? (readU16Host(buffer, offset) | (readU16Host(buffer, offset + 2) << 16)) >>> 0
    : readU32BE(buffer, offset);
}

/** Writes a u32 in host byte order. */
export function writeU32Host(buffer: Uint8Array, offset: number, value: number): void {
  for (let i = 0; i < 4; i++) buffer[offset + i] = value >>> (8 * (LITTLE_ENDIAN ? i : 3 - i));
}

/** An s32 in host byte order. */
export function readS32Host(buffer: Uint8Array, offset: number): number {
  return readU32Host(buffer, offset) | 0;
}

/** The type of the attribute at `offset`, without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
export function attrType(buffer: Uint8Array, offset: number): number {
  return readU16Host(buffer, offset + 2) & NLA_TYPE_MASK;
}

/**
 * The length of the attribute at `offset`: its header and payload, without the padding behind.
 * `end` is where its parent ends.
 * @throws WireError where the attribute does not lie within its parent.
 */
export function attrLength(buffer: Uint8Array, offset: number, end: number): number {
  const length = end - offset < NLA_HDRLEN ? 0 : readU16Host(buffer, offset);
  if (length < NLA_HDRLEN || length > end - offset) {
    throw new WireError(`attribute of ${length} bytes where ${end - offset} are left`, offset);
  }
  return length;
}
