/** What the rows of the view say of two passes, and in which order they are. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as C from "../../src/ctnetlink/constants.js";
import * as S from "../../src/ctnetlink/slots.js";
import { FlowView } from "../../src/ctnetlink/view.js";
import { stateName } from "../../src/protocol/state.js";
import { fromUtf8 } from "../../src/system/text.js";
import { fieldByName } from "../../src/tally/fields.js";
import { FlowMemory } from "../../src/top/flow-memory.js";
import { FullFigures, type Pass } from "../../src/top/passes.js";
import type { Picture } from "../../src/top/picture.js";
import { findFlow, flowRows, type GroupSort, groupRows } from "../../src/top/rows.js";
import { random as randomOf, seed as SEED } from "../support/random.js";
import { bytesOf, FLOW_FIXTURES, wireFixture } from "../support/wire.js";

const MESSAGES = FLOW_FIXTURES.flatMap((name) => wireFixture(name).messages.map(bytesOf));
const SOURCE = S.ORIG + S.T_V4_SRC;
const DESTINATION = S.ORIG + S.T_V4_DST;
const DPORT = S.ORIG + S.T_DST_PORT;
const ID = S.TOP + C.CTA_ID;
const START = S.TIMESTAMP + C.CTA_TIMESTAMP_START;

function viewOf(message: Uint8Array): FlowView {
  const view = new FlowView();
  view.read(message, 0, message.length);
  return view;
}

const TEMPLATE = MESSAGES.find((message) => [SOURCE, ID, START].every((slot) => viewOf(message).has(slot)))!;

interface TestFlow {
  readonly id: number;
  /** The last byte of its destination, and its destination port. */
  readonly to?: number;
  readonly dport?: number;
  /** The last byte of its source and of its mark. */
  readonly host: number;
  readonly mark?: number;
  /** In seconds since 1970. */
  readonly start?: number;
}

function messageOf({ id, host, to = 1, dport = 443, mark = 0, start = 1000 }: TestFlow): Uint8Array {
  const message = TEMPLATE.slice();
  const view = viewOf(message);
  const words = new DataView(message.buffer);
  view.bytes(SOURCE).set([10, 0, 0, host]);
  view.bytes(DESTINATION).set([203, 0, 113, to]);
  const ports = view.bytes(DPORT);
  ports.set([dport >> 8, dport & 0xff]);
  words.setUint32(view.bytes(ID).byteOffset, id);
  words.setUint32(view.bytes(S.TOP + C.CTA_MARK).byteOffset, mark);
  words.setBigUint64(view.bytes(START).byteOffset, BigInt(start) * 1_000_000_000n);
  return message;
}

/** Full passes over one table after the other, `SECONDS` apart; the picture after the last one. */
const SECONDS = 2;
function pictureOf(tables: readonly (readonly TestFlow[])[], by: readonly string[] = ["src"]): Picture {
  const memory = new FlowMemory();
  const passes = tables.map((flows, i): Pass => {
    const fields = by.map((name) => fieldByName(name)!);
    const figures = new FullFigures({ by: fields, flowKey: "down", countsTraits: true }, memory);
    memory.begin();
    for (const flow of flows) figures.add(viewOf(messageOf(flow)));
    memory.end();
    const { groups, kinds, traits, matching } = figures;
    return {
      isFull: true,
      startMicros: (2000 + SECONDS * i) * 1e6,
      read: matching.count,
      matching: matching.count,
      groups,
      kinds,
      traits,
      rateSeconds: i === 0 ? undefined : SECONDS,
      flows: figures.flows(),
    };
  });
  const full = passes.at(-1)!;
  return {
    host: "",
    clock: "",
    nowMicros: full.startMicros,
    entries: full.matching,
    limit: undefined,
    change: undefined,
    kernel: undefined,
    main: full,
    before: passes.at(-2),
    full,
    fullBefore: passes.at(-2),
    traits: full.traits,
    fullCpuMicros: undefined,
    isReadingAll: false,
    accounting: undefined,
  };
}

const flows = (host: number, from: number, count: number): TestFlow[] =>
  Array.from({ length: count }, (_, i) => ({ id: from + i, host }));

/** The last byte of each row's address. */
const hostsOf = (picture: Picture, sort: GroupSort, reverse = false, most = 1000): number[] =>
  groupRows(picture, sort, reverse, most)
    .rows(0, most)
    .map(({ texts }) => Number(texts[0]!.split(".").at(-1)));

describe("groups of the view", () => {
  it("say how many flows have ended since the full pass before", () => {
    // Of host 1 three ended and one began, of host 2 two began; host 3 is new.
    const before = [...flows(1, 100, 5), ...flows(2, 200, 1)];
    const after = [...flows(1, 103, 3), ...flows(2, 200, 3), ...flows(3, 300, 4)];
    const found = groupRows(pictureOf([before, after]), "fields", false, 10);
    const [one, two, three] = found.rows(0, 3);
    assert.deepEqual([one!.fresh, one!.gone], [1 / SECONDS, 3 / SECONDS]);
    assert.deepEqual([two!.fresh, two!.gone], [2 / SECONDS, 0]);
    // Nobody saw that one before.
    assert.deepEqual([three!.fresh, three!.gone], [4 / SECONDS, undefined]);
    assert.equal(found.other(0)!.gone, 3 / SECONDS);
    assert.equal(found.other(1)!.gone, 0);
    // Flows that nobody knew are not fewer than none that ended.
    const [first] = groupRows(pictureOf([before]), "fields", false, 10).rows(0, 1);
    assert.deepEqual([first!.fresh, first!.gone], [undefined, undefined]);
  });

  it("that flows of others come to have not lost fewer than none", () => {
    const before = [{ id: 1, host: 1 }, ...flows(1, 10, 2), ...flows(2, 20, 1)];
    const after = [{ id: 1, host: 2 }, ...flows(1, 10, 2), ...flows(2, 20, 1)];
    const rows = groupRows(pictureOf([before, after]), "fields", false, 10).rows(0, 2);
    assert.deepEqual(
      rows.map(({ gone }) => gone),
      [1 / SECONDS, 0],
    );
  });

  it("are sorted by what is not known last, whichever way", () => {
    const picture = pictureOf([
      [...flows(1, 100, 5), ...flows(2, 200, 9)],
      [...flows(3, 300, 1), ...flows(2, 203, 6), ...flows(1, 104, 1)],
    ]);
    assert.deepEqual(hostsOf(picture, "gone"), [1, 2, 3]);
    assert.deepEqual(hostsOf(picture, "gone", true), [2, 1, 3]);
  });

  it("say when the oldest flow began", () => {
    const starts = [1500, 1200, 1900];
    const picture = pictureOf([starts.map((start, i) => ({ id: i, host: i % 2, start }))]);
    const rows = groupRows(picture, "age", false, 10).rows(0, 10);
    assert.deepEqual(
      rows.map(({ oldest }) => oldest),
      [1_200_000_000_000n, 1_500_000_000_000n],
    );
    assert.deepEqual(hostsOf(picture, "age"), [1, 0]);
  });

  for (const sort of ["flows", "up", "change", "gone", "fields"] as const) {
    for (const reverse of [false, true]) {
      it(`that are equal have the order of their keys: by ${sort}${reverse ? ", reversed" : ""}, seed ${SEED}`, () => {
        const { below } = randomOf(SEED);
        const hosts = Array.from({ length: 200 }, (_, i) => ({ i, at: below(1000) }))
          .sort((a, b) => a.at - b.at)
          .map(({ i }) => i);
        const table = hosts.map((host) => ({ id: 1 + host, host }));
        const ordered = hosts.toSorted((a, b) => a - b);
        const wanted = sort === "fields" && reverse ? ordered.toReversed() : ordered;
        assert.deepEqual(hostsOf(pictureOf([table, table]), sort, reverse), wanted);
        // However few are wanted.
        assert.deepEqual(hostsOf(pictureOf([table, table]), sort, reverse, 3), wanted.slice(0, 3));
      });
    }
  }

  it("with an equal first field have the order of the others", () => {
    const table = [7, 3, 9, 1].flatMap((mark) =>
      [2, 1].map((host): TestFlow => ({ id: 10 * mark + host, host, mark })),
    );
    for (const reverse of [false, true]) {
      const rows = groupRows(pictureOf([table], ["src", "mark"]), "fields", reverse, 10).rows(0, 10);
      assert.deepEqual(
        rows.map(({ texts }) => texts.join()),
        (reverse ? [2, 1] : [1, 2]).flatMap((host) => [1, 3, 7, 9].map((mark) => `10.0.0.${host},${mark}`)),
      );
    }
  });

  describe("have most often", () => {
    const table = [
      // Host 1: two flows to .9:443, two to .9:80, three to others; host 2 has one flow.
      ...[443, 80, 443, 80].map((dport, i): TestFlow => ({ id: i, host: 1, to: 9, dport })),
      ...[2, 3, 4].map((to): TestFlow => ({ id: 10 + to, host: 1, to, mark: 5 })),
      { id: 20, host: 2, to: 4, dport: 22 },
    ];
    const frequent = (by: readonly string[], flows: readonly TestFlow[] = table) =>
      groupRows(pictureOf([flows], by), "fields", false, 10)
        .rows(0, 10)
        .map(({ frequent }) => frequent);
    const state = [fromUtf8(stateName(viewOf(TEMPLATE))!)];

    it("a destination with its port, and a state; of equal ones the lower", () => {
      const wanted = [
        { destination: ["203.0.113.9", 80], state },
        { destination: ["203.0.113.4", 22], state },
      ];
      assert.deepEqual(frequent(["src"]), wanted);
      assert.deepEqual(frequent(["src"], table.toReversed()), wanted);
      // The length of this key is not that of a word.
      assert.deepEqual(
        frequent(["dport"]).map(({ destination }) => destination),
        [22, 80, 443].map((port) => [`203.0.113.${port === 22 ? 4 : 9}`, port]),
      );
    });

    it("a source where they are grouped by the destination, and nothing that the groups say", () => {
      assert.deepEqual(frequent(["dst"]).at(-1), { source: ["10.0.0.1"], state });
      assert.deepEqual(frequent(["dst", "dport"])[0], { source: ["10.0.0.1"], state });
      assert.deepEqual(frequent(["src", "dst"])[0], { state });
      assert.deepEqual(frequent(["src", "dst", "state"])[0], {});
    });
  });

  it("are found again in the next pass", () => {
    const [before, after] = [
      pictureOf([[...flows(1, 1, 3), ...flows(2, 9, 1)]]),
      pictureOf([[...flows(2, 9, 2), ...flows(3, 19, 5)]]),
    ];
    const [one, two] = groupRows(before, "flows", false, 10).rows(0, 2);
    const found = groupRows(after, "flows", false, 10);
    assert.equal(found.find(two!.place), 1);
    assert.equal(found.find(one!.place), -1);
  });
});

describe("flows of the view", () => {
  const table = [5, 3, 8, 1].map((host): TestFlow => ({ id: host, host }));
  const hosts = (picture: Picture) => flowRows(picture, false, 0, 10).map(({ src }) => src.split(":")[0]);

  it("that are equal have the order of their addresses", () => {
    assert.deepEqual(
      hosts(pictureOf([table, table], [])),
      [1, 3, 5, 8].map((host) => `10.0.0.${host}`),
    );
  });

  it("are found again in the next pass", () => {
    const rows = flowRows(pictureOf([table, table], []), false, 0, 10);
    const after = pictureOf([table, table.filter(({ host }) => host !== 3)], []);
    assert.deepEqual(
      rows.map((row) => findFlow(after, false, row)),
      [0, -1, 1, 2],
    );
    assert.equal(findFlow(after, true, rows[0]!), 2);
  });
});
