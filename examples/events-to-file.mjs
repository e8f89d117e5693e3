// Writes events into FILE as NDJSON, and begins a new one at LIMIT bytes, keeping FILE.1 to FILE.4:
//   node events-to-file.mjs FILE [LIMIT]
// The lines are those of `conntrack -E -o json`, and docs/conntrack.schema.json describes them. Ends upon SIGINT or SIGTERM.
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { Conntrack, toJson } from "conntrack";

const [path = "flows.ndjson", limit = "100000000"] = process.argv.slice(2);
const KEEP = 4;

const open = () => ({ stream: createWriteStream(path, { flags: "a" }), bytes: 0 });
let file = open();

async function rotate() {
  file.stream.end();
  await once(file.stream, "close");
  for (let i = KEEP; i > 0; i--) {
    // The first rotations have fewer files.
    await rename(i === 1 ? path : `${path}.${i - 1}`, `${path}.${i}`).catch(() => {});
  }
  file = open();
}

const conntrack = await Conntrack.open();
const events = conntrack.events();
// What has happened until then is still written.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => events.end());
for await (const event of events) {
  const line = `${toJson(event)}\n`;
  if (file.bytes > 0 && file.bytes + line.length > Number(limit)) await rotate();
  file.bytes += line.length;
  // While the disk is busy, events wait in the kernel.
  if (!file.stream.write(line)) await once(file.stream, "drain");
}
conntrack.close();
file.stream.end();
