// Who had an address and a port at a time, by what the hosts have stored:
//   NATS=nats://SERVER:4222 node consumer.mjs 198.51.100.7:40123 2026-11-25T12:00:05Z
// Prints a line of JSON for each flow: the host, the protocol, who it was (address and port before translation), and from when to when.
// Reads the stream from its beginning: a flow may be old. With a lot of events, put a database behind the stream; see guide.md.
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { STREAM } from "./stream.mjs";

const [where = "", when = ""] = process.argv.slice(2);
const [, address, port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(where) ?? [];
const time = Date.parse(when);
if (address === undefined || Number.isNaN(time)) {
  console.error("usage: consumer.mjs ADDRESS:PORT TIME, e.g. [2001:db8::1]:40123 2026-11-25T12:00:05Z");
  process.exit(2);
}

const connection = await connect({ servers: process.env["NATS"] ?? "nats://127.0.0.1:4222" });
const manager = await jetstreamManager(connection);
const { state } = await manager.streams.info(STREAM);

/** Every line of the stream. */
async function* lines() {
  if (state.messages === 0) return;
  const consumer = await jetstream(connection).consumers.get(STREAM);
  for await (const message of await consumer.consume()) {
    yield* message.string().trimEnd().split("\n");
    if (message.seq >= state.last_seq) return;
  }
}

/** Flows that used the address and port, by host and id, and what is known of their times. */
const open = new Map();
const found = [];
const losses = new Map();

for await (const line of lines()) {
  // Most lines are of others: do not parse them.
  if (!line.includes('"event":"lost"') && !line.includes(address)) continue;
  const { host, event, time: at, count, ...flow } = JSON.parse(line);
  if (event === "lost") {
    if (Date.parse(at) <= time) losses.set(host, (losses.get(host) ?? 0) + (count ?? 1));
    continue;
  }
  // Answers go to the translated address, or to the own one where nothing is translated.
  if (flow.reply.dst !== address || flow.reply.dport !== Number(port)) continue;
  const key = `${host} ${flow.id} ${flow.protocol.number}`;
  const known = open.get(key) ?? { host, flow, from: flow.timestamp?.start ?? (event === "new" ? at : undefined) };
  if (event === "destroy") {
    open.delete(key);
    found.push({ ...known, to: flow.timestamp?.stop ?? at });
  } else open.set(key, known);
}

let answers = 0;
for (const { host, flow, from, to } of [...found, ...open.values()]) {
  if ((from !== undefined && Date.parse(from) > time) || (to !== undefined && Date.parse(to) < time)) continue;
  const { protocol, orig } = flow;
  const [who, peer] = [
    { address: orig.src, port: orig.sport },
    { address: orig.dst, port: orig.dport },
  ];
  console.log(JSON.stringify({ host, protocol: protocol.name ?? protocol.number, who, peer, from, to }));
  answers++;
}
for (const [host, count] of losses) console.error(`${host} lost ${count} events until then: the answer may lack some`);
await connection.close();
process.exitCode = answers > 0 ? 0 : 1;
