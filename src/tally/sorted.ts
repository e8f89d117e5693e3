/** A dump in an order other than the kernel's. */
import { FlowView } from "../ctnetlink/view.js";
import { type DumpOptions, dumpFlowParts } from "../match/dump.js";
import type { FlowFilter } from "../match/filter.js";
import { type Ahead, lastOf, type NetlinkConnection } from "../netlink/connection.js";
import type { Sort } from "./names.js";
import { entryOrder } from "./order.js";
import { Ranking } from "./ranking.js";

/**
 * Like dumpFlows, but sorted: `visit` is called when the dump is over. Entries that are equal keep the dump's order, and those
 * without the value come last. Memory grows with `limit`, and with the table where there is none.
 * @param sort one that entryOrder knows
 * @returns what dumpFlows does, and how many entries lack what they are sorted by
 */
export function dumpSorted(
  connection: NetlinkConnection,
  filter: FlowFilter,
  visit: (view: FlowView) => void,
  options: DumpOptions,
  sort: Sort,
  limit?: number,
): { interrupted: boolean; unsorted: number } {
  return lastOf(dumpSortedParts(connection, filter, visit, options, sort, limit, true));
}

/** The same part by part: see dumpFlowParts. All calls of `visit` come in the last one. */
export function* dumpSortedParts(
  connection: NetlinkConnection,
  filter: FlowFilter,
  visit: (view: FlowView) => void,
  options: DumpOptions,
  sort: Sort,
  limit: number | undefined,
  ahead: Ahead,
): Generator<void, { interrupted: boolean; unsorted: number }, void> {
  const ranking = new Ranking(entryOrder(sort)!, limit);
  const repeater = limit === undefined ? undefined : options.repeater;
  const offer = (view: FlowView) => ranking.offer(view);
  const result = yield* dumpFlowParts(connection, filter, offer, { ...options, repeater }, ahead);
  ranking.forEach(new FlowView(), visit);
  return { ...result, unsorted: ranking.unsorted };
}
