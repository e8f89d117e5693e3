// The sources that moved most bytes, both directions together: node top-sources.mjs [COUNT]
// Counts what net.netfilter.nf_conntrack_acct=1 has the kernel count.
import { Conntrack } from "conntrack";

const count = Number(process.argv[2] ?? 10);
const conntrack = await Conntrack.open();

/** @type {Map<string, bigint>} */
const bytesOf = new Map();
for await (const { orig, reply } of conntrack.list()) {
  bytesOf.set(orig.src, (bytesOf.get(orig.src) ?? 0n) + (orig.bytes ?? 0n) + (reply.bytes ?? 0n));
}
conntrack.close();

const top = [...bytesOf].sort(([, a], [, b]) => (a === b ? 0 : a < b ? 1 : -1)).slice(0, count);
for (const [source, bytes] of top) console.log(`${String(bytes).padStart(20)} ${source}`);
