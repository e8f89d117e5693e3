/** Readers of conditions: one item, a list of items, or `{ not: … }` of either. An empty list is refused. */
import {
  type AddressCondition,
  type AddressRange,
  addressSet,
  compareAddresses,
  type Network,
  type NumberCondition,
  type NumberRange,
  numberSet,
} from "../match/conditions.js";
import { UsageError } from "../system/errors.js";
import * as V from "./value-readers.js";

interface Condition<Item> {
  items: Item[];
  not: boolean;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** A condition whose items `readItem` reads. */
export function readCondition<Item>(
  path: string,
  value: unknown,
  readItem: (path: string, value: unknown) => Item,
): Condition<Item> {
  const not = isObject(value) && !Array.isArray(value) && Object.hasOwn(value, "not");
  const wanted = not ? V.readProperties(path, value, ["not"]).not : value;
  const place = not ? `${path}.not` : path;
  if (!Array.isArray(wanted)) return { items: [readItem(place, wanted)], not };
  // Array.from reads the holes of a list too, as undefined.
  const items = Array.from(wanted, (item, i) => readItem(`${place}[${i}]`, item));
  if (items.length === 0) throw new UsageError(`${place} is empty: leave it out`);
  return { items, not };
}

/** The same of single numbers. */
export function readEach(
  path: string,
  value: unknown,
  readItem: (path: string, value: unknown) => number,
): NumberCondition {
  const { items, not } = readCondition(path, value, (path, item) => {
    const number = readItem(path, item);
    return { from: number, to: number };
  });
  return numberSet(items, not);
}

function inOrder<Value>(path: string, from: Value, to: Value, holds: boolean): { from: Value; to: Value } {
  if (!holds) throw new UsageError(`${path}: it ends before it begins`);
  return { from, to };
}

/** Numbers from 0 to `max`, and ranges of them. */
export function readNumbers(path: string, value: unknown, max: number): NumberCondition {
  const { items, not } = readCondition(path, value, (path, item): NumberRange => {
    if (!isObject(item) || Array.isArray(item)) {
      const number = V.readNumber(path, item, max);
      return { from: number, to: number };
    }
    const properties = V.readProperties(path, item, ["from", "to"]);
    const from = V.readNumber(`${path}.from`, properties.from, max);
    const to = V.readNumber(`${path}.to`, properties.to, max);
    return inOrder(path, from, to, from <= to);
  });
  return numberSet(items, not);
}

/** A whole number, as such or as a bigint, up to 2^53 - 1. */
function readAmount(path: string, value: unknown): number {
  const number = typeof value === "bigint" && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  return V.readNumber(path, number, Number.MAX_SAFE_INTEGER);
}

/** Amounts, and bounds for them. */
export function readAmounts(path: string, value: unknown): NumberCondition {
  const { items, not } = readCondition(path, value, (path, item): NumberRange => {
    if (!isObject(item) || Array.isArray(item)) {
      const number = readAmount(path, item);
      return { from: number, to: number };
    }
    const { min, max } = V.readSome(path, item, ["min", "max"]);
    const from = min === undefined ? 0 : readAmount(`${path}.min`, min);
    const to = max === undefined ? Number.POSITIVE_INFINITY : readAmount(`${path}.max`, max);
    return inOrder(path, from, to, from <= to);
  });
  return numberSet(items, not);
}

/** Addresses and ranges of them, and networks where they may be; all of one family. */
export function readAddresses(path: string, value: unknown, networks: boolean): AddressCondition {
  const { items, not } = readCondition(path, value, (path, item): Network | AddressRange => {
    if (isObject(item) && !Array.isArray(item)) {
      const properties = V.readProperties(path, item, ["from", "to"]);
      const from = V.readAddress(`${path}.from`, properties.from);
      const to = V.readAddress(`${path}.to`, properties.to);
      V.commonFamily(path, undefined, from.length, to.length);
      return inOrder(path, from, to, compareAddresses(from, to) <= 0);
    }
    return networks ? V.readNetwork(path, item) : { address: V.readAddress(path, item) };
  });
  V.commonFamily(path, undefined, ...items.map((item) => ("from" in item ? item.from : item.address).length));
  return addressSet(items, not);
}
