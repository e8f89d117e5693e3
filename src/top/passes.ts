/** Reading the table: the beginning of a dump, or all of it, in parts small enough to answer keys in between. */
import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import { dumpFlowParts } from "../match/dump.js";
import { compileFilter, type FlowFilter } from "../match/filter.js";
import type { NetlinkConnection } from "../netlink/connection.js";
import { type Field, fieldByName } from "../tally/fields.js";
import { GroupTable } from "../tally/group-table.js";
import * as sums from "../tally/sums.js";
import type { FlowMemory } from "./flow-memory.js";

/** What to read, and how it is grouped. */
export interface PassRequest {
  readonly filter: FlowFilter;
  /** No field: flows for themselves. */
  readonly by: readonly Field[];
  /** By what the flows that are kept are the largest. */
  readonly flowKey: FlowSort;
}

/** What flows can be sorted by. */
export type FlowSort = "up" | "down" | "bytes" | "age" | "expires";

/** The sums of a group, and where they stand in a group's table. */
export const GROUP_SUMS = [sums.FLOWS, sums.UNREPLIED, sums.ORIG_BYTES, sums.REPLY_BYTES, sums.COUNTED] as const;
export const SUM = { flows: 0, unreplied: 1, orig: 2, reply: 3, counted: 4 } as const;
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
  /** When it began, in microseconds since 1970, and how long it was at work. */
  readonly startMicros: number;
  readonly busyMicros: number;
  /** Entries that were read, and those of them that match. With the kernel's filter it sends no others. */
  readonly read: number;
  readonly matching: number;
  readonly groups: GroupTable;
  /** By protocol and state. */
  readonly kinds: GroupTable;
  /** By group: bytes since the last full pass, and flows that are new since; absent where there was no full pass before. */
  readonly rates: Rates | undefined;
  /** The largest flows; none where there are groups. */
  readonly flows: readonly KeptFlow[];
}

export interface Rates {
  /** Since the start of the full pass before. */
  readonly seconds: number;
  readonly up: Float64Array;
  readonly down: Float64Array;
  readonly fresh: Float64Array;
}

/** Flows that are kept: more than any screen shows. */
const MOST_FLOWS = 500;

/** A number for each group. */
class PerGroup {
  values = new Float64Array(64);

  add(row: number, value: number): void {
    if (row >= this.values.length) {
      const grown = new Float64Array(Math.max(2 * this.values.length, row + 1));
      grown.set(this.values);
      this.values = grown;
    }
    this.values[row]! += value;
  }
}

/** Keeps the flows with the largest values. */
class LargestFlows {
  readonly kept: (KeptFlow & { value: number })[] = [];
  /** Below this there is no room. */
  #least = Number.NEGATIVE_INFINITY;

  offer(view: FlowView, value: number, up: number, down: number): void {
    if (value <= this.#least) return;
    this.kept.push({ message: view.message().slice(), up, down, value });
    if (this.kept.length >= 2 * MOST_FLOWS) this.#drop();
  }

  end(): readonly KeptFlow[] {
    this.#drop();
    return this.kept;
  }

  #drop(): void {
    this.kept.sort((a, b) => b.value - a.value);
    if (this.kept.length <= MOST_FLOWS) return;
    this.kept.length = MOST_FLOWS;
    this.#least = this.kept.at(-1)!.value;
  }
}

/** What a flow is worth by a key. `memory` has just noted it. */
function worthOf(key: FlowSort, view: FlowView, memory: FlowMemory): number {
  switch (key) {
    case "up":
      return memory.up;
    case "down":
      return memory.down;
    case "bytes":
      return memory.orig + memory.reply;
    case "age":
      return view.has(S.TIMESTAMP + 1) ? -Number(view.u64(S.TIMESTAMP + 1)) : Number.NEGATIVE_INFINITY;
    case "expires":
      return view.has(S.TOP + C.CTA_TIMEOUT) ? view.u32(S.TOP + C.CTA_TIMEOUT) : Number.NEGATIVE_INFINITY;
  }
}

/** By what an entry of the header goes. */
const kindFields = () => [fieldByName("protocol")!, fieldByName("state")!];

/** How much a pass reads at most. */
export interface PassLimits {
  readonly entries?: number;
  readonly busyMicros?: number;
}

/** What a full pass works with. */
export interface FullPass {
  readonly memory: FlowMemory;
  /** When the full pass before it began; undefined for the first one of this filter. */
  readonly lastStartMicros: number | undefined;
}

/**
 * Reads the table, or its first entries within the limits: each step fetches one datagram. Without `full` no flow is remembered, so there
 * are no rates. The connection is good for close() only, unless the pass came to its end.
 */
export function* readPass(
  connection: NetlinkConnection,
  { filter, by, flowKey }: PassRequest,
  nowMicros: () => number,
  { entries: most = Number.POSITIVE_INFINITY, busyMicros: longest = Number.POSITIVE_INFINITY }: PassLimits,
  full?: FullPass,
): Generator<void, Pass, void> {
  const startMicros = nowMicros();
  const groups = new GroupTable(by, GROUP_SUMS);
  const kinds = new GroupTable(kindFields(), KIND_SUMS);
  const [up, down, fresh] = [new PerGroup(), new PerGroup(), new PerGroup()];
  const largest = new LargestFlows();
  full?.memory.begin();
  let read = 0;
  let matching = 0;
  const visit = (view: FlowView) => {
    matching++;
    kinds.add(view);
    const row = groups.add(view);
    if (full === undefined) return;
    const { memory } = full;
    memory.note(view);
    up.add(row, memory.up);
    down.add(row, memory.down);
    if (memory.isNew) fresh.add(row, 1);
    if (by.length === 0) largest.offer(view, worthOf(flowKey, view, memory), memory.up, memory.down);
  };
  const matches = compileFilter(filter, nowMicros);
  // Of a part of the table it counts how many entries do not match. So the kernel's filter is for full passes alone.
  const parts =
    full === undefined
      ? dumpFlowParts(connection, {}, (view) => {
          if (read++ < most && (matches?.(view) ?? true)) visit(view);
        })
      : dumpFlowParts(
          connection,
          filter,
          (view) => {
            read++;
            visit(view);
          },
          { nowMicroseconds: nowMicros },
        );
  let busyMicros = 0;
  let isFull = false;
  for (;;) {
    const before = nowMicros();
    isFull = parts.next().done === true;
    busyMicros += nowMicros() - before;
    if (isFull || read >= most || busyMicros >= longest) break;
    yield;
  }
  parts.return({ interrupted: false });
  full?.memory.end();
  const last = full?.lastStartMicros;
  return {
    isFull,
    startMicros,
    busyMicros,
    read: Math.min(read, most),
    matching,
    groups,
    kinds,
    rates:
      last === undefined
        ? undefined
        : { seconds: (startMicros - last) / 1e6, up: up.values, down: down.values, fresh: fresh.values },
    flows: largest.end(),
  };
}
