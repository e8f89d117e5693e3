/** The Backend made of calls that take and return numbers: what the bindings in src/native give, for Node and for QuickJS. */
import { localTimeOf } from "../../system/local-time.js";
import type { LineEngine } from "./lines.js";
import type { Backend, Socket } from "./socket.js";
import type { TraceEngine } from "./traces.js";

/** Each answers with a negative errno where it fails, also for arguments of the wrong type. */
export interface Calls {
  open(portId: Uint32Array): number;
  send(fd: number, buffer: Uint8Array, offset: number, length: number): number;
  receive(fd: number, buffer: Uint8Array, offset: number, length: number, flags: number): number;
  receiveMany(fd: number, buffer: Uint8Array, slot: number, lengths: Int32Array, flags: number): number;
  setOption(fd: number, level: number, name: number, value: number): number;
  getOption(fd: number, level: number, name: number): number;
  memory(fd: number, members: Uint32Array): number;
  poll(fd: number, timeoutMs: number): number;
  pollOut(fd: number, timeoutMs: number): number;
  write(fd: number, buffer: Uint8Array, offset: number, length: number): number;
  catchSignal(number: number): number;
  caughtSignal(): number;
  takeSignal(): number;
  /** Sends a signal to this process. */
  raise(number: number): number;
  read(fd: number, buffer: Uint8Array, offset: number, length: number): number;
  setTerminalRaw(fd: number, raw: number): number;
  close(fd: number): number;
  strerror(errno: number): string | number;
  defaultSigpipe(): number;
  localTime(seconds: number, tm: Int32Array): number;
  windowSize(fd: number, size: Int32Array): number;
  exit(status: number): never;
  setSignal(number: number, ignored: number): number;
  unshareNetwork(): number;
  setNetwork(fd: number): number;
  /** An opaque object, or -errno. */
  newTraces(): object | number;
  addTrace(traces: object, mask: Uint8Array, pattern: Uint8Array, program: Uint16Array, constants: Uint8Array): number;
  dropTrace(traces: object): number;
  runTraces(
    traces: object,
    buffer: Uint8Array,
    out: Uint8Array,
    state: Uint32Array,
    lengths: Int32Array | undefined,
    chosen: Int32Array | undefined,
    tables: readonly Uint32Array[] | undefined,
  ): number;
  /** An opaque object, or -errno. */
  newLines(): object | number;
  addLinePattern(lines: object, message: Uint8Array, program: Uint16Array, constants: Uint8Array): number;
  runLines(lines: object, text: Uint8Array, out: Uint8Array, state: Uint32Array): number;
}

/** What takes a thread: the binding for Node has it. */
export interface ThreadCalls {
  /** An opaque object, or -errno. For an event loop: what to call when there is something to take, and what to send first. */
  readAhead(fd: number): object | number;
  readAhead(fd: number, ready: () => void, buffer: Uint8Array, offset: number, length: number): object | number;
  takeAhead(ahead: object, buffer: Uint8Array, offset: number, length: number): number;
  stopAhead(ahead: object): number;
  /** An eventfd, to be written to so that the callback is not called; or -errno. */
  whenReadable(fd: number, callback: () => void): number;
}

/** How many members of struct tm localTime fills. */
const LOCAL_TIME_MEMBERS = 7;

export function backendOf(calls: Calls, threads?: ThreadCalls): Backend {
  return {
    open: () => openSocket(calls, threads),
    strerror: (errno) => String(calls.strerror(errno)),
    pollOut: (fd, timeoutMs) => calls.pollOut(fd, timeoutMs),
    write: (fd, buffer, offset, length) => calls.write(fd, buffer, offset, length),
    catchSignal: (number) => calls.catchSignal(number),
    caughtSignal: () => calls.caughtSignal(),
    takeSignal: () => calls.takeSignal(),
    raise: (number) => void calls.raise(number),
    pollIn: (fd, timeoutMs) => calls.poll(fd, timeoutMs),
    read: (fd, buffer, offset, length) => calls.read(fd, buffer, offset, length),
    setTerminalRaw: (fd, raw) => calls.setTerminalRaw(fd, raw ? 1 : 0),
    defaultSigpipe: () => void calls.defaultSigpipe(),
    localTime: (seconds) => {
      const tm = new Int32Array(LOCAL_TIME_MEMBERS);
      return calls.localTime(seconds, tm) < 0 ? undefined : localTimeOf(tm);
    },
    windowSize: (fd) => {
      const size = new Int32Array(2);
      return calls.windowSize(fd, size) < 0 ? undefined : { columns: size[0]!, rows: size[1]! };
    },
    exit: (status) => calls.exit(status),
    setSignal: (number, ignored) => void calls.setSignal(number, ignored ? 1 : 0),
    unshareNetwork: () => calls.unshareNetwork(),
    setNetwork: (fd) => calls.setNetwork(fd),
    traces: () => traceEngine(calls),
    lines: () => lineEngine(calls),
  };
}

function traceEngine(calls: Calls): TraceEngine | undefined {
  const traces = calls.newTraces();
  if (typeof traces === "number") return undefined;
  return {
    add: ({ mask, pattern, program, constants }) => calls.addTrace(traces, mask, pattern, program, constants),
    drop: () => void calls.dropTrace(traces),
    run: (buffer, out, state, { lengths, chosen, tables }) =>
      calls.runTraces(traces, buffer, out, state, lengths, chosen, tables),
  };
}

function lineEngine(calls: Calls): LineEngine | undefined {
  const lines = calls.newLines();
  if (typeof lines === "number") return undefined;
  return {
    add: ({ message, program, constants }) => calls.addLinePattern(lines, message, program, constants),
    run: (text, out, state) => calls.runLines(lines, text, out, state),
  };
}

function openSocket(calls: Calls, threads: ThreadCalls | undefined): Socket | number {
  const portId = new Uint32Array(1);
  let fd = calls.open(portId);
  if (fd < 0) return fd;
  const socket: Socket = {
    portId: portId[0]!,
    send: (buffer, offset, length) => calls.send(fd, buffer, offset, length),
    receive: (buffer, offset, length, flags) => calls.receive(fd, buffer, offset, length, flags),
    receiveMany: (buffer, slot, lengths, flags) => calls.receiveMany(fd, buffer, slot, lengths, flags),
    setOption: (level, name, value) => calls.setOption(fd, level, name, value),
    getOption: (level, name) => calls.getOption(fd, level, name),
    memory: (members) => calls.memory(fd, members),
    poll: (timeoutMs) => calls.poll(fd, timeoutMs),
    close: () => {
      calls.close(fd);
      // The number may soon be another file's.
      fd = -1;
    },
  };
  return threads === undefined ? socket : withThreads(socket, () => fd, calls, threads);
}

/** What an eventfd takes: a number of 8 bytes, in whatever order. */
const ONE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

function withThreads(socket: Socket, fd: () => number, calls: Calls, threads: ThreadCalls): Socket {
  let ahead: object | undefined;
  const stop = () => {
    if (ahead !== undefined) threads.stopAhead(ahead);
    ahead = undefined;
  };
  const keep = (started: object | number): boolean => {
    ahead = typeof started === "object" ? started : undefined;
    return ahead !== undefined;
  };
  return {
    ...socket,
    readAhead: (on) => {
      stop();
      if (on && fd() >= 0) keep(threads.readAhead(fd()));
    },
    sendAhead: (buffer, offset, length, ready) => {
      stop();
      return fd() >= 0 && keep(threads.readAhead(fd(), ready, buffer, offset, length));
    },
    receive: (buffer, offset, length, flags) =>
      ahead === undefined
        ? socket.receive(buffer, offset, length, flags)
        : threads.takeAhead(ahead, buffer, offset, length),
    whenReadable: (callback) => {
      const stop = threads.whenReadable(fd(), callback);
      return stop < 0 ? undefined : () => void calls.write(stop, ONE, 0, ONE.length);
    },
    close: () => {
      stop();
      socket.close();
    },
  };
}
