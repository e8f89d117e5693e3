/** A Socket and a Backend that follow a script, for tests without a kernel. */
import { align4, LITTLE_ENDIAN } from "../../src/netlink/attributes.js";
import type { Backend, Socket } from "../../src/netlink/backend/socket.js";
import { MSG_DONTWAIT, NLM_F_MULTI, NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN } from "../../src/netlink/constants.js";
import { messageSequence } from "../../src/netlink/message.js";
import * as E from "../../src/system/errno.js";
import { utcTime } from "./clock.js";

/** What a receive brings: a datagram, or -errno. */
export type Received = Uint8Array | number;

/** What the kernel would queue upon a datagram: `sequence` is that of its first message. */
export type Answer = (sequence: number, sent: Uint8Array) => Received[];

/**
 * Receives what is in `queue`, in order, and -EAGAIN behind it.
 * Each send takes the next of `answers`, where there is one, and queues what it gives.
 */
export class FakeSocket implements Socket {
  readonly portId = 4711;
  readonly queue: Received[] = [];
  /** All that was sent. */
  readonly sent: Uint8Array[] = [];
  /** What the next sends return in place of their length: -errno. */
  readonly sendResults: number[] = [];
  /** Options that were set: [level, name, value]. */
  readonly options: [level: number, name: number, value: number][] = [];
  closed = false;
  private readonly answers: Answer[];

  constructor(...answers: Answer[]) {
    this.answers = answers;
  }

  send(buffer: Uint8Array, offset: number, length: number): number {
    if (this.closed) return -E.EBADF;
    const result = this.sendResults.shift();
    if (result !== undefined) return result;
    const sent = buffer.slice(offset, offset + length);
    this.sent.push(sent);
    this.queue.push(...(this.answers.shift()?.(messageSequence(sent, 0), sent) ?? []));
    return length;
  }

  receive(buffer: Uint8Array, offset: number, length: number, flags: number): number {
    if (this.closed) return -E.EBADF;
    const received = this.queue.shift();
    if (received === undefined) {
      if ((flags & MSG_DONTWAIT) === 0) throw new Error("the script is at its end: a real socket would wait for ever");
      return -E.EAGAIN;
    }
    if (typeof received === "number") return received;
    buffer.set(received.subarray(0, length), offset);
    return received.length;
  }

  receiveMany(buffer: Uint8Array, slot: number, lengths: Int32Array, flags: number): number {
    let count = 0;
    while (count < lengths.length && (count === 0 || this.queue.length > 0)) {
      if (count > 0 && typeof this.queue[0] === "number") break;
      const length = this.receive(buffer, count * slot, slot, flags);
      if (length < 0) return length;
      lengths[count++] = length;
    }
    return count;
  }

  setOption(level: number, name: number, value: number): number {
    if (this.closed) return -E.EBADF;
    this.options.push([level, name, value]);
    return 0;
  }

  /** The value that was last set, or 0. */
  getOption(level: number, name: number): number {
    return this.options.findLast((option) => option[0] === level && option[1] === name)?.[2] ?? 0;
  }

  poll(_timeoutMs: number): number {
    if (this.closed) return -E.EBADF;
    return this.queue.length > 0 ? 1 : 0;
  }

  close(): void {
    this.closed = true;
  }
}

/** The C library's texts of the errno numbers that tests use. */
const TEXTS: Readonly<Record<number, string>> = {
  [E.EPERM]: "Operation not permitted",
  [E.ENOENT]: "No such file or directory",
  [E.EINTR]: "Interrupted system call",
  [E.EBADF]: "Bad file descriptor",
  [E.EAGAIN]: "Resource temporarily unavailable",
  [E.EBUSY]: "Device or resource busy",
  [E.EEXIST]: "File exists",
  [E.EINVAL]: "Invalid argument",
  [E.ENOSPC]: "No space left on device",
  [E.EPIPE]: "Broken pipe",
  [E.EMSGSIZE]: "Message too long",
  [E.EPROTONOSUPPORT]: "Protocol not supported",
  [E.EOPNOTSUPP]: "Operation not supported",
  [E.ENOBUFS]: "No buffer space available",
};

/** A backend whose opens give these sockets (or -errno) one after the other, and -EPROTONOSUPPORT past their end. */
export function fakeBackend(...opens: (Socket | number)[]): Backend {
  return {
    open: () => opens.shift() ?? -E.EPROTONOSUPPORT,
    strerror: (errno) => TEXTS[errno] ?? `Unknown error ${errno}`,
    pollOut: () => 1,
    write: (_fd, _buffer, _offset, length) => length,
    catchSignal: () => 0,
    caughtSignal: () => 0,
    takeSignal: () => 0,
    raise: () => {},
    read: () => 0,
    pollIn: () => 0,
    setTerminalRaw: () => 0,
    defaultSigpipe: () => {},
    localTime: utcTime,
    windowSize: () => undefined,
    exit: (status) => process.exit(status),
    setSignal: () => {},
    unshareNetwork: () => 0,
    setNetwork: () => 0,
  };
}

/** A message: nlmsghdr and `payload`, padded to four bytes. `length` lies about nlmsg_len. */
export function message(
  type: number,
  flags: number,
  sequence: number,
  payload: Uint8Array = new Uint8Array(0),
  length = NLMSG_HDRLEN + payload.length,
): Uint8Array {
  const bytes = new Uint8Array(align4(NLMSG_HDRLEN + payload.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, LITTLE_ENDIAN);
  view.setUint16(4, type, LITTLE_ENDIAN);
  view.setUint16(6, flags, LITTLE_ENDIAN);
  view.setUint32(8, sequence, LITTLE_ENDIAN);
  bytes.set(payload, NLMSG_HDRLEN);
  return bytes;
}

function s32Host(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, LITTLE_ENDIAN);
  return bytes;
}

/** NLMSG_DONE, the end of a dump; `errno` is the positive number of an error that ended it early. */
export function done(sequence: number, errno = 0, flags = 0): Uint8Array {
  return message(NLMSG_DONE, NLM_F_MULTI | flags, sequence, s32Host(-errno));
}

/** NLMSG_ERROR with a positive errno, or 0 to acknowledge. As with NETLINK_CAP_ACK, the request's header follows. */
export function failure(sequence: number, errno: number): Uint8Array {
  return message(NLMSG_ERROR, 0, sequence, concat(s32Host(-errno), message(0, 0, sequence)));
}

/** An acknowledgement. */
export function ack(sequence: number): Uint8Array {
  return failure(sequence, 0);
}

/** Several messages as one datagram. */
export function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
