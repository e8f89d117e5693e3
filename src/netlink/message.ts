/** Netlink messages: struct nlmsghdr (linux/netlink.h) and struct nfgenmsg (linux/netfilter/nfnetlink.h). */
import { WireError } from "../system/errors.js";
import { encodeText } from "../system/text.js";
import { align4, LITTLE_ENDIAN, readU16Host, readU32Host } from "./attributes.js";
import { NFGENMSG_LENGTH, NLA_F_NESTED, NLA_HDRLEN, NLMSG_HDRLEN } from "./constants.js";

/** nla_len is a u16. */
const MAX_ATTRIBUTE = 0xffff;

/** Where nlmsg_seq lies in a message. */
export const SEQUENCE_AT = 8;

/** nlmsg_type of the message at `offset`. */
export function messageType(buffer: Uint8Array, offset: number): number {
  return readU16Host(buffer, offset + 4);
}

/** nlmsg_flags of the message at `offset`. */
export function messageFlags(buffer: Uint8Array, offset: number): number {
  return readU16Host(buffer, offset + 6);
}

/** nlmsg_seq of the message at `offset`. */
export function messageSequence(buffer: Uint8Array, offset: number): number {
  return readU32Host(buffer, offset + SEQUENCE_AT);
}

/**
 * Where the message at `offset` ends. The next one begins at `align4` of that. `limit` is where the datagram ends.
 * @throws WireError where the message does not lie within its datagram.
 */
export function messageEnd(buffer: Uint8Array, offset: number, limit: number): number {
  const length = limit - offset < NLMSG_HDRLEN ? 0 : readU32Host(buffer, offset);
  if (length < NLMSG_HDRLEN || length > limit - offset) {
    throw new WireError(`message of ${length} bytes where ${limit - offset} are left`, offset);
  }
  return offset + length;
}

/**
 * Writes messages, one behind the other, into a buffer that grows.
 *
 *     writer.begin(CT_NEW, NLM_F_CREATE, 0, AF_INET);
 *     const tuple = writer.nestStart(CTA_TUPLE_ORIG);
 *     …
 *     writer.nestEnd(tuple);
 *     writer.end();
 *
 * Integers are big-endian, as nearly all of netfilter's attributes are, unless the name says otherwise.
 */
export class MessageWriter {
  /** The bytes written are `buffer[0, length)`. Growing replaces the buffer. */
  buffer: Uint8Array;
  length = 0;
  #view: DataView;
  #message = 0;

  constructor(capacity = 4096) {
    this.buffer = new Uint8Array(capacity);
    this.#view = new DataView(this.buffer.buffer);
  }

  /** Forgets all that was written, and keeps the buffer. */
  clear(): void {
    this.length = 0;
  }

  /** Takes over messages that were written before. The array becomes the writer's own. */
  adopt(messages: Uint8Array): void {
    this.buffer = messages;
    this.#view = new DataView(messages.buffer, messages.byteOffset, messages.byteLength);
    this.length = messages.length;
  }

  /** Makes room for `size` bytes more, for who writes into the buffer. */
  makeRoom(size: number): void {
    this.length = this.#reserve(size);
  }

  /**
   * Begins a message with its nlmsghdr and nfgenmsg; returns where it begins.
   * `flags` and `sequence` may be 0 for a message that goes out through NetlinkConnection, which fills them in.
   */
  begin(type: number, flags: number, sequence: number, family: number, version = 0, resId = 0): number {
    const start = this.#reserve(NLMSG_HDRLEN + NFGENMSG_LENGTH);
    this.#message = start;
    this.#view.setUint16(start + 4, type, LITTLE_ENDIAN);
    this.#view.setUint16(start + 6, flags, LITTLE_ENDIAN);
    this.#view.setUint32(start + SEQUENCE_AT, sequence, LITTLE_ENDIAN);
    this.#view.setUint32(start + 12, 0);
    this.#view.setUint8(start + 16, family);
    this.#view.setUint8(start + 17, version);
    this.#view.setUint16(start + 18, resId);
    return start;
  }

  /** Ends the message: fills in its nlmsg_len. */
  end(): void {
    this.#view.setUint32(this.#message, this.length - this.#message, LITTLE_ENDIAN);
  }

  u8(type: number, value: number): void {
    const payload = this.#attribute(type, 1);
    this.#view.setUint8(payload, value);
  }

  u16(type: number, value: number): void {
    const payload = this.#attribute(type, 2);
    this.#view.setUint16(payload, value);
  }

  u32(type: number, value: number): void {
    const payload = this.#attribute(type, 4);
    this.#view.setUint32(payload, value);
  }

  u64(type: number, value: bigint): void {
    const payload = this.#attribute(type, 8);
    this.#view.setBigUint64(payload, value);
  }

  /** A u32 in host byte order. */
  u32Host(type: number, value: number): void {
    const payload = this.#attribute(type, 4);
    this.#view.setUint32(payload, value, LITTLE_ENDIAN);
  }

  bytes(type: number, data: Uint8Array): void {
    const payload = this.#attribute(type, data.length);
    this.buffer.set(data, payload);
  }

  /** Begins an attribute of `size` bytes: the caller writes them behind what was written so far. */
  payloadStart(type: number, size: number): void {
    this.length = this.#attribute(type, size);
  }

  payloadEnd(): void {
    this.length = align4(this.length);
  }

  /** Text as UTF-8, with the NUL that C programs expect behind it. */
  string0(type: number, text: string): void {
    this.bytes(type, encodeText(`${text}\0`));
  }

  /** Begins an attribute that holds attributes. Returns what nestEnd wants to know. */
  nestStart(type: number): number {
    return this.#attribute(type | NLA_F_NESTED, 0) - NLA_HDRLEN;
  }

  nestEnd(token: number): void {
    this.#view.setUint16(token, this.#attributeLength(this.length - token), LITTLE_ENDIAN);
  }

  /** Overwrites nlmsg_flags and nlmsg_seq of the message at `start`. */
  stamp(start: number, flags: number, sequence: number): void {
    this.#view.setUint16(start + 6, flags, LITTLE_ENDIAN);
    this.#view.setUint32(start + SEQUENCE_AT, sequence, LITTLE_ENDIAN);
  }

  /** Writes an attribute's header and padding; returns where its payload goes. */
  #attribute(type: number, size: number): number {
    const length = this.#attributeLength(NLA_HDRLEN + size);
    const start = this.#reserve(align4(length));
    // The last word holds the padding, which must be zero even where an earlier message lay.
    this.#view.setUint32(this.length - 4, 0);
    this.#view.setUint16(start, length, LITTLE_ENDIAN);
    this.#view.setUint16(start + 2, type, LITTLE_ENDIAN);
    return start + NLA_HDRLEN;
  }

  #attributeLength(length: number): number {
    if (length > MAX_ATTRIBUTE) throw new RangeError(`a netlink attribute cannot hold ${length} bytes`);
    return length;
  }

  /** Makes room for `size` bytes more; returns where they begin. */
  #reserve(size: number): number {
    const start = this.length;
    this.length += size;
    if (this.length > this.buffer.length) {
      const grown = new Uint8Array(Math.max(this.length, 2 * this.buffer.length));
      grown.set(this.buffer);
      this.buffer = grown;
      this.#view = new DataView(grown.buffer);
    }
    return start;
  }
}
