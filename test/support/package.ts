/** The npm package, packed from a copy of the checkout: what `npm pack` builds must not get in the way of other tests. */
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./paths.js";
import { lacks, must, spawnCommand } from "./process.js";

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
  const { status, stdout, stderr } = spawnCommand("npm", argv, { cwd, env, timeoutMs: 300_000 });
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

export interface Packed {
  tarball: string;
  /** What is in it, unpacked. */
  content: string;
}

/** Of all files of the checkout, so that what was packed of the same ones need not be packed again. */
function hashOfCheckout(): string {
  const hash = createHash("sha256").update(process.version);
  const add = (path: string): void => {
    const status = statSync(join(root, path));
    hash.update(`${path} ${status.mode}\n`);
    if (status.isFile()) hash.update(readFileSync(join(root, path)));
    else for (const name of readdirSync(join(root, path)).sort()) add(join(path, name));
  };
  for (const name of readdirSync(root).sort()) if (!MADE.includes(name)) add(name);
  return hash.digest("hex").slice(0, 16);
}

/** The npm package of this checkout, packed in a copy of it. Test files share it, in build/, and must not change it. */
export function packed(): Packed {
  const name = `packed-${hashOfCheckout()}`;
  const directory = join(root, "build", name);
  const result = { tarball: join(directory, "conntrack.tgz"), content: join(directory, "package") };
  if (existsSync(directory)) return result;
  const checkout = copyOfCheckout();
  try {
    const draft = mkdtempSync(join(root, "build/draft-"));
    npm(checkout.directory, "pack", "--silent", "--pack-destination", draft);
    renameSync(join(draft, readdirSync(draft)[0]!), join(draft, "conntrack.tgz"));
    must("tar", "-xzf", join(draft, "conntrack.tgz"), "-C", draft);
    for (const old of readdirSync(join(root, "build")).filter((other) => other.startsWith("packed-"))) {
      if (old !== name) rmSync(join(root, "build", old), { recursive: true, force: true });
    }
    try {
      renameSync(draft, directory);
    } catch (error) {
      // Another test file was faster.
      rmSync(draft, { recursive: true });
      if (!existsSync(directory)) throw error;
    }
  } finally {
    checkout.remove();
  }
  return result;
}
