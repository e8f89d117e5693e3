/**
 * A process that makes events at a steady rate in its network namespace: half of them flows that are created, the other half
 * the same flows deleted again. Arguments: events a second, seconds. Prints how many it made.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as C from "../../src/ctnetlink/constants.js";
import { encodeChanges, encodeTuple } from "../../src/ctnetlink/encode.js";
import { napiBackend } from "../../src/netlink/backend/napi.js";
import { MAX_BATCH_MESSAGES, openConnection } from "../../src/netlink/connection.js";
import { NLM_F_CREATE, NLM_F_EXCL } from "../../src/netlink/constants.js";
import { MessageWriter } from "../../src/netlink/message.js";

const TICK_MS = 10;
/** So many flows are there at a time at most, however late it is: the table has to hold them. */
const MOST_FLOWS = 10_000;
const SERVER = Uint8Array.of(192, 0, 2, 1);

const [rate = 20_000, seconds = 1] = process.argv.slice(2).map(Number);

const connection = openConnection(napiBackend());
const writer = new MessageWriter(1 << 16);

function tuple(i: number) {
  return { src: Uint8Array.of(10, i >>> 16, i >>> 8, i), dst: SERVER, protonum: C.IPPROTO_UDP, sport: 1024, dport: 53 };
}

function encode(type: number, i: number): void {
  const { src, dst, protonum, sport, dport } = tuple(i);
  writer.begin(type, type === C.CT_NEW ? NLM_F_CREATE | NLM_F_EXCL : 0, 0, C.AF_INET);
  encodeTuple(writer, C.CTA_TUPLE_ORIG, { src, dst, protonum, sport, dport });
  if (type === C.CT_NEW) {
    encodeTuple(writer, C.CTA_TUPLE_REPLY, { src: dst, dst: src, protonum, sport: dport, dport: sport });
    encodeChanges(writer, { status: C.IPS_CONFIRMED, timeoutSeconds: 600 });
  }
  writer.end();
}

/** Sends requests for the flows from `first` on. */
function send(type: number, first: number, count: number): void {
  for (let done = 0; done < count; done += MAX_BATCH_MESSAGES) {
    const size = Math.min(MAX_BATCH_MESSAGES, count - done);
    writer.clear();
    for (let i = 0; i < size; i++) encode(type, first + done + i);
    connection.batch(writer, size, (_, errno) => {
      throw new Error(`errno ${errno}`);
    });
  }
}

const start = performance.now();
const total = (rate * seconds) / 2;
for (let made = 0; made < total; await sleep(TICK_MS)) {
  const due = Math.min(total, made + MOST_FLOWS, Math.floor(((performance.now() - start) / 1000) * (rate / 2)));
  send(C.CT_NEW, made, due - made);
  send(C.CT_DELETE, made, due - made);
  made = due;
}
process.stdout.write(`${2 * total}\n`);
