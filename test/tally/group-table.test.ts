import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as C from "../../src/ctnetlink/constants.js";
import * as S from "../../src/ctnetlink/slots.js";
import { FlowView } from "../../src/ctnetlink/view.js";
import { type Flow, readFlow } from "../../src/library/flow.js";
import { expiresField, fieldByName, valueText } from "../../src/tally/fields.js";
import { type Bounds, GroupTable } from "../../src/tally/group-table.js";
import { FIELD_NAMES } from "../../src/tally/names.js";
import { sortGroups } from "../../src/tally/order.js";
import * as sums from "../../src/tally/sums.js";
import { fieldOfFlow, fieldOfGroup } from "../support/flow-fields.js";
import { random, seed } from "../support/random.js";
import { bytesOf, FLOW_FIXTURES, wireFixture } from "../support/wire.js";

const SUMS = [
  sums.FLOWS,
  sums.UNREPLIED,
  sums.COUNTED,
  sums.ORIG_PACKETS,
  sums.ORIG_BYTES,
  sums.REPLY_PACKETS,
  sums.REPLY_BYTES,
];

/** What the sums must be, told from the flow's object. */
function amounts({ status, orig, reply }: Flow): bigint[] {
  return [
    1n,
    status?.includes("SEEN_REPLY") === false ? 1n : 0n,
    orig.packets === undefined ? 0n : 1n,
    orig.packets ?? 0n,
    orig.bytes ?? 0n,
    reply.packets ?? 0n,
    reply.bytes ?? 0n,
  ];
}

const messages = FLOW_FIXTURES.flatMap((name) => wireFixture(name).messages.map(bytesOf));

function viewOf(message: Uint8Array): FlowView {
  const view = new FlowView();
  view.read(message, 0, message.length);
  return view;
}

/** JSON with bigints and without members that are undefined. */
const text = (value: unknown) => JSON.stringify(value, (_, one) => (typeof one === "bigint" ? String(one) : one));

function compare(names: readonly string[], all: readonly Uint8Array[]): void {
  const table = new GroupTable(
    names.map((name) => fieldByName(name)!),
    SUMS,
  );
  const view = new FlowView();
  const expected = new Map<string, bigint[]>();
  for (const message of all) {
    view.read(message, 0, message.length);
    table.add(view);
    const flow = readFlow(view, undefined, {});
    const key = text(names.map((name) => fieldOfFlow(flow, name)));
    const before = expected.get(key) ?? SUMS.map(() => 0n);
    expected.set(
      key,
      amounts(flow).map((amount, i) => before[i]! + amount),
    );
  }
  const found = new Map<string, bigint[]>();
  for (let row = 0; row < table.size; row++) {
    const key = text(names.map((name, i) => fieldOfGroup(table.value(row, i), name)));
    found.set(
      key,
      SUMS.map((_, i) => table.exactSum(row, i)),
    );
  }
  assert.deepEqual([...found], [...expected], names.join());
  SUMS.forEach((_, i) => {
    const total = [...expected.values()].reduce((sum, row) => sum + row[i]!, 0n);
    assert.equal(table.total(i), total);
  });
}

describe("groups are what the flows' JSON says", () => {
  for (const name of FIELD_NAMES) test(name, () => compare([name], messages));
  for (const name of ["src/24", "src/0", "dst/64", "dst/33", "reply-src/128", "reply-dst/8", "snat/16", "dnat/32"]) {
    test(name, () => compare([name], messages));
  }
  test("several fields", () => {
    compare(["src", "dport"], messages);
    compare(["protocol", "state", "src/16", "dst", "zone"], messages);
  });

  test("100,000 flows from 60,000 sources", () => {
    const { below } = random(seed);
    const [tcp] = messages;
    const view = new FlowView();
    view.read(tcp!, 0, tcp!.length);
    assert.ok(view.has(S.ORIG + S.T_V4_SRC));
    const at = view.at(S.ORIG + S.T_V4_SRC);
    const many = Array.from({ length: 100_000 }, () => {
      const one = tcp!.slice();
      const source = below(60_000);
      one.set([10, 0, source >> 8, source], at);
      return one;
    });
    compare(["src"], many);
  });
});

describe("a table that drops rows", () => {
  const SUMS = [sums.FLOWS, sums.ORIG_BYTES] as const;
  const BOUNDS = { most: 256, kept: 128 };
  const message = messages.find((message) => {
    const view = viewOf(message);
    return view.has(S.TOP + C.CTA_MARK) && view.has(S.COUNTERS_ORIG + 2);
  })!;

  /** Two tables by mark of the same flows, a mark and a number of bytes each. */
  function add(flows: readonly (readonly [mark: number, bytes: number])[]) {
    const copy = message.slice();
    const view = viewOf(copy);
    const data = new DataView(copy.buffer);
    const table = (bounds?: Bounds) => new GroupTable([fieldByName("mark")!], SUMS, bounds);
    const [exact, bounded] = [table(), table(BOUNDS)];
    for (const [mark, bytes] of flows) {
      data.setUint32(view.at(S.TOP + C.CTA_MARK), mark);
      data.setBigUint64(view.at(S.COUNTERS_ORIG + 2), BigInt(bytes));
      exact.add(view);
      bounded.add(view);
    }
    return { exact, bounded };
  }

  const { below } = random(seed);
  // 20,000 groups of one flow, 50 of 200 flows each, and 20 of one flow with many bytes.
  const small = Array.from({ length: 20_000 }, (_, i) => [1000 + i, below(1000)] as const);
  const many = Array.from({ length: 10_000 }, (_, i) => [i % 50, below(1000)] as const);
  const large = Array.from({ length: 20 }, (_, i) => [100 + i, 1_000_000 + i] as const);
  const order = new Map<readonly [number, number], number>();
  const flows = [...small, ...many, ...large];
  for (const flow of flows) order.set(flow, below(1 << 30));
  flows.sort((a, b) => order.get(a)! - order.get(b)!);
  const { exact, bounded } = add(flows);

  test("has no more rows than it may, and all sums as totals", () => {
    assert.equal(exact.size, 20_070);
    assert.ok(bounded.size <= BOUNDS.most && bounded.size >= BOUNDS.kept, `${bounded.size} rows`);
    assert.ok(bounded.hasDropped && !exact.hasDropped);
    for (const [i] of SUMS.entries()) assert.equal(bounded.total(i), exact.total(i));
  });

  test("keeps the groups with the most of any sum", () => {
    for (let row = 0; row < exact.size; row++) {
      const mark = exact.value(row, 0) as number;
      if (mark >= 1000) continue;
      const found = bounded.rowLike(exact, row);
      assert.ok(found >= 0, `mark ${mark}`);
      // What a group of 200 flows had before one of its rows was kept.
      const flows = bounded.sum(found, 0);
      assert.ok(flows > (mark < 50 ? 100 : 0), `mark ${mark}: ${flows} flows`);
    }
  });

  test("says which rows are whole, and they are", () => {
    let whole = 0;
    for (let row = 0; row < bounded.size; row++) {
      const other = exact.rowLike(bounded, row);
      const isSame = SUMS.every((_, i) => bounded.exactSum(row, i) === exact.exactSum(other, i));
      assert.ok(bounded.exactSum(row, 0) <= exact.exactSum(other, 0));
      if (!bounded.isWhole(row)) continue;
      assert.ok(isSame, `row ${row}`);
      whole++;
    }
    assert.ok(whole > 30 && whole < bounded.size, `${whole} of ${bounded.size} rows`);
  });

  test("has all groups exactly while they are few enough", () => {
    const { exact, bounded } = add(Array.from({ length: 5000 }, () => [below(BOUNDS.most), below(1000)] as const));
    assert.equal(exact.size, BOUNDS.most);
    assert.equal(bounded.size, exact.size);
    assert.ok(!bounded.hasDropped);
    for (let row = 0; row < exact.size; row++) {
      assert.ok(bounded.isWhole(row));
      for (const [i] of SUMS.entries()) assert.equal(bounded.exactSum(row, i), exact.exactSum(row, i));
    }
  });
});

test("sums go beyond 2^53", () => {
  const counted = messages.find((message) => {
    const view = new FlowView();
    view.read(message, 0, message.length);
    return view.has(S.COUNTERS_ORIG + 2);
  })!;
  const message = counted.slice();
  const view = new FlowView();
  view.read(message, 0, message.length);
  message.set([0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], view.at(S.COUNTERS_ORIG + 2));
  const table = new GroupTable([], [sums.ORIG_BYTES]);
  for (let i = 0; i < 3; i++) table.add(view);
  assert.equal(table.size, 1);
  assert.equal(table.exactSum(0, 0), 3n * 0x00ffffffffffffffn);
  assert.equal(table.total(0), 3n * 0x00ffffffffffffffn);
});

test("the oldest flow of a group is the one that began first", () => {
  const stamped = messages.find((message) => viewOf(message).has(S.TIMESTAMP + C.CTA_TIMESTAMP_START))!.slice();
  const bare = messages.find((message) => !viewOf(message).has(S.TIMESTAMP + C.CTA_TIMESTAMP_START))!;
  const view = viewOf(stamped);
  const words = new DataView(stamped.buffer, view.at(S.TIMESTAMP + C.CTA_TIMESTAMP_START), 8);
  const least = (starts: readonly bigint[]) => {
    const table = new GroupTable([], [sums.FLOWS, sums.OLDEST]);
    table.add(viewOf(bare));
    for (const start of starts) {
      words.setBigUint64(0, start);
      table.add(view);
    }
    return table.least(0, 1);
  };
  assert.equal(least([]), undefined);
  assert.equal(least([7n]), 7n);
  assert.equal(least([0n, 5n]), 0n);
  // Either half decides.
  const [low, high] = [0x1_0000_0005n, 0x2_0000_0001n];
  for (const starts of [
    [low, high],
    [high, low],
    [low, 0x1_0000_0006n],
    [0x1_0000_0006n, low, low],
  ]) {
    assert.equal(least(starts), low);
  }
});

describe("groups are sorted by their sums", () => {
  // 2^40 fits into one number with a row, 2^63 and the sum of two such do not.
  for (const most of [3n, 2n ** 40n, 2n ** 53n, 2n ** 63n - 1n]) {
    test(`of up to ${most}`, () => {
      const { below } = random(seed);
      const table = new GroupTable([fieldByName("mark")!], [sums.FLOWS, sums.ORIG_BYTES, sums.REPLY_BYTES]);
      const message = messages.find((message) => viewOf(message).has(S.TOP + C.CTA_MARK))!.slice();
      const view = viewOf(message);
      const add = (index: number, sum: bigint) => table.addTo(index, Number(sum >> 32n), Number(sum & 0xffffffffn));
      for (let mark = 0; mark < 200; mark++) {
        new DataView(message.buffer).setUint32(view.at(S.TOP + C.CTA_MARK), mark);
        table.add(view);
        for (const index of [1, 2]) add(index, (BigInt(below(9)) * most) / 8n);
      }
      const rows = Array.from({ length: table.size }, (_, row) => row);
      const bytes = (row: number) => BigInt.asUintN(64, table.exactSum(row, 1) + table.exactSum(row, 2));
      const compare = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0);
      assert.deepEqual(
        [...sortGroups(table, { key: "bytes" })],
        rows.toSorted((a, b) => compare(bytes(b), bytes(a))),
      );
      assert.deepEqual(
        [...sortGroups(table, { key: "bytes", direction: "asc" })],
        rows.toSorted((a, b) => compare(bytes(a), bytes(b))),
      );
      assert.deepEqual(
        [...sortGroups(table, { key: "orig-bytes" })],
        rows.toSorted((a, b) => compare(table.exactSum(b, 1), table.exactSum(a, 1))),
      );
    });
  }
});

test("the time that is left is counted in steps", () => {
  const table = new GroupTable([expiresField(7)], [sums.FLOWS]);
  const view = new FlowView();
  const expected = new Set<number | null>();
  for (const message of messages) {
    view.read(message, 0, message.length);
    const { timeout } = readFlow(view, undefined, {});
    expected.add(timeout === undefined ? null : Math.floor(timeout / 7));
    table.add(view);
  }
  assert.ok(expected.size > 1);
  assert.deepEqual(new Set(Array.from({ length: table.size }, (_, row) => table.value(row, 0))), expected);
});

test("names of fields", () => {
  for (const name of ["", "foo", "sport/24", "src/", "src/129", "src/-1", "src/x", "SRC", "constructor", "src/1/2"]) {
    assert.equal(fieldByName(name), undefined, name);
  }
  assert.equal(fieldByName("src/024")?.heading, "SRC/024");
});

test("values as text", () => {
  assert.equal(valueText(null), "-");
  assert.equal(valueText([]), "-");
  assert.equal(valueText(443), "443");
  assert.equal(valueText({ number: 6, name: "tcp" }), "tcp");
  assert.equal(valueText({ number: 99 }), "99");
  assert.equal(valueText([{ bit: 1, name: "a" }, { bit: 77 }]), "a,77");
  assert.equal(valueText("a\u001b[2J"), "a?[2J");
});
