/** Filters as callers write them, and what they become: the FlowFilter that the command's options become too. */

import { addressLength, exactly, exactNumber } from "../match/conditions.js";
import type { FlowFilter, TupleMatch } from "../match/filter.js";
import { UsageError } from "../system/errors.js";
import * as L from "./condition-readers.js";
import type { AnyProtocol, AnyState, Family, Flow, Label, Status } from "./flow.js";
import * as V from "./value-readers.js";

/** From `from` to `to`, both included. */
export interface Range<Value> {
  from: Value;
  to: Value;
}

/** At least `min`, at most `max`; one of them may be absent. */
export interface Bounds {
  min?: number | bigint;
  max?: number | bigint;
}

/**
 * What a field must be: an item, one of a list of items, or, in `{ not: … }`, none of them. A field that a flow does not have
 * meets no condition, negated or not.
 */
export type Condition<Item> = Item | readonly Item[] | { not: Item | readonly Item[] };

/** Numbers, and ranges of them: `80`, `[80, { from: 8000, to: 8100 }]`, `{ not: 53 }`. */
export type NumberFilter = Condition<number | Range<number>>;

/** Addresses, and ranges of them, all of one family: `"10.0.0.1"`, `{ from: "10.0.0.1", to: "10.0.0.9" }`. */
export type AddressFilter = Condition<string | Range<string>>;

/** Amounts: exact ones, and what lies between bounds: `{ min: 10_000_000n }`. */
export type AmountFilter = Condition<number | bigint | Bounds>;

/** ICMP's and ICMPv6's fields. */
export interface IcmpFilter {
  type?: NumberFilter;
  code?: NumberFilter;
  id?: NumberFilter;
}

/** What one direction of a flow must be. */
export interface TupleFilter {
  /** Addresses. In `orig` networks too, e.g. "10.0.0.0/8". */
  src?: AddressFilter;
  dst?: AddressFilter;
  sport?: NumberFilter;
  dport?: NumberFilter;
  /** GRE's keys. */
  srckey?: NumberFilter;
  dstkey?: NumberFilter;
  icmp?: IcmpFilter;
  /** The zone of this direction; 0 for one without a zone. */
  zone?: NumberFilter;
}

/** A translation that must have taken place: any, or to this address or port. */
export type TranslationFilter = true | { address?: string; port?: number };

/**
 * What a flow must be to match: all of the properties that are there must hold, and an empty filter matches every flow.
 * It is a plain object. Unknown or undefined properties, empty lists and empty nested objects are refused: a missing
 * condition must not widen the filter.
 *
 * A `Flow` that was listed will do: the flow must still be as it was, but for its counters and times, and for `nat`, `master`,
 * `helper`, `secctx`, `use` and verification tags, which are passed over. To delete or change exactly one known flow, `remove` and
 * `change` are quicker, and do not mind what its state is now.
 */
export interface Filter {
  family?: Family;
  /** By name or number, or as flows have it: `["tcp", "udp"]`. */
  protocol?: Condition<AnyProtocol>;
  orig?: TupleFilter;
  reply?: TupleFilter;
  /** Names of states of `protocol`, which must be a single one then: `["SYN_SENT", "CLOSE_WAIT"]`. */
  state?: Condition<AnyState>;
  /** Flags that are set, and those that are not with `!` in front: `["ASSURED", "!DYING"]`. */
  status?: readonly (Status | `!${Status}`)[];
  /** The mark, or the bits of `mask` of it. */
  mark?: Condition<number | { value: number; mask: number }>;
  secmark?: number;
  /** The zone of both directions; 0 for flows without one. */
  zone?: NumberFilter;
  /** The kernel's id of the entry. */
  id?: Condition<number>;
  /** Seconds that are left, exactly. */
  timeout?: number;
  /** Bytes of both directions together. Flows without counters do not match. */
  bytes?: AmountFilter;
  /** Packets of both directions together. Flows without counters do not match. */
  packets?: AmountFilter;
  /** Whole seconds since the flow began, or, in a destroy event, from its beginning to its end. Flows without a start time do not match. */
  age?: AmountFilter;
  /** Seconds that are left, within bounds. Flows without a timeout do not match. */
  expires?: AmountFilter;
  /** The source is translated. */
  snat?: TranslationFilter;
  /** The destination is translated. */
  dnat?: TranslationFilter;
  /** Either is. */
  nat?: TranslationFilter;
  /** Labels that are all set: names of connlabel.conf, or bit numbers. */
  labels?: readonly (string | number | Label)[];
}

interface Reading {
  path: string;
  filter: FlowFilter;
  /** Whether it is a listed flow that serves as the filter. */
  listed: boolean;
  labelBits: V.LabelBits;
}

type Reader = (reading: Reading, value: unknown, path: string) => void;

/** The numbers of a tuple by their properties, and what is the largest. GRE's keys take the place of ports. */
const TUPLE_NUMBERS = [
  ["sport", "sport", 0xffff],
  ["dport", "dport", 0xffff],
  ["srckey", "sport", 0xffff],
  ["dstkey", "dport", 0xffff],
  ["zone", "zone", 0xffff],
] as const;

const ICMP_NUMBERS = [
  ["type", "icmpType", 0xff],
  ["code", "icmpCode", 0xff],
  ["id", "icmpId", 0xffff],
] as const;

const LISTED_TUPLE_PROPERTIES = [...V.TUPLE_PROPERTIES, ...V.LISTED_DIRECTION_PROPERTIES] as const;

/** One direction; `networks`: whether addresses may have a length. */
function readTuple(path: string, value: unknown, listed: boolean, networks: boolean): TupleMatch {
  const known = listed ? LISTED_TUPLE_PROPERTIES : V.TUPLE_PROPERTIES;
  const properties: V.TupleProperties = V.readSome(path, value, known);
  const match: TupleMatch = {};
  for (const [name, field, max] of TUPLE_NUMBERS) {
    if (properties[name] !== undefined) match[field] = L.readNumbers(`${path}.${name}`, properties[name], max);
  }
  if (properties.icmp !== undefined) {
    const icmp = V.readSome(`${path}.icmp`, properties.icmp, ["type", "code", "id"]);
    for (const [name, field, max] of ICMP_NUMBERS) {
      if (icmp[name] !== undefined) match[field] = L.readNumbers(`${path}.icmp.${name}`, icmp[name], max);
    }
  }
  for (const side of ["src", "dst"] as const) {
    if (properties[side] !== undefined) match[side] = L.readAddresses(`${path}.${side}`, properties[side], networks);
  }
  return match;
}

/** In the order in which they are read: a state is one of a protocol. */
const READERS: { readonly [Name in keyof Filter]-?: Reader } = {
  family({ filter }, value, path) {
    filter.family = V.readFamily(path, value);
  },
  protocol({ filter }, value, path) {
    filter.protonum = L.readEach(path, value, V.readProtocol);
  },
  orig({ filter, listed }, value, path) {
    filter.orig = readTuple(path, value, listed, true);
  },
  reply({ filter, listed }, value, path) {
    filter.reply = readTuple(path, value, listed, false);
  },
  state({ filter }, value, path) {
    const protonum = exactNumber(filter.protonum);
    if (filter.protonum !== undefined && protonum === undefined) {
      throw new UsageError(`${path} needs a single protocol beside it`);
    }
    filter.state = L.readEach(path, value, (path, name) => V.readState(path, name, protonum));
  },
  status({ filter }, value, path) {
    filter.status = V.readStatusFilter(path, value);
  },
  mark({ filter }, value, path) {
    filter.mark = L.readCondition(path, value, V.readMark);
  },
  secmark({ filter }, value, path) {
    filter.secmark = exactly(V.readU32(path, value));
  },
  zone({ filter }, value, path) {
    filter.zone = L.readNumbers(path, value, 0xffff);
  },
  id({ filter }, value, path) {
    filter.id = L.readEach(path, value, V.readU32);
  },
  timeout({ filter }, value, path) {
    filter.timeoutSeconds = exactly(V.readU32(path, value));
  },
  bytes({ filter }, value, path) {
    filter.bytes = L.readAmounts(path, value);
  },
  packets({ filter }, value, path) {
    filter.packets = L.readAmounts(path, value);
  },
  age({ filter }, value, path) {
    filter.ageSeconds = L.readAmounts(path, value);
  },
  expires({ filter }, value, path) {
    filter.expiresSeconds = L.readAmounts(path, value);
  },
  snat({ filter }, value, path) {
    filter.srcNat = V.readTranslation(path, value);
  },
  dnat({ filter }, value, path) {
    filter.dstNat = V.readTranslation(path, value);
  },
  nat({ filter }, value, path) {
    filter.anyNat = V.readTranslation(path, value);
  },
  labels({ filter, labelBits }, value, path) {
    filter.labels = V.readLabels(path, value, labelBits);
  },
};

/** What a listed flow says of itself that is no condition: its time goes on, and its reply shows what is translated. */
const CHANGING = ["timeout", "nat"] as const;

/** Reads a filter. `path` is what messages call it. */
export function readFilter(value: Filter | Flow, labelBits: V.LabelBits, path = "filter"): FlowFilter {
  const listed = V.isListed(value);
  const names = Object.keys(READERS) as (keyof Filter)[];
  const known = listed ? [...names, ...V.LISTED_PROPERTIES, "role" as const] : names;
  const properties: { [Name in keyof Filter]?: unknown } = { ...V.readProperties(path, value, known) };
  // Half a flow, or news of lost events, would match more than one flow.
  if (listed && (properties.orig === undefined || properties.protocol === undefined)) {
    throw new UsageError(`${path}: a listed flow has a protocol and orig`);
  }
  if (listed) for (const name of CHANGING) delete properties[name];
  const reading: Reading = { path, filter: {}, listed, labelBits };
  for (const [name, read] of Object.entries(READERS) as [keyof Filter, Reader][]) {
    if (properties[name] !== undefined) read(reading, properties[name], `${path}.${name}`);
  }
  const { filter } = reading;
  const { orig, reply, srcNat, dstNat, anyNat } = filter;
  const lengths = [
    ...[orig?.src, orig?.dst, reply?.src, reply?.dst].map((condition) => condition && addressLength(condition)),
    ...[srcNat, dstNat, anyNat].map((nat) => nat?.address?.length),
  ];
  filter.family = V.commonFamily(path, filter.family, ...lengths);
  return filter;
}
