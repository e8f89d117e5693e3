/** Small programs in C that tests run: what Node cannot do, or not fast enough. */
import { mkdtempSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "./paths.js";
import { lacks, must } from "./process.js";

/** A reason to skip where there is no compiler, else false. */
export const noCompiler = lacks("cc");

/** Compiles a file of the repository, e.g. "bench/measure.c", into the tmpfs of scripts/test.mjs. Returns the program. */
export function compile(source: string): string {
  const program = join(mkdtempSync("/run/c-"), basename(source, ".c"));
  must("cc", "-O2", "-Wall", "-o", program, join(root, source));
  return program;
}

/** Compiles files of the repository to a program that ends at the first step out of bounds and at undefined behaviour. */
export function compileSanitized(program: string, ...sources: readonly string[]): void {
  const flags = ["-O1", "-g", "-Wall", "-Wextra", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  must("cc", ...flags, "-o", program, ...sources.map((path) => join(root, path)));
}
