/** Run by the runtime within the standalone executable: prints what its backend answers. */
import { bunBackend } from "../../src/netlink/backend/bun.js";
import { probe } from "../support/backend-probe.js";

process.stdout.write(JSON.stringify(probe(bunBackend(), (signal) => process.kill(process.pid, signal))));
