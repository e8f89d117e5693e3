/** What passes add up: by the engine of traces what TypeScript adds up, and rates as a plain model has them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as C from "../../src/ctnetlink/constants.js";
import * as S from "../../src/ctnetlink/slots.js";
import { FlowView } from "../../src/ctnetlink/view.js";
import { ByteWriter } from "../../src/system/byte-writer.js";
import { fieldByName } from "../../src/tally/fields.js";
import { FlowMemory } from "../../src/top/flow-memory.js";
import { type FlowSort, FullFigures, SUM } from "../../src/top/passes.js";
import { type Random, random as randomOf, seed as SEED } from "../support/random.js";
import { numbered, Plain, Traced, vary, type Work } from "../support/traces.js";
import { bytesOf, FLOW_FIXTURES, wireFixture } from "../support/wire.js";

const MIXED = FLOW_FIXTURES.flatMap((name) => wireFixture(name).messages.map((message) => numbered(bytesOf(message))));
const ID = S.TOP + C.CTA_ID;
const BYTES = { up: S.COUNTERS_ORIG + C.CTA_COUNTERS_BYTES, down: S.COUNTERS_REPLY + C.CTA_COUNTERS_BYTES };
const START = S.TIMESTAMP + C.CTA_TIMESTAMP_START;

const viewOf = (message: Uint8Array): FlowView => {
  const view = new FlowView();
  view.read(message, 0, message.length);
  return view;
};

/** Has a flow's number in a slot be below 2^`bits`. */
function shorten(message: Uint8Array, slot: number, bits: number): void {
  const view = viewOf(message);
  if (view.has(slot)) view.bytes(slot).fill(0, 0, 8 - bits / 8);
}

/** An id of its own for each number. The first places of all such flows are in one half of the memory, so that they collide. */
function idOf(number: number): number {
  for (let i = number * 64; ; i++) {
    const id = Math.imul(i, 0x85ebca6b) >>> 0;
    const hash = Math.imul(id, 0x9e3779b1);
    if (((hash ^ (hash >>> 15)) & 0x3ff) >= 512) return id;
  }
}

/** The flows of a pass: some of before, with counters that have grown or were set to zero, and some that are new. */
function nextFlows(random: Random, before: readonly Uint8Array[], firstId: number, count: number): Uint8Array[] {
  const old = random.some(before, Math.floor(before.length / 2)).map((message) => {
    const copy = message.slice();
    const view = viewOf(copy);
    for (const slot of Object.values(BYTES)) {
      if (!view.has(slot)) continue;
      // Of a number below 2^40: its highest byte and its lowest.
      const payload = view.bytes(slot);
      const at = random.pick([3, 7]);
      payload[at] = random.once(4) ? 0 : Math.min(255, payload[at]! + random.below(100));
    }
    return copy;
  });
  const fresh = Array.from({ length: count - old.length }, (_, i) => {
    const message = vary(random, random.pick(MIXED));
    for (const slot of Object.values(BYTES)) shorten(message, slot, 40);
    shorten(message, START, 56);
    const view = viewOf(message);
    if (view.has(ID)) new DataView(message.buffer).setUint32(view.bytes(ID).byteOffset, idOf(firstId + i));
    return message;
  });
  return [...old, ...fresh];
}

/** What a flow has sent since, by the plainest of means. */
class Model {
  #before = new Map<number, readonly [number, number]>();

  /** Growth of a direction of all flows, and how many are new. */
  pass(flows: readonly Uint8Array[]): { up: number; down: number; fresh: number } {
    const now = new Map<number, readonly [number, number]>();
    const sums = { up: 0, down: 0, fresh: 0 };
    for (const message of flows) {
      const view = viewOf(message);
      const id = view.u32(ID);
      const counters = [BYTES.up, BYTES.down].map((slot) => (view.has(slot) ? Number(view.u64(slot)) : 0));
      const before = this.#before.get(id);
      const growth = counters.map((value, i) => (value >= (before?.[i] ?? 0) ? value - (before?.[i] ?? 0) : value));
      sums.up += growth[0]!;
      sums.down += growth[1]!;
      if (before === undefined) sums.fresh++;
      now.set(id, [counters[0]!, counters[1]!]);
    }
    this.#before = now;
    return sums;
  }
}

const figuresOf = (figures: FullFigures) => ({
  matching: figures.matching.count,
  groups: Array.from({ length: figures.groups.size }, (_, row) => [
    ...figures.groups.fields.map((_, i) => figures.groups.value(row, i)),
    ...figures.groups.sums.map((_, i) => figures.groups.exactSum(row, i)),
  ]),
  kinds: Array.from({ length: figures.kinds.size }, (_, row) =>
    figures.kinds.sums.map((_, i) => figures.kinds.sum(row, i)),
  ),
  traits: figures.traits?.find(
    figures.groups,
    Array.from({ length: figures.groups.size }, (_, row) => row),
  ),
});

const NOW = () => 1_795_477_000_123_456;
const PASSES = 4;
const FLOWS = 2000;

/** Runs passes both ways. Calls `check` after each; returns how many flows traces did. */
function bothWays(
  by: readonly string[],
  flowKey: FlowSort,
  check: (byHand: FullFigures, byTraces: FullFigures, flows: readonly Uint8Array[], memory: FlowMemory) => void,
  passes = PASSES,
  count = FLOWS,
): number {
  const random = randomOf(SEED);
  const request = { by: by.map((name) => fieldByName(name)!), flowKey, countsTraits: true };
  const [handMemory, traceMemory] = [new FlowMemory(), new FlowMemory()];
  let flows: Uint8Array[] = [];
  let repeated = 0;
  for (let pass = 0; pass < passes; pass++) {
    flows = nextFlows(random, flows, 1 + pass * count, count);
    for (const memory of [handMemory, traceMemory]) memory.begin(pass === 1 ? count : 0);
    const [byHand, byTraces] = [new FullFigures(request, handMemory), new FullFigures(request, traceMemory)];
    const work =
      (figures: FullFigures): Work =>
      (_writer, view) =>
        figures.add(view);
    const plain = new Plain(work(byHand), NOW, new ByteWriter());
    const traced = new Traced(work(byTraces), NOW, new ByteWriter());
    for (const message of flows) {
      plain.do(message);
      if (traced.do(message).traced) repeated++;
    }
    assert.equal(traced.repeater.counted.wrong, 0);
    assert.deepEqual(figuresOf(byTraces), figuresOf(byHand));
    check(byHand, byTraces, flows, handMemory);
    for (const memory of [handMemory, traceMemory]) memory.end();
  }
  return repeated;
}

describe("full passes", () => {
  it(`add up what flows have sent since the last one, seed ${SEED}`, () => {
    const model = new Model();
    const repeated = bothWays(["protocol", "dport"], "down", ({ groups }, _, flows) => {
      const { up, down, fresh } = model.pass(flows);
      assert.deepEqual(
        [SUM.up, SUM.down, SUM.fresh].map((sum) => Number(groups.total(sum))),
        [up, down, fresh],
      );
    });
    assert.ok(repeated > (PASSES * FLOWS) / 2, `${repeated} by traces`);
  });

  it(`forget flows that are gone, and no others, seed ${SEED}`, () => {
    const model = new Model();
    let most = 0;
    const check = (_: FullFigures, byTraces: FullFigures, flows: readonly Uint8Array[], memory: FlowMemory) => {
      assert.equal(Number(byTraces.groups.total(SUM.fresh)), model.pass(flows).fresh);
      most = Math.max(most, memory.memory.length);
    };
    bothWays(["protocol"], "down", check, 60, 700);
    // 21,350 flows, of which 1050 are remembered at a time.
    assert.ok(most < 6 * 5000, `${most} words`);
  });

  for (const key of ["up", "down", "bytes", "age", "expires"] as const) {
    it(`keep the flows with the most by ${key}, seed ${SEED}`, () => {
      const repeated = bothWays([], key, (byHand, byTraces) => {
        const [wanted, found] = [byHand.flows(), byTraces.flows()].map((flows) =>
          flows.map(({ message, up, down }) => [Buffer.from(message).toString("hex"), up, down]),
        );
        assert.equal(wanted!.length, 500);
        assert.deepEqual(found, wanted);
      });
      assert.ok(repeated > FLOWS / 2, `${repeated} by traces`);
    });
  }

  it(`that are broken off forget nothing, seed ${SEED}`, () => {
    const memory = new FlowMemory();
    const request = { by: [], flowKey: "down" as const };
    const random = randomOf(SEED);
    const flows = nextFlows(random, [], 1, 2000);
    const pass = (messages: readonly Uint8Array[]) => {
      memory.begin();
      const figures = new FullFigures(request, memory);
      for (const message of messages) figures.add(viewOf(message));
      return Number(figures.groups.total(SUM.fresh));
    };
    assert.equal(pass(flows), 2000);
    memory.end();
    assert.equal(pass(flows.slice(0, 100)), 0);
    assert.equal(pass(flows), 0);
    memory.end();
    assert.equal(pass(flows.slice(0, 1000)), 0);
    memory.end();
    assert.equal(pass(flows), 1000);
  });
});
