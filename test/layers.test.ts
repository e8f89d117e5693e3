/** The layers: an import may only point down, and only the outermost modules touch the process. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, it } from "node:test";
import { root } from "./support/paths.js";

/** From the top; those in one row do not know each other. */
const LAYERS = [
  ["src/index.ts"],
  ["src/cli", "src/library"],
  ["src/command"],
  ["src/top", "src/diagnosis"],
  ["src/tally"],
  ["src/match", "src/format", "src/saved"],
  ["src/protocol", "src/trace"],
  ["src/ctnetlink"],
  ["src/netlink"],
  ["src/netlink/backend"],
  ["src/system"],
];

/** What may touch process.*, files, the console and the executable's own calls: the entries, both sides of Io, the backends. */
const OUTERMOST = [
  "src/cli/node-io.ts",
  "src/cli/bin.ts",
  "src/cli/quickjs-globals.ts",
  "src/cli/quickjs-io.ts",
  "src/cli/quickjs-bin.ts",
  "src/library/node-host.ts",
  "src/netlink/backend/napi.ts",
  "src/netlink/backend/quickjs.ts",
];

/** Modules of node by which code reaches past what it was handed. */
const OUTSIDE =
  /^(node:)?(native|fs|fs\/promises|process|child_process|os|net|dgram|tty|worker_threads|readline|http|https)$/;

const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => `src/${path}`)
  .sort();

/** The text without comments, and with empty strings: what is left is code. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, (token) => {
    return token.startsWith("/") ? " " : '""';
  });
}

/** What a module imports or re-exports, types too, and what it loads later. */
function imports(text: string): string[] {
  const bare = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/[^\n]*/gm, "");
  const found = bare.matchAll(/(?:^|[;\s}])(?:from|import|require)\s*\(?\s*["']([^"']+)["']/g);
  return Array.from(found, ([, specifier]) => specifier!);
}

/** The module that `path` imports as `specifier`. */
function target(path: string, specifier: string): string {
  return relative(root, join(root, dirname(path), specifier)).replace(/\.js$/, ".ts");
}

/** The modules of a circle, the first one again at the end; undefined where there is none. */
function circle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const clean = new Set<string>();
  const visit = (path: string, above: readonly string[]): string[] | undefined => {
    if (clean.has(path)) return undefined;
    const trail = [...above, path];
    if (above.includes(path)) return trail.slice(above.indexOf(path));
    for (const imported of graph.get(path) ?? []) {
      const found = visit(imported, trail);
      if (found !== undefined) return found;
    }
    clean.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const found = visit(path, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

function layer(path: string): { rank: number; name: string } {
  let best = { rank: -1, name: "" };
  for (const [rank, names] of LAYERS.entries()) {
    for (const name of names) {
      const isIn = path === name || path.startsWith(`${name}/`);
      if (isIn && name.length > best.name.length) best = { rank, name };
    }
  }
  return best;
}

describe("layers", () => {
  it("have a place for every module", () => {
    assert.ok(files.length > 10);
    assert.deepEqual(
      files.filter((path) => layer(path).rank < 0),
      [],
    );
  });

  it("point only down", () => {
    const wrong: string[] = [];
    for (const path of files) {
      const from = layer(path);
      for (const specifier of imports(readFileSync(join(root, path), "utf8"))) {
        if (!specifier.startsWith(".")) continue;
        const imported = target(path, specifier);
        const to = layer(imported);
        if (to.name !== from.name && to.rank <= from.rank) wrong.push(`${path} imports ${imported}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  it("have no import circle, types included", () => {
    const graph = new Map(
      files.map((path) => {
        const specifiers = imports(readFileSync(join(root, path), "utf8")).filter((one) => one.startsWith("."));
        return [path, specifiers.map((specifier) => target(path, specifier))];
      }),
    );
    assert.ok([...graph.values()].flat().length > 300);
    assert.equal(circle(graph), undefined);
  });

  it("find a circle where there is one", () => {
    const graph = new Map([
      ["a", ["b", "d"]],
      ["b", ["d"]],
      ["d", ["e", "outside"]],
      ["e", ["f"]],
      ["f", ["d"]],
    ]);
    assert.deepEqual(circle(graph), ["d", "e", "f", "d"]);
    graph.set("f", []);
    assert.equal(circle(graph), undefined);
    assert.deepEqual(circle(new Map([["a", ["a"]]])), ["a", "a"]);
  });

  it("touch the process, files and the console only at the edge", () => {
    const wrong: string[] = [];
    for (const path of files.filter((one) => !OUTERMOST.includes(one))) {
      // The numbers of node:os are no outside.
      const text = readFileSync(join(root, path), "utf8").replace('import { constants } from "node:os"', "");
      for (const specifier of imports(text)) if (OUTSIDE.test(specifier)) wrong.push(`${path} imports ${specifier}`);
      const used = /(?<![.\w])(process|console)\s*[.[]|\bglobalThis\b/.exec(code(text));
      if (used) wrong.push(`${path} uses ${used[0]}`);
    }
    assert.deepEqual(wrong, []);
  });

  it("see imports of every form", () => {
    const text = `
      import type { A } from "./a.js";
      export { b } from './b.js';
      // import "./comment.js";
      import "./c.js";
      const d = await import("./d.js");
      import { e,
        f } from "node:fs";`;
    assert.deepEqual(imports(text), ["./a.js", "./b.js", "./c.js", "./d.js", "node:fs"]);
    assert.doesNotMatch(code('say("process.exit"); // process.exit\n/* process.env */'), /process/);
  });
});
