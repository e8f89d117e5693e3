/** Statistics messages: CT_GET_STATS, CT_GET_STATS_CPU and EXP_GET_STATS_CPU. */
import { align4, attrLength, attrType, readU16BE, readU32BE } from "../netlink/attributes.js";
import { NLA_HDRLEN } from "../netlink/constants.js";
import { WireError } from "../system/errors.js";
import { CTA_STATS_GLOBAL_ENTRIES, CTA_STATS_GLOBAL_MAX_ENTRIES } from "./constants.js";
import { HEADERS } from "./schema.js";

/** The counters of one CPU, in the order in which the kernel sent them. */
export interface CpuStats {
  cpu: number;
  counters: { name: string; value: number }[];
}

/** enum ctattr_stats_cpu from 1 up, as the reference names them. The last four are for kernels newer than these names. */
export const CPU_COUNTERS = [
  "searched",
  "found",
  "new",
  "invalid",
  "ignore",
  "delete",
  "delete_list",
  "insert",
  "insert_failed",
  "drop",
  "early_drop",
  "error",
  "search_restart",
  "clash_resolve",
  "chaintoolong",
  "unknown1",
  "unknown2",
  "unknown3",
  "unknown4",
] as const;

/** enum ctattr_expect_stats from 1 up. */
export const EXPECT_CPU_COUNTERS = ["expect_new", "expect_create", "expect_delete"] as const;

/** Calls `visit` for every attribute of a message whose payload is a u32. */
function eachU32(buffer: Uint8Array, start: number, end: number, visit: (type: number, value: number) => void): void {
  if (end - start < HEADERS) throw new WireError(`message of ${end - start} bytes is too short`, start);
  let offset = start + HEADERS;
  while (end - offset >= NLA_HDRLEN) {
    const length = attrLength(buffer, offset, end);
    if (length >= NLA_HDRLEN + 4) visit(attrType(buffer, offset), readU32BE(buffer, offset + NLA_HDRLEN));
    offset += align4(length);
  }
}

/** One CPU's message of a statistics dump. The CPU's number stands in nfgenmsg's res_id. Counters without a name are left out. */
export function decodeCpuStats(buffer: Uint8Array, start: number, end: number, names: readonly string[]): CpuStats {
  const counters: CpuStats["counters"] = [];
  eachU32(buffer, start, end, (type, value) => {
    const name = names[type - 1];
    if (name !== undefined) counters.push({ name, value });
  });
  return { cpu: readU16BE(buffer, start + HEADERS - 2), counters };
}

/** How full the table of flows is. */
export interface Occupancy {
  entries: number;
  /** net.netfilter.nf_conntrack_max; undefined where the kernel does not send it. */
  limit?: number;
}

/** The answer to CT_GET_STATS. */
export function decodeOccupancy(buffer: Uint8Array, start: number, end: number): Occupancy {
  let entries: number | undefined;
  let limit: number | undefined;
  eachU32(buffer, start, end, (type, value) => {
    if (type === CTA_STATS_GLOBAL_ENTRIES) entries = value;
    else if (type === CTA_STATS_GLOBAL_MAX_ENTRIES) limit = value;
  });
  if (entries === undefined) throw new WireError("no entry count in the answer", start);
  return limit === undefined ? { entries } : { entries, limit };
}
