/** The figures of groups where a pass had more of them than its table keeps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as C from "../../src/ctnetlink/constants.js";
import * as S from "../../src/ctnetlink/slots.js";
import { FlowView } from "../../src/ctnetlink/view.js";
import { fieldByName } from "../../src/tally/fields.js";
import { type Bounds, GroupTable } from "../../src/tally/group-table.js";
import { GROUP_SUMS, type Pass } from "../../src/top/passes.js";
import type { Picture } from "../../src/top/picture.js";
import { groupRows } from "../../src/top/rows.js";
import { bytesOf, FLOW_FIXTURES, wireFixture } from "../support/wire.js";

const MARK = S.TOP + C.CTA_MARK;
const view = new FlowView();
const message = FLOW_FIXTURES.flatMap((name) => wireFixture(name).messages.map(bytesOf))
  .find((message) => {
    view.read(message, 0, message.length);
    return view.has(MARK);
  })!
  .slice();
const BOUNDS = { most: 64, kept: 32 };

/** A full pass over flows with these marks, at so many seconds. */
function pass(marks: readonly number[], seconds: number, bounds?: Bounds): Pass {
  const groups = new GroupTable([fieldByName("mark")!], GROUP_SUMS, bounds);
  for (const mark of marks) {
    view.read(message, 0, message.length);
    new DataView(message.buffer, message.byteOffset).setUint32(view.at(MARK), mark);
    groups.add(view);
  }
  const { length } = marks;
  const kinds = new GroupTable([], []);
  const startMicros = seconds * 1e6;
  return {
    isFull: true,
    startMicros,
    read: length,
    matching: length,
    groups,
    kinds,
    traits: undefined,
    rateSeconds: 1,
    flows: [],
  };
}

function pictureOf(before: Pass, main: Pass): Picture {
  const unknown = { limit: undefined, change: undefined, kernel: undefined, accounting: undefined };
  const rest = {
    host: "",
    nowMicros: 0,
    clock: "",
    traits: undefined,
    fullCpuMicros: undefined,
    isReadingAll: false,
    ...unknown,
  };
  return { ...rest, entries: main.read, main, before, full: main, fullBefore: before };
}

const times = (mark: number, count: number) => Array.from({ length: count }, () => mark);
const strangers = Array.from({ length: 500 }, (_, i) => 1000 + i);
/** Mark 1 is there from the beginning, mark 2 comes after rows were dropped. */
const flows = (ones: number, twos: number) => [...times(1, ones), ...strangers, ...times(2, twos)];

function rowsOf(bounds?: Bounds) {
  const found = groupRows(pictureOf(pass(flows(10, 8), 1, bounds), pass(flows(13, 9), 2, bounds)), "flows", false, 100);
  const [one, two] = found.rows(0, 2);
  return { one: one!, two: two!, other: found.other(2)! };
}

test("without a drop all is exact", () => {
  const { one, two, other } = rowsOf();
  for (const row of [one, two, other]) assert.equal(row.isEstimate, false);
  assert.deepEqual([one.flows, one.change, two.flows, two.change], [13, 3, 9, 1]);
  assert.deepEqual([other.flows, other.change], [500, 0]);
  assert.equal(one.gone, 0);
});

test("after a drop, a group that may lack flows is an estimate, and what became of it is unknown", () => {
  const { one, two, other } = rowsOf(BOUNDS);
  assert.deepEqual([one.isEstimate, one.flows, one.change], [false, 13, 3]);
  assert.deepEqual([two.isEstimate, two.flows, two.change, two.gone], [true, 9, undefined, undefined]);
  assert.deepEqual([other.isEstimate, other.flows], [true, 500]);
});

test("a group that the pass before may have dropped is not known to be new", () => {
  const picture = (bounds?: Bounds) => pictureOf(pass(flows(10, 0), 1, bounds), pass([...times(2, 7)], 2));
  const change = (bounds?: Bounds) => groupRows(picture(bounds), "flows", false, 100).rows(0, 1)[0]!.change;
  assert.deepEqual([change(), change(BOUNDS)], [7, undefined]);
});

test("the line of the others is there while rows were dropped, however many are shown", () => {
  const found = groupRows(pictureOf(pass([], 1), pass(flows(5, 5), 2, BOUNDS)), "flows", false, 100);
  const other = found.other(found.count)!;
  const shown = found.rows(0, found.count).reduce((sum, row) => sum + row.flows, 0);
  assert.ok(other.flows > 400 && other.flows + shown === 510, `${other.flows} + ${shown}`);
});
