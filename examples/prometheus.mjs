// Serves metrics as text for Prometheus: node prometheus.mjs [PORT], then GET /metrics
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { Conntrack } from "conntrack";

const conntrack = await Conntrack.open();

/** @param {string} name @param {"gauge" | "counter"} type @param {Iterable<[labels: string, value: number]>} values */
function metric(name, type, values) {
  return `# TYPE conntrack_${name} ${type}\n${[...values].map(([labels, value]) => `conntrack_${name}${labels} ${value}\n`).join("")}`;
}

async function metrics() {
  /** @type {Map<string, number>} */
  const flows = new Map();
  for await (const { family, protocol, state } of conntrack.list()) {
    const labels = `{family="${family}",protocol="${protocol.name ?? protocol.number}",state="${state ?? ""}"}`;
    flows.set(labels, (flows.get(labels) ?? 0) + 1);
  }
  const limit = Number(await readFile("/proc/sys/net/netfilter/nf_conntrack_max", "utf8"));
  const cpus = await conntrack.stats();
  const counters = Object.keys(cpus[0] ?? {}).filter((name) => name !== "cpu");
  return [
    metric("entries", "gauge", [["", await conntrack.count()]]),
    metric("entries_limit", "gauge", [["", limit]]),
    metric("expectations", "gauge", [["", await conntrack.count("expect")]]),
    metric("flows", "gauge", flows),
    ...counters.map((name) =>
      metric(
        `${name}_total`,
        "counter",
        cpus.map((cpu) => [`{cpu="${cpu.cpu}"}`, cpu[name] ?? 0]),
      ),
    ),
  ].join("");
}

const server = createServer(async (_request, response) => {
  const body = await metrics().catch((error) => String(error));
  response.setHeader("Content-Type", "text/plain; version=0.0.4").end(body);
});
server.listen(Number(process.argv[2] ?? 9318), () => console.log(`listening on ${JSON.stringify(server.address())}`));
