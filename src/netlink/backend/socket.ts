/**
 * What the netlink layer needs of the operating system: a socket and a few calls around it.
 *
 * Results follow the kernel's own convention: a negative number is a negated errno (see errno(3)),
 * never an exception, so that the receive loop costs nothing and a wrong argument cannot crash.
 */

import type { LocalTime } from "../../system/local-time.js";
import type { LineEngine } from "./lines.js";
import type { TraceEngine } from "./traces.js";

/** A NETLINK_NETFILTER socket (netlink(7)), opened SOCK_RAW | SOCK_CLOEXEC and bound to a port id of the kernel's choice. */
export interface Socket {
  /** The port id (nl_pid) that the kernel chose at bind. */
  readonly portId: number;
  /** Sends `length` bytes from `offset` as one datagram to the kernel. Returns the bytes sent or -errno. */
  send(buffer: Uint8Array, offset: number, length: number): number;
  /**
   * Receives one datagram into `buffer[offset, offset + length)`; blocks unless MSG_DONTWAIT is in `flags`.
   * Datagrams that do not come from the kernel (nl_pid 0) are dropped.
   * Returns the datagram's true length (greater than `length` when it was cut off) or -errno.
   */
  receive(buffer: Uint8Array, offset: number, length: number, flags: number): number;
  /**
   * Where the backend can: from now on a thread receives ahead of `receive`, without waiting, until the kernel has nothing
   * more to send; or no longer. Meant for a dump, whose next part the kernel makes while the last one is received. A datagram
   * can have 64 KiB then, and `receive` no flags.
   */
  readAhead?(on: boolean): void;
  /**
   * Where the backend can: as `readAhead`, for an event loop that must not wait for the kernel. A thread sends `length` bytes
   * from `offset` and receives what comes of them. `receive` gives -EINPROGRESS where nothing is there yet; then, and only
   * then, `ready` is called once from the event loop when something is, which keeps the loop alive until then.
   * Returns false where no thread can be started: nothing was sent.
   */
  sendAhead?(buffer: Uint8Array, offset: number, length: number, ready: () => void): boolean;
  /**
   * Where the backend can: calls back once from the event loop when there is something to receive, and keeps the loop alive
   * until then. Returns what calls it off, which must not be called afterwards; undefined where no thread can be started.
   */
  whenReadable?(callback: () => void): (() => void) | undefined;
  /**
   * recvmmsg(2): receives up to `lengths.length` datagrams, the i-th at `buffer[i * slot]`, its true length in `lengths[i]`
   * (0 for a datagram that did not come from the kernel). Blocks for the first one only, unless MSG_DONTWAIT is in `flags`.
   * Returns how many slots are filled or -errno.
   */
  receiveMany(buffer: Uint8Array, slot: number, lengths: Int32Array, flags: number): number;
  /** setsockopt(2) with an int. Returns 0 or -errno. */
  setOption(level: number, name: number, value: number): number;
  /** getsockopt(2) of an int. Returns the value (never negative for the options used here) or -errno. */
  getOption(level: number, name: number): number;
  /** SO_MEMINFO, since Linux 4.12: fills in SK_MEMINFO_MEMBERS numbers, see enum sk_meminfo. Returns 0 or -errno. */
  memory?(members: Uint32Array): number;
  /**
   * poll(2) for input. Returns 1 (readable or an error is pending), 0 (timed out) or -errno; -EINTR at once where a signal
   * of `catchSignal` has arrived. `timeoutMs` -1 waits for ever.
   */
  poll(timeoutMs: number): number;
  /** Closes the descriptor; further calls answer -EBADF. */
  close(): void;
}

/** Sockets of netfilter, and the network namespaces that they belong to. */
export interface Sockets {
  /** Opens and binds a socket. Returns -errno where that fails. */
  open(): Socket | number;
  /** The C library's text for an errno, e.g. 2 → "No such file or directory". */
  strerror(errno: number): string;
  /** unshare(CLONE_NEWNET) for the calling thread: a fresh network namespace. Returns 0 or -errno. */
  unshareNetwork(): number;
  /** setns(2) to a network namespace by an open descriptor (/run/netns/NAME, /proc/PID/ns/net). Returns 0 or -errno. */
  setNetwork(fd: number): number;
}

/** What belongs to the process: its descriptors, its signals, its time zone, its end. */
export interface Process {
  /** write(2): returns the bytes written, fewer where the descriptor takes no more, or -errno. Blocks as the descriptor does. */
  write(fd: number, buffer: Uint8Array, offset: number, length: number): number;
  /**
   * poll(2) one descriptor for output: 1 writable (or broken), 0 timed out, or -errno. Without a limit (-1) it returns -EINTR
   * once a signal was noted; within a limit it waits all the same.
   */
  pollOut(fd: number, timeoutMs: number): number;
  /**
   * From now on the signal of this number (signal(7)) is only noted, by sigaction(2) without SA_RESTART: poll and write return
   * -EINTR for it. Returns 0 or -errno.
   */
  catchSignal(number: number): number;
  /** The number of the last signal that was noted, or 0. */
  caughtSignal(): number;
  /** Takes back the note of a signal, and returns its number; 0 where none is noted. */
  takeSignal(): number;
  /** Sends a signal to this process. */
  raise(number: number): void;
  /** read(2): returns the bytes read, 0 at the end, or -errno. */
  read(fd: number, buffer: Uint8Array, offset: number, length: number): number;
  /** poll(2) one descriptor for input, as Socket.poll does for a socket's own. */
  pollIn(fd: number, timeoutMs: number): number;
  /**
   * Has a terminal hand over keys as they are typed, without echo and without signals from keys, or puts it back as it was.
   * Returns 0 or -errno.
   */
  setTerminalRaw(fd: number, raw: boolean): number;
  /** Gives SIGPIPE back its default action (Node ignores it), so that a closed pipe ends the process as it ends a C program. */
  defaultSigpipe(): void;
  /** Gives a signal its default action, or has it ignored. */
  setSignal(number: number, ignored: boolean): void;
  /** localtime_r(3): the time zone is what the C library makes of TZ. Undefined where the year does not fit. */
  localTime(seconds: number): LocalTime | undefined;
  /** Of the terminal that a descriptor is, ioctl(2) TIOCGWINSZ: 0 and 0 where nobody knows it. Undefined for no terminal. */
  windowSize(fd: number): { columns: number; rows: number } | undefined;
  /** Ends the process at once, _exit(2): nothing is flushed, and no terminal is touched. */
  exit(status: number): never;
}

/** One way to reach the C library: the N-API addon on Node, the binding for QuickJS in the standalone executable, a script in tests. */
export interface Backend extends Sockets, Process {
  /** An engine of its own for each listing; without one every message is done by TypeScript, which only takes longer. */
  traces?(): TraceEngine | undefined;
  /** An engine of its own for each load-file; without one every line is read by TypeScript, which only takes longer. */
  lines?(): LineEngine | undefined;
}
