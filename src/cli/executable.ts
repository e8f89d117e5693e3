/** A process that is one run of the command line. */
import { writeSync } from "node:fs";
import { PREFIX } from "../command/context.js";
import type { Backend } from "../netlink/backend/socket.js";
import { BackendError } from "../system/errors.js";
import { main, STATUS_SIGPIPE } from "./main.js";
import { commandLineWords, nodeIo } from "./node-io.js";

/** The backend; where there is none, a line that says what to do, and the end. */
function openOrExit(open: () => Backend): Backend {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    writeSync(2, `${PREFIX}${error.message}\n`);
    return process.exit(error.exitCode);
  }
}

/** Runs the command line of this process, and ends it. */
export function runExecutable(open: () => Backend): void {
  const backend = openOrExit(open);
  const exit = (status: number): void => {
    if (status === STATUS_SIGPIPE) {
      backend.defaultSigpipe();
      process.kill(process.pid, "SIGPIPE");
    }
    backend.exit(status);
  };
  const status = main(commandLineWords(), nodeIo(backend), process.env);
  if (typeof status === "number") exit(status);
  else void status.then(exit);
}
