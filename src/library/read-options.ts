/** Bags of options as callers hand them in: nothing unknown, and every value of its type. */
import { EVENT_NAMES } from "../ctnetlink/events.js";
import { UsageError } from "../system/errors.js";
import type { Sort } from "../tally/names.js";
import { entryOrder } from "../tally/order.js";
import type * as O from "./options.js";
import * as V from "./value-readers.js";

export const TABLES = ["conntrack", "expect"] as const satisfies readonly O.TableName[];
export const FLOW_TABLES = ["conntrack", "dying", "unconfirmed"] as const;

/** These may be undefined, for a caller to pass on what it was given itself: no result depends on them. */
const OPTIONAL = ["signal", "onInterrupted", "onResult"] as const;

function readSignal(value: unknown): O.StopSignal | undefined {
  const isSignal = value === undefined || typeof (value as O.StopSignal | null)?.throwIfAborted === "function";
  return isSignal ? (value as O.StopSignal | undefined) : V.refuse("options.signal", value, "an AbortSignal");
}

function readCallback<Callback>(name: string, value: unknown): Callback | undefined {
  if (value === undefined || typeof value === "function") return value as Callback | undefined;
  return V.refuse(`options.${name}`, value, "a function");
}

/** Of work that can be stopped, and takes no other options. */
export function readStoppable(options: unknown): O.StopSignal | undefined {
  return readSignal(V.readProperties("options", options, ["signal"], OPTIONAL).signal);
}

/** Whether an existing flow is no error. */
export function readCreateOptions(options: unknown): boolean {
  const { ifAbsent } = V.readProperties("options", options, ["ifAbsent"]);
  return ifAbsent === undefined ? false : V.readBoolean("options.ifAbsent", ifAbsent);
}

export function readBulkOptions<Item>(
  options: unknown,
): Pick<O.BulkOptions<Item>, "onResult"> & { signal: O.StopSignal | undefined } {
  const { signal, onResult } = V.readProperties("options", options, ["signal", "onResult"], OPTIONAL);
  const callback = readCallback<(result: O.ItemResult<Item>) => void>("onResult", onResult);
  return { signal: readSignal(signal), ...(callback && { onResult: callback }) };
}

/** What many flows are taken from. */
export function checkIterable(path: string, value: unknown): void {
  const iterable =
    typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
  if (!iterable) V.refuse(path, value, "iterable");
}

export interface ListWork {
  signal: O.StopSignal | undefined;
  onInterrupted: (() => void) | undefined;
}

/** The properties of a bag of options, of which those in OPTIONAL may be undefined. */
export function readOptional<Name extends string>(options: unknown, known: readonly Name[]): V.Properties<Name> {
  return V.readProperties("options", options, known, OPTIONAL);
}

export function readListWork({ signal, onInterrupted }: V.Properties<"signal" | "onInterrupted">): ListWork {
  return { signal: readSignal(signal), onInterrupted: readCallback("onInterrupted", onInterrupted) };
}

/** KEY, KEY:asc or KEY:desc. `wanted` is what the message says of one that does not fit. */
export function readSort(value: unknown, fits: (sort: Sort) => boolean, wanted: string): Sort {
  const [, key, direction] = typeof value === "string" ? (/^(.*?)(?::(asc|desc))?$/.exec(value) ?? []) : [];
  const sort: Sort = { key: key ?? "", ...(direction === undefined ? {} : { direction: direction as "asc" | "desc" }) };
  return fits(sort) ? sort : V.refuse("options.sort", value, wanted);
}

export function readLimit(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  return V.readNumber("options.limit", value, Number.MAX_SAFE_INTEGER) || V.refuse("options.limit", value, "1 or more");
}

export interface ListedWork extends ListWork {
  table: (typeof FLOW_TABLES)[number];
  sort: Sort | undefined;
  limit: number | undefined;
  zero: boolean;
}

export function readListOptions(options: unknown): ListedWork {
  const known = ["table", "sort", "limit", "zero", "signal", "onInterrupted"] as const;
  const { table = "conntrack", sort, limit, zero = false, ...work } = readOptional(options, known);
  return {
    table: V.readName("options.table", table, FLOW_TABLES),
    sort:
      sort === undefined
        ? undefined
        : readSort(sort, (one) => entryOrder(one) !== undefined, "what flows can be sorted by"),
    limit: readLimit(limit),
    zero: V.readBoolean("options.zero", zero),
    ...readListWork(work),
  };
}

/** The kernel zeroes what it sends, whatever is done with it here: nothing may be left out of what it sends. */
export function checkZeroing(filter: object, table: ListedWork["table"], limit: number | undefined): void {
  if (Object.keys(filter).some((name) => name !== "family")) {
    throw new UsageError("options.zero: the kernel zeroes all flows of a family, so the filter can say nothing else");
  }
  if (table !== "conntrack") throw new UsageError(`options.zero: not in the table ${table}`);
  if (limit !== undefined) throw new UsageError("options.zero: not with a limit");
}

/** The family is AF_INET, AF_INET6, or 0 for both. */
export function readExpectationOptions(options: unknown): ListWork & { family: number } {
  const { family, ...work } = readOptional(options, ["family", "signal", "onInterrupted"]);
  return { family: family === undefined ? 0 : V.readFamily("options.family", family), ...readListWork(work) };
}

export interface FollowWork {
  types: readonly O.EventName[];
  signal: O.StopSignal | undefined;
  programs: boolean;
}

function readTypes(value: unknown): readonly O.EventName[] {
  V.checkList("options.types", value);
  if (value.length === 0) throw new UsageError("options.types is empty: leave it out");
  return Array.from(value, (type, i) => V.readName(`options.types[${i}]`, type, EVENT_NAMES));
}

/** The filter is read by who knows the names of labels; undefined where there is none. */
export function readEventOptions(options: unknown, withFilter: boolean): FollowWork & { filter: unknown } {
  const known = ["types", "signal", "programs", ...(withFilter ? (["filter"] as const) : [])] as const;
  const { types, signal, programs, filter } = V.readProperties<"types" | "signal" | "programs" | "filter">(
    "options",
    options,
    known,
    OPTIONAL,
  );
  return {
    types: types === undefined ? EVENT_NAMES : readTypes(types),
    signal: readSignal(signal),
    programs: programs === undefined ? false : V.readBoolean("options.programs", programs),
    filter,
  };
}

export interface OpenWork {
  network: string | number | { fd: number } | undefined;
  receiveBufferBytes: number | undefined;
  labelMap: string | undefined;
}

function readNetwork(value: unknown): string | number | { fd: number } {
  if (typeof value === "string") return value;
  if (typeof value !== "object") return V.readU32("options.network", value);
  const { fd } = V.readProperties("options.network", value, ["fd"]);
  return { fd: V.readNumber("options.network.fd", fd, 0x7fffffff) };
}

/** A network that was lost on the way must not become the own one. */
export function readOpenOptions(options: unknown): OpenWork {
  const known = ["network", "receiveBufferBytes", "labelMap"] as const;
  const { network, receiveBufferBytes, labelMap } = V.readProperties("options", options, known);
  return {
    network: network === undefined ? undefined : readNetwork(network),
    receiveBufferBytes:
      receiveBufferBytes === undefined
        ? undefined
        : V.readNumber("options.receiveBufferBytes", receiveBufferBytes, 0x7fffffff),
    labelMap:
      labelMap === undefined || typeof labelMap === "string"
        ? labelMap
        : V.refuse("options.labelMap", labelMap, "a path"),
  };
}
