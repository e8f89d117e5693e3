/** `npm run bench [-- NAME…]`: builds the command and the bench, and runs it. bench/main.ts says what the options are. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { buildCommand, root } from "./build.mjs";

function run(program, ...args) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) throw new Error(error?.message ?? `${program} failed`);
}

/** One file, as the command is one: loading modules would be the larger part of a floor's start. */
async function bundleFloor() {
  const { build } = await import("esbuild");
  await build({
    absWorkingDir: root,
    entryPoints: ["bench/floor/drain.ts"],
    outfile: "build/drain.cjs",
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
    define: { "import.meta.url": "importMetaUrl" },
    logLevel: "warning",
  });
}

// An ordinary user's PATH may lack where unshare and conntrack live.
process.env.PATH += ":/usr/local/sbin:/usr/sbin:/sbin";
try {
  await buildCommand();
  run(process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", "bench");
  run(process.env.CC || "cc", "-O2", "-Wall", "-Wextra", "-o", "build/bench/measure", "bench/measure.c");
  await bundleFloor();
  const { main } = await import("../build/bench/main.js");
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}
