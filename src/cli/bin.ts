/** What bin/conntrack runs. */
import { napiBackend } from "../netlink/backend/napi.js";
import { runExecutable } from "./executable.js";

runExecutable(napiBackend);
