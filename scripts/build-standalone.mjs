#!/usr/bin/env node
/**
 * Builds build/conntrack-linux-<arch>: the command as one static executable, QuickJS with our bytecode in it.
 *
 *   npm run build:standalone              for this machine, with $CC or cc
 *   npm run build:standalone -- arm64     for another one, with aarch64-linux-gnu-gcc
 *   npm run build:standalone -- all
 *
 * QuickJS comes with the npm package below. package-lock.json pins the package, QUICKJS pins the sources in it. Its object
 * files are kept in node_modules/.cache, so only the first build takes long.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundleProgram, root } from "./build.mjs";
import { compilerFor } from "./build-addon.mjs";
import { bundleModules } from "./lazy-modules.mjs";
import { run } from "./npm-package.mjs";

export const QUICKJS_PACKAGE = "@scriptc/runtime";

/**
 * The sources that are built. `sha256` is of what this prints in their directory:
 * find * -type f | LC_ALL=C sort | xargs sha256sum
 */
export const QUICKJS = {
  version: "0.15.1",
  sha256: "6e7fe07bb5a0b55b0f1714f16ad09bd9c434eb998af795e57f9ff983bd8dbebd",
};

export const ARCHITECTURES = ["x64", "arm64"];

const build = join(root, "build");
const native = join(root, "src/native");

/** What the executable runs. */
export const PROGRAM = "src/cli/quickjs-bin.ts";

const QUICKJS_SOURCES = ["quickjs.c", "dtoa.c", "libregexp.c", "libunicode.c"];
const NATIVE_SOURCES = ["quickjs-main.c", "quickjs-calls.c", "quickjs-modules.c", "netlink.c", "trace.c", "lines.c"];

/** No tables to unwind the stack with: nothing here does, and they are 6 % of the file. */
const OPTIMIZED = [
  "-O2",
  "-ffunction-sections",
  "-fdata-sections",
  "-fno-asynchronous-unwind-tables",
  "-fPIE",
  "-fstack-protector-strong",
];

/** As QuickJS's own build has it. Its warnings are not ours. */
const QUICKJS_FLAGS = ["-std=gnu11", "-funsigned-char", "-D_GNU_SOURCE", "-w"];
const NATIVE_FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", ...OPTIMIZED];

/** Of QuickJS what runs bytecode: no parser, no dumps. And what makes bytecode, which runs here and once. */
const RUNTIME_FLAGS = [...QUICKJS_FLAGS, ...OPTIMIZED, "-DQJS_DISABLE_PARSER", "-DNDEBUG"];
const COMPILER_FLAGS = [...QUICKJS_FLAGS, "-O0"];

const LINK_FLAGS = [
  "-static-pie",
  "-s",
  "-Wl,--gc-sections",
  "-Wl,--build-id=none",
  "-Wl,-z,relro,-z,now,-z,noexecstack",
];

const sha256 = (content) => createHash("sha256").update(content).digest("hex");

/** The directory of QuickJS's sources. Throws unless they are the ones of QUICKJS. */
export function quickjsDirectory() {
  const require = createRequire(import.meta.url);
  const directory = join(dirname(require.resolve(`${QUICKJS_PACKAGE}/package.json`)), "vendor/quickjs-ng");
  const paths = readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(directory, path)).isFile())
    .sort();
  const found = sha256(paths.map((path) => `${sha256(readFileSync(join(directory, path)))}  ${path}\n`).join(""));
  if (found !== QUICKJS.sha256) throw new Error(`${directory}: not QuickJS ${QUICKJS.version}: its sha256 is ${found}`);
  return directory;
}

/** Runs the C compiler in the directory of the sources, so that no other path gets into what it makes. */
function compile(cc, flags, directory, sources, target) {
  const [compiler = "cc", ...first] = cc.split(" ");
  for (const source of sources) {
    const output = join(target, source.replace(/\.[cS]$/, ".o"));
    run(compiler, [...first, ...flags, "-c", source, "-o", output], directory);
  }
}

/** The object files of QuickJS, made once for a compiler, its flags and a version. */
function quickjsObjects(cc, flags) {
  const directory = quickjsDirectory();
  const [compiler = "cc", ...first] = cc.split(" ");
  const key = JSON.stringify([run(compiler, [...first, "--version"], root), cc, flags, QUICKJS]);
  const cache = join(root, "node_modules/.cache/conntrack", `quickjs-${sha256(key).slice(0, 16)}`);
  if (!existsSync(cache)) {
    mkdirSync(dirname(cache), { recursive: true });
    const draft = mkdtempSync(`${cache}-`);
    compile(cc, flags, directory, QUICKJS_SOURCES, draft);
    try {
      renameSync(draft, cache);
    } catch (error) {
      // Somebody else was faster.
      rmSync(draft, { recursive: true });
      if (!existsSync(cache)) throw error;
    }
  }
  return QUICKJS_SOURCES.map((source) => join(cache, source.replace(/\.c$/, ".o")));
}

/** The program that makes bytecode, for this machine. */
function bytecodeCompiler(draft) {
  const cc = compilerFor(process.arch);
  const directory = quickjsDirectory();
  compile(cc, ["-std=c11", "-isystem", directory], native, ["quickjs-compile.c"], draft);
  const program = join(draft, "quickjs-compile");
  const [compiler = "cc", ...first] = cc.split(" ");
  const objects = quickjsObjects(cc, COMPILER_FLAGS);
  run(compiler, [...first, join(draft, "quickjs-compile.o"), ...objects, "-lm", "-lpthread", "-o", program], root);
  return program;
}

/** Has the bundle take the texts of --help, made here, in place of the module that makes them with commander. */
function helpTexts(draft) {
  return {
    name: "help-texts",
    setup({ onLoad }) {
      onLoad({ filter: /\/src\/cli\/docs\/help\.ts$/ }, async () => {
        const bundle = join(draft, "help-texts.cjs");
        await bundleProgram("src/cli/docs/help-texts.ts", bundle);
        const { helpTexts } = await import(pathToFileURL(bundle).href);
        const texts = JSON.stringify(helpTexts());
        return { contents: `const texts=${texts};export const helpText=({protonum})=>texts[protonum]??texts.any` };
      });
    },
  };
}

/** The modules of a program, by their names: see bundleModules. */
export function modulesOf(entryPoint, draft) {
  return bundleModules(entryPoint, {
    target: "es2022",
    minify: true,
    legalComments: "none",
    logLevel: "warning",
    external: ["native", "lazy"],
    inject: ["src/cli/quickjs-globals.ts"],
    plugins: [helpTexts(draft)],
  });
}

/** The same as bytecode, in what the assembler takes: src/native/quickjs-modules.c reads it. */
async function bytecode(entryPoint, draft) {
  const compiler = bytecodeCompiler(draft);
  const modules = await modulesOf(entryPoint, draft);
  const rows = [];
  const contents = [];
  for (const [i, [name, text]] of [...modules].entries()) {
    writeFileSync(join(draft, name), text);
    run(compiler, [name, name, `${name}.bytecode`], draft);
    rows.push(`.long name${i} - modules, code${i} - modules, end${i} - code${i}`);
    contents.push(`name${i}: .asciz "${name}"`, `code${i}: .incbin "${name}.bytecode"`, `end${i}:`);
  }
  const lines = [
    `.section .note.GNU-stack, "", %progbits`,
    ".section .rodata",
    ".balign 4",
    ".global modules, module_count",
    `module_count: .long ${rows.length}`,
    "modules:",
    ...rows,
    ...contents,
  ];
  writeFileSync(join(draft, "bytecode.S"), `${lines.join("\n")}\n`);
}

/**
 * Builds the executable for an architecture (as in process.arch) and returns its path.
 * @param {{entryPoint?: string, output?: string}} [options] another program than the command, for tests
 */
export async function buildStandalone(arch, options = {}) {
  const { entryPoint = PROGRAM, output = join(build, `conntrack-linux-${arch}`) } = options;
  mkdirSync(dirname(output), { recursive: true });
  mkdirSync(build, { recursive: true });
  const draft = mkdtempSync(join(build, "standalone-"));
  try {
    const cc = compilerFor(arch);
    const [compiler = "cc", ...first] = cc.split(" ");
    await bytecode(entryPoint, draft);
    compile(cc, OPTIMIZED, draft, ["bytecode.S"], draft);
    compile(cc, [...NATIVE_FLAGS, "-isystem", quickjsDirectory()], native, NATIVE_SOURCES, draft);
    const ours = ["bytecode.S", ...NATIVE_SOURCES].map((source) => join(draft, source.replace(/\.[cS]$/, ".o")));
    const program = join(draft, "conntrack");
    run(compiler, [...first, ...LINK_FLAGS, ...ours, ...quickjsObjects(cc, RUNTIME_FLAGS), "-lm", "-o", program], root);
    // Somebody may be running the present one.
    renameSync(program, output);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return output;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const words = process.argv.slice(2);
    const wanted = words.length === 0 ? [process.arch] : words.includes("all") ? ARCHITECTURES : words;
    const unknown = wanted.find((arch) => !ARCHITECTURES.includes(arch));
    if (unknown !== undefined) throw new Error(`no "${unknown}": all, or some of ${ARCHITECTURES.join(", ")}`);
    for (const arch of wanted) {
      const output = await buildStandalone(arch);
      console.log(`${relative(process.cwd(), output)}: ${(statSync(output).size / 1e6).toFixed(2)} MB`);
    }
  } catch (error) {
    console.error(`build-standalone: ${error.message}`);
    process.exitCode = 1;
  }
}
