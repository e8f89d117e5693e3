/** The npm package, packed from a copy of the checkout: what `npm pack` builds must not get in the way of other tests. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./paths.js";
import { lacks, spawnCommand } from "./process.js";

/** What a checkout has besides its files. */
const MADE = [".git", "node_modules", "build", "dist", "prebuilds"];

/** A reason to skip where it cannot be packed, else false. */
export const noPackage = lacks(
  "npm",
  "tar",
  process.arch === "arm64" ? "x86_64-linux-gnu-gcc" : "aarch64-linux-gnu-gcc",
);

/** Runs npm, which must succeed. */
export function npm(cwd: string, ...argv: readonly string[]): string {
  // What this test inherits of an npm that runs it is not the new one's business.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));
  const { status, stdout, stderr } = spawnCommand("npm", argv, { cwd, env, timeoutMs: 120_000 });
  if (status !== 0) throw new Error(`npm ${argv.join(" ")}: status ${status}: ${stderr.trim()}`);
  return stdout;
}

export interface Checkout {
  directory: string;
  remove(): void;
}

/** A copy of the checkout, as it would be cloned, with the packages that are installed here. */
export function copyOfCheckout(): Checkout {
  const directory = mkdtempSync(join(tmpdir(), "conntrack-checkout-"));
  for (const name of readdirSync(root)) {
    if (!MADE.includes(name)) cpSync(join(root, name), join(directory, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** Packs a checkout and unpacks it again, to `package` in it. Returns the path of the tarball. */
export function pack({ directory }: Checkout): string {
  const out = join(directory, "packed");
  mkdirSync(out);
  npm(directory, "pack", "--silent", "--pack-destination", out);
  const tarball = join(out, readdirSync(out).find((name) => name.endsWith(".tgz"))!);
  spawnCommand("tar", ["-xzf", tarball, "-C", out]);
  return tarball;
}
