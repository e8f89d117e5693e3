/**
 * What no loading can be faster than: the table of the bench, encoded beforehand, is sent over our netlink layer in the batches
 * that -R makes. Prints wall time, user and system CPU time of the sending alone, in microseconds. Argument: how many entries.
 */
import { napiBackend } from "../../src/netlink/backend/napi.js";
import { openConnection } from "../../src/netlink/connection.js";
import { MessageWriter } from "../../src/netlink/message.js";
import { encodeFlow } from "../table.js";

const BATCH_MESSAGES = 64;

const entries = Number(process.argv[2]);
const writer = new MessageWriter(1 << 14);
const batches: { messages: Uint8Array; count: number }[] = [];
for (let first = 0; first < entries; first += BATCH_MESSAGES) {
  writer.clear();
  const count = Math.min(BATCH_MESSAGES, entries - first);
  for (let i = 0; i < count; i++) encodeFlow(writer, first + i);
  batches.push({ messages: writer.buffer.slice(0, writer.length), count });
}

const connection = openConnection(napiBackend());
const cpuBefore = process.cpuUsage();
const before = process.hrtime.bigint();
for (const { messages, count } of batches) {
  writer.adopt(messages);
  connection.batch(writer, count, (index, errno) => {
    throw new Error(`flow ${index} of a batch cannot be created: errno ${errno}`);
  });
}
const wallMicroseconds = (process.hrtime.bigint() - before) / 1000n;
const { user, system } = process.cpuUsage(cpuBefore);
process.stdout.write(`${wallMicroseconds} ${user} ${system}\n`);
