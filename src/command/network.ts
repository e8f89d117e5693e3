/** --netns: a command works in another network namespace. */
import { ENOENT, EPERM } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import type { Context } from "./context.js";

/** Where ip-netns(8) puts the names. */
const NAMED = "/run/netns";

/** Moves the process into the network namespace of a file; returns 0, or the errno with which opening the file failed. */
function enter({ backend, enterNetwork }: Context, path: string): number {
  try {
    enterNetwork(path);
    return 0;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const { errno, syscall } = error;
    if (syscall === "open") return errno;
    const needs = errno === EPERM ? " (it takes CAP_SYS_ADMIN)" : "";
    throw new KernelError(errno, syscall, `cannot enter network namespace: ${backend.strerror(errno)}${needs}`);
  }
}

/**
 * Moves the process into the network namespace that `where` names: a path, where it has a slash; else what ip-netns(8) calls
 * so; else the id of a process in it. Sockets, sysctls and /proc/net are those of the namespace from then on.
 */
export function enterNamedNetwork(context: Context, where: string): void {
  const paths = where.includes("/") ? [where] : where === "" ? [] : [`${NAMED}/${where}`];
  if (/^\d+$/.test(where)) paths.push(`/proc/${where}/ns/net`);
  let errno: number = ENOENT;
  for (const path of paths) {
    errno = enter(context, path);
    if (errno === 0) return;
    if (errno !== ENOENT) break;
  }
  throw new KernelError(
    errno,
    "setns",
    `cannot open network namespace \`${where}': ${context.backend.strerror(errno)}`,
  );
}
