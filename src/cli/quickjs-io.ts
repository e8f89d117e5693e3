/** The outside world as the executable has it: node-io.ts is the same for Node. */
import * as native from "native";
import type { Backend } from "../netlink/backend/socket.js";
import { EBADF, EINTR } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import { decodeText, encodeText } from "../system/text.js";
import type { Io, OpenSource, Sink } from "./io.js";
import { readWhole } from "./read-whole.js";
import { messageSink, sink } from "./sink.js";

const STDIN = 0;

/** A result that is no -errno. */
function valid<Result>(result: Result | number, syscall: string): Result {
  if (typeof result === "number" && result < 0) throw new KernelError(-result, syscall);
  return result as Result;
}

function sourceOf(fd: number): OpenSource {
  return {
    read(buffer) {
      for (;;) {
        const result = native.read(fd, buffer, 0, buffer.length);
        if (result !== -EINTR) return valid<number>(result, "read");
      }
    },
    close() {
      if (fd !== STDIN) native.close(fd);
    },
  };
}

const openFile = (path: string): OpenSource => sourceOf(valid<number>(native.openFile(encodeText(path)), "open"));

function open(path: string): OpenSource {
  if (path !== "-") return openFile(path);
  if (native.isClosed(STDIN)) throw new KernelError(EBADF, "read");
  return sourceOf(STDIN);
}

/** One that is closed swallows what is written, as /dev/null does. */
function standardStream(fd: number, backend: Backend, open: typeof sink): Sink {
  return native.isClosed(fd) ? { write() {} } : open(fd, backend);
}

/** Standard streams, files and clock of this process. */
export function quickjsIo(backend: Backend): Io {
  return {
    stdout: standardStream(1, backend, sink),
    stderr: standardStream(2, backend, messageSink),
    stdoutIsDevice: () => native.isDevice(1),
    stderrIsTerminal: () => native.isTerminal(2),
    terminalColumns: () => backend.windowSize(1)?.columns,
    variable(name) {
      const value = native.variable(encodeText(name));
      return value === undefined ? undefined : decodeText(value);
    },
    backend,
    nowMicroseconds: native.now,
    readFile: (path) => readWhole(openFile(path)),
    readDirectory: (path) => valid<Uint8Array[]>(native.readDirectory(encodeText(path)), "open").map(decodeText),
    readLink: (path) => decodeText(valid<Uint8Array>(native.readLink(encodeText(path)), "readlink")),
    enterNetwork(path) {
      const fd = valid<number>(native.openFile(encodeText(path)), "open");
      const entered = backend.setNetwork(fd);
      native.close(fd);
      valid(entered, "setns");
    },
    open,
  };
}
