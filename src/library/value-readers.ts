/** Readers of what a caller hands in: plain values in, what the modules below work with out, or UsageError. */

import * as C from "../ctnetlink/constants.js";
import type { TupleFields } from "../ctnetlink/encode.js";
import { STATUS_NAMES } from "../ctnetlink/names.js";
import type { NatFilter } from "../match/filter.js";
import { PROTOCOLS, protocolByNumber } from "../protocol/protocols.js";
import { UsageError } from "../system/errors.js";
import { parseAddress, prefixMask } from "../system/inet.js";
import { parseDecimal, U32_MAX } from "../system/numbers.js";
import { usualProtocolNames } from "../system/protocol-names.js";

/** Gives the bit number of a label's name, or undefined. */
export type LabelBits = (name: string) => number | undefined;

function shown(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (Array.isArray(value)) return "a list";
  if (typeof value === "function") return "a function";
  // An object may have no way to become a string.
  return typeof value === "object" && value !== null ? Object.prototype.toString.call(value) : String(value);
}

export function refuse(path: string, value: unknown, wanted: string): never {
  throw new UsageError(`${path}: ${shown(value)} is not ${wanted}`);
}

/** Whether it is an object literal's object, of this realm or another: no Map, Date, Promise or instance of a class. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return true;
  if (typeof prototype !== "object" || prototype === null) return prototype === null;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}

/** The properties of an object, read once: what an accessor would answer next time does not count. */
export type Properties<Name extends string> = { readonly [name in Name]?: unknown };

/**
 * The properties of `value`, which must be a plain object with no other properties than `known`, and with none that is
 * undefined: a missing condition must not widen a filter. Those in `optional` may be undefined.
 */
export function readProperties<Name extends string>(
  path: string,
  value: unknown,
  known: readonly Name[],
  optional: readonly string[] = [],
): Properties<Name> {
  if (!isPlain(value)) return refuse(path, value, "a plain object");
  // Not Object.create(null), which makes a hash table of it: this is read millions of times.
  const properties = { __proto__: null } as unknown as Record<string, unknown>;
  for (const name of Reflect.ownKeys(value)) {
    if (!(known as readonly unknown[]).includes(name)) {
      throw new UsageError(`${path}.${String(name)}: there is no such property`);
    }
    const one = (value as Record<string, unknown>)[name as Name];
    if (one !== undefined) properties[name as Name] = one;
    else if (!(optional as readonly unknown[]).includes(name)) {
      throw new UsageError(`${path}.${String(name)} is undefined: leave it out`);
    }
  }
  return properties as Properties<Name>;
}

/** An object that may have other properties too; they are not read: an item of a list may carry what the caller wants. */
export function checkObject(path: string, value: unknown): object {
  return isPlain(value) ? value : refuse(path, value, "a plain object");
}

/** A property of such an object, which was read already: it may be absent, but not undefined. */
export function checkLost(path: string, object: object, name: string, value: unknown): void {
  if (value === undefined && name in object) throw new UsageError(`${path}.${name} is undefined: leave it out`);
}

/** An object with no other properties than `known`, none of them undefined. It is not copied: keys of flows are read millions of times. */
export function checkAll<Name extends string>(
  path: string,
  value: unknown,
  known: ReadonlySet<Name>,
): Properties<Name> {
  if (!isPlain(value)) return refuse(path, value, "a plain object");
  for (const name in value) {
    if (!known.has(name as Name)) throw new UsageError(`${path}.${name}: there is no such property`);
    if ((value as Properties<Name>)[name as Name] === undefined) {
      throw new UsageError(`${path}.${name} is undefined: leave it out`);
    }
  }
  return value as Properties<Name>;
}

/** Whether somebody listed it, or heard of it as an event: nobody writes these two properties. */
export function isListed(value: unknown): boolean {
  return typeof value === "object" && value !== null && ("use" in value || "event" in value);
}

/** What a listed flow has besides what a filter or a new flow can say. It is passed over. */
export const LISTED_PROPERTIES = [
  "event",
  "time",
  "portid",
  "progname",
  "family",
  "nat",
  "master",
  "secmark",
  "secctx",
  "helper",
  "timestamp",
  "use",
  "id",
] as const;

/** The same of a direction. */
export const LISTED_DIRECTION_PROPERTIES = ["vtag", "packets", "bytes"] as const;

/** The same of an object that must say something. */
export function readSome<Name extends string>(path: string, value: unknown, known: readonly Name[]): Properties<Name> {
  const properties = readProperties(path, value, known);
  if (Object.keys(properties).length === 0) throw new UsageError(`${path} is empty: leave it out`);
  return properties;
}

/** One of `names`. */
export function readName<Name extends string>(path: string, value: unknown, names: readonly Name[]): Name {
  return names.find((name) => name === value) ?? refuse(path, value, `one of ${names.join(", ")}`);
}

export function readBoolean(path: string, value: unknown): boolean {
  return typeof value === "boolean" ? value : refuse(path, value, "true or false");
}

/** Text for the kernel, which a NUL would end early. */
export function readText(path: string, value: unknown): string {
  return typeof value === "string" && value !== "" && !value.includes("\0") ? value : refuse(path, value, "a name");
}

export function readNumber(path: string, value: unknown, max: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) return value;
  return refuse(path, value, `a whole number from 0 to ${max}`);
}

export const readU8 = (path: string, value: unknown): number => readNumber(path, value, 0xff);
export const readU16 = (path: string, value: unknown): number => readNumber(path, value, 0xffff);
export const readU32 = (path: string, value: unknown): number => readNumber(path, value, U32_MAX);

export function readFamily(path: string, value: unknown): number {
  if (value === "ipv4") return C.AF_INET;
  return value === "ipv6" ? C.AF_INET6 : refuse(path, value, '"ipv4" or "ipv6"');
}

export function readAddress(path: string, value: unknown): Uint8Array {
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  return address ?? refuse(path, value, "an address");
}

/** ADDRESS or ADDRESS/LENGTH; without a mask for a whole address. */
export function readNetwork(path: string, value: unknown): { address: Uint8Array; mask?: Uint8Array } {
  if (typeof value !== "string") return refuse(path, value, "an address or a network");
  const [text = "", length] = value.split("/", 2);
  const address = readAddress(path, text);
  if (length === undefined) return { address };
  const bits = parseDecimal(length, 8 * address.length);
  if (bits === undefined || value.split("/").length > 2) return refuse(path, value, "a network");
  return bits === 8 * address.length ? { address } : { address, mask: prefixMask(bits, address.length) };
}

/** A protocol by its name or number, or as flows have it. */
export function readProtocol(path: string, value: unknown): number {
  if (isPlain(value)) return readU8(`${path}.number`, (value as { number?: unknown }).number);
  if (typeof value !== "string") return readU8(path, value);
  return (
    PROTOCOLS.find(({ name }) => name === value)?.number ??
    usualProtocolNames().get(value) ??
    refuse(path, value, "a protocol")
  );
}

/** A state by its name; each protocol has its own. */
export function readState(path: string, value: unknown, protonum: number | undefined): number {
  if (protonum === undefined) throw new UsageError(`${path} needs a protocol beside it`);
  const states = protocolByNumber(protonum)?.protoinfo?.states ?? [];
  const number = typeof value === "string" ? states.indexOf(value) : -1;
  return number >= 0
    ? number
    : refuse(path, value, states.length > 0 ? `one of ${states.join(", ")}` : "a state: it has none");
}

function readFlag(path: string, name: unknown): number {
  const named = (STATUS_NAMES as readonly unknown[]).indexOf(name);
  // Flags of a kernel that is newer than the names.
  const bit = named < 0 && typeof name === "string" ? Number(/^BIT_([12]\d|3[01])$/.exec(name)?.[1] ?? -1) : named;
  return bit >= 0 ? 1 << bit : refuse(path, name, `one of ${STATUS_NAMES.join(", ")}`);
}

export function checkList(path: string, value: unknown): asserts value is readonly unknown[] {
  if (!Array.isArray(value)) refuse(path, value, "a list");
}

/** IPS_* bits by their names. */
export function readFlags(path: string, value: unknown): number {
  checkList(path, value);
  // Array.from reads the holes of a list too, as undefined.
  return Array.from(value).reduce<number>((bits, name, i) => bits | readFlag(`${path}[${i}]`, name), 0);
}

/** Flags that must be set, and with `!` in front those that must not. */
export function readStatusFilter(path: string, value: unknown): { set: number; clear: number; unset: boolean } {
  checkList(path, value);
  if (value.length === 0) throw new UsageError(`${path} is empty: leave it out`);
  const status = { set: 0, clear: 0, unset: false };
  for (const [i, name] of value.entries()) {
    const negated = typeof name === "string" && name.startsWith("!");
    const flag = readFlag(`${path}[${i}]`, negated ? name.slice(1) : name);
    if (negated) status.clear |= flag;
    else status.set |= flag;
  }
  return status;
}

/** A mark, or a value and which of its bits count. */
export function readMark(path: string, value: unknown): { value: number; mask: number } {
  if (typeof value !== "object") return { value: readU32(path, value), mask: U32_MAX };
  const { value: number, mask } = readProperties(path, value, ["value", "mask"]);
  return { value: readU32(`${path}.value`, number), mask: readU32(`${path}.mask`, mask) };
}

/** Labels by name or bit number, or as flows have them. */
export function readLabels(path: string, value: unknown, bits: LabelBits): number[] {
  checkList(path, value);
  if (value.length === 0) throw new UsageError(`${path} is empty: leave it out`);
  return Array.from(value, (label, i) => {
    if (isPlain(label)) return readNumber(`${path}[${i}].bit`, (label as { bit?: unknown }).bit, 0xffff);
    if (typeof label === "number") return readNumber(`${path}[${i}]`, label, 0xffff);
    const bit = typeof label === "string" ? bits(label) : undefined;
    return bit ?? refuse(`${path}[${i}]`, label, "a label of connlabel.conf");
  });
}

/** A translation, or true for whichever. */
export function readTranslation(path: string, value: unknown): NatFilter {
  if (value === true) return {};
  const { address, port } = readSome(path, value, ["address", "port"]);
  const nat: NatFilter = {};
  if (address !== undefined) nat.address = readAddress(`${path}.address`, address);
  if (port !== undefined) nat.port = readU16(`${path}.port`, port);
  return nat;
}

/** The properties of a tuple besides its addresses. */
export const TUPLE_PROPERTIES = ["src", "dst", "sport", "dport", "srckey", "dstkey", "icmp", "zone"] as const;
const ICMP_PROPERTIES = ["type", "code", "id"] as const;

/** The properties of a tuple, read once. */
export type TupleProperties = Properties<(typeof TUPLE_PROPERTIES)[number]>;

/** All of a tuple but its addresses. GRE's keys take the place of ports. */
export function readPorts(path: string, value: TupleProperties, into: TupleFields): void {
  const { sport, dport, srckey, dstkey, icmp, zone } = value;
  if (sport !== undefined) into.sport = readU16(`${path}.sport`, sport);
  if (dport !== undefined) into.dport = readU16(`${path}.dport`, dport);
  if (srckey !== undefined) into.sport = readU16(`${path}.srckey`, srckey);
  if (dstkey !== undefined) into.dport = readU16(`${path}.dstkey`, dstkey);
  if (zone !== undefined) into.zone = readU16(`${path}.zone`, zone);
  if (icmp === undefined) return;
  const { type, code, id } = readSome(`${path}.icmp`, icmp, ICMP_PROPERTIES);
  if (type !== undefined) into.icmpType = readU8(`${path}.icmp.type`, type);
  if (code !== undefined) into.icmpCode = readU8(`${path}.icmp.code`, code);
  if (id !== undefined) into.icmpId = readU16(`${path}.icmp.id`, id);
}

/** The family of addresses of so many bytes, or that was named; AF_UNSPEC where nothing says one. */
export function commonFamily(path: string, named: number | undefined, ...lengths: (number | undefined)[]): number {
  let family = named ?? C.AF_UNSPEC;
  for (const length of lengths) {
    if (length === undefined) continue;
    const own = length === 4 ? C.AF_INET : C.AF_INET6;
    if (family !== C.AF_UNSPEC && family !== own) throw new UsageError(`${path}: addresses of both families`);
    family = own;
  }
  return family;
}
