/** Who takes part: the programs whose runs are compared. */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { binary, root } from "../test/support/paths.js";
import { installed, noReference } from "../test/support/reference.js";

export interface Contender {
  name: string;
  /** Why it cannot take part, or "". */
  missing: string;
  /** Whether it is a conntrack, which must come to the same result as the others. */
  isConntrack: boolean;
  /** The words to run for a command line of conntrack. */
  command(args: readonly string[]): readonly string[];
}

function missing(path: string, remedy: string): string {
  return existsSync(path) ? "" : `no ${relative(root, path)}: ${remedy}`;
}

export const REFERENCE: Contender = {
  name: `reference ${installed?.version ?? ""}`.trimEnd(),
  missing: noReference === false ? "" : (noReference as string),
  isConntrack: true,
  command: (args) => [installed!.path, ...args],
};

const ON_NODE: Contender = {
  name: "ours on Node",
  missing: missing(join(root, "dist/cli.cjs"), "npm run build"),
  isConntrack: true,
  command: (args) => [process.execPath, binary, ...args],
};

const executable = join(root, `build/conntrack-linux-${process.arch}`);

const STANDALONE: Contender = {
  name: "ours standalone",
  missing: missing(executable, "not built"),
  isConntrack: true,
  command: (args) => [executable, ...args],
};

/** The three that take part in every row. */
export const CONNTRACKS: readonly Contender[] = [REFERENCE, ON_NODE, STANDALONE];

function script(name: string, path: string): Contender {
  return { name, missing: missing(path, "not built"), isConntrack: false, command: () => [process.execPath, path] };
}

/** Receives the dump and drops it: bench/floor/drain.ts, bundled by scripts/bench.mjs as the command is. */
export const DRAIN = script("floor: bare drain", join(root, "build/drain.cjs"));

/** Node itself, without any program. */
export const NOTHING: Contender = {
  name: "floor: node -e 0",
  missing: "",
  isConntrack: false,
  command: () => [process.execPath, "-e", "0"],
};

/** A dump by node-netlink, which --peers installs. */
export const NODE_NETLINK = script("node-netlink 0.0.4", join(root, "bench/peers/node-netlink/drain.mjs"));
