/** The diagnosis as metrics of Prometheus. Sources and destinations are left out: they would be series without bound. */
import { counterMetrics, type Metric, occupancyMetrics, single } from "../format/prometheus.js";
import type { Facts, Share } from "./facts.js";
import { type Finding, statusOf } from "./findings.js";

const shares = (name: string, help: string, label: string, values: readonly Share[]): Metric => ({
  name,
  type: "gauge",
  help,
  samples: values.map(({ name, flows }) => [{ [label]: name }, flows] as const),
});

export function diagnosisMetrics(facts: Facts, findings: readonly Finding[]): Metric[] {
  const { entries, limit, buckets, idle, memory } = facts;
  const gauge = (name: string, help: string, value: number | undefined) => single(name, "gauge", help, value);
  const metrics: Metric[] = [
    ...occupancyMetrics(entries, limit),
    ...gauge("conntrack_buckets", "Buckets of the hash table.", buckets),
    ...counterMetrics(facts.counters),
    shares("conntrack_flows", "Entries by protocol.", "protocol", facts.protocols ?? []),
    shares("conntrack_tcp_flows", "TCP entries by state.", "state", facts.states ?? []),
    ...gauge("conntrack_unreplied_flows", "Entries without a packet in reply.", facts.unreplied),
    ...gauge("conntrack_unassured_flows", "Entries that the kernel may evict from a full table.", facts.unassured),
    ...gauge("conntrack_offloaded_flows", "Entries that are offloaded.", facts.offloaded),
    {
      name: "conntrack_idle_flows",
      type: "gauge",
      help: "Assured, established TCP entries without a packet for longer than so many seconds.",
      samples: (idle?.longerThan ?? []).map(({ seconds, flows }) => [{ seconds: String(seconds) }, flows] as const),
    },
    ...gauge("conntrack_entry_memory_bytes", "Memory of the entries of all network namespaces.", memory.entryBytes),
    ...gauge("conntrack_bucket_memory_bytes", "Memory of the hash table.", memory.bucketBytes),
    ...gauge("conntrack_diagnosis_status", "0 nothing to say, 3 warnings, 4 full or dropping.", statusOf(findings)),
    {
      name: "conntrack_finding",
      type: "gauge",
      help: "What the diagnosis has found, each with the value 1.",
      samples: findings.map(({ id, severity }) => [{ id, severity }, 1] as const),
    },
  ];
  return metrics.filter(({ samples }) => samples.length > 0);
}
