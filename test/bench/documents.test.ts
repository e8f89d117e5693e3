/** What `npm run bench -- --docs` writes into docs/performance.md. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { requireRows, resultsText, withResults } from "../../bench/documents.js";
import type { Outcome, Result, RowResult } from "../../bench/race.js";
import type { Machine } from "../../bench/report.js";
import { readDocument } from "../support/markdown.js";

const MACHINE: Machine = {
  date: "2026-11-26",
  cpu: "CPU",
  cores: 2,
  kernel: "Linux 6.18",
  node: "v20",
  reference: "1.4.7",
  load: 0.1,
};

function outcome(wallMs: number, more: Partial<Outcome> = {}): Outcome {
  return { wallMs, userMs: wallMs / 10, systemMs: 1, peakKib: 2048, status: 0, stderr: "", result: "", ...more };
}

function result(contender: string, outcomes: readonly Outcome[], skipped = ""): Result {
  return { contender, isConntrack: true, skipped, wrong: false, outcomes: [...outcomes] };
}

function row(name: string, kind: RowResult["kind"], ...results: Result[]): RowResult {
  return { row: name, kind, line: "-L", entries: 400_000, results, figures: [] };
}

const LIST = row(
  "list-default",
  "time",
  result("reference 1.4.7", [outcome(1500), outcome(1000), outcome(900)]),
  result("ours on Node", [outcome(430)]),
  result("ours standalone", [], "not built"),
);

describe("the results as Markdown", () => {
  it("have medians, and ours as a multiple of the reference's", () => {
    const text = resultsText(MACHINE, [LIST]);
    assert.match(text, /^2026-11-26: CPU, 2 cores, .* up to 3 runs\./);
    assert.ok(text.includes("| list-default | 400,000 | 1.00 s | 430 ms (0.43) | – |\n"), text);
    assert.ok(text.includes("| list-default | 100 ms | 43 ms (0.43) | – | 2.0 MiB | 2.0 MiB | – |\n"), text);
    assert.ok(!text.includes("shown"));
  });

  it("have a table of their own for events", () => {
    const events = { shownPercent: 41.5, warnings: 3, eventsPerSecond: 145_400 };
    const text = resultsText(MACHINE, [row("events", "events", result("reference 1.4.7", [outcome(1, { events })]))]);
    assert.ok(text.includes("| events | 400,000 | 41.5 % | – | – | 145,000 | – | – |\n"), text);
  });

  it("take the place of the results before, and of nothing else", () => {
    const page = readDocument("docs/performance.md");
    const once = withResults(page, "one\n");
    assert.ok(once.includes("begin -->\n\none\n\n<!--"));
    assert.equal(withResults(withResults(page, "two\n"), "one\n"), once);
    assert.equal(once.slice(once.indexOf("## Measuring")), page.slice(page.indexOf("## Measuring")));
    assert.throws(() => withResults("# Performance\n", "one\n"));
  });
});

it("results that lack a row of the chart are refused", () => {
  assert.throws(() => requireRows(["list-default"]), /list-json.*start-count/);
});
