/** What a run of the command line works on. Nothing below touches process.* itself, so a test hands in its own. */
import type { Backend } from "../netlink/backend/socket.js";
import type { OpenSource, Sink } from "../system/io.js";

export type { OpenSource, Sink, Source } from "../system/io.js";

export interface Io {
  stdout: Sink;
  stderr: Sink;
  /** Whether output is shown as it comes, however short: stdout is a terminal, or another device. */
  stdoutIsDevice(): boolean;
  /** Whether a person may be reading stderr. */
  stderrIsTerminal(): boolean;
  backend: Backend;
  /** The time of day, in microseconds since 1970. */
  nowMicroseconds(): number;
  /** Files of the system that a run may read: /etc/protocols, /etc/services, connlabel.conf, /proc. Throws as node:fs does. */
  readFile(path: string): Uint8Array;
  /** The names in a directory, and what a symbolic link points to. Throw as node:fs does. */
  readDirectory(path: string): string[];
  readLink(path: string): string;
  /** Opens a file for reading, "-" for standard input. Throws as node:fs does. */
  open(path: string): OpenSource;
}
