/** How much code the executable reads at its start: scripts/lazy-modules.mjs keeps it small. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { root } from "../support/paths.js";
import { noStandalone } from "../support/standalone.js";

describe("what the executable reads", { skip: noStandalone }, async () => {
  const { modulesOf, PROGRAM } = await import(join(root, "scripts/build-standalone.mjs"));
  const draft = mkdtempSync(join(tmpdir(), "conntrack-start-"));
  const modules: Map<string, string> = await modulesOf(PROGRAM, draft);
  rmSync(draft, { recursive: true });

  /** A module and all that it imports. */
  function closure(name: string, read = new Set<string>()): Set<string> {
    if (read.has(name)) return read;
    read.add(name);
    const text = modules.get(name);
    assert.ok(text !== undefined, `no module ${name}`);
    for (const [, other] of text.matchAll(/from"\.\/([\w.-]+)"/g)) closure(other!, read);
    return read;
  }

  /** Characters of minified source. */
  const size = (...names: string[]): number =>
    [...new Set(names.flatMap((name) => [...closure(name)]))].reduce((sum, name) => sum + modules.get(name)!.length, 0);

  // A limit that is reached: is there something in it that most runs do not need? It belongs in a lazy module.
  for (const [what, most, ...names] of [
    ["-C", 70_000, "main.mjs", "command-count.mjs"],
    ["-L", 98_000, "main.mjs", "command-list.mjs", "match-dump.mjs", "format-flow-text.mjs", "trace-repeater.mjs"],
  ] as const) {
    it(`for ${what} is little`, (t) => {
      const bytes = size(...names);
      t.diagnostic(`${bytes} of ${size(...modules.keys())} characters`);
      assert.ok(bytes <= most, `${bytes} characters; ${most} are allowed`);
    });
  }

  it("leaves out what is asked for later", () => {
    const names = closure("main.mjs");
    for (const later of [
      "cli-docs-help.mjs",
      "cli-load-file-load-file.mjs",
      "cli-options.mjs",
      "format-flow-xml.mjs",
    ]) {
      assert.ok(modules.has(later), later);
      assert.ok(!names.has(later), later);
    }
  });
});
