/**
 * The text format of Prometheus (version 0.0.4), for the textfile collector of its node_exporter: metrics with their help, type and
 * samples. Names and units follow its conventions; `promtool check metrics` says where they do not.
 */
import type { CpuStats } from "../ctnetlink/stats.js";

export type Labels = Readonly<Record<string, string>>;

export interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter";
  /** One line. */
  readonly help: string;
  readonly samples: readonly (readonly [labels: Labels, value: number | bigint])[];
}

/** A metric with one value and no label. */
export function single(
  name: string,
  type: Metric["type"],
  help: string,
  value: number | undefined,
): readonly [] | readonly [Metric] {
  return value === undefined ? [] : [{ name, type, help, samples: [[{}, value]] }];
}

const escapeLabel = (text: string): string =>
  text.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join()}}`;
}

/** The lines of these metrics. One without samples has its help and type all the same. */
export function metricLines(metrics: readonly Metric[]): string[] {
  return metrics.flatMap(({ name, type, help, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([labels, value]) => `${name}${labelText(labels)} ${value}`),
  ]);
}

/** How full the table is. */
export function occupancyMetrics(entries: number, limit: number | undefined): Metric[] {
  return [
    ...single("conntrack_entries", "gauge", "Entries of the connection tracking table.", entries),
    ...single("conntrack_limit", "gauge", "How many entries the table may have (nf_conntrack_max).", limit),
  ];
}

/** How many entries a filter lets through: not under the name of all entries, which another line may have. */
export function matchingMetrics(entries: number): Metric[] {
  return [...single("conntrack_matching_entries", "gauge", "Entries that match the filter.", entries)];
}

/** The kernel's counters, each of all CPUs together. */
export function counterMetrics(totals: readonly { readonly name: string; readonly total: number }[]): Metric[] {
  return [
    {
      name: "conntrack_stat_total",
      type: "counter",
      help: "Counters of connection tracking, of all CPUs together, since boot.",
      samples: totals.map(({ name, total }) => [{ counter: name }, total] as const),
    },
  ];
}

export function statsMetrics(stats: readonly CpuStats[]): Metric[] {
  const totals = new Map<string, number>();
  for (const { counters } of stats) {
    for (const { name, value } of counters) totals.set(name, (totals.get(name) ?? 0) + value);
  }
  return counterMetrics([...totals].map(([name, total]) => ({ name, total })));
}
