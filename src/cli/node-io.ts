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
import { EBADF, EINTR } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import { decodeText, encodeText } from "../system/text.js";
import type { Io, OpenSource } from "./io.js";
import { readWhole } from "./read-whole.js";
import { messageSink, sink } from "./sink.js";

const STDIN = 0;

/** The access mode among the flags of open(2). */
const O_ACCMODE = 3;

/** The positive errno of an error that node:fs threw. */
function errnoOf(error: unknown): number {
  const { errno } = error as { errno?: number };
  if (errno === undefined) throw error;
  return Math.abs(errno);
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

function sourceOf(fd: number): OpenSource {
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
      if (fd !== STDIN) closeSync(fd);
    },
  };
}

const openFile = (path: string): OpenSource => sourceOf(openSync(pathOf(path), "r"));

function open(path: string): OpenSource {
  const isStdin = path === "-";
  if ((isStdin || path === "/dev/stdin") && stdinIsClosed()) throw new KernelError(EBADF, "read");
  return isStdin ? sourceOf(STDIN) : openFile(path);
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

function openNetwork(path: string): number {
  try {
    return openSync(pathOf(path), "r");
  } catch (error) {
    throw new KernelError(errnoOf(error), "open");
  }
}

/** Standard streams, files and clock of this process. */
export function nodeIo(backend: Backend): Io {
  return {
    stdout: sink(1, backend),
    stderr: messageSink(2, backend),
    // Cheaper to ask than for a terminal; on the other devices, /dev/null and /dev/full, nobody sees the order.
    stdoutIsDevice: () => isDevice(1),
    // node:tty takes more than two milliseconds to load, and few runs ask.
    stderrIsTerminal: () => process.getBuiltinModule?.("node:tty").isatty(2) ?? false,
    terminalColumns: () => backend.windowSize(1)?.columns,
    variable: (name) => process.env[name],
    backend,
    nowMicroseconds: () => Math.floor((performance.timeOrigin + performance.now()) * 1000),
    readFile: (path) => readWhole(openFile(path)),
    readDirectory: (path) => readdirSync(path),
    readLink: (path) => readlinkSync(path),
    enterNetwork(path) {
      const fd = openNetwork(path);
      const entered = backend.setNetwork(fd);
      closeSync(fd);
      if (entered < 0) throw new KernelError(-entered, "setns");
    },
    open,
  };
}
