/** What the documents refer to is there: links, anchors, names of files, names of scripts, command lines. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, it } from "node:test";
import { anchors, DOCUMENTS, inlineCode, links, readDocument } from "../support/markdown.js";
import { root } from "../support/paths.js";

/** Directories whose files the documents name. */
const PLACES = /^(?:src|test|docs|scripts|bench|bin|man|examples|completions|packaging|\.ci)\//;

/** Built, not kept. */
const BUILT = /^(?:dist|build|prebuilds|node_modules)\//;

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };

function broken(path: string, target: string): boolean {
  if (/^(?:https?:|mailto:)/.test(target)) return false;
  const [file, name] = target.split("#");
  const found = file === "" ? path : normalize(join(dirname(path), file!));
  if (!existsSync(join(root, found))) return true;
  return name !== undefined && !anchors(readDocument(found)).includes(name);
}

/** Test files by the short names of docs/compatibility.md: `scenes/zones` is test/scenes/zones.test.ts. */
const exists = (name: string) =>
  name.includes("*")
    ? existsSync(join(root, dirname(name.slice(0, name.indexOf("*") + 1))))
    : existsSync(join(root, name));

for (const path of DOCUMENTS) {
  const text = readDocument(path);
  describe(path, () => {
    it("has no broken link", () => {
      assert.deepEqual(
        links(text).filter((target) => broken(path, target)),
        [],
      );
    });

    it("names no file that is not there", () => {
      const names = inlineCode(text).filter(
        (code) => /^[\w./*-]+$/.test(code) && PLACES.test(code) && !BUILT.test(code),
      );
      assert.deepEqual(
        names.filter((name) => !exists(name)),
        [],
      );
    });

    it("names no npm script that is not there", () => {
      const names = Array.from(text.matchAll(/npm run ([a-z][\w:-]*)/g), ([, name]) => name!);
      assert.deepEqual(
        names.filter((name) => !(name in scripts)),
        [],
      );
    });
  });
}

describe("the front page", () => {
  it("names every document", () => {
    const named = links(readDocument("README.md")).map((target) => target.replace(/#.*/, ""));
    const missing = readdirSync(join(root, "docs")).filter(
      (name) => name.endsWith(".md") && !named.includes(`docs/${name}`),
    );
    assert.deepEqual(missing, []);
  });

  it("every picture is in a document", () => {
    const shown = DOCUMENTS.flatMap((path) => links(readDocument(path)).map((target) => join(dirname(path), target)));
    const files = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" });
    assert.deepEqual(
      files.filter((name) => name.endsWith(".svg") && !shown.includes(`docs/${name}`)),
      [],
    );
  });

  it("the rows of compatibility.md name tests that are there", () => {
    const cells = Array.from(readDocument("docs/compatibility.md").matchAll(/\| ([^|\n]*) \|$/gm), ([, cell]) => cell!);
    const names = cells.flatMap((cell) => cell.split(", ")).filter((name) => /^[a-z-]+\/[a-z-]+$/.test(name));
    assert.ok(names.length > 20, `${names.length} names`);
    const missing = names.filter(
      (name) => !["", ".test.ts", ".kernel.test.ts"].some((end) => existsSync(join(root, `test/${name}${end}`))),
    );
    assert.deepEqual(missing, []);
  });
});
