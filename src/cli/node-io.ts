/** The outside world as Node gives it. The one module of the command line that touches files, descriptors and the clock. */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
} from "node:fs";
import type { Backend } from "../netlink/backend/socket.js";
import { EAGAIN, EBADF, EINTR } from "../netlink/errno.js";
import { KernelError } from "../system/errors.js";
import type { Io, OpenSource, Sink } from "./io.js";

/** The access mode among the flags of open(2). */
const O_ACCMODE = 3;

/** linux/limits.h: what a pipe with any room at all takes without waiting. */
const PIPE_BUF = 4096;
/** How long a program that is to end still waits for a reader that takes nothing. */
const LAST_WAIT_MS = 200;

/** The positive errno of an error that node:fs threw. */
function errnoOf(error: unknown): number {
  const { errno } = error as { errno?: number };
  if (errno === undefined) throw error;
  return Math.abs(errno);
}

function sink(fd: number, backend: Backend): Sink {
  return {
    write(bytes) {
      for (let written = 0; written < bytes.length; ) {
        let length = bytes.length - written;
        // A signal has asked the program to end. Nothing would end a write any more that waits for a reader who never comes.
        if (backend.caughtSignal() !== 0) {
          const room = backend.pollOut(fd, LAST_WAIT_MS);
          if (room === 0 || room === -EINTR) throw new KernelError(EINTR, "write");
          length = Math.min(length, PIPE_BUF);
        }
        const result = backend.write(fd, bytes, written, length);
        if (result >= 0) written += result;
        // A pipe that its other side made non-blocking is full: wait until it is not.
        else if (result === -EAGAIN) backend.pollOut(fd, -1);
        else if (result !== -EINTR) throw new KernelError(-result, "write");
      }
    },
  };
}

/**
 * Node opens /dev/null for reading and writing where a standard stream is closed. Nobody hands over such a standard input
 * himself, so it is one that was closed.
 */
function stdinIsClosed(): boolean {
  try {
    const { 1: flags } = /^flags:\s*(\d+)$/m.exec(readFileSync("/proc/self/fdinfo/0", "latin1"))!;
    const writable = (Number.parseInt(flags!, 8) & O_ACCMODE) === constants.O_RDWR;
    return writable && fstatSync(0).rdev === statSync("/dev/null").rdev;
  } catch {
    return false;
  }
}

function open(path: string): OpenSource {
  if (path === "-" && stdinIsClosed()) throw new KernelError(EBADF, "read");
  const fd = path === "-" ? 0 : openSync(path, "r");
  return {
    read(buffer) {
      for (;;) {
        try {
          return readSync(fd, buffer);
        } catch (error) {
          const errno = errnoOf(error);
          if (errno !== EINTR) throw new KernelError(errno, "read");
        }
      }
    },
    close() {
      if (fd !== 0) closeSync(fd);
    },
  };
}

/** Standard streams, files and clock of this process. */
export function nodeIo(backend: Backend): Io {
  return {
    stdout: sink(1, backend),
    stderr: sink(2, backend),
    // node:tty takes more than two milliseconds to load, and few runs ask.
    get stderrIsTerminal() {
      return process.getBuiltinModule?.("node:tty").isatty(2) ?? false;
    },
    backend,
    nowMicroseconds: () => Math.floor((performance.timeOrigin + performance.now()) * 1000),
    readFile: (path) => readFileSync(path),
    readDirectory: (path) => readdirSync(path),
    readLink: (path) => readlinkSync(path),
    open,
  };
}
