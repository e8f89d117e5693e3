/** The bench's picture of its own results: SVG that any reader takes, with bars as long as the figures say. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chart } from "../../bench/chart.js";
import type { Outcome, Result, RowResult } from "../../bench/race.js";

function outcome(wallMs: number): Outcome {
  return { wallMs, userMs: 1, systemMs: 1, peakKib: 1, status: 0, stderr: "", result: "" };
}

function result(contender: string, ...wallMs: number[]): Result {
  return {
    contender,
    isConntrack: !contender.startsWith("floor"),
    skipped: "",
    wrong: false,
    outcomes: wallMs.map(outcome),
  };
}

function row(name: string, line: string, ...results: Result[]): RowResult {
  return { row: name, kind: "time", line, entries: 400_000, results, figures: [] };
}

const reference = result("reference 1.4.7", 90, 100, 500);

const LIST = row(
  "list",
  '-L -o "a<b&c"',
  reference,
  result("ours on Node", 80),
  result("ours standalone", 125),
  result("floor: bare drain", 40),
);
const START = row("start", "-V", reference, result("ours on Node", 7000));

/** Bars by the text that they show when pointed at. */
function bars(svg: string): Map<string, number> {
  const found = svg.matchAll(
    /<rect class="bar [a-z]+"[^>]* width="([\d.]+)"[^>]*><title>([^<]*): [^<]*<\/title><\/rect>/g,
  );
  return new Map(Array.from(found, ([, width, title]) => [title!, Number(width)]));
}

function texts(svg: string): string[] {
  return Array.from(svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g), ([, content]) => content!);
}

/** Throws for what an XML reader would refuse: elements that do not nest, attributes without quotes, bare & and <. */
function assertWellFormed(xml: string): void {
  const open: string[] = [];
  let roots = 0;
  let rest = xml;
  while (rest !== "") {
    const token =
      /^<\/([a-z]+)>|^<([a-z]+)((?: [a-zA-Z0-9:-]+="(?:[^<&"]|&(?:amp|lt|gt|quot);)*")*)(\/?)>|^(?:[^<&]|&(?:amp|lt|gt|quot);)+/.exec(
        rest,
      );
    assert.ok(token, `not XML: ${rest.slice(0, 80)}`);
    const [all, closed, opened, attributes = "", empty] = token;
    rest = rest.slice(all.length);
    if (closed !== undefined) assert.equal(open.pop(), closed);
    else if (opened !== undefined) {
      const names = Array.from(attributes.matchAll(/ ([a-zA-Z0-9:-]+)=/g), ([, name]) => name);
      assert.equal(new Set(names).size, names.length, `an attribute twice: ${all}`);
      if (open.length === 0) roots++;
      if (empty === "") open.push(opened);
    } else assert.ok(open.length > 0 || all.trim() === "", `text outside of elements: ${all}`);
  }
  assert.deepEqual([open, roots], [[], 1]);
}

describe("chart", () => {
  const svg = chart("2026-11-23: R&D <machine>", [LIST, START]);

  it("is well-formed, whatever the names are", () => {
    assertWellFormed(svg);
    assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /);
    assert.ok(texts(svg).includes("2026-11-23: R&amp;D &lt;machine&gt;"));
    assert.ok(texts(svg).includes("conntrack -L -o &quot;a&lt;b&amp;c&quot;"));
  });

  it("knows what is not", () => {
    for (const wrong of ["<a><b></a></b>", "<a x=1/>", "<a>&</a>", "<a/><a/>", "<a", '<a x="1" x="2"/>', "text"]) {
      assert.throws(() => assertWellFormed(wrong), wrong);
    }
  });

  it("has bars in proportion to the medians", () => {
    const width = bars(svg);
    const unit = width.get("list, reference 1.4.7")!;
    assert.ok(unit > 0);
    for (const [name, ratio] of [
      ["ours on Node", 0.8],
      ["ours standalone", 1.25],
      ["floor: bare drain", 0.4],
    ] as const) {
      assert.ok(Math.abs(width.get(`list, ${name}`)! - ratio * unit) < 0.02, name);
    }
    assert.equal(width.get("start, reference 1.4.7"), unit);
  });

  it("says the median and the ratio beside each bar", () => {
    const found = texts(svg);
    for (const text of [
      "100 ms",
      "80 ms",
      "0.80×",
      "125 ms",
      "1.25×",
      "40 ms",
      "0.40×",
      "bare drain",
      "7.00 s",
      "70×",
    ]) {
      assert.ok(found.includes(text), text);
    }
  });

  it("cuts a bar that would dwarf the others, and marks it", () => {
    const width = bars(svg);
    assert.equal(width.get("start, ours on Node"), 2 * width.get("list, reference 1.4.7")!);
    assert.equal(svg.split('<path class="cut"').length - 1, 1);
  });

  it("is the same for the same results", () => {
    assert.equal(chart("2026-11-23: R&D <machine>", structuredClone([LIST, START])), svg);
  });

  it("draws only what can be compared, and names the rest", () => {
    const gaveUp = row("update", "-U", { ...reference, skipped: "status 1", outcomes: [] }, result("ours on Node", 80));
    const wrong = { ...result("ours on Node", 80), skipped: "status 1", wrong: true };
    const picture = chart("", [
      row("list", "-L", reference, wrong),
      gaveUp,
      { ...LIST, row: "events", kind: "events" },
      { ...LIST, row: "micro", kind: "micro", results: [] },
    ]);
    assertWellFormed(picture);
    assert.deepEqual([...bars(picture).keys()], ["list, reference 1.4.7"]);
    assert.ok(texts(picture).includes("ours on Node: WRONG"));
    assert.match(texts(picture).at(-1)!, /: update, events, micro\.$/);
  });

  it("is well-formed with nothing to draw", () => {
    assertWellFormed(chart("", []));
  });
});
