// What the library takes for many flows, and how long the event loop waits meanwhile: in a network namespace of its own,
//   unshare --net node bench/library.mjs [FLOWS]
// Of each kind of work the best of three runs counts. The delay of the loop is what monitorEventLoopDelay says of that run.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Conntrack } from "../dist/index.js";

const FLOWS = Number(process.argv[2] ?? 200_000);
const RUNS = 3;

/** @param {number} i @returns {import("../dist/index.js").NewFlow} */
function udp(i) {
  const src = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  return { protocol: "udp", timeout: 6000, orig: { src, dst: "192.0.2.1", sport: 1024 + (i % 60_000), dport: 53 } };
}

const conntrack = await Conntrack.open();
const flows = Array.from({ length: FLOWS }, (_, i) => udp(i));
const refill = async () => {
  await conntrack.flush();
  await conntrack.createMany(flows);
};
/** @param {import("../dist/index.js").Filter} filter */
const list = async (filter) => {
  let count = 0;
  for await (const _ of conntrack.list(filter)) count++;
  return count;
};
let mark = 0;

/** @type {[name: string, before: () => Promise<unknown>, work: () => Promise<unknown>, count?: number][]} */
const WORK = [
  ["createMany", () => conntrack.flush(), () => conntrack.createMany(flows)],
  ["changeMany", async () => mark++, () => conntrack.changeMany(flows, { mark })],
  ["removeMany", refill, () => conntrack.removeMany(flows)],
  ["list", refill, () => list({})],
  ["list, one matches", async () => {}, () => list({ orig: { src: "10.0.0.7" } })],
  ["update", async () => mark++, () => conntrack.update({}, { mark })],
  ["delete", refill, () => conntrack.delete({})],
  [
    "create, one by one",
    () => conntrack.flush(),
    async () => {
      for (const flow of flows.slice(0, 20_000)) await conntrack.create(flow);
    },
    20_000,
  ],
  ["flush", refill, () => conntrack.flush()],
];

console.log(`${FLOWS} flows, best of ${RUNS}; loop delay in ms`);
for (const [name, before, work, count = FLOWS] of WORK) {
  let best = { ms: Number.POSITIVE_INFINITY, cpu: 0, p99: 0, max: 0 };
  for (let run = 0; run < RUNS; run++) {
    await before();
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const cpuBefore = process.cpuUsage();
    const start = performance.now();
    await work();
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(cpuBefore);
    delay.disable();
    if (ms < best.ms) best = { ms, cpu: (user + system) / 1000, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
  }
  const { ms, cpu, p99, max } = best;
  const rate = Math.round(count / (ms / 1000));
  const figures = `${ms.toFixed(0)} ms, CPU ${cpu.toFixed(0)} ms, ${rate} flows a second`;
  console.log(`${name.padEnd(20)} ${figures}, p99 ${p99.toFixed(1)}, max ${max.toFixed(1)}`);
}
conntrack.close();
