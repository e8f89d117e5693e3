/**
 * One declaration file out of those that tsc emits, with what src/index.ts exports and what that needs, and nothing of the inside.
 * The known bundlers need a TypeScript whose compiler is itself JavaScript, which is not ours.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { declarations } from "./api-docs.mjs";

const IMPORT = /^import (?:type )?(?:\{([^}]*)\}|\* as (\w+)) from "([^"]+)";/gm;
const EXPORT = /^export (?:type )?\{([^}]*)\} from "([^"]+)";/gm;
const DECLARED = /^(?:export )?(?:declare )?(?:abstract )?(?:class|function|interface|type|const) (\w+)/;

const names = (list) =>
  list
    .split(",")
    .map((name) => name.trim().replace(/^type /, ""))
    .filter((name) => name !== "");

/** A module: its own declarations, and from where it has the names of others. */
function readModule(path) {
  const text = readFileSync(path, "utf8");
  const own = new Map();
  for (const one of declarations(text.split("\n"), 0)) {
    const name = DECLARED.exec(one.lines[0])?.[1];
    if (name !== undefined) own.set(name, [...one.comment, ...one.lines].join("\n"));
  }
  const imported = new Map();
  const namespaces = new Map();
  for (const [, list, namespace, from = ""] of text.matchAll(IMPORT)) {
    const target = join(dirname(path), from.replace(/\.js$/, ".d.ts"));
    if (namespace !== undefined) namespaces.set(namespace, target);
    else {
      for (const one of names(list)) {
        const [name, local = name] = one.split(" as ");
        imported.set(local, { path: target, name });
      }
    }
  }
  return { own, imported, namespaces };
}

/** The text of index.d.ts, by the declarations below `types`. */
export function bundleTypes(types) {
  const modules = new Map();
  const moduleAt = (path) => {
    if (!modules.has(path)) modules.set(path, readModule(path));
    return modules.get(path);
  };
  /** By name: where it was declared, and its text. */
  const bundled = new Map();
  const add = (path, name, exported) => {
    const { own, imported, namespaces } = moduleAt(path);
    const elsewhere = imported.get(name);
    if (elsewhere !== undefined) {
      if (elsewhere.name !== name) throw new Error(`${path}: ${name} has another name where it is declared`);
      return add(elsewhere.path, name, exported);
    }
    const known = bundled.get(name);
    if (known !== undefined) {
      if (known.path !== path) throw new Error(`${name} is declared in ${path} and in ${known.path}`);
      return;
    }
    let text = own.get(name);
    if (text === undefined) throw new Error(`${path} declares no ${name}`);
    text = text.replace(
      /^(?:export )?(?:declare )?(?=(?:abstract )?(?:class|function|interface|type|const) )/m,
      (words) => `${exported ? "export " : ""}${words.includes("declare ") ? "declare " : ""}`,
    );
    const entry = { path, text };
    bundled.set(name, entry);
    for (const [namespace, target] of namespaces) {
      entry.text = entry.text.replace(new RegExp(`\\b${namespace}\\.(\\w+)`, "g"), (_, member) => {
        add(target, member, index.has(member));
        return member;
      });
    }
    const code = text.replace(/\/\*[\s\S]*?\*\//g, "");
    for (const [word] of code.matchAll(/(?<![\w.])[A-Za-z_]\w*(?!\w|\??:)/g)) {
      if (word !== name && (own.has(word) || imported.has(word))) add(path, word, index.has(word));
    }
  };
  const root = join(types, "index.d.ts");
  const exports = Array.from(readFileSync(root, "utf8").matchAll(EXPORT), ([, list, from = ""]) => ({
    path: join(types, from.replace(/\.js$/, ".d.ts")),
    list: names(list),
  }));
  const index = new Set(exports.flatMap(({ list }) => list));
  for (const { path, list } of exports) for (const name of list) add(path, name, true);
  // Whoever has no newer library of TypeScript's gets the names for `using`. Without the export all would be exported.
  const texts = Array.from(bundled.values(), ({ text }) => text);
  return `/// <reference lib="esnext.disposable" />\n${texts.join("\n")}\nexport {};\n`;
}
