/** The backend on Node: the N-API addon built from src/native/netlink.c. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { BackendError } from "../../system/errors.js";
import { localTimeOf } from "../../system/local-time.js";
import type { Backend, Socket } from "./socket.js";

/** What netlink.c exports. Each answers with a negative errno where it fails, also for arguments of the wrong type. */
export interface Addon {
  open(portId: Uint32Array): number;
  send(fd: number, buffer: Uint8Array, offset: number, length: number): number;
  receive(fd: number, buffer: Uint8Array, offset: number, length: number, flags: number): number;
  /** An opaque object, or -errno. */
  readAhead(fd: number): object | number;
  takeAhead(ahead: object, buffer: Uint8Array, offset: number, length: number): number;
  stopAhead(ahead: object): number;
  /** An eventfd, to be written to so that the callback is not called; or -errno. */
  whenReadable(fd: number, callback: () => void): number;
  receiveMany(fd: number, buffer: Uint8Array, slot: number, lengths: Int32Array, flags: number): number;
  setOption(fd: number, level: number, name: number, value: number): number;
  getOption(fd: number, level: number, name: number): number;
  poll(fd: number, timeoutMs: number): number;
  pollOut(fd: number, timeoutMs: number): number;
  write(fd: number, buffer: Uint8Array, offset: number, length: number): number;
  catchSignal(number: number): number;
  caughtSignal(): number;
  close(fd: number): number;
  strerror(errno: number): string | number;
  defaultSigpipe(): number;
  localTime(seconds: number, tm: Int32Array): number;
  exit(status: number): never;
  setSignal(number: number, ignored: number): number;
  unshareNetwork(): number;
  setNetwork(fd: number): number;
}

/**
 * From this module to the package's root: out of build/src/netlink/backend/, or out of dist/ when bundled. One place alone:
 * code that root will run is not looked for in directories that others may write to.
 */
const ROOT = import.meta.url.endsWith("/src/netlink/backend/napi.js") ? "../../../../" : "../";

/**
 * Loads the addon that was built for this machine.
 * @throws BackendError where there is none, or node cannot load it.
 */
export function loadAddon(): Addon {
  const name = `prebuilds/linux-${process.arch}/netlink.node`;
  const path = fileURLToPath(new URL(ROOT + name, import.meta.url));
  if (!existsSync(path)) throw new BackendError(`${name} is missing: run "npm run build" in the package's directory`);
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    throw new BackendError(`cannot load ${path}: run "npm run build" in the package's directory`, { cause });
  }
}

/**
 * The backend over the addon.
 * @throws BackendError where the addon is missing or cannot be loaded.
 */
export function napiBackend(): Backend {
  const addon = loadAddon();
  return {
    open: () => openSocket(addon),
    strerror: (errno) => String(addon.strerror(errno)),
    pollOut: (fd, timeoutMs) => addon.pollOut(fd, timeoutMs),
    write: (fd, buffer, offset, length) => addon.write(fd, buffer, offset, length),
    catchSignal: (number) => addon.catchSignal(number),
    caughtSignal: () => addon.caughtSignal(),
    defaultSigpipe: () => void addon.defaultSigpipe(),
    localTime: (seconds) => {
      const tm = new Int32Array(7);
      return addon.localTime(seconds, tm) < 0 ? undefined : localTimeOf(tm);
    },
    exit: (status) => addon.exit(status),
    setSignal: (number, ignored) => void addon.setSignal(number, ignored ? 1 : 0),
    unshareNetwork: () => addon.unshareNetwork(),
    setNetwork: (fd) => addon.setNetwork(fd),
  };
}

/** What an eventfd takes: a number of 8 bytes, in whatever order. */
const ONE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

function openSocket(addon: Addon): Socket | number {
  const portId = new Uint32Array(1);
  let fd = addon.open(portId);
  if (fd < 0) return fd;
  let ahead: object | undefined;
  return {
    portId: portId[0]!,
    send: (buffer, offset, length) => addon.send(fd, buffer, offset, length),
    receive: (buffer, offset, length, flags) =>
      ahead === undefined
        ? addon.receive(fd, buffer, offset, length, flags)
        : addon.takeAhead(ahead, buffer, offset, length),
    readAhead: (on) => {
      if (ahead !== undefined) addon.stopAhead(ahead);
      const started = on && fd >= 0 ? addon.readAhead(fd) : undefined;
      ahead = typeof started === "object" ? started : undefined;
    },
    whenReadable: (callback) => {
      const stop = addon.whenReadable(fd, callback);
      return stop < 0 ? undefined : () => void addon.write(stop, ONE, 0, ONE.length);
    },
    receiveMany: (buffer, slot, lengths, flags) => addon.receiveMany(fd, buffer, slot, lengths, flags),
    setOption: (level, name, value) => addon.setOption(fd, level, name, value),
    getOption: (level, name) => addon.getOption(fd, level, name),
    poll: (timeoutMs) => addon.poll(fd, timeoutMs),
    close: () => {
      if (ahead !== undefined) addon.stopAhead(ahead);
      ahead = undefined;
      addon.close(fd);
      // The number may soon be another file's.
      fd = -1;
    },
  };
}
