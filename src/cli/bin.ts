/** What bin/conntrack runs on Node. */
import { writeSync } from "node:fs";

import { napiBackend } from "../netlink/backend/napi.js";
import type { Backend } from "../netlink/backend/socket.js";
import { runExecutable } from "./executable.js";
import { commandLineWords, nodeIo } from "./node-io.js";

/** signal(7), the same on every Linux. */
const SIGINT = 2;
const SIGUSR1 = 10;
const SIGPIPE = 13;
const SIGTERM = 15;
const SIGXFSZ = 25;

/** What bin/conntrack has noted, as /proc/self/status shows it. */
const IGNORED = BigInt(`0x${/^[0-9a-f]{1,16}$/.exec(process.env["CONNTRACK_IGNORED_SIGNALS"] ?? "")?.[0] ?? "0"}`);

function callerIgnores(signal: number): boolean {
  return (IGNORED & (1n << BigInt(signal - 1))) !== 0n;
}

/**
 * Undoes what Node does with signals at its start: SIGUSR1 would open a debugger, SIGINT and SIGTERM would put the terminal
 * back, and abort where it is gone, and SIGXFSZ (ulimit -f) would be ignored. Signals that the caller had ignored are ignored again: bin/conntrack has noted them.
 */
function takeSignals(backend: Backend): void {
  for (const number of [SIGINT, SIGUSR1, SIGTERM, SIGXFSZ]) backend.setSignal(number, false);
  // A SIGUSR1 that came before this line has opened it.
  (process as { _debugEnd?: () => void })._debugEnd?.();
  for (let number = 1; number <= 31; number++) {
    if (callerIgnores(number)) backend.setSignal(number, true);
  }
}

runExecutable({
  words: commandLineWords(),
  environment: process.env,
  ignoresSigpipe: callerIgnores(SIGPIPE),
  openBackend() {
    const backend = napiBackend();
    takeSignals(backend);
    return backend;
  },
  openIo: nodeIo,
  giveUp(message, status) {
    writeSync(2, message);
    return process.exit(status);
  },
  raise: (signal) => void process.kill(process.pid, signal),
});
