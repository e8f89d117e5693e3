// The sources that moved most bytes, both directions together: node top-sources.mjs [COUNT]
// Counts what net.netfilter.nf_conntrack_acct=1 has the kernel count.
import { Conntrack } from "conntrack";

const count = Number(process.argv[2] ?? 10);
const conntrack = await Conntrack.open();

for await (const { group, bytes = 0n } of conntrack.groups({ by: ["src"], sort: "bytes", limit: count })) {
  console.log(`${String(bytes).padStart(20)} ${group.src}`);
}
conntrack.close();
