/** What a run of the command line works on. Nothing below touches process.* itself, so a test hands in its own. */
import type { Context } from "../command/context.js";
import type { OpenSource } from "../system/io.js";

export type { OpenSource, Sink, Source } from "../system/io.js";

/** What the commands work with, and what the command line needs besides. */
export interface Io extends Context {
  /** Whether output is shown as it comes, however short: stdout is a terminal, or another device. */
  stdoutIsDevice(): boolean;
  /** Opens a file for reading, "-" for standard input. Throws as node:fs does. */
  open(path: string): OpenSource;
}
