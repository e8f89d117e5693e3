/** What bin/conntrack runs on Node. */

import { napiBackend } from "../netlink/backend/napi.js";
import type { Backend } from "../netlink/backend/socket.js";
import { runExecutable } from "./executable.js";

/** signal(7), the same on every Linux. */
const SIGINT = 2;
const SIGUSR1 = 10;
const SIGTERM = 15;

/**
 * Undoes what Node does with signals at its start: SIGUSR1 would open a debugger, SIGINT and SIGTERM would put the terminal
 * back, and abort where it is gone. Signals that the caller had ignored are ignored again: bin/conntrack has noted them.
 */
function takeSignals(backend: Backend): void {
  const ignored = BigInt(`0x${/^[0-9a-f]{1,16}$/.exec(process.env["CONNTRACK_IGNORED_SIGNALS"] ?? "")?.[0] ?? "0"}`);
  for (const number of [SIGINT, SIGUSR1, SIGTERM]) backend.setSignal(number, false);
  // A SIGUSR1 that came before this line has opened it.
  (process as { _debugEnd?: () => void })._debugEnd?.();
  for (let number = 1; number <= 31; number++) {
    if ((ignored & (1n << BigInt(number - 1))) !== 0n) backend.setSignal(number, true);
  }
}

runExecutable(() => {
  const backend = napiBackend();
  takeSignals(backend);
  return backend;
});
