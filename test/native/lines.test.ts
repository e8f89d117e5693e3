/** The engine of lines (src/native/lines.c) under the address and undefined-behaviour sanitizers. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { compileSanitized, noCompiler } from "../support/compile.js";
import { must } from "../support/process.js";
import { seed } from "../support/random.js";

const ROUNDS = 2000;

test(`random patterns and lines, seed ${seed}`, { skip: noCompiler }, (t) => {
  const directory = mkdtempSync(join(tmpdir(), "lines-fuzz-"));
  try {
    const program = join(directory, "lines-fuzz");
    compileSanitized(program, "test/native/lines-fuzz.c", "src/native/lines.c");
    const text = must(program, String(seed), String(ROUNDS));
    t.diagnostic(text.trim());
    // Each of them is something that must have been tried.
    for (const [count] of text.matchAll(/\d+/g)) assert.ok(Number(count) > ROUNDS / 10, text);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
