/**
 * Views over one ctnetlink message in a receive buffer: where each attribute lies, and typed reads of it.
 * A view is made once and pointed at message after message; reading allocates nothing.
 */
import { readU16BE, readU32BE, readU32Host, readU64BE, writeU32Host } from "../netlink/attributes.js";
import { messageFlags, messageType } from "../netlink/message.js";
import type { ByteWriter } from "../system/byte-writer.js";
import { WireError } from "../system/errors.js";
import { once } from "../system/once.js";
import * as C from "./constants.js";
import { bytes64, type FieldSet, type FlagTexts, MOST_64 } from "./fields.js";
import { HEADERS, payloadLength, readAttributes, type Schema, schema } from "./schema.js";
import * as S from "./slots.js";

const WORD = 0x100000000;
const IPV4 = 4;
const IPV6 = 16;

/** A tuple at `base`. Its own attributes share their numbers with the addresses, and so have a base of their own. */
function tuple(base: number): Schema {
  return schema(base + S.T_OWN_BASE, {
    [C.CTA_TUPLE_IP]: schema(base, {
      [C.CTA_IP_V4_SRC]: IPV4,
      [C.CTA_IP_V4_DST]: IPV4,
      [C.CTA_IP_V6_SRC]: IPV6,
      [C.CTA_IP_V6_DST]: IPV6,
    }),
    [C.CTA_TUPLE_PROTO]: schema(base + S.T_PROTO_BASE, {
      [C.CTA_PROTO_NUM]: 1,
      [C.CTA_PROTO_SRC_PORT]: 2,
      [C.CTA_PROTO_DST_PORT]: 2,
      [C.CTA_PROTO_ICMP_ID]: 2,
      [C.CTA_PROTO_ICMP_TYPE]: 1,
      [C.CTA_PROTO_ICMP_CODE]: 1,
      [C.CTA_PROTO_ICMPV6_ID]: 2,
      [C.CTA_PROTO_ICMPV6_TYPE]: 1,
      [C.CTA_PROTO_ICMPV6_CODE]: 1,
    }),
    [C.CTA_TUPLE_ZONE]: 2,
  });
}

const counters = (base: number) => schema(base, { 1: 8, 2: 8 });
const seqAdj = (base: number) => schema(base, { 1: 4, 2: 4, 3: 4 });

const flowSchema = once(() =>
  schema(S.TOP, {
    [C.CTA_TUPLE_ORIG]: tuple(S.ORIG),
    [C.CTA_TUPLE_REPLY]: tuple(S.REPLY),
    [C.CTA_TUPLE_MASTER]: tuple(S.MASTER),
    [C.CTA_STATUS]: 4,
    [C.CTA_PROTOINFO]: schema(S.PROTOINFO, {
      [C.CTA_PROTOINFO_TCP]: schema(S.TCP, { 1: 1, 2: 1, 3: 1, 4: 2, 5: 2 }),
      [C.CTA_PROTOINFO_DCCP]: schema(S.DCCP, { 1: 1, 2: 1, 3: 8 }),
      [C.CTA_PROTOINFO_SCTP]: schema(S.SCTP, { 1: 1, 2: 4, 3: 4 }),
    }),
    [C.CTA_HELP]: schema(S.HELP, { 1: 1 }),
    [C.CTA_TIMEOUT]: 4,
    [C.CTA_MARK]: 4,
    [C.CTA_COUNTERS_ORIG]: counters(S.COUNTERS_ORIG),
    [C.CTA_COUNTERS_REPLY]: counters(S.COUNTERS_REPLY),
    [C.CTA_USE]: 4,
    [C.CTA_ID]: 4,
    [C.CTA_SEQ_ADJ_ORIG]: seqAdj(S.SEQ_ADJ_ORIG),
    [C.CTA_SEQ_ADJ_REPLY]: seqAdj(S.SEQ_ADJ_REPLY),
    [C.CTA_SECMARK]: 4,
    [C.CTA_ZONE]: 2,
    [C.CTA_SECCTX]: schema(S.SECCTX, { 1: 1 }),
    [C.CTA_TIMESTAMP]: schema(S.TIMESTAMP, { 1: 8, 2: 8 }),
    [C.CTA_LABELS]: 4,
    [C.CTA_SYNPROXY]: schema(S.SYNPROXY, { 1: 4, 2: 4, 3: 4 }),
    [C.CTA_TIMESTAMP_EVENT]: 8,
  }),
);

const expectSchema = once(() =>
  schema(S.TOP, {
    [C.CTA_EXPECT_MASTER]: tuple(S.MASTER),
    [C.CTA_EXPECT_TUPLE]: tuple(S.EXPECTED),
    [C.CTA_EXPECT_MASK]: tuple(S.MASK),
    [C.CTA_EXPECT_TIMEOUT]: 4,
    [C.CTA_EXPECT_ID]: 4,
    [C.CTA_EXPECT_HELP_NAME]: 1,
    [C.CTA_EXPECT_ZONE]: 2,
    [C.CTA_EXPECT_FLAGS]: 4,
    [C.CTA_EXPECT_CLASS]: 4,
  }),
);

/**
 * How the attributes of a message lie. The kernel writes those of a protocol's flows in the same places time after time, so
 * most messages are read by comparing their attribute headers with those of a message before.
 */
interface Layout {
  /** Slots, as offsets from the message's start. */
  readonly slots: Int32Array;
  /** Where each attribute header lies, in words from the message's start, and what it is. */
  readonly places: Int32Array;
  readonly headers: Int32Array;
}

/** Layouts that are kept for each length of message. */
const LAYOUTS_PER_LENGTH = 4;
/** Longer messages are rare, and not worth the memory. */
const LONGEST_LAYOUT = 2048;
const NO_SLOTS = new Int32Array(S.SLOTS);
const NO_BYTES = new Uint8Array(0);

/** What bytes are written to, behind those that it has. */
export interface Bytes {
  readonly buffer: Uint8Array;
  length: number;
}

/** How many messages something is true of. */
export interface Counter {
  count: number;
}

/** Sums by key (GroupTable in src/tally). */
export interface Sums {
  /** The words that native code knows (TABLE in src/netlink/backend/traces.ts). Another array after it grew. */
  readonly memory: Uint32Array;
  /** Makes room for the groups of some hundred messages. */
  reserve(): void;
  /** Finds the row of the key that was written, or makes it: the sums below are its. */
  enter(): void;
  /** Adds a number of 64 bits, in two halves. */
  addTo(index: number, high: number, low: number): void;
  /** Has it be a number of 64 bits where that is above it. */
  raiseTo(index: number, high: number, low: number): void;
}

/** Bytes that keys are compared with (Ranking in src/tally). */
export interface Threshold {
  /** A word that is 0, and the bytes. Empty while there are none. */
  readonly memory: Uint32Array;
  /** Whether all bytes of a key but the first are inverted before they are compared. */
  readonly inverted: boolean;
  /** Whether the key that was written does not come before the bytes; false while there are none. */
  isNotBefore(): boolean;
}

/** What flows had counted before, by their ids (FlowMemory in src/top). */
export interface Remembered {
  /** The words that native code knows (MEMORY in src/netlink/backend/traces.ts). Another array after it grew. */
  readonly memory: Uint32Array;
  /** Makes room for some hundred flows. */
  reserve(): void;
  /** Goes to the flow, and notes that it is there. Returns whether it is new. */
  recall(id: number): boolean;
  /** By how much a counter of the flow is above what it was; it is remembered from now on. */
  grow(which: 0 | 1, value: number): number;
  /** Whether the counter of a flow is at most `least` above what it was. */
  grewLittle(id: number, which: 0 | 1, value: number): boolean;
}

/** Whole seconds of a time in nanoseconds. */
const seconds = (ns: bigint): number => Number(ns / 1_000_000_000n);

/** Less than 0, 0 or more, as a value under a mask comes before another, is it, or comes after. */
function compare(buffer: Uint8Array, at: number, { width, items }: FieldSet, mask: number, other: number): number {
  for (let i = 0; i < width; i++) {
    const difference = (buffer[at + i]! & items[mask + i]!) - items[other + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

function isIn(buffer: Uint8Array, at: number, set: FieldSet): boolean {
  const { width, items } = set;
  for (let item = 0; item < items.length; item += 3 * width) {
    if (compare(buffer, at, set, item, item + width) < 0) continue;
    if (compare(buffer, at, set, item, item + 2 * width) <= 0) return true;
  }
  return false;
}

/**
 * What the views share: the slots, and what can be done with the fields in them. A slot of 0 means that the kernel did not
 * send the attribute.
 *
 * Fields can be read, tested and written. Reading gives away the value: whoever can should rather have the view test or write
 * the field, for then messages with other values are done alike, and a trace can repeat it (docs/architecture.md).
 */
abstract class MessageView {
  protected buffer: Uint8Array = NO_BYTES;
  /** Where the message begins and ends in the buffer. */
  start = 0;
  end = 0;
  /** Where the attribute headers lie, in words from the message's start; undefined where the layout is not remembered. */
  protected headers: Int32Array | undefined;
  /** nlmsg_type, e.g. CT_NEW. */
  type = 0;
  /** nlmsg_flags. */
  flags = 0;
  /** nlmsg_pid: the port id of the socket whose request caused the message, 0 for the kernel itself. */
  portId = 0;
  /** nfgen_family: AF_INET or AF_INET6. */
  family = 0;

  #slots: Int32Array = NO_SLOTS;
  /** The buffer as words, where it is aligned for that. */
  #words: Int32Array = NO_SLOTS.subarray(0, 0);
  readonly #schema: Schema;
  /** By the length of the message. */
  readonly #layouts: (Layout[] | undefined)[] = [];

  constructor(attributes: Schema) {
    this.#schema = attributes;
  }

  /**
   * Points the view at the message in `buffer[start, end)`, `start` being its nlmsghdr.
   * The view stays good until the buffer is written again.
   * @throws WireError where the message breaks the rules of netlink.
   */
  read(buffer: Uint8Array, start: number, end: number): void {
    if (end - start < HEADERS) throw new WireError(`message of ${end - start} bytes is too short`, start);
    if (buffer !== this.buffer) this.#use(buffer);
    this.start = start;
    this.end = end;
    this.type = messageType(buffer, start);
    this.flags = messageFlags(buffer, start);
    this.portId = readU32Host(buffer, start + 12);
    this.family = buffer[start + 16]!;
    const aligned = (start & 3) === 0 && this.#words.length > 0 && end - start <= LONGEST_LAYOUT;
    const known = aligned ? this.#layouts[end - start] : undefined;
    if (known !== undefined) {
      for (const layout of known) {
        if (this.#fits(layout)) {
          this.#slots = layout.slots;
          this.headers = layout.places;
          return;
        }
      }
    }
    this.#readAnew(aligned);
  }

  /** The whole message, a window on the buffer. */
  message(): Uint8Array {
    return this.buffer.subarray(this.start, this.end);
  }

  /** Whether the kernel sent what goes in the slot. */
  has(slot: number): boolean {
    return this.#slots[slot] !== 0;
  }

  /** Where the slot's payload begins in the message. This, and all that is done with fields, demands that the slot is filled. */
  at(slot: number): number {
    return this.#slots[slot]!;
  }

  /** Where it begins in the buffer, for the reads that give away what it holds. */
  protected offset(slot: number): number {
    return this.start + this.#slots[slot]!;
  }

  // Reading

  u8(slot: number): number {
    return this.buffer[this.offset(slot)]!;
  }

  u16(slot: number): number {
    return readU16BE(this.buffer, this.offset(slot));
  }

  u32(slot: number): number {
    return readU32BE(this.buffer, this.offset(slot));
  }

  /** The low half of a 64-bit number; u32 reads the high one. */
  u32Low(slot: number): number {
    return readU32BE(this.buffer, this.offset(slot) + 4);
  }

  /** A number in host byte order. */
  u32Host(slot: number): number {
    return readU32Host(this.buffer, this.offset(slot));
  }

  u64(slot: number): bigint {
    return readU64BE(this.buffer, this.offset(slot));
  }

  /** How many bytes the payload has. */
  payloadLength(slot: number): number {
    return payloadLength(this.buffer, this.start + this.at(slot));
  }

  /** The payload itself, a window on the buffer. */
  bytes(slot: number): Uint8Array {
    const offset = this.offset(slot);
    return this.buffer.subarray(offset, offset + payloadLength(this.buffer, offset));
  }

  /** Text up to its NUL, a window on the buffer. */
  text(slot: number): Uint8Array {
    const bytes = this.bytes(slot);
    const nul = bytes.indexOf(0);
    return nul < 0 ? bytes : bytes.subarray(0, nul);
  }

  // Testing

  /** The bits of a 32-bit number under a mask. */
  bits(slot: number, mask: number): number {
    return (readU32BE(this.buffer, this.start + this.at(slot)) & mask) >>> 0;
  }

  /** Whether the field is in a set. */
  isIn(slot: number, set: FieldSet): boolean {
    return isIn(this.buffer, this.start + this.at(slot), set);
  }

  /** Whether two fields begin with the same `length` bytes. */
  isSame(one: number, other: number, length: number): boolean {
    const { buffer, start } = this;
    const [a, b] = [start + this.at(one), start + this.at(other)];
    for (let i = 0; i < length; i++) if (buffer[a + i] !== buffer[b + i]) return false;
    return true;
  }

  /** Whether the sum of two 64-bit numbers, at most the largest of them, is in a set. */
  isSumIn(one: number, other: number, set: FieldSet): boolean {
    const { buffer, start } = this;
    const sum = readU64BE(buffer, start + this.at(one)) + readU64BE(buffer, start + this.at(other));
    return isIn(bytes64(sum < MOST_64 ? sum : MOST_64), 0, set);
  }

  /** Counts the message. */
  count(counter: Counter): void {
    counter.count++;
  }

  /** What is decided or written by more than the message is good until then, in microseconds since 1970. */
  holdsUntil(_micros: number): void {}

  // Writing

  putDecimal(writer: ByteWriter, slot: number, bytes: 1 | 2 | 4 | 8): void {
    const { buffer } = this;
    const at = this.start + this.at(slot);
    if (bytes === 8) writer.decimal64(buffer, at);
    else writer.decimal(bytes === 4 ? readU32BE(buffer, at) : bytes === 2 ? readU16BE(buffer, at) : buffer[at]!);
  }

  /** A 32-bit number in host byte order. */
  putHostDecimal(writer: ByteWriter, slot: number): void {
    writer.decimal(readU32Host(this.buffer, this.start + this.at(slot)));
  }

  /** A 16-bit number, without padding. */
  putHex(writer: ByteWriter, slot: number): void {
    writer.hex16(readU16BE(this.buffer, this.start + this.at(slot)));
  }

  putIpv4(writer: ByteWriter, slot: number): void {
    writer.ipv4(this.buffer, this.start + this.at(slot));
  }

  putIpv6(writer: ByteWriter, slot: number): void {
    writer.ipv6(this.buffer, this.start + this.at(slot));
  }

  /** The name of an 8-bit number; one that has none is called as 0 is. */
  putName(writer: ByteWriter, slot: number, names: readonly Uint8Array[]): void {
    writer.put(names[this.buffer[this.start + this.at(slot)]!] ?? names[0]!);
  }

  /** The names of the flags that are set. */
  putFlags(writer: ByteWriter, slot: number, { first, between, none, rows }: FlagTexts): void {
    const at = this.start + this.at(slot);
    const length = payloadLength(this.buffer, at);
    let any = false;
    for (const { byte, bit, name } of rows) {
      if (byte >= length || (this.buffer[at + byte]! & bit) === 0) continue;
      writer.put(any ? between : first);
      writer.put(name);
      any = true;
    }
    if (!any) writer.put(none);
  }

  /** How many whole seconds have passed since a time in nanoseconds, at `nowMicroseconds`; 0 for a time to come. */
  putAge(writer: ByteWriter, slot: number, nowMicroseconds: () => number): void {
    const since = seconds(readU64BE(this.buffer, this.start + this.at(slot)));
    writer.decimal(Math.max(0, Math.floor(nowMicroseconds() / 1e6) - since));
  }

  /**
   * How many seconds passed between two times in nanoseconds, 0 where the second is earlier: whole seconds of the difference
   * (`exact`), or the difference of the whole seconds.
   */
  putSpan(writer: ByteWriter, from: number, to: number, exact: boolean): void {
    const [a, b] = [from, to].map((slot) => readU64BE(this.buffer, this.start + this.at(slot))) as [bigint, bigint];
    writer.decimal(Math.max(0, exact ? seconds(b - a) : seconds(b) - seconds(a)));
  }

  // Copying: bytes as they are, or what is made of them, for keys and requests

  /** The first `count` bytes. */
  copy(to: Bytes, slot: number, count: number): void {
    const { buffer } = this;
    const from = this.start + this.at(slot);
    for (let i = 0; i < count; i++) to.buffer[to.length + i] = buffer[from + i]!;
    to.length += count;
  }

  /** What a table of 256 bytes says of the first byte. */
  copyLookedUp(to: Bytes, slot: number, table: Uint8Array): void {
    to.buffer[to.length++] = table[this.buffer[this.start + this.at(slot)]!]!;
  }

  /** A 32-bit number, divided by a constant and rounded down; four bytes in network byte order. */
  copyQuotient(to: Bytes, slot: number, divisor: number): void {
    const value = Math.floor(readU32BE(this.buffer, this.start + this.at(slot)) / divisor);
    const { buffer, length } = to;
    buffer[length] = value >>> 24;
    buffer[length + 1] = value >>> 16;
    buffer[length + 2] = value >>> 8;
    buffer[length + 3] = value;
    to.length = length + 4;
  }

  /** The sum of two 64-bit numbers, modulo 2^64; eight bytes in network byte order. */
  copySum(to: Bytes, first: number, second: number): void {
    const { buffer, start } = this;
    const [a, b] = [start + this.at(first), start + this.at(second)];
    for (let i = 7, carry = 0; i >= 0; i--) {
      carry += buffer[a + i]! + buffer[b + i]!;
      to.buffer[to.length + i] = carry;
      carry >>= 8;
    }
    to.length += 8;
  }

  /** As many bytes as `and` has, under it as a mask, then changed by exclusive or with `xor`. */
  copyCombined(to: Bytes, slot: number, and: Uint8Array, xor: Uint8Array): void {
    const { buffer } = this;
    const from = this.start + this.at(slot);
    for (let i = 0; i < and.length; i++) to.buffer[to.length + i] = (buffer[from + i]! & and[i]!) ^ xor[i]!;
    to.length += and.length;
  }

  /** Overwrites four bytes at `at` with the counter, in host byte order, and adds 1 to it. */
  number({ buffer }: Bytes, at: number, counter: Counter): void {
    writeU32Host(buffer, at, counter.count >>> 0);
    counter.count++;
  }

  /** Begins a key: what is copied to it from now on. */
  beginKey(key: Bytes): void {
    key.length = 0;
  }

  // Adding up

  /** Goes to the row of the key that was begun last. */
  enter(sums: Sums, _key: Bytes): void {
    sums.enter();
  }

  /** Adds 1 to a sum of the row. */
  addOne(sums: Sums, index: number): void {
    sums.addTo(index, 0, 1);
  }

  /** Adds a 64-bit number to a sum of the row. */
  addNumber(sums: Sums, index: number, slot: number): void {
    const at = this.start + this.at(slot);
    sums.addTo(index, readU32BE(this.buffer, at), readU32BE(this.buffer, at + 4));
  }

  /** Keeps the least of a 64-bit number: the sum is the complement of it, and zero before there was one. */
  keepLeast(sums: Sums, index: number, slot: number): void {
    const at = this.start + this.at(slot);
    sums.raiseTo(index, ~readU32BE(this.buffer, at) >>> 0, ~readU32BE(this.buffer, at + 4) >>> 0);
  }

  /** Goes to what is remembered of the flow with the id in a slot; adds 1 to a sum of the row where that is nothing. */
  recall(flows: Remembered, slot: number, sums: Sums, index: number): void {
    if (flows.recall(readU32BE(this.buffer, this.start + this.at(slot)))) sums.addTo(index, 0, 1);
  }

  /** Adds to a sum of the row by how much a 64-bit counter of the flow has grown. */
  addGrowth(flows: Remembered, which: 0 | 1, slot: number, sums: Sums, index: number): void {
    const growth = flows.grow(which, this.#number64(slot));
    sums.addTo(index, Math.floor(growth / WORD), growth >>> 0);
  }

  /** Whether a 64-bit counter of the flow with the id in `idSlot` has grown by so little that it does not matter. */
  grewLittle(flows: Remembered, idSlot: number, which: 0 | 1, slot: number): boolean {
    return flows.grewLittle(readU32BE(this.buffer, this.start + this.at(idSlot)), which, this.#number64(slot));
  }

  /** A 64-bit number, rounded where it is above 2^53. */
  #number64(slot: number): number {
    const at = this.start + this.at(slot);
    return readU32BE(this.buffer, at) * WORD + readU32BE(this.buffer, at + 4);
  }

  /** Whether the key that was begun last does not come before a threshold. */
  isNotBefore(threshold: Threshold, _key: Bytes): boolean {
    return threshold.isNotBefore();
  }

  #use(buffer: Uint8Array): void {
    const { byteOffset, byteLength } = buffer;
    this.buffer = buffer;
    this.#words = new Int32Array(buffer.buffer, byteOffset & ~3, (byteOffset & 3) === 0 ? byteLength >> 2 : 0);
  }

  /** Whether all attribute headers are those of the layout: then every attribute lies where it did, and as long. */
  #fits({ places, headers }: Layout): boolean {
    const words = this.#words;
    const first = this.start >> 2;
    for (let i = 0; i < places.length; i++) if (words[first + places[i]!] !== headers[i]) return false;
    return true;
  }

  /** Reads the attributes one by one, and remembers how they lie. */
  #readAnew(remember: boolean): void {
    const { buffer, start } = this;
    const end = this.end;
    const words = this.#words;
    const slots = new Int32Array(S.SLOTS);
    const offsets: number[] = [];
    this.#slots = NO_SLOTS;
    this.headers = undefined;
    readAttributes(slots, offsets, buffer, start, start + HEADERS, end, this.#schema);
    this.#slots = slots;
    if (!remember) return;
    const places = Int32Array.from(offsets, (offset) => offset >> 2);
    this.headers = places;
    const headers = places.map((place) => words[(start >> 2) + place]!);
    const known = this.#layouts[end - start] ?? [];
    this.#layouts[end - start] = [{ slots, places, headers }, ...known.slice(0, LAYOUTS_PER_LENGTH - 1)];
  }
}

/** A view of one flow: CT_NEW and CT_DELETE messages. */
export class FlowView extends MessageView {
  constructor() {
    super(flowSchema());
  }
}

/** A view of one expectation: EXP_NEW and EXP_DELETE messages. Its tuples lie at EXPECTED, MASK and MASTER. */
export class ExpectView extends MessageView {
  constructor() {
    super(expectSchema());
  }

  /** The layer-4 protocol of the tuple at `base`: that of the expected tuple for a mask, and where the kernel sent none. */
  protonum(base: number): number | undefined {
    if (base !== S.MASK && this.has(base + S.T_PROTO_NUM)) return this.u8(base + S.T_PROTO_NUM);
    return this.has(S.EXPECTED + S.T_PROTO_NUM) ? this.u8(S.EXPECTED + S.T_PROTO_NUM) : undefined;
  }
}

export type { MessageView };
