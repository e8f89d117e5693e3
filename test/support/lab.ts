/**
 * Real traffic: client — router — server. The router is the network namespace of the test itself, so that both programs look at
 * its table without further ado; the other two are processes in namespaces of their own (peer.ts), which end with the test.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { support } from "./paths.js";
import type { PeerRequests } from "./peer.js";
import { lacks, must, mustRead } from "./process.js";

/** The addresses, as in the recorded scenes (test/fixtures/scenes). */
export const CLIENT = "10.0.1.2";
export const CLIENT6 = "fd00:1::2";
export const ROUTER = "10.0.1.1";
export const ROUTER6 = "fd00:1::1";
/** The router's address on the server's side. */
export const ROUTER_OUT = "10.0.2.1";
export const SERVER = "10.0.2.2";
export const SERVER6 = "fd00:2::2";

const ANSWER_TIMEOUT_MS = 8_000;

export interface Host {
  pid: number;
  /** Asks the host's process to do something with sockets there. */
  ask<K extends keyof PeerRequests>(kind: K, request: PeerRequests[K]): Promise<string>;
  /** Runs a program in the host's namespace; it must succeed. */
  run(file: string, ...argv: readonly string[]): string;
  close(): void;
}

export interface Lab {
  client: Host;
  server: Host;
  close(): void;
}

/** A reason to skip where a lab cannot be built, else false. */
export const noLab = lacks("ip", "nft", "unshare", "nsenter");

/** Sets a sysctl of this network namespace, e.g. "net/ipv4/ip_forward". */
export function sysctl(path: string, value: string | number): void {
  writeFileSync(`/proc/sys/${path}`, `${value}\n`);
}

/** Loads an nft ruleset into this network namespace. */
export function nft(rules: string): void {
  mustRead(rules, "nft", "-f", "-");
}

function answers(child: ChildProcess) {
  const waiting = new Map<number, { resolve(text: string): void; reject(error: Error): void }>();
  let next = 1;
  const ready = new Promise<string>((resolve, reject) => waiting.set(0, { resolve, reject }));
  child.on("message", ({ id, answer, error }: { id: number; answer?: string; error?: string }) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(answer!);
    else call?.reject(new Error(error));
  });
  child.on("exit", (status) => {
    for (const { reject } of waiting.values()) reject(new Error(`the peer ended: ${status}`));
  });
  const ask = (kind: string, request: object): Promise<string> => {
    const id = next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${kind} ${JSON.stringify(request)}: no answer`)),
        ANSWER_TIMEOUT_MS,
      );
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          then(value);
        };
      waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      child.send({ id, kind, request });
    });
  };
  return { ready, ask };
}

async function host(): Promise<Host> {
  const child = spawn("unshare", ["--net", process.execPath, join(support, "peer.js")], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const { ready, ask } = answers(child);
  await ready;
  // Whatever fails later, a host keeps no test file from its end; while it is asked, the timer of ask() does.
  child.unref();
  child.channel!.unref();
  const pid = child.pid!;
  return {
    pid,
    ask,
    run: (file, ...argv) => must("nsenter", `--net=/proc/${pid}/ns/net`, file, ...argv),
    close: () => child.kill("SIGKILL"),
  };
}

/** Joins a host to the router by a veth pair. */
function connectHost(
  at: Host,
  name: string,
  near: readonly string[],
  far: readonly string[],
  gateways: readonly string[],
): void {
  must("ip", "link", "add", `r${name}`, "type", "veth", "peer", "name", `v${name}`, "netns", String(at.pid));
  const up = (run: (...argv: string[]) => string, link: string, addresses: readonly string[]) => {
    for (const address of addresses)
      run("addr", "add", address, "dev", link, ...(address.includes(":") ? ["nodad"] : []));
    run("link", "set", link, "up");
  };
  up((...argv) => must("ip", ...argv), `r${name}`, near);
  up((...argv) => at.run("ip", ...argv), "lo", []);
  up((...argv) => at.run("ip", ...argv), `v${name}`, far);
  for (const gateway of gateways) at.run("ip", "route", "add", "default", "via", gateway);
}

/** Builds the lab around the present network namespace. */
export async function lab(): Promise<Lab> {
  must("ip", "link", "set", "lo", "up");
  const [client, server] = await Promise.all([host(), host()]);
  const close = () => {
    client.close();
    server.close();
  };
  try {
    connectHost(client, "c", [`${ROUTER}/24`, `${ROUTER6}/64`], [`${CLIENT}/24`, `${CLIENT6}/64`], [ROUTER, ROUTER6]);
    connectHost(
      server,
      "s",
      [`${ROUTER_OUT}/24`, "fd00:2::1/64"],
      [`${SERVER}/24`, `${SERVER6}/64`],
      [ROUTER_OUT, "fd00:2::1"],
    );
    sysctl("net/ipv4/ip_forward", 1);
    sysctl("net/ipv6/conf/all/forwarding", 1);
    // 2, the default, makes no events for entries that are older than the first listener.
    sysctl("net/netfilter/nf_conntrack_events", 1);
  } catch (error) {
    close();
    throw error;
  }
  return { client, server, close };
}
