#!/usr/bin/env node
/**
 * Builds prebuilds/linux-<arch>/netlink.node from src/native/napi.c, netlink.c, trace.c and lines.c with a C compiler and nothing else: the headers
 * come from the package node-api-headers, and node itself resolves the napi_* symbols when it loads the file.
 *
 *   node scripts/build-addon.mjs                 for this machine, with $CC or cc
 *   node scripts/build-addon.mjs --arch arm64    for another one, with $CC or aarch64-linux-gnu-gcc
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The GNU name of each architecture that node calls by a name of its own (process.arch). */
const GNU_TRIPLETS = {
  arm: "arm-linux-gnueabihf",
  arm64: "aarch64-linux-gnu",
  loong64: "loongarch64-linux-gnu",
  ppc64: "powerpc64le-linux-gnu",
  riscv64: "riscv64-linux-gnu",
  s390x: "s390x-linux-gnu",
  x64: "x86_64-linux-gnu",
};

const FLAGS = [
  "-std=c11",
  "-O2",
  "-shared",
  "-fPIC",
  "-fvisibility=hidden",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-fstack-protector-strong",
  "-Wl,-z,relro,-z,now,-z,noexecstack",
  "-Wl,--build-id=none",
  "-s",
  // Not linked with any C library: its symbols are found in the one that node has loaded, whichever and however old
  // that is, so one file serves glibc and musl. (Which rules out _FORTIFY_SOURCE: musl does not have its functions.)
  "-nostdlib",
  "-U_FORTIFY_SOURCE",
];

/**
 * The C compiler for an architecture, with its arguments.
 * @param {string} [cc] names another one
 */
export function compilerFor(arch, cc = arch === process.arch ? process.env.CC : "") {
  if (!(arch in GNU_TRIPLETS)) {
    throw new Error(`unknown architecture "${arch}": one of ${Object.keys(GNU_TRIPLETS).join(", ")}`);
  }
  return cc || (arch === process.arch ? "cc" : `${GNU_TRIPLETS[arch]}-gcc`);
}

/**
 * Builds the addon and returns its path.
 * @param {{arch?: string, cc?: string}} [options] `arch` as in process.arch; `cc` the compiler, arguments included.
 * @throws {Error} with one line that says what is missing.
 */
export function buildAddon({ arch = process.arch, cc = process.env.CC } = {}) {
  const [compiler = "cc", ...compilerFlags] = compilerFor(arch, cc).split(" ");
  const output = join(root, "prebuilds", `linux-${arch}`, "netlink.node");
  // Renamed into place at the end, because a process may be running the present one.
  const draft = join(root, "prebuilds", `netlink.node.${process.pid}`);
  mkdirSync(dirname(draft), { recursive: true });
  const sources = ["napi.c", "netlink.c", "trace.c", "lines.c"].map((name) => join(root, "src", "native", name));
  const { status, error } = spawnSync(
    compiler,
    [...compilerFlags, ...FLAGS, "-isystem", headers(), "-o", draft, ...sources],
    { stdio: "inherit" },
  );
  if (status !== 0) {
    rmSync(draft, { force: true });
    if (/** @type {NodeJS.ErrnoException | undefined} */ (error)?.code === "ENOENT") {
      throw new Error(`no C compiler "${compiler}": install one (Debian: gcc and libc6-dev) or name another in CC`);
    }
    throw new Error(`${compiler} could not build ${relative(root, output)}`);
  }
  mkdirSync(dirname(output), { recursive: true });
  renameSync(draft, output);
  return output;
}

function headers() {
  try {
    return createRequire(import.meta.url)("node-api-headers").include_dir;
  } catch {
    throw new Error('the package node-api-headers is not installed: run "npm install" first');
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const { arch } = parseArgs({ options: { arch: { type: "string" } } }).values;
    console.log(relative(process.cwd(), buildAddon({ arch })));
  } catch (error) {
    console.error(`build-addon: ${error.message}`);
    process.exitCode = 1;
  }
}
