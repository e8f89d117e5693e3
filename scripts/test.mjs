/**
 * `npm test [-- PATTERN…] [-- -t NAME]`: builds, then runs the tests in three stages:
 *   unit           no kernel needed
 *   kernel         *.kernel.test.ts, test/replay, test/scenes: each file in network, mount and pid namespaces of its own
 *   differential   test/differential: the same, beside an installed conntrack of conntrack-tools
 * PATTERN picks test files by a part of their path, -t tests by a part of their name.
 * What cannot run is skipped with its reason; with CI=true that is a failure.
 */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { buildCommand, buildLibrary, root } from "./build.mjs";
import { MARK } from "./test-reporter.mjs";

/** There to end what hangs, not what is slow. */
const FILE_TIMEOUT_MS = 600_000;
const built = join(root, "build");
const ci = process.env.CI === "true";

/** Namespaces of its own for one test file; whatever it starts dies with it, and /run holds nothing of the machine's. */
const NAMESPACES = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
const isolate = [...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"]), ...NAMESPACES];
const inside = ["sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$@"', "sh"];

const stages = [
  { name: "unit", isolated: false, has: (path) => !/\.kernel\.test\.js$|^(replay|scenes|differential)\//.test(path) },
  { name: "kernel", isolated: true, has: (path) => /\.kernel\.test\.js$|^(replay|scenes)\//.test(path) },
  { name: "differential", isolated: true, has: (path) => path.startsWith("differential/") },
];

const { values: options, positionals: patterns } = parseArgs({
  options: { name: { type: "string", short: "t" } },
  allowPositionals: true,
});

const env = {
  ...process.env,
  LC_ALL: "C",
  TZ: "UTC",
  // An ordinary user's PATH may lack where nft, ip and conntrack live.
  PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`,
};

const total = { pass: 0, fail: 0, skip: 0 };

function compile() {
  // The standalone executables live beside what is compiled.
  for (const directory of ["src", "test", "bench"]) rmSync(join(built, directory), { recursive: true, force: true });
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", root, "--outDir", built], { stdio: "inherit" });
  if (status !== 0) process.exit(1);
  for (const directory of ["test/fixtures"]) {
    if (existsSync(join(root, directory))) cpSync(join(root, directory), join(built, directory), { recursive: true });
  }
}

function testFiles() {
  const directory = join(built, "test");
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.js"))
    .filter((path) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern)))
    .sort();
}

/** Why test files cannot have namespaces here, or "". */
function isolationProblem() {
  const { status, stderr, error } = spawnSync("unshare", [...isolate, ...inside, "true"], {
    encoding: "utf8",
    env,
  });
  return status === 0
    ? ""
    : `no namespaces: unshare ${isolate.join(" ")}: ${error?.message ?? (stderr.trim() || `status ${status}`)}`;
}

function indent(text) {
  return text.replace(/^/gm, "    ");
}

/** Runs one file to its end. Resolves to what it reported. */
function run(path, isolated) {
  const file = join(built, "test", path);
  const node = [process.execPath, `--test-reporter=${join(root, "scripts/test-reporter.mjs")}`];
  if (options.name !== undefined) node.push(`--test-name-pattern=${options.name}`);
  node.push("--test-reporter-destination=stdout", file);
  const [command = "", ...args] = isolated ? ["unshare", ...isolate, ...inside, ...node] : node;
  const started = performance.now();
  const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  /** @type {{ pass: number, fails: { name: string, text: string }[], skips: { name: string, text: string }[], output: string }} */
  const seen = { pass: 0, fails: [], skips: [], output: "" };
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, FILE_TIMEOUT_MS);
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (!line.startsWith(MARK)) {
      seen.output += `${line}\n`;
      return;
    }
    const event = JSON.parse(line.slice(1));
    if (event.kind === "pass") seen.pass++;
    else if (event.kind === "fail") seen.fails.push(event);
    else if (event.kind === "skip") seen.skips.push(event);
    else seen.output += `${event.text}\n`;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    seen.output += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      const none = seen.pass + seen.fails.length + seen.skips.length === 0 && options.name === undefined;
      if (late) seen.fails.push({ name: path, text: `did not end in ${FILE_TIMEOUT_MS / 1000} s` });
      else if (seen.fails.length === 0 && status !== 0) {
        seen.fails.push({ name: path, text: `ended with ${signal ?? `status ${status}`}` });
      } else if (none) seen.fails.push({ name: path, text: "ran no test" });
      resolve({ ...seen, seconds: (performance.now() - started) / 1000 });
    });
  });
}

/** Prints skipped tests by reason. Returns how many of them must not be skipped here. */
function showSkips(skips, mustRun) {
  const byReason = new Map();
  for (const skip of skips) byReason.set(skip.why, [...(byReason.get(skip.why) ?? []), skip]);
  let refused = 0;
  for (const [why, those] of byReason) {
    const names = those.slice(0, 2).map(({ name }) => name);
    const more = those.length > 2 ? ` and ${those.length - 2} more` : "";
    console.log(`    skipped ${those.length}: ${why || "(no reason given)"}: ${names.join("; ")}${more}`);
    if (mustRun) refused += those.length;
  }
  return refused;
}

function show(path, result, mustRun) {
  const { pass, fails, skips, output, seconds } = result;
  const word = fails.length > 0 ? "FAIL" : "ok  ";
  const skipped = skips.length > 0 ? `, ${skips.length} skipped` : "";
  console.log(`${word} ${path} (${pass} passed, ${fails.length} failed${skipped}) ${seconds.toFixed(1)} s`);
  if (output.trim() !== "") console.log(indent(output.trimEnd()));
  for (const { name, text } of fails) console.log(`  ✖ ${name}\n${indent(text)}`);
  const refused = showSkips(skips, mustRun);
  if (refused > 0) console.log(`  ✖ ${refused} skipped with CI=true`);
  total.pass += pass;
  total.fail += fails.length + refused;
  total.skip += skips.length - refused;
}

async function runStage({ name, isolated, has }, files) {
  const queue = files.filter(has);
  if (queue.length === 0) return;
  console.log(`\n== ${name}: ${queue.length} files`);
  const problem = isolated ? isolationProblem() : "";
  if (problem !== "") {
    console.log(`SKIPPED the ${name} tests, ${queue.length} files: ${problem}`);
    total[ci ? "fail" : "skip"] += queue.length;
    return;
  }
  const worker = async () => {
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      show(path, await run(path, isolated), ci && (isolated || path.startsWith("packaging/")));
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, worker));
}

const started = performance.now();
try {
  await buildCommand();
  await buildLibrary();
} catch (error) {
  console.error(`the build failed: ${error.message}`);
  process.exit(1);
}
compile();
const files = testFiles();
for (const stage of stages) await runStage(stage, files);
if (files.length === 0) {
  console.error(`no test file matches ${patterns.join(" ")}`);
  process.exitCode = 1;
}
console.log(
  `\n${relative(process.cwd(), root) || "all stages"}: ${((performance.now() - started) / 1000).toFixed(0)} s`,
);
console.log(`${total.pass} passed, ${total.fail} failed, ${total.skip} skipped`);
if (total.fail > 0) process.exitCode = 1;
