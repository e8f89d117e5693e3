/** The filter that is typed into the view: options as on the command line, and nothing that would not count. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommandLine } from "../../src/cli/parse.js";
import { testContext } from "./context.js";

const view = parseCommandLine(["--top"], testContext());
assert.equal(view.name, "top");

test("takes what the command line takes", () => {
  for (const text of ["", "-p tcp --dport 80,443", "-s !10.0.0.0/8", "--state ESTABLISHED -p tcp", '-p "tcp"']) {
    const words = text.replaceAll('"', "").split(" ").filter(Boolean);
    const { filter } = parseCommandLine(["--top", ...words], testContext()) as typeof view;
    assert.deepEqual(view.readFilter(text), filter, text);
  }
});

test("refuses words that the command line passes over", () => {
  for (const [text, word] of [
    ["10.0.0.1", "10.0.0.1"],
    ["conntrack", "conntrack"],
    ["-s 10.0.0.1 10.0.0.2", "10.0.0.2"],
    ["! -s 10.0.0.1", "!"],
    ["-s 10.0.0.1 -- -d 10.0.0.2", "--"],
    ["-p tcp 日本", "日本"],
    ["# -s 10.0.0.1", "# -s 10.0.0.1"],
  ] as const) {
    assert.throws(() => view.readFilter(text), { name: "UsageError", message: `unexpected \`${word}'` }, text);
  }
});
