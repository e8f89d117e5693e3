/** Reading the table: the beginning of a dump, or all of it, in parts small enough to answer keys in between. */
import * as C from "../ctnetlink/constants.js";
import { bytes64, fieldSet, MOST_64, numberBytes } from "../ctnetlink/fields.js";
import { HEADERS } from "../ctnetlink/schema.js";
import * as S from "../ctnetlink/slots.js";
import { type Counter, FlowView } from "../ctnetlink/view.js";
import { dumpFlowParts } from "../match/dump.js";
import { compileFilter, type FlowFilter } from "../match/filter.js";
import type { NetlinkConnection } from "../netlink/connection.js";
import { type Field, fieldByName } from "../tally/fields.js";
import { type Bounds, GroupTable } from "../tally/group-table.js";
import type { Sum } from "../tally/sums.js";
import * as sums from "../tally/sums.js";
import type { Repeater } from "../trace/repeater.js";
import type { FlowMemory } from "./flow-memory.js";
import { Traits } from "./frequent.js";

/** What to read, and how it is grouped. */
export interface PassRequest {
  readonly filter: FlowFilter;
  /** No field: flows for themselves. */
  readonly by: readonly Field[];
  /** By what the flows that are kept are the largest. */
  readonly flowKey: FlowSort;
  /** Whether to count what the flows of each group have most often. */
  readonly countsTraits?: boolean;
}

/** What flows can be sorted by. */
export type FlowSort = "up" | "down" | "bytes" | "age" | "expires";

/** What only passes add to, by what is remembered of each flow. */
const growth = (name: string): Sum => ({ name, counts: () => false });

/** The sums of a group, and where they stand in a group's table. */
export const GROUP_SUMS = [
  sums.FLOWS,
  sums.UNREPLIED,
  sums.ORIG_BYTES,
  sums.REPLY_BYTES,
  sums.COUNTED,
  // Since the last full pass: bytes of each direction, and flows that are new.
  growth("up"),
  growth("down"),
  growth("fresh"),
  sums.OLDEST,
] as const;
export const SUM = { flows: 0, unreplied: 1, orig: 2, reply: 3, counted: 4, up: 5, down: 6, fresh: 7, age: 8 } as const;
const KIND_SUMS = [sums.FLOWS, sums.UNREPLIED, sums.UNASSURED] as const;
export const KIND_SUM = { flows: 0, unreplied: 1, unassured: 2 } as const;

/** A flow that a pass has kept: a copy of its message, and the bytes since the last pass. */
export interface KeptFlow {
  readonly message: Uint8Array;
  readonly up: number;
  readonly down: number;
}

/** What a pass has found. */
export interface Pass {
  /** Whether it has read the whole table. */
  readonly isFull: boolean;
  /** When it began, in microseconds since 1970. */
  readonly startMicros: number;
  /** Entries that were read, and those of them that match. With the kernel's filter it sends no others. */
  readonly read: number;
  readonly matching: number;
  readonly groups: GroupTable;
  /** By protocol and state. */
  readonly kinds: GroupTable;
  /** What the flows of each group have most often; undefined where that was not counted. */
  readonly traits: Traits | undefined;
  /** How long ago the full pass before it began: what has grown has grown since. Undefined where there was none. */
  readonly rateSeconds: number | undefined;
  /** The largest flows; none where there are groups. */
  readonly flows: readonly KeptFlow[];
}

/**
 * The groups that a screen chooses from. Of a million groups two tables are there at a time and one is being made, so each is
 * bounded: so many rows take 3.5 MB.
 */
export const SCREEN_BOUNDS: Bounds = { most: 32_768, kept: 16_384 };

/** Flows that are kept: more than any screen shows. */
const MOST_FLOWS = 500;

const ORIG_BYTES = S.COUNTERS_ORIG + C.CTA_COUNTERS_BYTES;
const REPLY_BYTES = S.COUNTERS_REPLY + C.CTA_COUNTERS_BYTES;
const START = S.TIMESTAMP + C.CTA_TIMESTAMP_START;
const TIMEOUT = S.TOP + C.CTA_TIMEOUT;

/** What a flow is worth by a key; -1 where nothing says it. `memory` has just noted it. */
function worthOf(key: FlowSort, view: FlowView, memory: FlowMemory): number {
  switch (key) {
    case "up":
      return memory.up;
    case "down":
      return memory.down;
    case "bytes":
      return view.has(ORIG_BYTES) && view.has(REPLY_BYTES) ? Number(view.u64(ORIG_BYTES) + view.u64(REPLY_BYTES)) : -1;
    case "age":
      return view.has(START) ? BEGINNING - Number(view.u64(START)) : -1;
    case "expires":
      return view.has(TIMEOUT) ? view.u32(TIMEOUT) : -1;
  }
}

/** Ages are counted from a time to come, so that older flows are worth more and all of them something. */
const BEGINNING = 2 ** 63;

/** The first attribute is the original tuple, which no other flow of the same zone has, and addresses are in front there. */
function compareAttributes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = HEADERS; at < length; at++) {
    if (a[at] !== b[at]) return a[at]! - b[at]!;
  }
  return a.length - b.length;
}

/** Keeps the flows with the largest values. */
class LargestFlows {
  readonly #key: FlowSort;
  readonly #memory: FlowMemory;
  readonly #kept: (KeptFlow & { value: number })[] = [];
  /** Whether a flow is worth no more than the last of those that are kept; undefined while there is room. */
  #isBelow: ((view: FlowView) => boolean) | undefined;

  constructor(key: FlowSort, memory: FlowMemory) {
    this.#key = key;
    this.#memory = memory;
  }

  /** Whether a flow is worth too little. To be asked before the flow is noted. */
  isBelow(view: FlowView): boolean {
    return this.#isBelow?.(view) ?? false;
  }

  /** Keeps a flow that was just noted. */
  keep(view: FlowView): void {
    const { up, down } = this.#memory;
    const value = worthOf(this.#key, view, this.#memory);
    this.#kept.push({ message: view.message().slice(), up, down, value });
    if (this.#kept.length >= 2 * MOST_FLOWS) {
      this.#drop();
      this.#isBelow = this.#below(this.#kept.at(-1)!.value);
    }
  }

  /** The largest first; equal ones in the order of their addresses, so that it is the same from pass to pass. */
  end(): readonly KeptFlow[] {
    this.#drop();
    return this.#kept.sort((a, b) => b.value - a.value || compareAttributes(a.message, b.message));
  }

  #drop(): void {
    this.#kept.sort((a, b) => b.value - a.value);
    this.#kept.length = Math.min(this.#kept.length, MOST_FLOWS);
  }

  #below(least: number): (view: FlowView) => boolean {
    if (this.#key === "up" || this.#key === "down") {
      const direction = this.#key;
      this.#memory.least = Math.max(0, least);
      return (view) => this.#memory.isBelow(view, direction);
    }
    if (least < 0) return (view) => worthOf(this.#key, view, this.#memory) < 0;
    if (this.#key === "bytes") {
      const set = fieldSet(8, [{ from: bytes64(0n), to: bytes64(BigInt(least)) }]);
      return (view) => !view.has(ORIG_BYTES) || !view.has(REPLY_BYTES) || view.isSumIn(ORIG_BYTES, REPLY_BYTES, set);
    }
    if (this.#key === "age") {
      const set = fieldSet(8, [{ from: bytes64(BigInt(BEGINNING - least)), to: bytes64(MOST_64) }]);
      return (view) => !view.has(START) || view.isIn(START, set);
    }
    const set = fieldSet(4, [{ from: numberBytes(0, 4), to: numberBytes(least, 4) }]);
    return (view) => !view.has(TIMEOUT) || view.isIn(TIMEOUT, set);
  }
}

/** By what an entry of the header goes. */
const kindFields = () => [fieldByName("protocol")!, fieldByName("state")!];

/** What a full pass works with. */
export interface FullPass {
  readonly memory: FlowMemory;
  /** About how many flows it will find. */
  readonly expected: number;
  /** Of its groups. */
  readonly bounds: Bounds;
  /** When the full pass before it began; undefined for the first one of this filter. */
  readonly lastStartMicros: number | undefined;
}

/** What a pass does its work with. */
export interface PassTools {
  nowMicros(): number;
  /** Does messages that are like one before; undefined where nothing does. */
  repeater(): Repeater | undefined;
}

class Figures {
  readonly groups: GroupTable;
  readonly kinds = new GroupTable(kindFields(), KIND_SUMS);
  readonly traits: Traits | undefined;
  readonly matching: Counter = { count: 0 };

  constructor({ by, countsTraits }: Omit<PassRequest, "filter" | "flowKey">, bounds: Bounds = {}) {
    this.traits = countsTraits && by.length > 0 ? new Traits(by) : undefined;
    this.groups = new GroupTable(by, GROUP_SUMS, bounds);
  }

  /** Adds a flow. The row of its group is the one that was entered last. */
  add(view: FlowView): void {
    view.count(this.matching);
    this.kinds.add(view);
    this.traits?.add(view);
    this.groups.add(view);
  }
}

/** What a full pass adds up: rates too, and the largest flows where they are not grouped. */
export class FullFigures extends Figures {
  readonly #memory: FlowMemory;
  readonly #largest: LargestFlows | undefined;

  constructor(request: Omit<PassRequest, "filter">, memory: FlowMemory, bounds: Bounds = {}) {
    super(request, bounds);
    const { by, flowKey } = request;
    this.#memory = memory;
    this.#largest = by.length === 0 ? new LargestFlows(flowKey, memory) : undefined;
  }

  override add(view: FlowView): void {
    super.add(view);
    const largest = this.#largest;
    const isKept = largest !== undefined && !largest.isBelow(view);
    this.#memory.note(view, this.groups, SUM);
    if (isKept) largest.keep(view);
  }

  flows(): readonly KeptFlow[] {
    return this.#largest?.end() ?? [];
  }
}

/**
 * Reads the whole table: each step fetches one datagram. With the kernel's filter it sends no others than those that match.
 * Broken off, it leaves the connection good for close() only.
 */
export function* fullPass(
  connection: NetlinkConnection,
  request: PassRequest,
  { nowMicros, repeater }: PassTools,
  { memory, expected, bounds, lastStartMicros: last }: FullPass,
): Generator<void, Pass, void> {
  const startMicros = nowMicros();
  const figures = new FullFigures(request, memory, bounds);
  memory.begin(expected);
  const options = { nowMicroseconds: nowMicros, repeater: repeater() };
  yield* dumpFlowParts(connection, request.filter, (view) => figures.add(view), options);
  memory.end();
  const { groups, kinds, traits, matching } = figures;
  return {
    isFull: true,
    startMicros,
    read: matching.count,
    matching: matching.count,
    groups,
    kinds,
    traits,
    rateSeconds: last === undefined ? undefined : (startMicros - last) / 1e6,
    flows: figures.flows(),
  };
}

/** No entry of the table takes less than this in a dump: its two tuples do. */
const LEAST_BYTES = 64;

/**
 * Reads the first `most` entries of the table likewise. No flow is remembered, so there are no rates. The kernel's filter is
 * left out: it counts how many entries do not match.
 */
export function* samplePass(
  connection: NetlinkConnection,
  request: PassRequest,
  { nowMicros, repeater: newRepeater }: PassTools,
  most: number,
): Generator<void, Pass, void> {
  const startMicros = nowMicros();
  const figures = new Figures(request, SCREEN_BOUNDS);
  const { groups, kinds, traits, matching } = figures;
  const read: Counter = { count: 0 };
  const matches = compileFilter(request.filter, () => startMicros);
  const visit = (view: FlowView) => {
    view.count(read);
    if (matches?.(view) ?? true) figures.add(view);
  };
  const repeater = newRepeater();
  const plain = new FlowView();
  // One sample must be like the other, so the last entries are counted one by one.
  const bounded = {
    run: (buffer: Uint8Array, start: number, end: number, sequence: number) => {
      const areWanted = read.count + (end - start) / LEAST_BYTES <= most;
      return repeater !== undefined && areWanted ? repeater.run(buffer, start, end, sequence) : start;
    },
    record: (buffer: Uint8Array, start: number, end: number, work: (view: FlowView) => void) => {
      if (read.count >= most) return;
      if (repeater !== undefined) return repeater.record(buffer, start, end, work);
      plain.read(buffer, start, end);
      work(plain);
    },
  };
  const parts = dumpFlowParts(connection, {}, visit, { repeater: bounded });
  let isFull = false;
  while (!isFull && read.count < most) {
    isFull = parts.next().done === true;
    if (!isFull) yield;
  }
  parts.return({ interrupted: false });
  const { count } = read;
  const result = { isFull, startMicros, read: count, matching: matching.count, groups, kinds, traits };
  return { ...result, rateSeconds: undefined, flows: [] };
}
