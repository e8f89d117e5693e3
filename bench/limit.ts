/** net.netfilter.nf_conntrack_max: one figure for the whole machine, which only the initial network namespace can set. */
import { readFileSync, writeFileSync } from "node:fs";

const PATH = "/proc/sys/net/netfilter/nf_conntrack_max";

/** What a table may hold beyond the bench's own entries, for whatever else the machine does. */
const MARGIN = 10_000;

function read(): number {
  return Number(readFileSync(PATH, "utf8"));
}

/**
 * Sees to it that tables of `entries` are allowed, until this process ends.
 * Returns how big a table may be: less than asked for where the limit cannot be raised.
 */
export function allowEntries(entries: number): number {
  const before = read();
  const needed = entries + MARGIN;
  if (before >= needed || before === 0) return entries;
  try {
    writeFileSync(PATH, String(needed));
  } catch {
    return Math.max(0, before - MARGIN);
  }
  process.on("exit", () => {
    // Somebody else may have set it meanwhile.
    if (read() === needed) writeFileSync(PATH, String(before));
  });
  return entries;
}
