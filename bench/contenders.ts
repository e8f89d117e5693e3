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
  /** The words to run for a command line of conntrack, in a row whose table has `entries`. */
  command(args: readonly string[], entries: number): readonly string[];
  /** Whether it prints the times of the part that counts: wall, user, system, in microseconds. */
  timesItself: boolean;
}

function missing(path: string, remedy: string): string {
  return existsSync(path) ? "" : `no ${relative(root, path)}: ${remedy}`;
}

export const REFERENCE: Contender = {
  name: `reference ${installed?.version ?? ""}`.trimEnd(),
  missing: noReference === false ? "" : (noReference as string),
  isConntrack: true,
  command: (args) => [installed!.path, ...args],
  timesItself: false,
};

const ON_NODE: Contender = {
  // The build makes the cache where it can; a start without it takes some milliseconds more.
  name: `ours on Node${existsSync(join(root, "dist/cli.cache")) ? "" : ", no code cache"}`,
  missing: missing(join(root, "dist/cli.cjs"), "npm run build"),
  isConntrack: true,
  command: (args) => [process.execPath, binary, ...args],
  timesItself: false,
};

const executable = join(root, `build/conntrack-linux-${process.arch}`);

const STANDALONE: Contender = {
  name: "ours standalone",
  missing: missing(executable, "not built"),
  isConntrack: true,
  command: (args) => [executable, ...args],
  timesItself: false,
};

/** The executable by what `npm install --global` links: bin/launch, in a prefix that scripts/bench.mjs makes. */
const link = join(root, "build/npm-prefix/bin/conntrack");

export const LINKED: Contender = {
  name: "ours by npm's link",
  missing: missing(link, "not built"),
  isConntrack: true,
  command: (args) => [link, ...args],
  timesItself: false,
};

export const OURS: readonly Contender[] = [ON_NODE, STANDALONE];

/** The three that take part in every row but those of what the reference lacks. */
export const CONNTRACKS: readonly Contender[] = [REFERENCE, ...OURS];

function script(name: string, path: string, timesItself = false): Contender {
  return {
    name,
    missing: missing(path, "not built"),
    isConntrack: false,
    command: (_, entries) => [process.execPath, path, String(entries)],
    timesItself,
  };
}

/** Receives the dump and drops it: bench/floor/drain.ts, bundled by scripts/bench.mjs as the command is. */
export const DRAIN = script("floor: bare drain", join(root, "build/floor-drain.cjs"));

/** Sends the table, encoded beforehand: bench/floor/load.ts, bundled likewise. */
export const SENDING = script("floor: sending alone", join(root, "build/floor-load.cjs"), true);

/** Node itself, without any program. */
export const NOTHING: Contender = {
  name: "floor: node -e 0",
  missing: "",
  isConntrack: false,
  command: () => [process.execPath, "-e", "0"],
  timesItself: false,
};

/** A dump by node-netlink, which --peers installs. */
export const NODE_NETLINK = script("node-netlink 0.0.4", join(root, "bench/peers/node-netlink/drain.mjs"));
