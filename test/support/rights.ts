/** What the tests may do. */
import { readFileSync } from "node:fs";

/**
 * Whether this is the machine's root: whom no user namespace keeps from going beyond net.core.rmem_max (SO_RCVBUFFORCE), where
 * root of a namespace may do all else that the tests need.
 */
export const isMachineRoot =
  process.getuid!() === 0 && /^ *0 +0 +4294967295\n$/.test(readFileSync("/proc/self/uid_map", "utf8"));

/** A reason to skip what needs a receive buffer of any size, else false. */
export const noLargeBuffer = isMachineRoot ? false : "needs the machine's root: SO_RCVBUFFORCE";
