/** What bin/conntrack runs. */
import { napiBackend } from "../netlink/backend/napi.js";
import { main, STATUS_SIGPIPE } from "./main.js";
import { nodeIo } from "./node-io.js";

function exit(status: number): void {
  if (status === STATUS_SIGPIPE) {
    backend.defaultSigpipe();
    process.kill(process.pid, "SIGPIPE");
  }
  process.exit(status);
}

const backend = napiBackend();
const status = main(process.argv.slice(2), nodeIo(backend), process.env);
if (typeof status === "number") exit(status);
else void status.then(exit);
