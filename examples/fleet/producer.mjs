// Puts the events of one host into a NATS JetStream, as batches of JSON lines:
//   NATS=nats://SERVER:4222 node producer.mjs HOST [NETWORK]
// NETWORK is a network namespace: its name, path, or the id of a process in it.
//
// The server acknowledges each batch. While it does not (it is slow, restarts, or cannot be reached), events wait in the kernel, and
// batches are sent again under the same number, so that each is stored once. What the kernel has no room for is counted, and sent
// as a record of its own: {"host":…,"event":"lost","time":…,"count":…}. Ends upon SIGINT or SIGTERM, when all is acknowledged.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { Conntrack, toJson } from "conntrack";
import { makeStream, subjectOf } from "./stream.mjs";

const BATCH_BYTES = 200_000;
const BATCH_MS = 200;
/** How many batches may wait to be acknowledged. They are all that is in memory. */
const WINDOW = 16;
const ACKNOWLEDGE_MS = 5000;

const [host, network] = process.argv.slice(2);
if (host === undefined || /[\s.*>]/.test(host)) {
  console.error("usage: producer.mjs HOST [NETWORK], HOST without dots and blanks");
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());

const connection = await connect({
  servers: process.env["NATS"] ?? "nats://127.0.0.1:4222",
  // Forever.
  maxReconnectAttempts: -1,
  waitOnFirstConnect: true,
});
await makeStream(connection);
const stream = jetstream(connection);

/** Numbers of another run are others. */
const run = randomUUID();
let number = 0;
const waiting = new Set();

/** Sends a batch until it is acknowledged. */
async function store(lines, msgID) {
  for (let pause = 100; ; pause = Math.min(2 * pause, 2000)) {
    try {
      await stream.publish(subjectOf(host), lines, { msgID, timeout: ACKNOWLEDGE_MS });
      return;
    } catch (error) {
      console.error(`${host}: batch ${msgID} is sent again: ${error.message}`);
      await sleep(pause);
    }
  }
}

let batch = "";

/** Sends what has gathered. */
function send() {
  if (batch === "") return;
  const lines = batch;
  batch = "";
  const sent = store(lines, `${run}-${++number}`).finally(() => waiting.delete(sent));
  waiting.add(sent);
}

const conntrack = await Conntrack.open({
  ...(network !== undefined && { network: /^\d+$/.test(network) ? Number(network) : network }),
});
const events = conntrack.events({ signal: stop.signal });
console.error(`${host}: follows the events`);
// Where events are rare, they do not wait for a full batch.
const timer = setInterval(() => {
  if (waiting.size < WINDOW) send();
}, BATCH_MS);
try {
  for await (const event of events) {
    batch += `${toJson({ host, ...event })}\n`;
    if (batch.length < BATCH_BYTES) continue;
    // Nothing is read meanwhile: events wait in the kernel.
    while (waiting.size >= WINDOW) await Promise.race(waiting);
    send();
  }
} catch (error) {
  if (!stop.signal.aborted) throw error;
} finally {
  clearInterval(timer);
  conntrack.close();
}
send();
await Promise.all(waiting);
await connection.drain();
