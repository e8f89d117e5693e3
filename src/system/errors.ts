/**
 * The errors that this package throws. Each has a stable `code` for programs and the `exitCode` that the command line gives it.
 */

/** What all errors of this package share. */
export abstract class ConntrackError extends Error {
  abstract readonly code: string;
  abstract readonly exitCode: number;
  /** Where in an input the error lies, for a second line of the message. */
  note?: string;
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

/** A system call or a request that the kernel refused. `errno` is positive, as in errno(3). */
export class KernelError extends ConntrackError {
  readonly code = "CONNTRACK_KERNEL";
  readonly exitCode = 1;
  /** The command that it befell, e.g. "create" or "create expect": the same errno reads differently. */
  command?: string;
  constructor(
    /** Positive errno. */
    readonly errno: number,
    /** The call or request that failed: "socket", "sendto", "CT_GET dump" … */
    readonly syscall: string,
    message = `${syscall}: errno ${errno}`,
  ) {
    super(message);
    this.name = "KernelError";
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
