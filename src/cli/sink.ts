/** A standard stream to write to. */
import type { Backend } from "../netlink/backend/socket.js";
import { EAGAIN, EINTR, EPIPE } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import type { Sink } from "./io.js";

/** linux/limits.h: what a pipe with any room at all takes without waiting. */
const PIPE_BUF = 4096;
/** How long a program that is to end still waits for a reader that takes nothing. */
const LAST_WAIT_MS = 200;

export function sink(fd: number, backend: Backend): Sink {
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
 * A standard stream for messages. One that cannot be written, on a full disk for example, leaves what the command does and its
 * exit status as they are. A pipe that nobody reads ends the command, as SIGPIPE does, and a signal that came while it was full.
 */
export function messageSink(fd: number, backend: Backend): Sink {
  const { write } = sink(fd, backend);
  return {
    write(bytes) {
      try {
        write(bytes);
      } catch (error) {
        if (error instanceof KernelError && (error.errno === EPIPE || error.errno === EINTR)) throw error;
      }
    },
  };
}
