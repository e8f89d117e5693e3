/** Files and the clock as Node gives them: the one module of the library that touches them. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { ProcFiles } from "../command/programs.js";
import type { Sockets } from "../netlink/backend/socket.js";
import { EINVAL } from "../system/errno.js";
import { KernelError, UsageError } from "../system/errors.js";
import { LABEL_MAP_PATH, type LabelMap, parseLabelMap } from "../system/labelmap.js";

/** Where `ip netns add` puts its names. */
const NAMED_NETWORKS = "/run/netns";

/** The network namespace of the thread that asks; it differs from /proc/self's in a worker that has moved. */
const OWN_NETWORK = "/proc/thread-self/ns/net";

/** What is outside: /proc for the names of programs, and the clock. */
export const nodeFiles: ProcFiles = {
  nowMicroseconds: () => Math.floor((performance.timeOrigin + performance.now()) * 1000),
  readFile: (path) => readFileSync(path),
  readDirectory: (path) => readdirSync(path),
  readLink: (path) => readlinkSync(path),
};

/** The labels of a file. An unnamed file may be missing. */
export function readLabelMap(path: string | undefined): LabelMap {
  try {
    return parseLabelMap(readFileSync(path ?? LABEL_MAP_PATH, "utf8"));
  } catch (cause) {
    if (path === undefined) return parseLabelMap("");
    throw Object.assign(new UsageError(`cannot read the label map ${path}`), { cause });
  }
}

/** A network namespace to work in. */
export interface Network {
  /** Runs synchronous work there. */
  inside<Result>(work: () => Result): Result;
  close(): void;
}

/** The namespace that the process is in. */
export const OWN: Network = { inside: (work) => work(), close: () => {} };

function networkPath(network: string | number | { fd: number }): string {
  // Opened once more: the caller may close his at any time.
  if (typeof network === "object") return `/proc/self/fd/${network.fd}`;
  if (network === "" || (typeof network === "string" && network.includes("\0"))) {
    throw new UsageError("a network namespace has a name");
  }
  if (typeof network === "number") return `/proc/${network}/ns/net`;
  return network.includes("/") ? network : `${NAMED_NETWORKS}/${network}`;
}

function openNetworkFile(sockets: Sockets, path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    const { errno = 0, code } = cause as NodeJS.ErrnoException;
    const error =
      code === "ENOENT" || code === "ENOTDIR"
        ? new UsageError(`there is no network namespace ${path}`)
        : new KernelError(-errno, "open", `open ${path}: ${sockets.strerror(-errno)}`);
    throw Object.assign(error, { cause });
  }
}

/**
 * Opens a network namespace: by the name that ip-netns(8) gave it, by the path of a file, by the id of a process in it, or by
 * a descriptor.
 * @throws UsageError where there is none of that name, KernelError without the right to open or enter it (EACCES, EPERM)
 */
export function openNetwork(sockets: Sockets, network: string | number | { fd: number }): Network {
  const path = networkPath(network);
  const fd = openNetworkFile(sockets, path);
  const enter = (target: number) => {
    const entered = sockets.setNetwork(target);
    if (entered === -EINVAL) throw new UsageError(`${path} is no network namespace`);
    if (entered < 0) throw new KernelError(-entered, "setns", `setns: ${sockets.strerror(-entered)}`);
  };
  return {
    // The namespace is the thread's: nothing else of the thread runs meanwhile.
    inside(work) {
      const own = openNetworkFile(sockets, OWN_NETWORK);
      try {
        enter(fd);
        try {
          return work();
        } finally {
          enter(own);
        }
      } finally {
        closeSync(own);
      }
    },
    close: () => closeSync(fd),
  };
}
