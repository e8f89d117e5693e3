/** Mutated messages: every one is read and formatted, or refused with an error of ours. Never a crash, a hang or a foreign error. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EVENT_DESTROY, EVENT_NONE } from "../../src/ctnetlink/events.js";
import * as S from "../../src/ctnetlink/slots.js";
import { CPU_COUNTERS, decodeCpuStats, decodeOccupancy } from "../../src/ctnetlink/stats.js";
import { ExpectView, FlowView } from "../../src/ctnetlink/view.js";
import { EXPECT_FORMATS, FLOW_FORMATS } from "../../src/format/formats.js";
import type { FormatOptions } from "../../src/format/formatter.js";
import { compileFilter } from "../../src/match/filter.js";
import { NetlinkConnection } from "../../src/netlink/connection.js";
import { ByteWriter } from "../../src/system/byte-writer.js";
import { ConntrackError } from "../../src/system/errors.js";
import { utcTime } from "../support/clock.js";
import { exactFilter } from "../support/exact-filter.js";
import { FakeSocket } from "../support/fake-socket.js";
import { type Random, random as randomOf, seed as SEED } from "../support/random.js";
import { bytesOf, FLOW_FIXTURES, wireFixture } from "../support/wire.js";

const MESSAGES = 120_000;

const options: FormatOptions = {
  extended: true,
  id: true,
  ktimestamp: true,
  timestamp: true,
  deleting: false,
  labels: { names: ["zero", undefined, "two"], bits: new Map() },
  nowMicroseconds: () => 1.7e15,
  localTime: utcTime,
};

const predicate = compileFilter(
  exactFilter({
    family: 2,
    orig: { src: Uint8Array.of(127, 0, 0, 1), icmpType: 8, zone: 0 },
    reply: { dport: 53 },
    srcMask: Uint8Array.of(255, 0, 0, 0),
    status: { set: 2, clear: 4, unset: false },
    mark: { value: 0, mask: 1 },
    anyNat: { port: 1 },
    labels: [3],
    state: 3,
  }),
)!;

/** Changes a few bytes, or cuts the message, or repeats a piece of it. */
function mutate(random: Random, original: Uint8Array): Uint8Array {
  let message = original.slice();
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(message.length);
    switch (random.below(6)) {
      case 0:
        message[at] = random.below(256);
        break;
      case 1:
        message[at]! ^= 1 << random.below(8);
        break;
      case 2: // a length or a type, most likely
        message[at & ~3] = [0, 1, 3, 4, 5, 0xff][random.below(6)]!;
        break;
      case 3:
        message = message.slice(0, at + 1);
        break;
      case 4:
        message.copyWithin(at, random.below(message.length));
        break;
      default:
        message = Buffer.concat([message.subarray(0, at), message]);
    }
  }
  return message;
}

function cleanly(message: Uint8Array, work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof ConntrackError) return false;
    throw new Error(`message ${Buffer.from(message).toString("hex")}`, { cause: error });
  }
}

test(`${MESSAGES} mutated messages, seed ${SEED}`, () => {
  const random = randomOf(SEED);
  const originals = [...FLOW_FIXTURES, "expectations" as const, "stats-cpu" as const].flatMap((name) =>
    wireFixture(name).messages.map(bytesOf),
  );
  const flow = new FlowView();
  const expectation = new ExpectView();
  const writer = new ByteWriter();
  const flowFormats = Object.values(FLOW_FORMATS).map((make) => make(options));
  const expectFormats = Object.values(EXPECT_FORMATS).map((make) => make(options));
  let read = 0;
  for (let i = 0; i < MESSAGES; i++) {
    const message = mutate(random, originals[random.below(originals.length)]!);
    const { length } = message;
    const good = cleanly(message, () => {
      flow.read(message, 0, length);
      for (let slot = 0; slot < S.SLOTS; slot++)
        if (flow.has(slot) && flow.at(slot) > length) assert.fail(`slot ${slot}`);
      predicate(flow);
      const formatter = flowFormats[i % flowFormats.length]!;
      writer.clear();
      formatter.entry(writer, flow, i % 2 === 0 ? EVENT_NONE : EVENT_DESTROY);
    });
    if (good) read++;
    cleanly(message, () => {
      expectation.read(message, 0, length);
      writer.clear();
      expectFormats[i % expectFormats.length]!.entry(writer, expectation, EVENT_NONE);
    });
    cleanly(message, () => void decodeCpuStats(message, 0, length, CPU_COUNTERS));
    cleanly(message, () => void decodeOccupancy(message, 0, length));
  }
  // The mutations must leave enough of the messages whole to reach the formatters at all.
  assert.ok(read > MESSAGES / 10 && read < MESSAGES, `${read} of ${MESSAGES} were readable`);
});

test("mutated datagrams end a dump cleanly", () => {
  const DATAGRAMS = 5_000;
  const random = randomOf(SEED + 1);
  const originals = wireFixture("flows-mix").messages.map(bytesOf);
  const flow = new FlowView();
  let reached = 0;
  let read = 0;
  for (let i = 0; i < DATAGRAMS; i++) {
    const datagram = Buffer.concat([0, 1, 2].map(() => originals[random.below(originals.length)]!));
    // Sequence 1 is what a fresh connection asks with.
    for (let start = 0; start < datagram.length; start += datagram.readUInt32LE(start))
      datagram.writeUInt32LE(1, start + 8);
    const bytes = mutate(random, datagram);
    const socket = new FakeSocket(() => [bytes]);
    cleanly(bytes, () => {
      new NetlinkConnection(socket).dump(
        (writer) => {
          writer.begin(0x101, 0, 0, 0);
          writer.end();
        },
        (buffer, start, end) => {
          reached++;
          flow.read(buffer, start, end);
          read++;
        },
      );
    });
  }
  // Of the three messages of a datagram the mutations must leave some that reach the reader, good ones and bad ones.
  assert.ok(read > DATAGRAMS / 2 && read < reached, `${read} of ${reached} messages were readable`);
});
