/** The engine that repeats traces: native code that knows no attribute and no format (src/native/trace.c). */

/** What was done with one message, and which messages are enough like it for the same to be done with them. */
export interface Trace {
  /** Which bits of a message must be those of the pattern; both as long as the message. */
  readonly mask: Uint8Array;
  readonly pattern: Uint8Array;
  /** Instructions of four words each: one of OPERATIONS, `at`, `b` and `c`. */
  readonly program: Uint16Array;
  /** What the instructions copy and compare with. */
  readonly constants: Uint8Array;
}

/**
 * The operations, with the numbers of src/native/trace.c. `at` is an offset in the message where nothing else is said.
 * Numbers are in network byte order where nothing else is said.
 */
export const OPERATIONS = {
  /** Writes `b` bytes of the constants from `at`. */
  TEXT: 0,
  /** Writes `b` bytes of the message. */
  COPY: 1,
  /** Writes a number of `b` bytes (1, 2, 4 or 8). */
  DECIMAL: 2,
  /** Writes a number of 4 bytes in host byte order. */
  HOST_DECIMAL: 3,
  /** Writes a number of 2 bytes in hexadecimal. */
  HEX: 4,
  /** Write an address. */
  IPV4: 5,
  IPV6: 6,
  /** Writes the name of a byte: `b` is where `c` names are in the constants. One that has none is called as 0 is. */
  NAME: 7,
  /** Writes the names of flags among `c` bytes: `b` is where they are in the constants. */
  FLAGS: 8,
  /** Writes how many whole seconds have passed since a time in nanoseconds. */
  AGE: 9,
  /** The same from that time to the one at `b`; `c`: whole seconds of the difference, and no difference of whole seconds. */
  SPAN: 10,
  /** Conditions: `b` bytes are, or are not, in the set at `c` of the constants. */
  IN: 11,
  NOT_IN: 12,
  /** Conditions: `c` bytes are, or are not, those at `b`. */
  SAME: 13,
  DIFFERENT: 14,
  /** A condition: it is earlier than the microsecond in the 8 bytes at `at` of the constants. */
  BEFORE: 15,
  /** Conditions: the sum of two numbers of 8 bytes, the other one at `b`, is, or is not, in the set at `c` of the constants. */
  SUM_IN: 16,
  SUM_NOT_IN: 17,
  /** Adds 1 to counter `at`. Behind all conditions. */
  COUNT: 18,
} as const;

/** Why a run ended: no message is left; one that no trace fits; no room for what the next one writes. Below 0: -errno. */
export const RUN = { END: 0, UNKNOWN: 1, FULL: 2 } as const;

/** The words of the state that a run takes and changes. */
export const STATE = {
  /** Where the next message begins; changed. */
  AT: 0,
  /** Where the messages end. */
  END: 1,
  /** nlmsg_seq that they must have. */
  SEQUENCE: 2,
  /** The time since 1970. */
  SECONDS: 3,
  MICROSECONDS: 4,
  /** How much of the output is written; changed. */
  LENGTH: 5,
  /** How many messages wrote something; added to. */
  COUNT: 6,
  /** With lengths: datagram i begins at i times this. */
  SLOT: 7,
  /** Four counters; added to. */
  COUNTERS: 8,
} as const;
export const STATE_WORDS = 12;

/** The traces of one listing. Where there are enough of them, the one that went unused for longest makes room. */
export interface TraceEngine {
  /** Returns 0 or -errno. */
  add(trace: Trace): number;
  /** Takes back the trace that was added last. */
  drop(): void;
  /**
   * Repeats traces for the messages of `buffer[AT, END)`, and writes to `out` from LENGTH on. With `lengths` the messages are
   * those of as many datagrams, as Socket.receiveMany receives them. Returns one of RUN.
   */
  run(buffer: Uint8Array, out: Uint8Array, state: Uint32Array, lengths?: Int32Array): number;
}
