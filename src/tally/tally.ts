/** Groups out of one dump. */
import { type DumpOptions, dumpFlows } from "../match/dump.js";
import type { FlowFilter } from "../match/filter.js";
import type { NetlinkConnection } from "../netlink/connection.js";
import type { GroupTable } from "./group-table.js";

/** Adds every flow that matches to each of the tables, in one dump. */
export function tally(
  connection: NetlinkConnection,
  filter: FlowFilter,
  tables: readonly GroupTable[],
  options: DumpOptions = {},
): { interrupted: boolean } {
  return dumpFlows(
    connection,
    filter,
    (view) => {
      for (const table of tables) table.add(view);
    },
    options,
  );
}
