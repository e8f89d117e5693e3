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
import { EAGAIN, EBADF, EFBIG, EINTR } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import { decodeText, encodeText } from "../system/text.js";
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

function isDevice(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    return false;
  }
}

/** A path as bytes: it need not be UTF-8. */
const pathOf = (path: string) => Buffer.from(encodeText(path));

/** More than any file that is read as a whole: /dev/zero as a labelmap must not fill the memory. */
const MAX_FILE_BYTES = 1 << 24;

/** readFileSync for a file of up to MAX_FILE_BYTES. */
function readFile(path: string): Uint8Array {
  const fd = openSync(pathOf(path), "r");
  try {
    const pieces: Uint8Array[] = [];
    for (let total = 0; total <= MAX_FILE_BYTES; ) {
      const piece = new Uint8Array(1 << 16);
      const length = readSync(fd, piece);
      if (length === 0) return Buffer.concat(pieces);
      pieces.push(piece.subarray(0, length));
      total += length;
    }
  } finally {
    closeSync(fd);
  }
  throw Object.assign(new Error(`EFBIG: file too large, read '${path}'`), { code: "EFBIG", errno: -EFBIG });
}

function open(path: string): OpenSource {
  if (path === "-" && stdinIsClosed()) throw new KernelError(EBADF, "read");
  const fd = path === "-" ? 0 : openSync(pathOf(path), "r");
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

/** The words after the program's name, also those that are not UTF-8, which Node does not keep: see system/text.ts. */
export function commandLineWords(): readonly string[] {
  const words = process.argv.slice(2);
  if (!words.some((word) => word.includes("\ufffd"))) return words;
  try {
    const raw: string[] = [];
    const bytes = readFileSync("/proc/self/cmdline");
    for (let start = 0, end = 0; (end = bytes.indexOf(0, start)) >= 0; start = end + 1) {
      raw.push(decodeText(bytes.subarray(start, end)));
    }
    return raw.slice(-words.length);
  } catch {
    // Without /proc they stay as Node has them.
    return words;
  }
}

/** Standard streams, files and clock of this process. */
export function nodeIo(backend: Backend): Io {
  return {
    stdout: sink(1, backend),
    stderr: sink(2, backend),
    // Cheaper to ask than for a terminal; on the other devices, /dev/null and /dev/full, nobody sees the order.
    stdoutIsDevice: () => isDevice(1),
    // node:tty takes more than two milliseconds to load, and few runs ask.
    stderrIsTerminal: () => process.getBuiltinModule?.("node:tty").isatty(2) ?? false,
    backend,
    nowMicroseconds: () => Math.floor((performance.timeOrigin + performance.now()) * 1000),
    readFile,
    readDirectory: (path) => readdirSync(path),
    readLink: (path) => readlinkSync(path),
    open,
  };
}
