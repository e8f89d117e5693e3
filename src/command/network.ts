/** Commands in other network namespaces: in one that --netns names, or with --all-netns in each of the machine. */
import { toJson } from "../format/json.js";
import { EACCES, EINVAL, ENOENT, EPERM, ESRCH } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import { decodeText, encodeText, withoutControls } from "../system/text.js";
import type { KernelCommand } from "./command.js";
import { type Context, say } from "./context.js";
import { markedLines } from "./marked-output.js";

/** Where ip-netns(8) puts the names. */
const NAMED_NETWORKS = "/run/netns";

/**
 * Moves the process into the network namespace of a file.
 * @param where how messages call it
 * @throws KernelError, whose syscall is "setns" and whose errno is that of what failed
 */
function enterNetworkFile({ backend, enterNetwork }: Context, path: string, where: string): void {
  try {
    enterNetwork(path);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const { errno, syscall } = error;
    const text = backend.strerror(errno);
    const needs = errno === EPERM ? " (it takes CAP_SYS_ADMIN)" : "";
    const what =
      syscall === "open"
        ? `cannot open network namespace \`${where}': ${text}`
        : `cannot enter network namespace: ${text}${needs}`;
    throw new KernelError(errno, "setns", what);
  }
}

/**
 * Moves the process into the network namespace that `where` names: a path, where it has a slash; else what ip-netns(8) calls
 * so; else the id of a process in it. Sockets, sysctls and /proc/net are those of the namespace from then on.
 * @returns the file that was found
 */
export function enterNamedNetwork(context: Context, where: string): string {
  const path = where.includes("/") || where === "" ? where : `${NAMED_NETWORKS}/${where}`;
  try {
    enterNetworkFile(context, path, where);
    return path;
  } catch (error) {
    const isMissing = error instanceof KernelError && error.errno === ENOENT;
    if (!isMissing || !/^\d+$/.test(where)) throw error;
    const ofProcess = `/proc/${where}/ns/net`;
    enterNetworkFile(context, ofProcess, where);
    return ofProcess;
  }
}

export interface Network {
  /** What ip-netns(8) or docker calls it; of a namespace without a name, a process in it: "pid 4711 nginx". */
  name: string;
  /** What --netns finds it by, and its file. */
  where: string;
  path: string;
  /** The lowest id of a process in it; undefined where no process is known. */
  pid: number | undefined;
  /** The number that the kernel knows the namespace by; undefined where it could not be entered. */
  inode: number | undefined;
}

const DOCKER_NETWORKS = "/run/docker/netns";
/** The namespace of this thread, which is the one that was entered last. */
const CURRENT = "/proc/thread-self/ns/net";

/** The errno of what a file failed with: node:fs has it negative. */
const errnoOf = (error: unknown): number => Math.abs((error as { errno?: number }).errno ?? 0);

const isDenied = (errno: number): boolean => errno === EACCES || errno === EPERM;

function inodeOf(context: Context, path: string): number {
  return Number(/^net:\[(\d+)\]$/.exec(context.readLink(path))?.[1]);
}

/** A process of each namespace, that with the lowest id, by the number of the namespace. Tells of those that cannot be read. */
function processes(context: Context): Map<number, number> {
  const found = new Map<number, number>();
  const pids = names(context, "/proc").filter((name) => /^\d+$/.test(name));
  let denied = 0;
  for (const pid of pids.map(Number).sort((a, b) => a - b)) {
    try {
      const inode = inodeOf(context, `/proc/${pid}/ns/net`);
      if (!found.has(inode)) found.set(inode, pid);
    } catch (error) {
      // Others have ended.
      if (isDenied(errnoOf(error))) denied++;
    }
  }
  if (denied > 0)
    say(context, `WARNING: the network namespaces of ${denied} processes cannot be read: permission denied`);
  return found;
}

/** The names in a directory, which need not be there. */
function names(context: Context, directory: string): string[] {
  try {
    return context.readDirectory(directory).sort();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== ENOENT) say(context, `WARNING: cannot read ${directory}: ${context.backend.strerror(errno)}`);
    return [];
  }
}

function commOf(context: Context, pid: number): string {
  try {
    return withoutControls(decodeText(context.readFile(`/proc/${pid}/comm`)).replace(/\n$/, ""));
  } catch {
    return "";
  }
}

/** What a file is passed over for: its namespace has gone, or it is a name that nothing is mounted on. */
const GONE: readonly number[] = [ENOENT, ESRCH, EINVAL];

/**
 * Enters each network namespace once and tells of it: those with names first, in their order, then those of processes, by the
 * lowest id. One that has gone meanwhile is passed over.
 * @param failed told of a namespace that cannot be entered
 */
export function* enterEachNetwork(
  context: Context,
  failed: (network: Network, error: KernelError) => void,
): Generator<Network, void, void> {
  const pids = processes(context);
  const seen = new Set<number>();
  /** Whether it is one that nobody was told of. */
  const enter = (network: Network): boolean => {
    try {
      // To stay where it is takes no right.
      if (network.inode !== inodeOf(context, CURRENT)) enterNetworkFile(context, network.path, network.where);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (!GONE.includes(error.errno)) failed(network, error);
      return false;
    }
    const inode = inodeOf(context, CURRENT);
    const isNew = !seen.has(inode);
    seen.add(inode);
    Object.assign(network, { inode, pid: pids.get(inode) });
    return isNew;
  };
  for (const directory of [NAMED_NETWORKS, DOCKER_NETWORKS]) {
    for (const file of names(context, directory)) {
      const path = `${directory}/${file}`;
      const where = directory === NAMED_NETWORKS ? file : path;
      const network = { name: withoutControls(file), where, path, pid: undefined, inode: undefined };
      if (enter(network)) yield network;
    }
  }
  for (const [inode, pid] of pids) {
    if (seen.has(inode)) continue;
    const name = `pid ${pid} ${commOf(context, pid)}`.trimEnd();
    const network = { name, where: String(pid), path: `/proc/${pid}/ns/net`, pid, inode };
    if (enter(network)) yield network;
  }
}

const isJson = (command: KernelCommand): boolean =>
  "output" in command ? command.output.format === "json" : "format" in command && command.format === "json";

/** The streams for a command in a namespace: each line says which one it is of. */
export function markedContext(
  { stdout, stderr, terminalColumns }: Context,
  command: KernelCommand,
  network: Network,
): Pick<Context, "stdout" | "stderr" | "terminalColumns" | "network"> {
  const { name, pid, inode } = network;
  const mark = encodeText(`[${name}] `);
  const text = command.name === "count" ? encodeText(`${name} `) : mark;
  const member = encodeText(`"netns":${toJson({ name, pid, inode })},`);
  return {
    stdout: isJson(command) ? markedLines(stdout, member, 1) : markedLines(stdout, text, 0),
    stderr: markedLines(stderr, mark, 0),
    terminalColumns() {
      const columns = terminalColumns();
      return columns && Math.max(1, columns - mark.length);
    },
    network,
  };
}
