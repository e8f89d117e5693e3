#!/usr/bin/env node
/**
 * Builds build/conntrack-linux-<target>: one executable file that needs neither Node nor an addon.
 *
 *   npm run build:standalone                    for this machine
 *   npm run build:standalone -- arm64 x64-musl  for these
 *   npm run build:standalone -- all
 *
 * Bun's runtime comes from npm, each release checked against the hash below, and is kept in node_modules/.cache. It is no
 * dependency of package.json: `npm ci` would fetch 50 MB for everybody, and fail on machines of another architecture.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./build.mjs";
import { npmPackage, run } from "./npm-package.mjs";

export const BUN_VERSION = "1.4.5";

/** x64 means any such processor with SSE 4.2: the builds for AVX2 start no faster, and die of SIGILL elsewhere. */
export const RUNTIMES = {
  x64: {
    name: "@oven/bun-linux-x64-baseline",
    target: "bun-linux-x64-baseline",
    integrity: "sha512-s8yMwYcFnnrA178gji0gZbkE2WVDej/Ti1x770oPfihxyRxSMNhGhiAQNXV53aDeraZxksdvKV/RAdQBCd0qPA==",
  },
  arm64: {
    name: "@oven/bun-linux-aarch64",
    target: "bun-linux-arm64",
    integrity: "sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==",
  },
  "x64-musl": {
    name: "@oven/bun-linux-x64-musl-baseline",
    target: "bun-linux-x64-baseline-musl",
    integrity: "sha512-cWJhU8h0+MiUgpSt99sQhjxLIIosKEcKYdtKddohokUvAuN6jKOy7g7+QDTZTXtwHxz93wL3BX+L6wXVPDUH3A==",
  },
  "arm64-musl": {
    name: "@oven/bun-linux-aarch64-musl",
    target: "bun-linux-arm64-musl",
    integrity: "sha512-XCNc+WvvMAdNNb+OWTogpy+N9wm62fkVeEVLb6how0RZhW5LPi6c7BlkeVCuWps7XjEl2saFpHFa20/1E+PAHg==",
  },
};

export const TARGETS = Object.keys(RUNTIMES);

const FLAGS = [
  "--compile",
  "--minify",
  "--bytecode",
  // The program is run by root in directories that others write to.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-tsconfig",
  "--no-compile-autoload-package-json",
];

/** What may run the bundler here. */
export function hostTarget() {
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  const musl = report.header.glibcVersionRuntime === undefined;
  return musl ? `${process.arch}-musl` : process.arch;
}

/** The path of Bun for a target. */
function runtime(target) {
  return join(npmPackage({ ...RUNTIMES[target], version: BUN_VERSION }), "bin/bun");
}

/** Builds one target and returns the path of the executable. */
export function buildStandalone(target) {
  const host = hostTarget();
  if (!TARGETS.includes(host)) throw new Error(`Bun does not run on ${host}`);
  mkdirSync(join(root, "build"), { recursive: true });
  const output = join(root, "build", `conntrack-linux-${target}`);
  // Bun writes where it is, and somebody may be running the present one.
  const draft = mkdtempSync(join(root, "build", "standalone-"));
  try {
    run(
      runtime(host),
      [
        "build",
        ...FLAGS,
        `--target=${RUNTIMES[target].target}`,
        `--compile-executable-path=${runtime(target)}`,
        `--outfile=${join(draft, "conntrack")}`,
        join(root, "src/cli/bun-bin.ts"),
      ],
      draft,
    );
    renameSync(join(draft, "conntrack"), output);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return output;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const words = process.argv.slice(2);
    const targets = words.length === 0 ? [hostTarget()] : words.includes("all") ? TARGETS : words;
    const unknown = targets.find((target) => !TARGETS.includes(target));
    if (unknown !== undefined) throw new Error(`unknown target "${unknown}": all, or some of ${TARGETS.join(", ")}`);
    for (const target of targets) {
      const output = buildStandalone(target);
      console.log(`${relative(process.cwd(), output)}: ${(statSync(output).size / 1e6).toFixed(0)} MB`);
    }
  } catch (error) {
    console.error(`build-standalone: ${error.message}`);
    process.exitCode = 1;
  }
}
