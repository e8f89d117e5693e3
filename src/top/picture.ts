/** What the view knows at a moment: the figures of the header, and the passes that the rows come from. */
import type { Traits } from "./frequent.js";
import type { Pass } from "./passes.js";

/** The kernel's counters that say something of the table's health, each a second. */
export interface KernelRates {
  readonly drop: number;
  readonly earlyDrop: number;
  readonly insertFailed: number;
  readonly invalid: number;
}

export interface Picture {
  readonly host: string;
  /** The time of day in microseconds since 1970, and as text. */
  readonly nowMicros: number;
  readonly clock: string;
  /** The entries of the whole table, how many it may have, and how the number changes a second. */
  readonly entries: number;
  readonly limit: number | undefined;
  readonly change: number | undefined;
  readonly kernel: KernelRates | undefined;
  /** The pass that the counts come from, the one of its kind before it, and the last full one. */
  readonly main: Pass | undefined;
  readonly before: Pass | undefined;
  readonly full: Pass | undefined;
  /** The full pass before that one. */
  readonly fullBefore: Pass | undefined;
  /** What the flows of each group have most often, by the last pass that counted it. */
  readonly traits: Traits | undefined;
  /** How long the CPU was busy with the last full pass, in microseconds. */
  readonly fullCpuMicros: number | undefined;
  /** Whether a full pass is under way. */
  readonly isReadingAll: boolean;
  /** Whether new entries are counted (net.netfilter.nf_conntrack_acct); undefined where nobody knows. */
  readonly accounting: boolean | undefined;
}

/** What a count of a pass stands for in the whole table: 1 for a full one. */
export function scaleOf({ isFull, read }: Pass, entries: number): number {
  return isFull || read === 0 ? 1 : Math.max(1, entries / read);
}
