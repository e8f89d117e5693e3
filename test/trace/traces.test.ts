/** Traces do what TypeScript does: on every message of the fixtures, and on hundreds of thousands that differ from them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DELETION, type EntryRequest, updateTo } from "../../src/command/entry-batch.js";
import { eventType } from "../../src/ctnetlink/events.js";
import { type Counter, FlowView } from "../../src/ctnetlink/view.js";
import { FLOW_FORMATS } from "../../src/format/formats.js";
import type { FormatOptions } from "../../src/format/formatter.js";
import { exactly, inNetwork, markedWith } from "../../src/match/conditions.js";
import { compileFilter, type FlowFilter, type Predicate } from "../../src/match/filter.js";
import { MessageWriter, SEQUENCE_AT } from "../../src/netlink/message.js";
import { isSourceTranslated } from "../../src/protocol/nat.js";
import { ByteWriter } from "../../src/system/byte-writer.js";
import { ConntrackError } from "../../src/system/errors.js";
import { expiresField, fieldByName, replyPortField, statusField } from "../../src/tally/fields.js";
import { GROUP_SUMS } from "../../src/tally/group-rows.js";
import { type Bounds, GroupTable } from "../../src/tally/group-table.js";
import { entryOrder } from "../../src/tally/order.js";
import { Ranking } from "../../src/tally/ranking.js";
import { FLOWS, OFFLOADED, OLDEST, UNASSURED } from "../../src/tally/sums.js";
import { utcTime } from "../support/clock.js";
import { random as randomOf, seed as SEED } from "../support/random.js";
import { mutate, numbered, Plain, Traced, vary, type Work } from "../support/traces.js";
import { bytesOf, FLOW_FIXTURES, wireFixture } from "../support/wire.js";

const NOW = 1_795_477_000_123_456;
const MESSAGES = 300_000;

const MIXED = FLOW_FIXTURES.flatMap((name) => wireFixture(name).messages.map((message) => numbered(bytesOf(message))));

const PLAIN: Omit<FormatOptions, "nowMicroseconds"> = {
  extended: false,
  id: false,
  ktimestamp: false,
  timestamp: false,
  deleting: false,
  localTime: utcTime,
};
const LABELS = { names: ["zero", "", undefined, "three"], bits: new Map<string, number>() };

/** What each format is asked for, and how many traces the fixtures may take. */
const FORMATS: readonly {
  name: string;
  format: keyof typeof FLOW_FORMATS;
  options?: Partial<FormatOptions>;
  most: number;
}[] = [
  { name: "default", format: "default", most: 200 },
  { name: "extended,id", format: "default", options: { extended: true, id: true }, most: 200 },
  { name: "labels", format: "default", options: { labels: LABELS }, most: 200 },
  { name: "ktimestamp", format: "default", options: { ktimestamp: true }, most: 10_000 },
  { name: "save", format: "save", most: 200 },
  { name: "save of deleted", format: "save", options: { deleting: true }, most: 200 },
  { name: "xml", format: "xml", most: 200 },
  { name: "xml,ktimestamp,labels", format: "xml", options: { ktimestamp: true, labels: LABELS }, most: 200 },
  { name: "json", format: "json", most: 10_000 },
  { name: "json,labels", format: "json", options: { labels: LABELS }, most: 10_000 },
];

const bytes = () => new ByteWriter(1 << 20);

/** Shows messages in a format; as events, or as a listing. */
function shown({ format, options }: (typeof FORMATS)[number], filter: FlowFilter = {}, events = false): Work {
  const matches = compileFilter(filter);
  return (writer, view, nowMicroseconds) => {
    const formatter = FLOW_FORMATS[format]({ ...PLAIN, ...options, nowMicroseconds });
    if (matches !== undefined && !matches(view)) return;
    formatter.entry(writer, view, events ? eventType(view) : 0);
    writer.byte(0x0a);
  };
}

/** Does mutated messages both ways. Returns how many a trace did. */
function compareMutated(work: Work, messages: number, seed: number): number {
  return compareBoth(new Traced(work, () => NOW, bytes()), new Plain(work, () => NOW, bytes()), messages, seed);
}

/** The same; `before` is called before each message. */
function compareBoth(
  traced: Pick<Traced, "do" | "skim">,
  plain: Pick<Plain, "do">,
  messages: number,
  seed: number,
  before: (number: number) => void = () => {},
): number {
  const random = randomOf(seed);
  for (const message of MIXED) traced.do(message);
  let repeated = 0;
  for (let i = 0; i < messages; i++) {
    const message = mutate(random, random.pick(MIXED));
    before(i);
    let wanted: string | undefined;
    try {
      wanted = plain.do(message);
    } catch (error) {
      if (!(error instanceof ConntrackError)) throw error;
    }
    const text = traced.skim(message);
    if (text === undefined) continue;
    assert.equal(text, wanted, `seed ${seed}, message ${Buffer.from(message).toString("hex")}`);
    repeated++;
  }
  return repeated;
}

describe("traces of every format", () => {
  for (const row of FORMATS) {
    for (const events of row.format === "json" ? [false] : [false, true]) {
      const work = shown(row, {}, events);

      test(`${row.name}${events ? " of events" : ""}: the fixtures, twice`, () => {
        const traced = new Traced(work, () => NOW, bytes());
        const plain = new Plain(work, () => NOW, bytes());
        let repeated = 0;
        for (const message of [...MIXED, ...MIXED]) {
          const { text, traced: byTrace } = traced.do(message);
          assert.equal(text, plain.do(message));
          if (byTrace) repeated++;
        }
        const { wrong, long } = traced.repeater.counted;
        assert.equal(wrong, 0);
        assert.ok(repeated >= MIXED.length, `${repeated} of ${MIXED.length}`);
        assert.equal(repeated + long, 2 * MIXED.length);
      });
    }

    test(`${row.name}: ${row.most} traces are enough for 10,000 flows of those kinds`, (t) => {
      const random = randomOf(1);
      const traced = new Traced(shown(row), () => NOW, bytes());
      for (let i = 0; i < 10_000; i++) traced.do(vary(random, random.pick(MIXED)));
      const { traces, wrong } = traced.repeater.counted;
      t.diagnostic(`${traces} traces`);
      assert.equal(wrong, 0);
      assert.ok(traces <= row.most, `${traces} traces`);
    });

    test(`${row.name}: messages that differ from them, seed ${SEED}`, () => {
      const repeated = compareMutated(shown(row), MESSAGES / FORMATS.length, SEED);
      assert.ok(repeated > MESSAGES / FORMATS.length / 10, `${repeated}`);
    });
  }
});

const FILTERS: readonly FlowFilter[] = [
  { protonum: exactly(6), state: exactly(3) },
  { orig: { src: inNetwork(Uint8Array.of(10, 10, 0, 0), Uint8Array.of(255, 255, 0, 0)) } },
  { mark: markedWith(1, 1) },
  { status: { set: 4, clear: 0, unset: false } },
  { anyNat: {} },
  { zone: exactly(2) },
  { labels: [3] },
  {
    orig: {
      dport: {
        items: [
          { from: 1, to: 80 },
          { from: 443, to: 443 },
        ],
        not: true,
      },
    },
  },
];

describe("traces of filters", () => {
  for (const filter of FILTERS) {
    test(`${JSON.stringify(filter)}, seed ${SEED}`, () => {
      const repeated = compareMutated(shown(FORMATS[0]!, filter), MESSAGES / FILTERS.length, SEED);
      assert.ok(repeated > MESSAGES / FILTERS.length / 10, `${repeated}`);
    });
  }
});

const REQUESTS: Readonly<Record<string, { request: EntryRequest; filter?: FlowFilter }>> = {
  delete: { request: DELETION },
  "delete of established": { request: DELETION, filter: FILTERS[0]! },
  "update of the timeout": { request: updateTo({ timeoutSeconds: 30 }) },
  "update of the mark": { request: updateTo({ mark: { value: 0x105, mask: 0xff } }) },
  "update of the status": { request: updateTo({ status: 0x0e }), filter: FILTERS[1]! },
  "update of the state": { request: updateTo({ protonum: 6, state: 4 }) },
  "update of labels": { request: updateTo({ labelAdd: [3] }) },
  "update without labels": { request: updateTo({ labelDel: "all", timeoutSeconds: 100 }) },
};

/** Writes requests with numbers of their own. */
function requests({ encode }: EntryRequest, filter: FlowFilter, sequence: Counter): Work<MessageWriter> {
  const matches = compileFilter(filter);
  return (writer, view) => {
    if (matches !== undefined && !matches(view)) return;
    const start = writer.length;
    encode(writer, view);
    if (writer.length > start) view.number(writer, start + SEQUENCE_AT, sequence);
  };
}

describe("traces of requests", () => {
  const share = MESSAGES / Object.keys(REQUESTS).length;
  for (const [name, { request, filter = {} }] of Object.entries(REQUESTS)) {
    test(`${name}, seed ${SEED}`, (t) => {
      const [one, other] = [{ count: 0 }, { count: 0 }];
      const traced = new Traced(requests(request, filter, one), () => NOW, new MessageWriter());
      const plain = new Plain(requests(request, filter, other), () => NOW, new MessageWriter());
      const repeated = compareBoth(traced, plain, share, SEED, (number) => (one.count = other.count = number));
      assert.equal(traced.repeater.counted.wrong, 0);
      assert.ok(repeated > share / 10, `${repeated}`);

      const random = randomOf(1);
      const { traces: before } = traced.repeater.counted;
      for (let i = 0; i < 10_000; i++) traced.do(vary(random, random.pick(MIXED)));
      const { traces } = traced.repeater.counted;
      t.diagnostic(`${traces} traces`);
      assert.ok(traces < before + 200, `${before} and ${traces} traces`);
    });
  }
});

const GROUPED: readonly (readonly [fields: readonly string[], where?: Predicate])[] = [
  [["src"]],
  [["src/20", "dport"], isSourceTranslated],
  [["dst", "protocol", "state", "zone", "nat"]],
  [["snat", "dnat/24", "helper", "label", "status", "mark", "family"]],
  [["sport", "reply-src", "reply-dst/48"]],
];
const SUMS = [...GROUP_SUMS, UNASSURED, OFFLOADED, OLDEST];

/** The same tables for both ways; with few groups some flows are passed over, or some rows dropped. */
function groupTables(limit: Bounds = {}): GroupTable[] {
  const bounds = (where?: Predicate) => ({ ...(where && { where }), ...limit });
  return [
    ...GROUPED.map(
      ([names, where]) =>
        new GroupTable(
          names.map((name) => fieldByName(name)!),
          SUMS,
          bounds(where),
        ),
    ),
    new GroupTable([expiresField(60), statusField(0x0e), replyPortField("sport")], [FLOWS], bounds()),
  ];
}

function sumsOf(table: GroupTable): string[] {
  const totals = `${table.hasDropped} ${table.sums.map((_, i) => table.total(i)).join()}`;
  const rows = Array.from({ length: table.size }, (_, row) => {
    const at = table.keyOffset(row);
    const key = Buffer.from(table.keyBytes.subarray(at, at + table.offsets.length * 4)).toString("hex");
    const values = table.fields.map((_, i) => JSON.stringify(table.value(row, i)));
    return `${key} ${table.isWhole(row)} ${values.join()} ${table.sums.map((_, i) => table.exactSum(row, i)).join()}`;
  });
  return [totals, ...rows];
}

/** Adds the same flows to tables both ways. Returns how many a trace did. */
function compareSums(tables: () => GroupTable[], messages: number): number {
  const random = randomOf(SEED);
  const [byTraces, byHand] = [tables(), tables()];
  const addTo = (all: readonly GroupTable[]): Work => {
    return (_writer, view) => {
      for (const table of all) table.add(view);
    };
  };
  const traced = new Traced(addTo(byTraces), () => NOW, bytes());
  const plain = new Plain(addTo(byHand), () => NOW, bytes());
  let repeated = 0;
  for (let i = 0; i < messages; i++) {
    const original = random.pick(MIXED);
    const message = random.once(4) ? mutate(random, original) : vary(random, original);
    let failed = false;
    try {
      plain.do(message);
    } catch (error) {
      if (!(error instanceof ConntrackError)) throw error;
      failed = true;
    }
    // What cannot be read is nothing that a trace may have done.
    if (failed) assert.equal(traced.skim(message), undefined);
    else if (traced.do(message).traced) repeated++;
  }
  assert.equal(traced.repeater.counted.wrong, 0);
  for (const [i, table] of byTraces.entries()) assert.deepEqual(sumsOf(table), sumsOf(byHand[i]!));
  return repeated;
}

describe("traces of sums", () => {
  for (const limit of [{}, { most: 100 }, { most: 128, kept: 70 }]) {
    const groups = Object.values(limit).join(" or ") || "all";
    for (const [i, table] of groupTables().entries()) {
      test(`by ${table.fields.map(({ name }) => name).join()}, ${groups} groups, seed ${SEED}`, () => {
        const repeated = compareSums(() => [groupTables(limit)[i]!], MESSAGES / 50);
        assert.ok(repeated > MESSAGES / 300, `${repeated} repeated`);
      });
    }

    test(`of several tables at once, ${groups} groups, seed ${SEED}`, () => {
      assert.ok(compareSums(() => groupTables(limit), MESSAGES / 30) > 0);
    });
  }
});

/** What is kept of messages, in order, and how many lack what they are sorted by. */
function keptOf(ranking: Ranking): string[] {
  const kept: string[] = [];
  ranking.forEach(new FlowView(), (view) => kept.push(Buffer.from(view.message()).toString("hex")));
  return [...kept, `${ranking.unsorted} lack it`];
}

describe("traces of orders", () => {
  for (const sort of [
    "bytes",
    "bytes asc",
    "orig-bytes",
    "packets",
    "age",
    "expires",
    "unreplied",
    "src",
    "dport",
    "state",
  ]) {
    for (const limit of [1, 20]) {
      test(`${sort}, ${limit} are kept, seed ${SEED}`, () => {
        const [key, direction] = sort.split(" ") as [string, "asc"?];
        const order = entryOrder({ key, ...(direction && { direction }) })!;
        const random = randomOf(SEED);
        const [byTraces, byHand] = [new Ranking(order, limit), new Ranking(order, limit)];
        const traced = new Traced(
          (_, view) => byTraces.offer(view),
          () => NOW,
          bytes(),
        );
        const plain = new Plain(
          (_, view) => byHand.offer(view),
          () => NOW,
          bytes(),
        );
        let repeated = 0;
        for (let i = 0; i < MESSAGES / 60; i++) {
          const message = vary(random, random.pick(MIXED));
          plain.do(message);
          if (traced.do(message).traced) repeated++;
        }
        assert.equal(traced.repeater.counted.wrong, 0);
        assert.deepEqual(keptOf(byTraces), keptOf(byHand));
        assert.ok(repeated > MESSAGES / 120, `${repeated} repeated`);
      });
    }
  }
});
