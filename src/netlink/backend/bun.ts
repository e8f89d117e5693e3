/**
 * The backend of the standalone executable: bun:ffi and the C library, of which nothing has to be compiled or unpacked.
 * The layouts below are those of 64-bit, little-endian Linux, the same with glibc and musl.
 */

import { dlopen, ptr, toArrayBuffer } from "bun:ffi";
import { EBADF, EINTR, EINVAL } from "../../system/errno.js";
import { BackendError } from "../../system/errors.js";
import { localTimeOf } from "../../system/local-time.js";
import type { Backend, Socket } from "./socket.js";

/** musl takes this name for its own too. */
const LIBC = "libc.so.6";

// int and pointer are what registers pass; size_t as an int does for sizes that fit, and so does ssize_t.
const INT = "i32";
const POINTER = "ptr";

const SOCKET_CALLS = {
  __errno_location: { args: [], returns: POINTER },
  strerror: { args: [INT], returns: "cstring" },
  socket: { args: [INT, INT, INT], returns: INT },
  bind: { args: [INT, POINTER, INT], returns: INT },
  getsockname: { args: [INT, POINTER, POINTER], returns: INT },
  send: { args: [INT, POINTER, "u64_fast", INT], returns: INT },
  recvmsg: { args: [INT, POINTER, INT], returns: INT },
  recvmmsg: { args: [INT, POINTER, INT, INT, POINTER], returns: INT },
  setsockopt: { args: [INT, INT, INT, POINTER, INT], returns: INT },
  getsockopt: { args: [INT, INT, INT, POINTER, POINTER], returns: INT },
  poll: { args: [POINTER, "u64_fast", INT], returns: INT },
  write: { args: [INT, POINTER, "u64_fast"], returns: INT },
  close: { args: [INT], returns: INT },
  sigaction: { args: [INT, POINTER, POINTER], returns: INT },
  umask: { args: [INT], returns: INT },
  unshare: { args: [INT], returns: INT },
  setns: { args: [INT, INT], returns: INT },
  tzset: { args: [], returns: INT },
  localtime_r: { args: [POINTER, POINTER], returns: POINTER },
  _exit: { args: [INT], returns: INT },
} as const;

// src/netlink/constants.ts has some of these too, but the backend must not import the layer above it.
const MSG_DONTWAIT = 0x40;
const NETLINK_NETFILTER = 12;
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const MSG_TRUNC = 0x20;
const MSG_WAITFORONE = 0x10000;
const POLLIN = 1;
const POLLOUT = 4;
const POLLNVAL = 0x20;
const CLONE_NEWNET = 0x40000000;
const SIGPIPE = 13;
const SIG_IGN = 1n;

/** sizeof(struct sockaddr_nl): nl_family u16, padding u16, nl_pid u32, nl_groups u32. */
const SOCKADDR_NL = 12;
/** sizeof(struct mmsghdr): struct msghdr, msg_len u32 and padding. */
const MMSGHDR = 64;
const IOVEC = 16;
/** Offsets in struct msghdr. */
const MSG_NAME = 0;
const MSG_NAMELEN = 8;
const MSG_IOV = 16;
const MSG_IOVLEN = 24;
const MSG_LEN = 56;
/** struct sigaction: sa_handler, sa_mask (128 bytes), sa_flags u32, sa_restorer. */
const SIGACTION = 152;

/** How many datagrams one receiveMany takes at most. */
const MAX_SLOTS = 64;

/**
 * While signals are caught, a wait is cut into pieces of this length: a signal that comes just before poll(2) does not
 * interrupt it, and a thread of the runtime may take one in place of this one.
 */
const SLICE_MS = 250;

/** What umask(2) never returns for a signal's number: the sign that none has come. */
const NO_SIGNAL = 0o777;

type Libc = ReturnType<typeof openLibc>;

function loadSymbols() {
  try {
    return dlopen(LIBC, SOCKET_CALLS).symbols;
  } catch (cause) {
    // What bun:ffi calls with is compiled, as is the program.
    const why = "is there a limit of address space (ulimit -v), or MemoryDenyWriteExecute?";
    throw new BackendError(`cannot call the C library: ${(cause as Error).message}: ${why}`, { cause });
  }
}

function openLibc() {
  const symbols = loadSymbols();
  // The address does not change for a thread, and there is but one.
  const errno = new Int32Array(toArrayBuffer(symbols.__errno_location()!, 0, 4));
  /** What a system call returned, with errno in place of -1. */
  const answer = (returned: number): number => (returned < 0 ? -errno[0]! : returned);
  return { ...symbols, answer };
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether [offset, offset + length) lies within the buffer and holds a byte at least. */
function isPart(buffer: Uint8Array, offset: number, length: number): boolean {
  return offset >= 0 && length > 0 && offset + length <= buffer.length;
}

/**
 * Signals without a handler of our own, which the runtime cannot run: it is umask(2) that is called with the signal's
 * number. POSIX lets it be called so, and what it sets can be read in any thread. This program creates no files.
 */
function signals({ sigaction, umask, answer }: Libc) {
  let catching = false;
  let last = 0;
  return {
    catchSignal(number: number): number {
      const action = new Uint8Array(SIGACTION);
      view(action).setBigUint64(0, BigInt(umask.ptr!), true);
      if (!catching) umask(NO_SIGNAL);
      catching = true;
      return answer(sigaction(number, ptr(action), null));
    },
    caughtSignal(): number {
      if (!catching) return 0;
      const mask = umask(NO_SIGNAL);
      if (mask !== NO_SIGNAL) last = mask;
      return last;
    },
    /** The longest that a wait may last before caughtSignal must be asked again; -1 for ever. */
    slice: () => (catching ? SLICE_MS : -1),
  };
}

/**
 * The backend over the C library.
 * @throws BackendError where it cannot be called: memory may not be executable.
 */
export function bunBackend(): Backend {
  const libc = openLibc();
  const { answer } = libc;
  const { catchSignal, caughtSignal, slice } = signals(libc);
  const pollfd = new Uint8Array(8);
  const pollfdView = view(pollfd);
  const pollfdAt = ptr(pollfd);

  /** poll(2) one descriptor. */
  function poll(fd: number, events: number, timeoutMs: number): number {
    if (fd < 0) return -EBADF;
    pollfdView.setInt32(0, fd, true);
    pollfdView.setUint32(4, events, true);
    const ready = libc.poll(pollfdAt, 1, timeoutMs);
    return ready > 0 && (pollfdView.getUint16(6, true) & POLLNVAL) !== 0 ? -EBADF : answer(ready);
  }

  /** The same in slices, until a signal was noted. */
  function wait(fd: number, events: number, timeoutMs: number): number {
    for (let left = timeoutMs; ; ) {
      if (caughtSignal() !== 0) return -EINTR;
      const longest = slice();
      const now = longest < 0 || (left >= 0 && left < longest) ? left : longest;
      const ready = poll(fd, events, now);
      if (ready !== 0 || now === left) return ready;
      if (left > 0) left -= now;
    }
  }

  return {
    open: () => openSocket(libc, wait),
    strerror: (errno) => String(libc.strerror(errno)),
    pollOut: (fd, timeoutMs) => (timeoutMs < 0 ? wait(fd, POLLOUT, timeoutMs) : poll(fd, POLLOUT, timeoutMs)),
    write: (fd, buffer, offset, length) =>
      isPart(buffer, offset, length) ? answer(libc.write(fd, ptr(buffer, offset), length)) : -EINVAL,
    catchSignal,
    caughtSignal,
    defaultSigpipe: () => void libc.sigaction(SIGPIPE, ptr(new Uint8Array(SIGACTION)), null),
    localTime(seconds) {
      const time = new BigInt64Array([BigInt(seconds)]);
      // sizeof(struct tm) is 56.
      const tm = new Int32Array(14);
      libc.tzset();
      return libc.localtime_r(ptr(time), ptr(tm)) === null ? undefined : localTimeOf(tm.subarray(0, 7));
    },
    exit(status) {
      libc._exit(status);
      throw new Error("_exit(2) returned");
    },
    setSignal(number, ignored) {
      const action = new Uint8Array(SIGACTION);
      view(action).setBigUint64(0, ignored ? SIG_IGN : 0n, true);
      libc.sigaction(number, ptr(action), null);
    },
    unshareNetwork: () => answer(libc.unshare(CLONE_NEWNET)),
    setNetwork: (fd) => answer(libc.setns(fd, CLONE_NEWNET)),
  };
}

/** Headers for recvmsg(2) and recvmmsg(2): `count` of them, each with an address and one part of a buffer. */
function messageHeaders(count: number) {
  const headers = new Uint8Array(count * MMSGHDR);
  const parts = new Uint8Array(count * IOVEC);
  const senders = new Uint8Array(count * SOCKADDR_NL);
  const [headersView, partsView, sendersView] = [view(headers), view(parts), view(senders)];
  const [partsAt, sendersAt] = [ptr(parts), ptr(senders)];
  for (let i = 0; i < count; i++) {
    headersView.setBigUint64(i * MMSGHDR + MSG_NAME, BigInt(sendersAt + i * SOCKADDR_NL), true);
    headersView.setBigUint64(i * MMSGHDR + MSG_IOV, BigInt(partsAt + i * IOVEC), true);
    headersView.setUint32(i * MMSGHDR + MSG_IOVLEN, 1, true);
  }
  return {
    at: ptr(headers),
    /** Makes the i-th ready to receive into `length` bytes at `address`. */
    prepare(i: number, address: number, length: number): void {
      headersView.setUint32(i * MMSGHDR + MSG_NAMELEN, SOCKADDR_NL, true);
      partsView.setUint32(i * IOVEC, address, true);
      partsView.setUint32(i * IOVEC + 4, address / 0x100000000, true);
      partsView.setUint32(i * IOVEC + 8, length, true);
    },
    isNetlink: (i: number) =>
      headersView.getUint32(i * MMSGHDR + MSG_NAMELEN, true) === SOCKADDR_NL &&
      sendersView.getUint16(i * SOCKADDR_NL, true) === AF_NETLINK,
    /** Who sent the i-th datagram: 0 is the kernel. */
    portId: (i: number) => sendersView.getUint32(i * SOCKADDR_NL + 4, true),
    /** The true length of the i-th datagram, by recvmmsg. */
    received: (i: number) => headersView.getUint32(i * MMSGHDR + MSG_LEN, true),
    /** What the memory behind `at` and all addresses in it lives as long as. */
    owns: [headers, parts, senders],
  };
}

function openSocket(libc: Libc, wait: (fd: number, events: number, timeoutMs: number) => number): Socket | number {
  const { answer } = libc;
  let fd = answer(libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (fd < 0) return fd;

  const address = new Uint8Array(SOCKADDR_NL);
  view(address).setUint16(0, AF_NETLINK, true);
  const size = Int32Array.of(SOCKADDR_NL);
  const bound = answer(libc.bind(fd, ptr(address), SOCKADDR_NL));
  const named = bound < 0 ? bound : answer(libc.getsockname(fd, ptr(address), ptr(size)));
  if (named < 0) {
    libc.close(fd);
    return named;
  }

  const single = messageHeaders(1);
  let many: ReturnType<typeof messageHeaders> | undefined;
  const option = new Int32Array(1);

  return {
    portId: view(address).getUint32(4, true),
    send: (buffer, offset, length) =>
      isPart(buffer, offset, length) ? answer(libc.send(fd, ptr(buffer, offset), length, 0)) : -EINVAL,
    receive(buffer, offset, length, flags) {
      if (!isPart(buffer, offset, length) || (flags & ~MSG_DONTWAIT) !== 0) return -EINVAL;
      const start = ptr(buffer, offset);
      for (;;) {
        single.prepare(0, start, length);
        const received = answer(libc.recvmsg(fd, single.at, flags | MSG_TRUNC));
        if (received < 0) return received;
        if (!single.isNetlink(0)) return -EINVAL;
        // Another process with CAP_NET_ADMIN can send us whatever it likes.
        if (single.portId(0) === 0) return received;
      }
    },
    receiveMany(buffer, slot, lengths, flags) {
      const count = Math.min(lengths.length, MAX_SLOTS);
      if (slot <= 0 || count === 0 || count * slot > buffer.length || (flags & ~MSG_DONTWAIT) !== 0) return -EINVAL;
      many ??= messageHeaders(MAX_SLOTS);
      const start = ptr(buffer);
      for (let i = 0; i < count; i++) many.prepare(i, start + i * slot, slot);
      const received = answer(libc.recvmmsg(fd, many.at, count, flags | MSG_WAITFORONE | MSG_TRUNC, null));
      for (let i = 0; i < received; i++) {
        lengths[i] = many.isNetlink(i) && many.portId(i) === 0 ? many.received(i) : 0;
      }
      return received;
    },
    setOption(level, name, value) {
      option[0] = value;
      return answer(libc.setsockopt(fd, level, name, ptr(option), 4));
    },
    getOption(level, name) {
      size[0] = 4;
      const result = answer(libc.getsockopt(fd, level, name, ptr(option), ptr(size)));
      return result < 0 ? result : option[0]!;
    },
    poll: (timeoutMs) => wait(fd, POLLIN, timeoutMs),
    close: () => {
      libc.close(fd);
      // The number may soon be another file's.
      fd = -1;
    },
  };
}
