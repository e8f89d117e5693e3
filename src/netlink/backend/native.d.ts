/** The module that src/native/quickjs-calls.c makes: the executable alone has it. Paths and names are bytes. */
declare module "native" {
  type Calls = import("./calls.js").Calls;

  export const open: Calls["open"];
  export const send: Calls["send"];
  export const receive: Calls["receive"];
  export const receiveMany: Calls["receiveMany"];
  export const setOption: Calls["setOption"];
  export const getOption: Calls["getOption"];
  export const memory: Calls["memory"];
  export const poll: Calls["poll"];
  export const pollOut: Calls["pollOut"];
  export const write: Calls["write"];
  export const catchSignal: Calls["catchSignal"];
  export const caughtSignal: Calls["caughtSignal"];
  export const takeSignal: Calls["takeSignal"];
  export const raise: Calls["raise"];
  export const read: Calls["read"];
  export const setTerminalRaw: Calls["setTerminalRaw"];
  export const close: Calls["close"];
  export const strerror: Calls["strerror"];
  export const defaultSigpipe: Calls["defaultSigpipe"];
  export const localTime: Calls["localTime"];
  export const windowSize: Calls["windowSize"];
  export const exit: Calls["exit"];
  export const setSignal: Calls["setSignal"];
  export const unshareNetwork: Calls["unshareNetwork"];
  export const setNetwork: Calls["setNetwork"];
  export const newTraces: Calls["newTraces"];
  export const addTrace: Calls["addTrace"];
  export const dropTrace: Calls["dropTrace"];
  export const runTraces: Calls["runTraces"];
  export const newLines: Calls["newLines"];
  export const addLinePattern: Calls["addLinePattern"];
  export const runLines: Calls["runLines"];

  /** open(2) for reading: a descriptor or -errno. */
  export function openFile(path: Uint8Array): number;
  /** Whether a standard stream was closed when the program started. */
  export function isClosed(fd: number): boolean;
  /** Whether it is a character device, and whether a terminal. */
  export function isDevice(fd: number): boolean;
  export function isTerminal(fd: number): boolean;
  /** The names in a directory, or -errno. */
  export function readDirectory(path: Uint8Array): Uint8Array[] | number;
  /** What a symbolic link points to, or -errno. */
  export function readLink(path: Uint8Array): Uint8Array | number;
  /** What TextDecoder and TextEncoder do. */
  export function decode(bytes: Uint8Array): string;
  export function encode(text: string): Uint8Array;
  /** The words of the command line, the program's own first. */
  export function words(): Uint8Array[];
  /** The value of a variable of the environment. */
  export function variable(name: Uint8Array): Uint8Array | undefined;
  /** Microseconds since 1970. */
  export function now(): number;
  /** Has SIGPIPE ignored. Returns whether the caller had that before. */
  export function ignoreSigpipe(): boolean;
}
