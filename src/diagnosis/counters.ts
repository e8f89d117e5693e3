/**
 * What the kernel's counters mean, one row each: struct ip_conntrack_stat, linux/netfilter/nf_conntrack_common.h, as
 * enum ctattr_stats_cpu (nfnetlink_conntrack.h) carries it. test/diagnosis/counters.kernel.test.ts makes drop, early_drop,
 * invalid, error, found, insert, insert_failed and clash_resolve move. chaintoolong and search_restart need a hash table that is
 * too small, or that changes its size, which no namespace can bring about: nobody has tried their sentences here.
 */
import type { CpuStats } from "../ctnetlink/stats.js";

export interface CounterMeaning {
  readonly name: string;
  readonly meaning: string;
  /** Whether a healthy table leaves it at 0. */
  readonly shouldBeZero?: true;
}

/** Those that tell most come first. */
export const COUNTER_MEANINGS: readonly CounterMeaning[] = [
  {
    name: "drop",
    meaning: "packets dropped: the table was full, there was no memory, or insert_failed",
    shouldBeZero: true,
  },
  { name: "early_drop", meaning: "unassured entries evicted to make room: the table was full", shouldBeZero: true },
  { name: "insert_failed", meaning: "new entries refused: an equal one was there; their packets were dropped" },
  { name: "chaintoolong", meaning: "new entries refused: their hash chain was too long", shouldBeZero: true },
  { name: "invalid", meaning: "packets of no valid connection, or malformed; only a rule drops them" },
  { name: "error", meaning: "ICMP errors about no known connection, and malformed ICMP" },
  { name: "clash_resolve", meaning: "two packets began the same connection; solved without loss" },
  { name: "search_restart", meaning: "look-ups repeated because the hash table changed; harmless" },
  { name: "found", meaning: "NAT found a tuple in use and tried another: many mean that ports run short" },
  { name: "insert", meaning: "entries made by programs (conntrack -I, conntrackd), not by packets" },
];

export interface CounterSum {
  readonly name: string;
  /** Since boot, of this network namespace, all CPUs together. Each CPU counts in 32 bits, which wrap round. */
  readonly total: number;
}

/** The counters of all CPUs together, in the order of the first CPU's. */
export function sumCounters(stats: readonly CpuStats[]): CounterSum[] {
  const sums = new Map<string, number>();
  for (const { counters } of stats) {
    for (const { name, value } of counters) sums.set(name, (sums.get(name) ?? 0) + value);
  }
  return [...sums].map(([name, total]) => ({ name, total }));
}

/** How much each counter grew from `before` to `after`: of each CPU alone, for each wraps round alone. */
export function growthOf(before: readonly CpuStats[], after: readonly CpuStats[]): Map<string, number> {
  const growth = new Map<string, number>();
  for (const { cpu, counters } of after) {
    const old = before.find((one) => one.cpu === cpu)?.counters ?? [];
    for (const { name, value } of counters) {
      const from = old.find((one) => one.name === name)?.value ?? 0;
      growth.set(name, (growth.get(name) ?? 0) + ((value - from) >>> 0));
    }
  }
  return growth;
}
