/** Groups as metrics of Prometheus: as many as are shown, so that --limit bounds how many series there are. */
import type { Labels, Metric } from "../format/prometheus.js";
import { valueText } from "./fields.js";
import { type GroupObject, groupObject, type Shown } from "./group-rows.js";

/** reply-src becomes reply_src. A field that the flows do not have is an empty label, which is none. */
function labelsOf(bases: readonly string[], { group }: GroupObject): Labels {
  return Object.fromEntries(
    bases.map((base) => {
      const value = group[base];
      return [base.replaceAll("-", "_"), value === undefined ? "" : valueText(value)];
    }),
  );
}

export function groupMetrics({ table, rows, labels }: Shown): Metric[] {
  const bases = table.fields.map(({ base }) => base);
  const groups = Array.from(rows, (row) => groupObject(table, row, labels));
  const metric = (name: string, help: string, value: (group: GroupObject) => number | bigint | undefined): Metric => ({
    name: `conntrack_group_${name}`,
    type: "gauge",
    help,
    samples: groups.flatMap((group) => {
      const amount = value(group);
      return amount === undefined ? [] : [[labelsOf(bases, group), amount] as const];
    }),
  });
  const metrics = [
    metric("flows", "Entries of the group.", ({ flows }) => flows),
    metric("unreplied_flows", "Entries of the group without a packet in reply.", ({ unreplied }) => unreplied),
    metric("packets", "Packets that the entries of the group have counted, both ways.", ({ packets }) => packets),
    metric("bytes", "Bytes that the entries of the group have counted, both ways.", ({ bytes }) => bytes),
  ];
  return metrics.filter(({ samples }) => samples.length > 0);
}
