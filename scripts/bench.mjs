/** `npm run bench [-- NAME…]`: builds the command and the bench, and runs it. bench/main.ts says what the options are. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { buildCommand, bundleProgram, root } from "./build.mjs";

function run(program, ...args) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) throw new Error(error?.message ?? `${program} failed`);
}

function compile(source, program) {
  run(process.env.CC || "cc", "-O2", "-Wall", "-Wextra", "-o", program, source, "-lutil");
}

/** What `npm install --global` makes of the package, as far as its `conntrack` needs it. */
function linkAsNpm() {
  const prefix = join(root, "build/npm-prefix");
  rmSync(prefix, { recursive: true, force: true });
  const executable = join(root, `build/conntrack-linux-${process.arch}`);
  if (!existsSync(executable)) return;
  const installed = join(prefix, "lib/node_modules/conntrack");
  cpSync(join(root, "bin"), join(installed, "bin"), { recursive: true });
  cpSync(executable, join(installed, `prebuilds/linux-${process.arch}/conntrack`));
  mkdirSync(join(prefix, "bin"));
  symlinkSync("../lib/node_modules/conntrack/bin/launch", join(prefix, "bin/conntrack"));
}

/** Builds what is measured, and what measures it. */
async function prepare() {
  await buildCommand();
  linkAsNpm();
  for (const name of ["measure", "terminal"]) compile(`bench/${name}.c`, `build/bench/${name}`);
  compile("test/support/udp-flood.c", "build/bench/udp-flood");
  for (const name of ["drain", "load"]) await bundleProgram(`bench/floor/${name}.ts`, `build/floor-${name}.cjs`);
}

// An ordinary user's PATH may lack where unshare and conntrack live.
process.env.PATH += ":/usr/local/sbin:/usr/sbin:/sbin";
try {
  run(process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", "bench");
  // Compiled just now.
  const { main } = await import(new URL("../build/bench/main.js", import.meta.url).href);
  process.exitCode = await main(process.argv.slice(2), prepare);
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}
