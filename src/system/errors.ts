/**
 * The errors that this package throws. Each has a stable `code` for programs and the `exitCode` that the command line gives it.
 */
import { errnoName } from "./errno.js";

/**
 * What all errors of this package share. Properties that may be absent are declared only: Node would print each as `undefined`
 * otherwise.
 */
export abstract class ConntrackError extends Error {
  abstract readonly code: string;
  abstract readonly exitCode: number;
  /** Where in an input the error lies, for a second line of the message. */
  declare note?: string;
  /** Work on many flows: how many were changed before it failed. */
  declare done?: number;
}

/** A command line or an argument that cannot be accepted. `exitCode` 2 shows the hint to read the help, 1 does not. */
export class UsageError extends ConntrackError {
  readonly code = "CONNTRACK_USAGE";
  constructor(
    message: string,
    readonly exitCode: 1 | 2 = 2,
  ) {
    super(message);
    this.name = "UsageError";
  }
}

/** A Conntrack of the library was used after its close(). */
export class ClosedError extends ConntrackError {
  readonly code = "CONNTRACK_CLOSED";
  readonly exitCode = 1;
  constructor() {
    super("this Conntrack is closed");
    this.name = "ClosedError";
  }
}

/**
 * A system call or a request that the kernel refused. `code` is the name of its errno, as in Node: "EEXIST", "ENOENT",
 * "ENOMEM", "EPERM". `errno` is positive, as in errno(3).
 */
export class KernelError extends ConntrackError {
  readonly code: string;
  /** 0 where a caller does not count it as a failure. */
  exitCode = 1;
  /** The command that failed, e.g. "create" or "create expect": the same errno reads differently. */
  declare command?: string;
  /** The flow, key or expectation that the command was about, as the caller gave it. */
  declare flow?: object;
  /** The filter that the command was about, as the caller gave it. */
  declare filter?: object;
  constructor(
    /** Positive errno. */
    readonly errno: number,
    /** The call or request that failed: "socket", "sendto", "CT_GET dump" … */
    readonly syscall: string,
    message = `${syscall}: errno ${errno}`,
  ) {
    super(message);
    this.name = "KernelError";
    this.code = errnoName(errno);
  }
}

/**
 * An update, a delete or other work on many flows was stopped by its signal, whose reason is the `cause`. `done` tells how
 * many flows were changed until then.
 */
export class AbortedError extends ConntrackError {
  readonly code = "ABORT_ERR";
  readonly exitCode = 1;
  constructor(done: number, options?: ErrorOptions) {
    super(`stopped by its signal after ${done} flows`, options);
    this.name = "AbortError";
    this.done = done;
  }
}

/** A message from the kernel that breaks the protocol's own rules. `offset` counts bytes from the start of the datagram. */
export class WireError extends ConntrackError {
  readonly code = "CONNTRACK_WIRE";
  readonly exitCode = 1;
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
    this.name = "WireError";
  }
}

/** The way to the C library is missing or broken: no native addon for this machine, or one that cannot be loaded. */
export class BackendError extends ConntrackError {
  readonly code = "CONNTRACK_BACKEND";
  readonly exitCode = 1;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "BackendError";
  }
}
