/** Filters as callers write them, and what they become: the FlowFilter that the command's options become too. */
import { noTuple, type TupleValues } from "../command/command.js";
import type { FlowFilter } from "../match/filter.js";
import type { Family, Icmp, Protocol, Status } from "./flow.js";
import * as V from "./values.js";

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

/** In the order in which they are read: a state is one of a protocol. */
const READERS: { readonly [Name in keyof Filter]-?: Reader } = {
  family({ filter }, value, path) {
    filter.family = V.readFamily(path, value);
  },
  protocol({ filter }, value, path) {
    filter.protonum = V.readProtocol(path, value);
  },
  orig({ filter }, value, path) {
    const properties = V.readSome(path, value, V.TUPLE_PROPERTIES);
    const tuple = noTuple();
    V.readPorts(path, properties, tuple);
    for (const side of ["src", "dst"] as const) {
      if (properties[side] === undefined) continue;
      const { address, mask } = V.readNetwork(`${path}.${side}`, properties[side]);
      tuple[side] = address;
      if (mask !== undefined) filter[`${side}Mask`] = mask;
    }
    filter.orig = tuple;
  },
  reply({ filter }, value, path) {
    const properties = V.readSome(path, value, V.TUPLE_PROPERTIES);
    const tuple: TupleValues = noTuple();
    V.readPorts(path, properties, tuple);
    for (const side of ["src", "dst"] as const) {
      if (properties[side] !== undefined) tuple[side] = V.readAddress(`${path}.${side}`, properties[side]);
    }
    filter.reply = tuple;
  },
  state({ filter }, value, path) {
    filter.state = V.readState(path, value, filter.protonum);
  },
  status({ filter }, value, path) {
    filter.status = V.readStatusFilter(path, value);
  },
  mark({ filter }, value, path) {
    filter.mark = V.readMark(path, value);
  },
  secmark({ filter }, value, path) {
    filter.secmark = V.readU32(path, value);
  },
  zone({ filter }, value, path) {
    filter.zone = V.readU16(path, value);
  },
  id({ filter }, value, path) {
    filter.id = V.readU32(path, value);
  },
  timeout({ filter }, value, path) {
    filter.timeoutSeconds = V.readU32(path, value);
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
  const nats = [srcNat?.address, dstNat?.address, anyNat?.address];
  filter.family = V.commonFamily(path, filter.family, orig?.src, orig?.dst, reply?.src, reply?.dst, ...nats);
  return filter;
}
