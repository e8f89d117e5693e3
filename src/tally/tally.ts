/** Groups out of one dump. */
import type { FlowView } from "../ctnetlink/view.js";
import { type DumpOptions, dumpFlowParts } from "../match/dump.js";
import type { FlowFilter } from "../match/filter.js";
import { type Ahead, lastOf, type NetlinkConnection } from "../netlink/connection.js";
import type { GroupTable } from "./group-table.js";

/** Adds every flow that matches to each of the tables, in one dump. */
export function tally(
  connection: NetlinkConnection,
  filter: FlowFilter,
  tables: readonly GroupTable[],
  options: DumpOptions = {},
): { interrupted: boolean } {
  return lastOf(tallyParts(connection, filter, tables, options, true));
}

/** The same part by part: see dumpFlowParts. */
export function tallyParts(
  connection: NetlinkConnection,
  filter: FlowFilter,
  tables: readonly GroupTable[],
  options: DumpOptions,
  ahead: Ahead,
): Generator<void, { interrupted: boolean }, void> {
  const add = (view: FlowView) => {
    for (const table of tables) table.add(view);
  };
  return dumpFlowParts(connection, filter, add, options, ahead);
}
