/**
 * Builds what `npm install` in a checkout needs: the addon (prebuilds/), the command (dist/cli.cjs),
 * the library (dist/index.js, dist/index.cjs) and its types (dist/index.d.ts).
 */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** An npm package of devDependencies, or an error that says what to do. */
export async function tool(name) {
  try {
    return await import(name);
  } catch (cause) {
    throw new Error(`${name} is not installed: run \`npm install\` (not --omit=dev) in a checkout`, { cause });
  }
}

/** What a CommonJS file has instead of import.meta.url. */
const IMPORT_META_URL = {
  banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
  define: { "import.meta.url": "importMetaUrl" },
};

/** What few runs need, with the packages that it needs itself, is in files of its own: every start pays for what it parses. */
const APART = { "./docs/help.js": "help", "./color.js": "color" };

const apart = {
  name: "apart",
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ path, kind }) =>
      kind === "dynamic-import" && path in APART ? { path: `./${APART[path]}.cjs`, external: true } : undefined,
    );
  },
};

/** How a program becomes one file: start-up is mostly module loading and parsing. */
const PROGRAM = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minify: true,
  // import() becomes require(): bin/conntrack runs the bundle as a script, which cannot import by itself.
  supported: { "dynamic-import": false },
  legalComments: "none",
  logLevel: "warning",
};

/** Bundles a program into one CommonJS file, a directory below the root as dist/ is. */
export async function bundleProgram(entryPoint, outfile, plugins = []) {
  const esbuild = await tool("esbuild");
  await esbuild.build({ ...PROGRAM, ...IMPORT_META_URL, entryPoints: [entryPoint], outfile, plugins });
}

/** Bundles src/cli/bin.ts for bin/conntrack. */
async function buildCli() {
  const esbuild = await tool("esbuild");
  await bundleProgram("src/cli/bin.ts", "dist/cli.cjs", [apart]);
  for (const [path, name] of Object.entries(APART)) {
    const entryPoints = [join("src/cli", path.replace(/\.js$/, ".ts"))];
    await esbuild.build({ ...PROGRAM, entryPoints, outfile: `dist/${name}.cjs` });
  }
  cacheCode();
}

/** Lets this Node compile the bundle once and for all: bin/conntrack. Without it a start takes some milliseconds more. */
function cacheCode() {
  rmSync(join(root, "dist/cli.cache"), { force: true });
  spawnSync(process.execPath, [join(root, "scripts/code-cache.cjs")], { stdio: "ignore" });
}

/** Bundles src/index.ts for `import` and for `require("conntrack")`; its dependencies stay imports. */
async function bundleLibrary() {
  const esbuild = await tool("esbuild");
  const options = {
    absWorkingDir: root,
    entryPoints: ["src/index.ts"],
    bundle: true,
    packages: "external",
    platform: "node",
    target: "node20",
    legalComments: "none",
    logLevel: "warning",
  };
  await esbuild.build({ ...options, format: "esm", outfile: "dist/index.js" });
  await esbuild.build({ ...options, ...IMPORT_META_URL, format: "cjs", outfile: "dist/index.cjs" });
}

/** The declarations of src/index.ts as one file, and once more under the name by which TypeScript takes them for CommonJS. */
async function buildTypes() {
  const types = join(root, "build/types");
  rmSync(types, { recursive: true, force: true });
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", "scripts/tsconfig.types.json"], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`tsc could not emit the declarations:\n${stdout}${stderr}`);
  const { bundleTypes } = await import("./bundle-types.mjs");
  const text = bundleTypes(types);
  for (const name of ["index.d.ts", "index.d.cts"]) writeFileSync(join(root, "dist", name), text);
}

/** What `import "conntrack"` needs. */
export async function buildLibrary() {
  await bundleLibrary();
  await buildTypes();
}

/** What a run of the command needs. */
export async function buildCommand() {
  const { buildAddon } = await import("./build-addon.mjs");
  await buildAddon();
  await buildCli();
}

async function buildAll() {
  rmSync(join(root, "dist"), { recursive: true, force: true });
  await buildCommand();
  await buildLibrary();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildAll();
  } catch (error) {
    const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    console.error(`${name} ${version}: the build failed: ${error.message}`);
    process.exitCode = 1;
  }
}
