/** How many entries there are: what needs no view of an entry, for a quick start. */
import type { NetlinkConnection } from "../netlink/connection.js";
import * as C from "./constants.js";
import { encodePlain } from "./encode.js";
import { decodeOccupancy, type Occupancy } from "./stats.js";

/** How many flows the table holds, and how many it may hold. */
export function occupancy(connection: NetlinkConnection): Occupancy {
  let found: Occupancy = { entries: 0 };
  connection.request(
    (writer) => encodePlain(writer, C.CT_GET_STATS, C.AF_UNSPEC),
    (buffer, start, end) => {
      found = decodeOccupancy(buffer, start, end);
    },
  );
  return found;
}

/** How many flows the table holds. */
export const countFlows = (connection: NetlinkConnection): number => occupancy(connection).entries;

/** How many expectations there are: the kernel does not count them, so they are listed. */
export function countExpectations(connection: NetlinkConnection): number {
  let entries = 0;
  connection.dump(
    (writer) => encodePlain(writer, C.EXP_GET, C.AF_UNSPEC),
    () => {
      entries++;
    },
  );
  return entries;
}
