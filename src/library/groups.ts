/** Groups of flows for programs: what `conntrack.groups` takes and gives. */
import { UsageError } from "../system/errors.js";
import { type Field, fieldByName } from "../tally/fields.js";
import type { FIELD_NAMES, GROUP_SORT_NAMES, Sort } from "../tally/names.js";
import { canSortGroups } from "../tally/order.js";
import type { Filter } from "./filter.js";
import type { Family, Label, Protocol, Status } from "./flow.js";
import type { Stoppable } from "./options.js";
import { type ListWork, readLimit, readListWork, readOptional, readSort } from "./read-options.js";
import * as V from "./value-readers.js";

type AddressField = "src" | "dst" | "reply-src" | "reply-dst" | "snat" | "dnat";

/**
 * What flows are grouped by: the command's `--group-by`. An address may have a length, as in "src/24": up to 32 it is that of IPv4
 * networks, and IPv6 addresses are grouped by /64; above, it is that of IPv6 networks, and IPv4 addresses are grouped whole.
 */
export type GroupField = (typeof FIELD_NAMES)[number] | `${AddressField}/${number}`;

/** What groups are sorted by: one of their fields, or a sum. */
export type GroupSort = GroupField | (typeof GROUP_SORT_NAMES)[number];

/** Which groups `groups` yields, and in which order. */
export interface GroupOptions extends Stoppable {
  /** The fields that the flows of a group have in common; one at least, each once. */
  by: readonly GroupField[];
  /** Which flows count; all of them where absent. */
  filter?: Filter;
  /** The order: "flows" where absent. Numbers begin with the largest, names with A, unless ":asc" or ":desc" says otherwise. */
  sort?: GroupSort | `${GroupSort}:asc` | `${GroupSort}:desc`;
  /** How many groups at most. */
  limit?: number;
  /** The table; "dying" holds flows that are no longer in the main one. */
  table?: "conntrack" | "dying";
  /** As for `list`. */
  onInterrupted?: () => void;
}

/** The fields of a group, under their names without a length. One that its flows do not have is absent. */
export interface GroupKey {
  family?: Family;
  protocol?: Protocol;
  state?: string;
  /** An address, or with a length a network: "10.0.0.0/24". The other addresses are alike. */
  src?: string;
  dst?: string;
  sport?: number;
  dport?: number;
  "reply-src"?: string;
  "reply-dst"?: string;
  /** What the source became, where it is translated. */
  snat?: string;
  /** What the destination became, where it is translated. */
  dnat?: string;
  /** What is translated; empty where nothing is. */
  nat?: ("snat" | "dnat")[];
  mark?: number;
  /** 0 where the kernel named none. */
  zone?: number;
  label?: Label[];
  helper?: string;
  status?: Status[];
}

/** Packets and bytes of a group's flows. */
export interface GroupCounters {
  packets: bigint;
  bytes: bigint;
}

/**
 * Flows that have some fields in common, and their sums. `toJson` makes of it the line that `conntrack -L --group-by … -o json`
 * prints. The counters are absent where no flow of the group has any.
 */
export interface Group {
  group: GroupKey;
  /** How many flows there are. */
  flows: number;
  /** Of how many no packet of the reply direction was seen. */
  unreplied: number;
  /** Of both directions together. */
  packets?: bigint;
  bytes?: bigint;
  orig?: GroupCounters;
  reply?: GroupCounters;
}

const TABLES = ["conntrack", "dying"] as const;

export interface GroupWork extends ListWork {
  by: readonly Field[];
  filter: unknown;
  sort: Sort;
  limit: number | undefined;
  table: (typeof TABLES)[number];
}

function readFields(value: unknown): readonly Field[] {
  V.checkList("options.by", value);
  if (value.length === 0) throw new UsageError("options.by is empty: name a field");
  const fields = Array.from(value, (name, i) => {
    const field = typeof name === "string" ? fieldByName(name) : undefined;
    return field ?? V.refuse(`options.by[${i}]`, name, "a field");
  });
  const twice = fields.find(({ base }, i) => fields.findIndex((other) => other.base === base) < i);
  if (twice !== undefined) throw new UsageError(`options.by: "${twice.base}" is there twice`);
  return fields;
}

export function readGroupOptions(options: unknown): GroupWork {
  const known = ["by", "filter", "sort", "limit", "table", "signal", "onInterrupted"] as const;
  const { by, filter = {}, sort, limit, table = "conntrack", ...work } = readOptional(options, known);
  const fields = readFields(by);
  return {
    by: fields,
    filter,
    sort:
      sort === undefined
        ? { key: "flows" }
        : readSort(sort, (one) => canSortGroups(one, fields), "what these groups can be sorted by"),
    limit: readLimit(limit),
    table: V.readName("options.table", table, TABLES),
    ...readListWork(work),
  };
}
