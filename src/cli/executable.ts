/** A process that is one run of the command line, on whichever engine. */
import { PREFIX } from "../command/context.js";
import type { Backend } from "../netlink/backend/socket.js";
import { BackendError } from "../system/errors.js";
import { messageLine } from "../system/text.js";
import type { Io } from "./io.js";
import { main, STATUS_SIGPIPE } from "./main.js";

const SIGPIPE = 13;

/** What an engine knows of the process. */
export interface Process {
  /** The words after the program's name. */
  words: readonly string[];
  environment: { POSIXLY_CORRECT?: string };
  /** Whether the caller has SIGPIPE ignored. It is ignored anyway while the command runs. */
  ignoresSigpipe: boolean;
  openBackend(): Backend;
  openIo(backend: Backend): Io;
  /** Without a backend: a last message to stderr, and the end. */
  giveUp(message: Uint8Array, status: number): never;
  /** Sends a signal to this process. */
  raise(signal: number): void;
}

/** The backend; where there is none, a line that says what to do, and the end. */
function openOrExit({ openBackend, giveUp }: Process): Backend {
  try {
    return openBackend();
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    return giveUp(messageLine(PREFIX + error.message), error.exitCode);
  }
}

/** Runs the command line of this process, and ends it. */
export function runExecutable(self: Process): void {
  const backend = openOrExit(self);
  const exit = (status: number): void => {
    if (status === STATUS_SIGPIPE) {
      // Then the reference goes on as if all were read.
      if (self.ignoresSigpipe) backend.exit(0);
      backend.defaultSigpipe();
      self.raise(SIGPIPE);
    }
    backend.exit(status);
  };
  const status = main(self.words, self.openIo(backend), self.environment);
  if (typeof status === "number") exit(status);
  else void status.then(exit);
}
