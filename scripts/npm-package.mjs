/** Packages of the npm registry that are tools and no dependencies: fetched when they are needed, each checked by its hash. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./build.mjs";

/** Runs a program that must succeed; returns what it prints. */
export function run(program, args, cwd, env = process.env) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${(error?.message ?? stderr).trim()}`);
  return stdout;
}

/**
 * The directory of an unpacked package, out of node_modules/.cache or from the registry.
 * @param {{name: string, version: string, integrity: string}} wanted `integrity` as in a lock file
 */
export function npmPackage({ name, version, integrity }) {
  const cache = join(root, "node_modules/.cache/conntrack");
  const directory = join(cache, `${name.replace(/.*\//, "")}-${version}`);
  if (existsSync(directory)) return directory;
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, "draft-"));
  try {
    console.log(`${name} ${version}: fetching`);
    run("npm", ["pack", "--silent", "--ignore-scripts", `${name}@${version}`], draft);
    const [tarball = ""] = readdirSync(draft).filter((file) => file.endsWith(".tgz"));
    const hash = createHash("sha512").update(readFileSync(join(draft, tarball)));
    if (`sha512-${hash.digest("base64")}` !== integrity)
      throw new Error(`${name} ${version} has another hash than it should`);
    run("tar", ["-xzf", tarball], draft);
    try {
      renameSync(join(draft, "package"), directory);
    } catch (error) {
      // Somebody else was faster.
      if (!existsSync(directory)) throw error;
    }
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return directory;
}
