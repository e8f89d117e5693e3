/** `conntrack -E` in the background. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { constants } from "node:os";
import type { Outcome } from "./process.js";
import { until } from "./wait.js";

const NETLINK_NETFILTER = 12;

export interface Listener {
  child: ChildProcess;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Outcome>;
}

/** How many netfilter sockets of this network namespace have joined a multicast group; or how many there are. */
function sockets({ joined, readNetlink }: { joined: boolean; readNetlink: () => string }): number {
  const rows = readNetlink().trim().split("\n").slice(1);
  return rows
    .map((row) => row.trim().split(/ +/))
    .filter(([, protocol, , groups]) => Number(protocol) === NETLINK_NETFILTER && !(joined && groups === "00000000"))
    .length;
}

/** A listener that a failed test or hook has left behind must not keep the test file from its end. */
function keepTestsAlive(child: ChildProcess, keep: boolean): void {
  const change = keep ? "ref" : "unref";
  child[change]();
  // They are sockets, as node makes the pipes of a child.
  for (const stream of [child.stdout, child.stderr]) (stream as Socket)[change]();
}

/** The sockets of this namespace. */
const ownNetlink = () => readFileSync("/proc/net/netlink", "utf8");

/**
 * Starts `program` and waits until it listens for events, or has ended.
 * @param joined false where its list names no event
 * @param readNetlink /proc/net/netlink, where it listens in another namespace
 */
export async function listen(
  program: string,
  argv: readonly string[],
  { joined = true, readNetlink = ownNetlink } = {},
): Promise<Listener> {
  const count = () => sockets({ joined, readNetlink });
  const before = count();
  const child = spawn(program, argv, { stdio: ["ignore", "pipe", "pipe"] });
  keepTestsAlive(child, false);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => {
      resolve({ status: status ?? 128 + constants.signals[signal!], stdout, stderr });
    });
  });
  try {
    const what = `${program} ${argv.join(" ")} listens`;
    await until(what, () => count() > before || child.exitCode !== null);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    end: (signal) => {
      keepTestsAlive(child, true);
      child.kill(signal);
      return ended;
    },
  };
}
