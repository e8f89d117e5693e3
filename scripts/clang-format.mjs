#!/usr/bin/env node
/**
 * Checks that src/native/*.c is formatted as .clang-format says; with --write, formats it.
 * Without clang-format on the PATH it says that it checks nothing, which with CI=true is a failure.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const directory = join(dirname(dirname(fileURLToPath(import.meta.url))), "src", "native");
const files = readdirSync(directory)
  .filter((name) => /\.[ch]$/.test(name))
  .map((name) => join(directory, name));
const mode = process.argv.includes("--write") ? ["-i"] : ["--dry-run", "--Werror"];

const { status, error } = spawnSync("clang-format", [...mode, ...files], { stdio: "inherit" });
if (error) {
  const ci = process.env.CI === "true";
  console.error(
    `clang-format: ${ci ? "FAILED" : "SKIPPED"}, it is not installed (Debian: apt-get install clang-format)`,
  );
  process.exitCode = ci ? 1 : 0;
} else {
  process.exitCode = status ?? 1;
}
