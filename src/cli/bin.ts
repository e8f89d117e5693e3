/** What bin/conntrack runs. */
import { writeSync } from "node:fs";
import { PREFIX } from "../command/context.js";
import { napiBackend } from "../netlink/backend/napi.js";
import type { Backend } from "../netlink/backend/socket.js";
import { BackendError } from "../system/errors.js";
import { runExecutable } from "./executable.js";

/** The addon; where there is none that fits, a line that says what to do, and the end. */
function backend(): Backend {
  try {
    return napiBackend();
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    writeSync(2, `${PREFIX}${error.message}\n`);
    return process.exit(error.exitCode);
  }
}

runExecutable(backend());
