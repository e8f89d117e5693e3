/** A process that is one run of the command line. */
import type { Backend } from "../netlink/backend/socket.js";
import { main, STATUS_SIGPIPE } from "./main.js";
import { nodeIo } from "./node-io.js";

/** Runs the command line of this process, and ends it. */
export function runExecutable(backend: Backend): void {
  const exit = (status: number): void => {
    if (status === STATUS_SIGPIPE) {
      backend.defaultSigpipe();
      process.kill(process.pid, "SIGPIPE");
    }
    process.exit(status);
  };
  const status = main(process.argv.slice(2), nodeIo(backend), process.env);
  if (typeof status === "number") exit(status);
  else void status.then(exit);
}
