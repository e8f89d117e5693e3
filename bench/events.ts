/** Rows of the kind "events": a listener shows what somebody makes happen, one event for each entry of the table. */
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { nft, sysctl } from "../test/support/lab.js";
import { lacks, must } from "../test/support/process.js";
import { type Run, type Running, start } from "./measure.js";
import type { Table } from "./table.js";

/** What makes the events. */
export interface EventSource {
  /** Why it cannot be had here, or "". */
  missing(): string;
  /** Readies the network namespace, once. */
  prepare(): void;
  /** Makes the events; resolves to the milliseconds that it took. */
  make(table: Table): Promise<number>;
}

export interface EventFigures {
  /** Of the events that took place, how many per cent were shown. */
  shownPercent: number;
  /** How often the listener said that the kernel had to drop events for it. */
  warnings: number;
  /** How fast they came. */
  eventsPerSecond: number;
}

/** Entries created over netlink, in batches. */
export const CREATIONS: EventSource = {
  missing: () => "",
  prepare() {},
  async make(table) {
    const before = performance.now();
    table.fill();
    return performance.now() - before;
  },
};

/** test/support/udp-flood.c, compiled by scripts/bench.mjs. */
const FLOOD = fileURLToPath(new URL("./udp-flood", import.meta.url));

/** The first chain makes the kernel track connections; the second leaves the sender without ICMP in answer. */
const RULES = `table inet bench {
  chain out { type filter hook output priority filter; ct state new counter; }
  chain in { type filter hook input priority filter; meta l4proto udp drop; }
}`;

/** UDP packets over lo, sent as fast as can be, each of a flow of its own. */
export const PACKETS: EventSource = {
  missing: () => lacks("ip", "nft") || "",
  prepare() {
    must("ip", "link", "set", "lo", "up");
    sysctl("net/netfilter/nf_conntrack_events", 1);
    nft(RULES);
  },
  async make({ entries }) {
    const { status, wallMs } = await start([FLOOD, String(entries)]).ended;
    if (status !== 0) throw new Error(`udp-flood ended with status ${status}`);
    return wallMs;
  },
};

/** The netfilter sockets of this network namespace that have joined a multicast group: how many bytes wait in each. */
function listeners(): number[] {
  const NETLINK_NETFILTER = "12";
  const rows = readFileSync("/proc/net/netlink", "utf8").trim().split("\n").slice(1);
  return rows
    .map((row) => row.trim().split(/ +/))
    .filter(([, protocol, , groups]) => protocol === NETLINK_NETFILTER && groups !== "00000000")
    .map(([, , , , waiting]) => Number(waiting));
}

async function untilListening({ ended }: Running): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over && listeners().length === 0) await sleep(5);
}

/** Waits until nothing is left to receive, and nothing more is written. */
async function untilCaughtUp(path: string): Promise<void> {
  for (let size = -1; size !== statSync(path).size || listeners().some((waiting) => waiting > 0); await sleep(100)) {
    size = statSync(path).size;
  }
}

/** Lets a listener, which writes to the file `path`, show the events of an empty table that is filled. */
export async function listen(
  command: readonly string[],
  source: EventSource,
  table: Table,
  path: string,
): Promise<Run & { events: EventFigures }> {
  const stdout = openSync(path, "w");
  table.flush();
  const listener = start(command, stdout);
  await untilListening(listener);
  const tookMs = await source.make(table);
  await untilCaughtUp(path);
  listener.stop();
  const run = await listener.ended;
  closeSync(stdout);
  const lines = readFileSync(path).reduce((count, byte) => count + (byte === 0x0a ? 1 : 0), 0);
  const events = {
    shownPercent: (100 * lines) / table.entries,
    warnings: run.stderr.split("We have hit ENOBUFS").length - 1,
    eventsPerSecond: table.entries / (tookMs / 1000),
  };
  return { ...run, events };
}
