/**
 * What the json formats of flows and expectations share. Members are written with a comma behind each, and the last of them
 * gives its comma to the brace that closes the object. docs/conntrack.schema.json describes the result.
 */
import * as C from "../ctnetlink/constants.js";
import { EVENT_NAMES } from "../ctnetlink/events.js";
import { type FlagTexts, flagRows } from "../ctnetlink/fields.js";
import { flagNames } from "../ctnetlink/names.js";
import * as S from "../ctnetlink/slots.js";
import type { MessageView } from "../ctnetlink/view.js";
import { protocolByNumber } from "../protocol/protocols.js";
import { byKind } from "../protocol/tuples.js";
import { ascii, type ByteWriter } from "../system/byte-writer.js";
import { fromUtf8 } from "../system/text.js";
import { destinationSlot, sourceSlot, writeAddress } from "./addresses.js";
import type { FormatOptions } from "./formatter.js";
import { eventNanoseconds, rfc3339 } from "./time.js";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const BRACKET_CLOSE = 0x5d;

/** A member's name, e.g. `"mark":`. */
export const key = (name: string): Uint8Array => ascii(`${JSON.stringify(name)}:`);

/** The name of a member that is an object, with the brace that opens it. */
export const objectKey = (name: string): Uint8Array => ascii(`${JSON.stringify(name)}:{`);

/** The name of a member that is a list, with the bracket that opens it. */
export const listKey = (name: string): Uint8Array => ascii(`${JSON.stringify(name)}:[`);

/** A member whose value never changes. */
export const member = (name: string, value: unknown): Uint8Array =>
  ascii(`${JSON.stringify({ [name]: value }).slice(1, -1)},`);

/** Controls that JSON lets through, and what ends a line to some readers of lines. */
const TROUBLE = /[\x7f-\x9f\u2028\u2029]/g;

/** What needs no escape. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** Text as JSON, without a control character in it. */
export function jsonString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  const quoted = JSON.stringify(text);
  return quoted.replace(TROUBLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Names of members as JSON, with their colon: there are few, and they come again and again. */
const NAMES = new Map<string, string>();
const MAX_NAMES = 1000;

function nameJson(name: string): string {
  let quoted = NAMES.get(name);
  if (quoted === undefined) {
    quoted = `${jsonString(name)}:`;
    if (NAMES.size < MAX_NAMES) NAMES.set(name, quoted);
  }
  return quoted;
}

/** What JSON has no word for is null in a list, and left out of an object, as JSON.stringify does it. */
const isUnknown = (value: unknown) => value === undefined || typeof value === "function" || typeof value === "symbol";

/**
 * A plain value as one line of JSON, as JSON.stringify makes it, and bigints as integers.
 *
 *     for await (const flow of conntrack.list()) console.log(toJson(flow));
 */
export function toJson(value: unknown): string {
  if (typeof value === "string") return jsonString(value);
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "null";
  if (typeof value !== "object" || value === null) return isUnknown(value) ? "null" : String(value);
  if (value instanceof Date) return toJson(value.toJSON());
  // Strings are put together by hand: with map() and join() it takes five times as long.
  let separator = "";
  if (Array.isArray(value)) {
    let list = "[";
    for (const one of value) {
      list += separator + toJson(one);
      separator = ",";
    }
    return `${list}]`;
  }
  let members = "{";
  for (const name of Object.keys(value)) {
    const one = (value as Record<string, unknown>)[name];
    if (isUnknown(one)) continue;
    members += separator + nameJson(name) + toJson(one);
    separator = ",";
  }
  return `${members}}`;
}

function isPlain(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte < 0x20 || byte > 0x7e || byte === QUOTE || byte === BACKSLASH) return false;
  }
  return true;
}

/** Text from outside, as a JSON string: what is not UTF-8 becomes U+FFFD. */
export function writeText(writer: ByteWriter, bytes: Uint8Array): void {
  writer.room(bytes.length + 4096);
  if (isPlain(bytes)) {
    writer.byte(QUOTE);
    writer.put(bytes);
    writer.byte(QUOTE);
  } else {
    writer.text(jsonString(fromUtf8(bytes)));
  }
}

export function openObject(writer: ByteWriter): void {
  writer.byte(BRACE_OPEN);
}

export function closeObject(writer: ByteWriter): void {
  close(writer, BRACE_CLOSE);
}

export function closeList(writer: ByteWriter): void {
  close(writer, BRACKET_CLOSE);
}

function close(writer: ByteWriter, bracket: number): void {
  if (writer.buffer[writer.length - 1] === COMMA) writer.length--;
  writer.byte(bracket);
}

export function comma(writer: ByteWriter): void {
  writer.byte(COMMA);
}

/** A number of 1, 2 or 4 bytes, where the kernel sent it. */
export function numberJson(
  writer: ByteWriter,
  view: MessageView,
  name: Uint8Array,
  slot: number,
  bytes: 1 | 2 | 4,
): void {
  if (!view.has(slot)) return;
  writer.put(name);
  view.putDecimal(writer, slot, bytes);
  writer.byte(COMMA);
}

/** A number of 8 bytes, where the kernel sent it. */
export function number64Json(writer: ByteWriter, view: MessageView, name: Uint8Array, slot: number): void {
  if (!view.has(slot)) return;
  writer.put(name);
  view.putDecimal(writer, slot, 8);
  writer.byte(COMMA);
}

/** Text from outside, where the kernel sent it. */
export function textJson(writer: ByteWriter, view: MessageView, name: Uint8Array, slot: number): void {
  if (!view.has(slot)) return;
  writer.put(name);
  writeText(writer, view.text(slot));
  writer.byte(COMMA);
}

const FAMILY_IPV4 = member("family", "ipv4");
const FAMILY_IPV6 = member("family", "ipv6");

export function familyJson(writer: ByteWriter, view: MessageView): void {
  writer.put(view.family === C.AF_INET6 ? FAMILY_IPV6 : FAMILY_IPV4);
}

/** By protocol number, each made when it is first needed. */
const PROTOCOLS: (Uint8Array | undefined)[] = new Array(256).fill(undefined);

export function protocolJson(writer: ByteWriter, number: number): void {
  writer.put((PROTOCOLS[number] ??= member("protocol", { number, name: protocolByNumber(number)?.name })));
}

const SRC = key("src");
const DST = key("dst");
const ZONE = key("zone");

/** An address in a slot of sourceSlot or destinationSlot. */
export function addressJson(writer: ByteWriter, view: MessageView, name: Uint8Array, slot: number): void {
  if (slot === 0) return;
  writer.put(name);
  writer.byte(QUOTE);
  writeAddress(writer, view, slot);
  writer.byte(QUOTE);
  writer.byte(COMMA);
}

const FIELDS = byKind((fields) => fields.map(({ name, slot, bytes }) => ({ name: key(name), slot, bytes })));
const ICMP = objectKey("icmp");

/** What protocol `number` has in the tuple at `base` besides addresses. */
function fieldsJson(writer: ByteWriter, view: MessageView, base: number, number: number): void {
  const kind = protocolByNumber(number)?.kind;
  if (kind === undefined) return;
  const start = writer.length;
  const nested = kind === "icmp" || kind === "icmpv6";
  if (nested) writer.put(ICMP);
  const empty = writer.length;
  for (const { name, slot, bytes } of FIELDS[kind]) numberJson(writer, view, name, base + slot, bytes);
  if (!nested) return;
  if (writer.length === empty) {
    writer.length = start;
    return;
  }
  closeObject(writer);
  comma(writer);
}

/** Addresses, and what protocol `number` has besides, of the tuple at `base`. */
export function tupleJson(writer: ByteWriter, view: MessageView, base: number, number: number | undefined): void {
  addressJson(writer, view, SRC, sourceSlot(view, base));
  addressJson(writer, view, DST, destinationSlot(view, base));
  if (number !== undefined) fieldsJson(writer, view, base, number);
}

/** The tuple of a flow that brought another about: with the protocol, which may be a different one. */
export function masterJson(writer: ByteWriter, view: MessageView, base: number): void {
  const number = view.has(base + S.T_PROTO_NUM) ? view.u8(base + S.T_PROTO_NUM) : undefined;
  if (number !== undefined) protocolJson(writer, number);
  tupleJson(writer, view, base, number);
  numberJson(writer, view, ZONE, base + S.T_ZONE, 2);
}

/** How a member that lists the flags of a 32-bit number is written; its bracket is left open. */
export function flagTexts(name: string, names: readonly string[]): FlagTexts {
  const open = listKey(name);
  const all = flagNames(0xffffffff, names).map((flag) => JSON.stringify(flag));
  return { first: open, between: ascii(","), none: open, rows: flagRows(all) };
}

/** A member that lists flags, where the kernel sent them. */
export function flagsJson(writer: ByteWriter, view: MessageView, flags: FlagTexts, slot: number): void {
  if (!view.has(slot)) return;
  view.putFlags(writer, slot, flags);
  writer.byte(BRACKET_CLOSE);
  writer.byte(COMMA);
}

/** By EventType. */
const EVENTS = [undefined, ...EVENT_NAMES.map((name) => member("event", name))];
const TIME = key("time");
const PORTID = key("portid");
const PROGNAME = key("progname");

/** Writes a time as a JSON string. */
export function timeJson(writer: ByteWriter, name: Uint8Array, ns: bigint): void {
  writer.put(name);
  writer.byte(QUOTE);
  writer.text(rfc3339(ns));
  writer.byte(QUOTE);
  writer.byte(COMMA);
}

/** What an event has beyond its entry: its name, its time, and the program that brought it about. */
export function eventJson(writer: ByteWriter, view: MessageView, event: number, options: FormatOptions): void {
  if (event === 0) return;
  writer.put(EVENTS[event]!);
  timeJson(writer, TIME, eventNanoseconds(view, options));
  const { portId } = view;
  if (portId === 0) return;
  writer.put(PORTID);
  writer.decimal(portId);
  writer.byte(COMMA);
  const program = options.programName?.(view);
  if (program === undefined) return;
  writer.put(PROGNAME);
  writeText(writer, program);
  writer.byte(COMMA);
}
