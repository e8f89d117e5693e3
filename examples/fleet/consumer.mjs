// Who used an address and a port at a time, from what the hosts have stored:
//   NATS=nats://SERVER:4222 node consumer.mjs 198.51.100.7:40123 2026-11-25T12:00:05Z
// Prints one line of JSON for each flow: the host, the protocol, the user (address and port before translation), the peer, and from
// when to when. Exit status: 0 with an answer, 1 without one. What the answer may lack is said on stderr.
// Reads the whole stream, because a flow may have begun long ago. docs/fleet.md shows how to put a database behind the stream.
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

async function* lines() {
  const manager = await jetstreamManager(connection);
  const { state } = await manager.streams.info(STREAM);
  if (state.messages === 0) return;
  const consumer = await jetstream(connection).consumers.get(STREAM);
  for await (const message of await consumer.consume()) {
    yield* message.string().trimEnd().split("\n");
    if (message.seq >= state.last_seq) return;
  }
}

/** The events of flows that used the address and port, with their place in the stream. */
const events = [];
/** Hosts, and what is missing of their events. */
const gaps = new Map();

function gap(host, text) {
  gaps.set(host, [...(gaps.get(host) ?? []), text]);
}

const hosts = new Set();
for await (const line of lines()) {
  // Most lines are about others: do not parse them.
  if (!line.includes(address) && !/"event":"(?:lost|start)"/.test(line)) continue;
  const event = JSON.parse(line);
  const { host } = event;
  if (event.event === "lost") {
    if (Date.parse(event.time) <= time) gap(host, `${event.count ?? "some"} events lost before ${event.time}`);
  } else if (event.event === "start") {
    if (hosts.has(host) && Date.parse(event.time) <= time) gap(host, `the producer started again at ${event.time}`);
    hosts.add(host);
  } else if (event.reply.dst === address && event.reply.dport === Number(port)) {
    // Answers go to the translated address, or to the own one where nothing is translated.
    events.push(event);
  }
}

// A batch that was sent again is behind later ones. Sorting is stable.
events.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));

/** Flows that have not ended, by host and id; and those that have. */
const open = new Map();
const flows = [];
for (const { host, event, time: at, ...flow } of events) {
  const key = `${host} ${flow.id}`;
  const known = open.get(key) ?? { host, flow, from: flow.timestamp?.start ?? (event === "new" ? at : undefined) };
  if (event === "destroy") {
    open.delete(key);
    flows.push({ ...known, to: flow.timestamp?.stop ?? at });
  } else open.set(key, known);
}
flows.push(...open.values());

let answers = 0;
for (const { host, flow, from, to } of flows) {
  if ((from !== undefined && Date.parse(from) > time) || (to !== undefined && Date.parse(to) < time)) continue;
  const { protocol, orig } = flow;
  const who = { address: orig.src, port: orig.sport };
  const peer = { address: orig.dst, port: orig.dport };
  console.log(JSON.stringify({ host, protocol: protocol.name ?? protocol.number, who, peer, from, to }));
  answers++;
}
for (const [host, texts] of gaps) console.error(`${host}: the answer may be incomplete: ${texts.join("; ")}`);
await connection.close();
process.exitCode = answers > 0 ? 0 : 1;
