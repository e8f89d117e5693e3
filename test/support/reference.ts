/** The installed conntrack of conntrack-tools: the program that we are compared with, and that fills tables for us. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { type Outcome, spawnCommand } from "./process.js";

export interface Reference {
  path: string;
  /** "1.4.7". */
  version: string;
}

function find(): Reference | undefined {
  const path = spawnSync("sh", ["-c", "command -v conntrack"], { encoding: "utf8" }).stdout.trim();
  if (path === "" || !readFileSync(path).includes("libnetfilter_conntrack.so")) return undefined;
  const version = /^conntrack v([\d.]+) \(conntrack-tools\)$/m.exec(spawnCommand(path, ["-V"]).stdout)?.[1];
  return version === undefined ? undefined : { path, version };
}

/** Undefined where none is installed; ours on the PATH is no reference, and gives itself away by its libraries. */
export const installed = find();

/** A reason to skip what needs the reference, else false. */
export const noReference = installed === undefined ? "no conntrack of conntrack-tools is installed" : false;

/** Runs the reference to its end. */
export function reference(argv: readonly string[], input = ""): Outcome {
  if (installed === undefined) throw new Error(noReference as string);
  return spawnCommand(installed.path, argv, { input });
}
