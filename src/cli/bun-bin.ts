/** What the standalone executable runs: scripts/build-standalone.mjs. */
import { bunBackend } from "../netlink/backend/bun.js";
import { runExecutable } from "./executable.js";

runExecutable(bunBackend);
