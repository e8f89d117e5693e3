/** Requests that are answered at once, for whoever has a connection. */
import type { NetlinkConnection } from "../netlink/connection.js";
import * as C from "./constants.js";
import { type ExpectKey, encodeExpectGet, encodeFlowGet, encodePlain, type FlowKey, type Tuple } from "./encode.js";
import { CPU_COUNTERS, type CpuStats, decodeCpuStats, EXPECT_CPU_COUNTERS } from "./stats.js";
import { ExpectView, FlowView } from "./view.js";

/** The counters that each CPU keeps of flows or of expectations. */
export function cpuStats(connection: NetlinkConnection, table: "conntrack" | "expect"): CpuStats[] {
  const [type, names] =
    table === "conntrack" ? [C.CT_GET_STATS_CPU, CPU_COUNTERS] : [C.EXP_GET_STATS_CPU, EXPECT_CPU_COUNTERS];
  const stats: CpuStats[] = [];
  connection.dump(
    (writer) => encodePlain(writer, type, C.AF_UNSPEC),
    (buffer, start, end) => {
      stats.push(decodeCpuStats(buffer, start, end, names));
    },
  );
  return stats;
}

/** For one query after the other: a view that has seen such messages before reads them faster. */
let flowView: FlowView | undefined;

/**
 * Fetches one flow; `visit`'s view is good until it returns.
 * @throws KernelError ENOENT where there is none
 */
export function getFlow(connection: NetlinkConnection, key: FlowKey, visit: (view: FlowView) => void): void {
  const view = (flowView ??= new FlowView());
  connection.request(
    (writer) => encodeFlowGet(writer, key),
    (buffer, start, end) => {
      view.read(buffer, start, end);
      visit(view);
    },
  );
}

/** The same for the expectation of a tuple. */
export function getExpectation(
  connection: NetlinkConnection,
  family: number,
  tuple: Tuple,
  visit: (view: ExpectView) => void,
  key: ExpectKey = {},
): void {
  const view = new ExpectView();
  connection.request(
    (writer) => encodeExpectGet(writer, family, tuple, key),
    (buffer, start, end) => {
      view.read(buffer, start, end);
      visit(view);
    },
  );
}
