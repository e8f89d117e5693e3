/** Filters as callers write them, and what they become: the FlowFilter that the command's options become too. */

import type { TupleFields } from "../ctnetlink/encode.js";
import { addressLength, exactly, exactNumber, inNetwork, markedWith } from "../match/conditions.js";
import type { FlowFilter, TupleMatch } from "../match/filter.js";
import type { Family, Icmp, Protocol, Status } from "./flow.js";
import * as V from "./value-readers.js";

/** What one direction of a flow must be. */
export interface TupleFilter {
  /** An address. In `orig` a network too, e.g. "10.0.0.0/8". */
  src?: string;
  dst?: string;
  sport?: number;
  dport?: number;
  /** GRE's keys. */
  srckey?: number;
  dstkey?: number;
  icmp?: Icmp;
  /** The zone of this direction; 0 for one without a zone. */
  zone?: number;
}

/** A translation that must have taken place: any, or to this address or port. */
export type TranslationFilter = true | { address?: string; port?: number };

/**
 * What a flow must be to match: all of the properties that are there must hold, and an empty filter matches every flow.
 * It is a plain object. Unknown or undefined properties, empty lists and empty nested objects are refused: a missing
 * condition must not widen the filter.
 */
export interface Filter {
  family?: Family;
  /** By name or number, or as flows have it. */
  protocol?: string | number | Protocol;
  orig?: TupleFilter;
  reply?: TupleFilter;
  /** The name of a state of `protocol`, which must be there then. */
  state?: string;
  /** Flags that are set, and those that are not with `!` in front: `["ASSURED", "!DYING"]`. */
  status?: readonly (Status | `!${Status}`)[];
  /** The mark, or the bits of `mask` of it. */
  mark?: number | { value: number; mask: number };
  secmark?: number;
  /** The zone of both directions; 0 for flows without one. */
  zone?: number;
  /** The kernel's id of the entry. */
  id?: number;
  /** Seconds that are left. */
  timeout?: number;
  /** The source is translated. */
  snat?: TranslationFilter;
  /** The destination is translated. */
  dnat?: TranslationFilter;
  /** Either is. */
  nat?: TranslationFilter;
  /** Labels that are all set: names of connlabel.conf, or bit numbers. */
  labels?: readonly (string | number)[];
}

interface Reading {
  path: string;
  filter: FlowFilter;
  labelBits: V.LabelBits;
}

type Reader = (reading: Reading, value: unknown, path: string) => void;

/** One direction; `readNetwork` reads an address, or a network where one may stand. */
function readTuple(path: string, value: unknown, readNetwork: typeof V.readNetwork): TupleMatch {
  const properties = V.readSome(path, value, V.TUPLE_PROPERTIES);
  const ports: TupleFields = {};
  V.readPorts(path, properties, ports);
  const match: TupleMatch = Object.fromEntries(
    Object.entries(ports).map(([name, one]) => [name, exactly(one as number)]),
  );
  for (const side of ["src", "dst"] as const) {
    if (properties[side] === undefined) continue;
    const { address, mask } = readNetwork(`${path}.${side}`, properties[side]);
    match[side] = inNetwork(address, mask);
  }
  return match;
}

/** In the order in which they are read: a state is one of a protocol. */
const READERS: { readonly [Name in keyof Filter]-?: Reader } = {
  family({ filter }, value, path) {
    filter.family = V.readFamily(path, value);
  },
  protocol({ filter }, value, path) {
    filter.protonum = exactly(V.readProtocol(path, value));
  },
  orig({ filter }, value, path) {
    filter.orig = readTuple(path, value, V.readNetwork);
  },
  reply({ filter }, value, path) {
    filter.reply = readTuple(path, value, (path, value) => ({ address: V.readAddress(path, value) }));
  },
  state({ filter }, value, path) {
    filter.state = exactly(V.readState(path, value, exactNumber(filter.protonum)));
  },
  status({ filter }, value, path) {
    filter.status = V.readStatusFilter(path, value);
  },
  mark({ filter }, value, path) {
    const { value: number, mask } = V.readMark(path, value);
    filter.mark = markedWith(number, mask);
  },
  secmark({ filter }, value, path) {
    filter.secmark = exactly(V.readU32(path, value));
  },
  zone({ filter }, value, path) {
    filter.zone = exactly(V.readU16(path, value));
  },
  id({ filter }, value, path) {
    filter.id = exactly(V.readU32(path, value));
  },
  timeout({ filter }, value, path) {
    filter.timeoutSeconds = exactly(V.readU32(path, value));
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

/** Reads a filter. `path` is what messages call it. */
export function readFilter(value: Filter, labelBits: V.LabelBits, path = "filter"): FlowFilter {
  const properties = V.readProperties(path, value, Object.keys(READERS) as (keyof Filter)[]);
  const reading: Reading = { path, filter: {}, labelBits };
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
