// Puts the events of one host into a NATS JetStream, as batches of JSON lines:
//   NATS=nats://SERVER:4222 node producer.mjs HOST [NETWORK]
// NETWORK is a network namespace: its name, its path, or the id of a process in it.
//
// The server acknowledges each batch. Until then the batch is sent again under the same number, so the server stores it once.
// At most WINDOW batches are on their way. If the server is slow or away, events wait in the kernel. Events that the kernel has no
// room for are counted and sent as a record of their own: {"host":…,"event":"lost","time":…,"count":…}.
// SIGINT or SIGTERM ends the program once everything that had happened until then is stored. A second signal ends it at once.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { Conntrack, toJson } from "conntrack";
import { makeStream, subjectOf } from "./stream.mjs";

const BATCH_BYTES = 200_000;
const BATCH_MS = 200;
const WINDOW = 16;
const ACKNOWLEDGE_MS = 5000;

const [host, network] = process.argv.slice(2);
if (host === undefined || !/^[\w-]+$/.test(host)) {
  console.error("usage: producer.mjs HOST [NETWORK], where HOST has letters, digits, - and _ only");
  process.exit(2);
}

// Listen first: events wait in the kernel until there is a server.
const conntrack = await Conntrack.open({
  ...(network !== undefined && { network: /^\d+$/.test(network) ? Number(network) : network }),
});
const events = conntrack.events();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => events.end());
const started = new Date().toISOString();
console.error(`${host}: follows the events`);

const connection = await connect({
  servers: process.env["NATS"] ?? "nats://127.0.0.1:4222",
  maxReconnectAttempts: -1,
  reconnectTimeWait: 500,
  waitOnFirstConnect: true,
});
const stream = jetstream(connection);

/** Does something that needs the server, again and again until it succeeds. */
async function persist(what, work) {
  for (let pause = 100; ; pause = Math.min(2 * pause, 2000)) {
    try {
      return await work();
    } catch (error) {
      console.error(`${host}: ${what} is tried again: ${error.message}`);
      await sleep(pause);
    }
  }
}

await persist("the stream", () => makeStream(connection));

/** The numbers of batches are unique: each run has its own. */
const run = randomUUID();
let number = 0;
const waiting = new Set();
let batch = `${toJson({ host, event: "start", time: started })}\n`;

function send() {
  if (batch === "") return;
  const lines = batch;
  const msgID = `${run}-${++number}`;
  batch = "";
  const sent = persist(`batch ${number}`, () =>
    stream.publish(subjectOf(host), lines, { msgID, timeout: ACKNOWLEDGE_MS }),
  ).finally(() => waiting.delete(sent));
  waiting.add(sent);
}

// Where events are rare, they do not wait for a full batch.
const timer = setInterval(() => {
  if (waiting.size < WINDOW) send();
}, BATCH_MS);

for await (const event of events) {
  batch += `${toJson({ host, ...event })}\n`;
  if (batch.length < BATCH_BYTES) continue;
  // Back-pressure: nothing is read meanwhile.
  while (waiting.size >= WINDOW) await Promise.race(waiting);
  send();
}
clearInterval(timer);
conntrack.close();
send();
await Promise.all(waiting);
await connection.drain();
