/**
 * Values that filter by more than one thing: `80,443,8000-8100`, `!10.0.0.0/8`. What cannot be read is refused in the words for
 * a single value.
 */
import type { AddressCondition, MarkCondition, Network, NumberCondition, NumberRange } from "../match/conditions.js";
import { type AddressRange, addressSet, compareAddresses, numberSet } from "../match/conditions.js";
import type { Protocol } from "../protocol/protocols.js";
import { UsageError } from "../system/errors.js";
import { parseAddress } from "../system/inet.js";
import { parseDecimal, parseUnsigned, U32_MAX } from "../system/numbers.js";
import type { Draft } from "./draft.js";
import * as V from "./value-readers.js";

interface List<Item> {
  items: Item[];
  not: boolean;
}

/** ["!"] ITEM["," ITEM]…: `read` makes an item of its text. The exclamation mark stands for the whole list. */
function readItems<Item>(text: string, read: (item: string) => Item): List<Item> {
  const not = text.startsWith("!");
  const items = (not ? text.slice(1) : text).split(",").map((item) => {
    if (item.startsWith("!")) throw new UsageError(`only a whole list can be negated: \`${text}'`);
    return read(item);
  });
  return { items, not };
}

function backwards(item: string): never {
  return V.invalid("range", item);
}

interface Numbers {
  /** A whole item; tried before the item is taken for a range, for names may hold a hyphen. */
  one(text: string): number | undefined;
  /** An end of a range; absent where there are no ranges. */
  end?(text: string): number | undefined;
  /** What an end is where it is left out; absent where it must be there. */
  least?: number;
  most?: number;
  fail(): never;
}

/** N, N-M, and N- and -M where ends may be left out. */
function readNumbers(text: string, { one, end, least, most, fail }: Numbers): NumberCondition {
  const { items, not } = readItems(text, (item): NumberRange => {
    const value = one(item);
    if (value !== undefined) return { from: value, to: value };
    const dash = item.indexOf("-");
    if (end === undefined || dash < 0 || item.length === 1) return fail();
    const [low, high] = [item.slice(0, dash), item.slice(dash + 1)];
    const from = low === "" ? least : end(low);
    const to = high === "" ? most : end(high);
    if (from === undefined || to === undefined) return fail();
    return from <= to ? { from, to } : backwards(item);
  });
  return numberSet(items, not);
}

const UNITS: Readonly<Record<string, number>> = {
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** A whole number with a unit, or without one, up to 2^53 - 1. */
function parseSize(text: string): number | undefined {
  const [, digits = "", unit] = /^(\d+)([kMGT]|[KMGT]i)?$/.exec(text) ?? [];
  const number = parseDecimal(digits, Number.MAX_SAFE_INTEGER);
  return number === undefined ? undefined : safe(number * (unit === undefined ? 1 : UNITS[unit]!));
}

const safe = (number: number) => (number <= Number.MAX_SAFE_INTEGER ? number : undefined);

/** Seconds: `90`, `30s`, `1h30m`, `2d`. */
function parseSeconds(text: string): number | undefined {
  const plain = parseDecimal(text, Number.MAX_SAFE_INTEGER);
  if (plain !== undefined) return plain;
  const [all, ...parts] = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
  if (!all) return undefined;
  const [days, hours, minutes, seconds] = parts.map((digits) => Number(digits ?? 0));
  return safe(days! * 86_400 + hours! * 3600 + minutes! * 60 + seconds!);
}

const ranges = (text: string, parse: (text: string) => number | undefined): NumberCondition =>
  readNumbers(text, {
    one: parse,
    end: parse,
    least: 0,
    most: Number.POSITIVE_INFINITY,
    fail: () => V.invalid("range", text),
  });

/** --bytes, --packets. */
export const readSizes = (text: string): NumberCondition => ranges(text, parseSize);

/** --age, --expires, in seconds. */
export const readTimes = (text: string): NumberCondition => ranges(text, parseSeconds);

export function readPorts(draft: Draft, text: string, protocols: readonly Protocol[]): NumberCondition {
  return readNumbers(text, {
    one: (item) => V.parsePort(draft, item, protocols),
    end: (item) => parseDecimal(item, 0xffff),
    most: 0xffff,
    fail: () => V.invalid("port", text),
  });
}

export function readKeys(text: string): NumberCondition {
  const parse = (item: string) => parseUnsigned(item, 0xffff);
  return readNumbers(text, { one: parse, end: parse, fail: () => V.invalid("GRE key", text) });
}

/** ICMP's types and codes; `what` is the message's word. */
export function readDecimals(text: string, what: string, max: number): NumberCondition {
  const parse = (item: string) => parseDecimal(item, max);
  return readNumbers(text, { one: parse, end: parse, fail: () => V.invalid(what, text) });
}

/** Numbers in any of C's bases. `letter` is the option as the message shows it. */
export function readZones(text: string, letter: string): NumberCondition {
  const parse = (item: string) => parseUnsigned(item, 0xffff);
  return readNumbers(text, { one: parse, end: parse, fail: () => V.unexpected(text, letter) });
}

export function readIds(text: string): NumberCondition {
  return readNumbers(text, { one: (item) => parseUnsigned(item, U32_MAX), fail: () => V.unexpected(text, "i") });
}

export function readStates(protocol: Protocol, text: string): NumberCondition {
  return readNumbers(text, {
    one: (item) => V.parseState(protocol, item),
    fail: () => V.unknownState(protocol, text),
  });
}

export function readProtocols(draft: Draft, text: string): NumberCondition {
  return readNumbers(text, { one: (item) => V.parseProtocol(draft, item), fail: () => V.unsupported(text) });
}

export function readMarks(text: string): MarkCondition {
  return readItems(text, (item) => V.parseMark(item) ?? V.unexpected(text, "m"));
}

/** Addresses, networks and ranges `A-B`, all of one family. Without `networks`, `option` takes no ADDRESS/LENGTH. */
export function readAddresses(draft: Draft, text: string, option: string, networks: boolean): AddressCondition {
  const parse = (item: string) => {
    const address = parseAddress(item) ?? V.invalid("IP address", text);
    V.useFamily(draft, address);
    return address;
  };
  const { items, not } = readItems(text, (item): Network | AddressRange => {
    const slash = item.indexOf("/");
    const dash = item.indexOf("-");
    if (slash >= 0) {
      const address = parse(item.slice(0, slash));
      if (!networks) V.refuseLength(option);
      const mask = V.readLength(item.slice(slash + 1), address);
      return mask === undefined ? { address } : { address, mask };
    }
    if (dash < 0) return { address: parse(item) };
    const [from, to] = [parse(item.slice(0, dash)), parse(item.slice(dash + 1))];
    return compareAddresses(from, to) <= 0 ? { from, to } : backwards(item);
  });
  return addressSet(items, not);
}
