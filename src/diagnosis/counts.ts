/** Figures that no flow is read for: netlink's, or where netlink takes a right that is missing, what /proc says of them. */
import { occupancy } from "../ctnetlink/counts.js";
import { cpuStats } from "../ctnetlink/queries.js";
import type { CpuStats, Occupancy } from "../ctnetlink/stats.js";
import { parseProcStats } from "../format/stats.js";
import type { NetlinkConnection } from "../netlink/connection.js";
import { EPERM } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import { fromUtf8 } from "../system/text.js";
import { SETTINGS_DIRECTORY } from "./settings.js";

/** Reads a file whole; throws where it cannot be read. */
export type ReadFile = (path: string) => Uint8Array;

/** proc(5): a line for each CPU. */
const STATS = "/proc/net/stat/nf_conntrack";

/** What the kernel answers, or `proc`'s answer where the kernel refuses; the refusal where /proc has no answer either. */
function orProc<Answer>(ask: () => Answer, proc: () => Answer): Answer {
  try {
    return ask();
  } catch (refusal) {
    if (!(refusal instanceof KernelError) || refusal.errno !== EPERM) throw refusal;
    try {
      return proc();
    } catch {
      throw refusal;
    }
  }
}

/** What each CPU has counted. */
export const readStats = (connection: NetlinkConnection, readFile: ReadFile): CpuStats[] =>
  orProc(
    () => cpuStats(connection, "conntrack"),
    () => parseProcStats(fromUtf8(readFile(STATS))),
  );

/** How many flows the table holds, and may hold. */
export function readOccupancy(connection: NetlinkConnection, readFile: ReadFile): Occupancy {
  const number = (name: string) => Number.parseInt(fromUtf8(readFile(SETTINGS_DIRECTORY + name)), 10);
  return orProc(
    () => occupancy(connection),
    () => ({ entries: number("count"), limit: number("max") }),
  );
}
