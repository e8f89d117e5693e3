/** Warnings about entries that a filter passes over because they lack what it asks for. */
import type { DumpOptions } from "../match/dump.js";
import type { FlowFilter } from "../match/filter.js";
import { type Fact, MissingFacts } from "../match/missing-facts.js";
import { fromUtf8, messageLine } from "../system/text.js";
import type { Sort } from "../tally/names.js";
import type { Context } from "./context.js";

interface Text {
  /** What entries lack. */
  readonly what: string;
  readonly options: readonly (readonly [condition: keyof FlowFilter, option: string])[];
  /** Where the kernel notes it, if it is told to. */
  readonly sysctl?: string;
  /** Why else an entry lacks it. */
  readonly otherwise: string;
}

const TEXTS: Readonly<Record<Fact, Text>> = {
  counters: {
    what: "counters",
    options: [
      ["bytes", "--bytes"],
      ["packets", "--packets"],
    ],
    sysctl: "nf_conntrack_acct",
    otherwise: "they are older than net.netfilter.nf_conntrack_acct",
  },
  start: {
    what: "start time",
    options: [["ageSeconds", "--age"]],
    sysctl: "nf_conntrack_timestamp",
    otherwise: "they are older than net.netfilter.nf_conntrack_timestamp",
  },
  timeout: {
    what: "timeout",
    options: [["expiresSeconds", "--expires"]],
    otherwise: "they are offloaded, or destroyed",
  },
};

function isOff({ readFile }: Files, sysctl: string): boolean {
  try {
    return fromUtf8(readFile(`/proc/sys/net/netfilter/${sysctl}`)).trim() === "0";
  } catch {
    return false;
  }
}

type Files = Pick<Context, "readFile">;

/** A warning for each fact that entries lack. */
export function missingTexts(files: Files, filter: FlowFilter, { counts }: MissingFacts): string[] {
  return [...counts].map(([fact, { count }]) => {
    const names = TEXTS[fact].options.flatMap(([condition, option]) => (filter[condition] === undefined ? [] : option));
    const passes = names.length === 1 ? `${names[0]} passes` : `${names.join(" and ")} pass`;
    return warningText(files, fact, count, (them) => `${passes} over ${them}`);
  });
}

/** Writes them to stderr. */
export function warnOfMissing(context: Context, filter: FlowFilter, missing: MissingFacts): void {
  for (const text of missingTexts(context, filter, missing)) context.stderr.write(messageLine(text));
}

function warn(context: Context, fact: Fact, count: number, effect: (them: string) => string): void {
  context.stderr.write(messageLine(warningText(context, fact, count, effect)));
}

function warningText(files: Files, fact: Fact, count: number, effect: (them: string) => string): string {
  const { what, sysctl, otherwise } = TEXTS[fact];
  const entries = count === 1 ? "1 entry has" : `${count} entries have`;
  const why = sysctl !== undefined && isOff(files, sysctl) ? `net.netfilter.${sysctl} is off` : otherwise;
  const so = effect(count === 1 ? "it" : "them");
  return `WARNING: ${entries} no ${what}, so ${so}: ${why}`;
}

/** What a sort key needs that not every entry has. */
const SORT_FACTS: Readonly<Record<string, Fact>> = {
  packets: "counters",
  bytes: "counters",
  "orig-bytes": "counters",
  "reply-bytes": "counters",
  age: "start",
  expires: "timeout",
};

/** A warning for entries that lack what they are sorted by. */
export function warnOfUnsorted(context: Context, { key }: Sort, count: number): void {
  const fact = Object.hasOwn(SORT_FACTS, key) ? SORT_FACTS[key] : undefined;
  if (fact !== undefined && count > 0) warn(context, fact, count, (them) => `--sort ${key} puts ${them} last`);
}

/** The same for entries of groups that are sorted by counters. */
export function warnOfUncounted(context: Context, { key }: Sort, count: number): void {
  const needs = Object.hasOwn(SORT_FACTS, key) && SORT_FACTS[key] === "counters";
  if (needs && count > 0) warn(context, "counters", count, (them) => `--sort ${key} takes ${them} for 0`);
}

/** Does a dump with what conditions on times need, and warns afterwards. */
export function withFacts<Result>(
  context: Context,
  filter: FlowFilter,
  work: (options: DumpOptions) => Result,
): Result {
  const missing = MissingFacts.of(filter);
  const result = work({ nowMicroseconds: context.nowMicroseconds, missing });
  if (missing !== undefined) warnOfMissing(context, filter, missing);
  return result;
}
