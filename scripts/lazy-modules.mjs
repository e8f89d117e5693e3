/**
 * The executable starts with the code that every run needs, and reads the rest when it is called: reading bytecode and
 * running module initialisers is most of what a start costs.
 *
 * Two kinds of modules are lazy: those that a source asks for with `import()`, and those in LAZY_MODULES. Sources
 * import the latter as usual. Here each function that such a module exports is replaced by one that loads the module
 * at its first call. Whoever imports anything else of it, but for types, reads it at once: test/packaging/start.test.ts
 * watches over what a start reads.
 */
import { readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { root, tool } from "./build.mjs";

/** Modules whose functions few runs call, and those that do not call them for each entry. Paths below src/. */
export const LAZY_MODULES = [
  "cli/extensions.ts",
  "cli/filter-text.ts",
  "cli/groups.ts",
  "cli/load-file/load-file.ts",
  "cli/options.ts",
  "cli/protocol-options.ts",
  "cli/saved-io.ts",
  "cli/value-readers.ts",
  "command/count.ts",
  "command/create.ts",
  "command/delete.ts",
  "command/diagnose.ts",
  "command/event.ts",
  "command/explain.ts",
  "command/facts.ts",
  "command/flush.ts",
  "command/get.ts",
  "command/group.ts",
  "command/list.ts",
  "command/new-flow.ts",
  "command/network.ts",
  "command/stats.ts",
  "command/top.ts",
  "command/update.ts",
  "command/watch-count.ts",
  "ctnetlink/read-only.ts",
  "format/expect-json.ts",
  "format/expect-text.ts",
  "format/expect-xml.ts",
  "format/flow-json.ts",
  "format/flow-save.ts",
  "format/flow-table.ts",
  "format/flow-text.ts",
  "format/flow-xml.ts",
  "format/prometheus.ts",
  "format/stats.ts",
  "match/dump.ts",
  "tally/fields.ts",
  "tally/sorted.ts",
  "top/diagnosis-screen.ts",
  "trace/repeater.ts",
];

const DYNAMIC = "lazy:";

const sources = join(root, "src");

/** The module's name in the executable, from its path: that of the file that it is bundled into. */
const nameOf = (path) => relative(sources, path).replace(/\.ts$/, ".mjs").replaceAll("/", "-");

/** What the module exports of which a lazy module can have a stand-in. */
const functionsOf = (path) =>
  [...readFileSync(path, "utf8").matchAll(/^export (?:async )?function\*? *(\w+)/gm)].map(([, name]) => name);

/** Whether all values that one module imports of another are functions. */
function importsFunctionsAlone(importer, path, target) {
  const functions = functionsOf(target);
  return [...readFileSync(importer, "utf8").matchAll(/^import (?!type)([^"]*) from "([^"]*)";$/gm)]
    .filter(([, , from]) => from === path)
    .flatMap(([, names = ""]) => names.replace(/^\{|\}$/g, "").split(","))
    .map((name) => name.trim())
    .every((name) => name === "" || name.startsWith("type ") || functions.includes(name.split(" as ")[0]));
}

function standIns(path) {
  const functions = functionsOf(join(sources, path)).map(
    (name) => `export function ${name}(...a){return module().${name}(...a)}`,
  );
  return [
    `import{load}from"lazy";`,
    `let m;const module=()=>m??=load(${JSON.stringify(nameOf(join(sources, path)))});`,
    ...functions,
  ].join("\n");
}

/** Keeps lazy modules out of what imports them, and notes in `found` which were asked for: names to paths. */
function lazyModules(found) {
  const lazy = new Set(LAZY_MODULES.map((path) => join(sources, path)));
  return {
    name: "lazy-modules",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\..*\.js$/ }, ({ path, importer, kind }) => {
        const target = join(dirname(importer), path).replace(/\.js$/, ".ts");
        if (kind === "dynamic-import") {
          found.set(nameOf(target), target);
          return { path: DYNAMIC + nameOf(target), external: true };
        }
        if (!lazy.has(target) || !importsFunctionsAlone(importer, path, target)) return undefined;
        found.set(nameOf(target), target);
        // A path of this machine would get into the names of modules.
        return { path: relative(sources, target), namespace: "lazy", sideEffects: false };
      });
      onLoad({ filter: /.*/, namespace: "lazy" }, ({ path }) => ({ contents: standIns(path) }));
    },
  };
}

/** QuickJS finds the name of the module that calls import() in its debug information, which is stripped. */
function replaceImports(text) {
  const replaced = text.replace(/\bimport\("lazy:([\w.-]+)"\)/g, (_, name) => `Promise.resolve("${name}").then($load)`);
  return replaced === text ? text : `import{load as $load}from"lazy";${replaced}`;
}

/**
 * Bundles a program as ES modules: "main.mjs", the lazy modules, and what several of them share.
 * @returns {Promise<Map<string, string>>} their texts, by the names that they import one another by
 */
export async function bundleModules(entryPoint, options) {
  const esbuild = await tool("esbuild");
  const entries = new Map([["main.mjs", entryPoint]]);
  for (;;) {
    const found = new Map(entries);
    const { outputFiles } = await esbuild.build({
      ...options,
      absWorkingDir: root,
      // The names of chunks are made from paths below the working directory: a linked node_modules must not lead out of it.
      preserveSymlinks: true,
      entryPoints: [...entries].map(([name, path]) => ({ in: path, out: name.replace(/\.mjs$/, "") })),
      outdir: ".",
      outExtension: { ".js": ".mjs" },
      chunkNames: "[hash]",
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "neutral",
      write: false,
      plugins: [...options.plugins, lazyModules(found)],
    });
    if (found.size > entries.size) {
      for (const [name, path] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) entries.set(name, path);
      continue;
    }
    const texts = outputFiles.map(({ path, text }) => /** @type {const} */ ([basename(path), replaceImports(text)]));
    // esbuild finds modules side by side, in an order of its own.
    return new Map(texts.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
