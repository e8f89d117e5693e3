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
  /** Adds 1 to counter `at`. Behind all conditions, as all that follow but NOT_BEFORE. */
  COUNT: 18,
  /** Writes `b` bytes under a mask, by exclusive or with as many others: both are at `c` of the constants. */
  COMBINE: 19,
  /** Writes what a table of 256 bytes, at `b` of the constants, says of a byte. */
  LOOKUP: 20,
  /** Writes a number of 4 bytes divided by the one at `b` of the constants. */
  QUOTIENT: 21,
  /** Writes the sum of two numbers of 8 bytes, the other one at `b`. */
  ADD: 22,
  /** Overwrites 4 bytes from `at` of what was written for this message with counter `b`, in host byte order, and adds 1 to it. */
  NUMBER: 23,
  /** Takes back the last `b` bytes written: the key of a row of table `at`. Without that table they stay. */
  ENTER: 24,
  /** Adds 1 to sum `at` of the row that was entered. */
  ADD_ONE: 25,
  /** Adds a number of 8 bytes to its sum `b`. */
  ADD_FIELD: 26,
  /**
   * A condition: the last `b` bytes written, which it takes back, do not come before those behind the first word of table `at`;
   * `c`: all but the first are inverted before that.
   */
  NOT_BEFORE: 27,
  /**
   * Goes to what memory `b` has of the flow with the id of 4 bytes, and notes that it is there. Adds 1 to sum `c` of the row
   * that was entered if there was nothing.
   */
  RECALL: 28,
  /** Adds to its sum `c` by how much a number of 8 bytes is above counter `b` of the flow, which becomes that number. */
  ADD_GROWTH: 29,
  /**
   * A condition: the number of 8 bytes at `b` is at most LEAST above what memory `c >> 1` has as counter `c & 1` of the flow
   * with the id of 4 bytes.
   */
  GREW_LITTLE: 30,
  /** Has its sum `b` be the complement of a number of 8 bytes where that is above it: of the least number in the end. */
  KEEP_LEAST: 31,
} as const;

/**
 * The words of a table of sums by key: places, keys and sums lie behind them, and behind those what dropped rows had. GroupTable
 * says what they are. Rows from PLACED on have no place yet: a run gives them one before it begins.
 */
export const TABLE = {
  CAPACITY: 0,
  SIZE: 1,
  MOST: 2,
  SEED: 3,
  KEY_WORDS: 4,
  SUMS: 5,
  PLACED: 6,
  /** 0, or how many rows are left where a group would be one more than MOST. */
  KEPT: 7,
  /** How often rows were dropped, and how many rows have been there since before the first time. */
  DROPS: 8,
  WHOLE: 9,
} as const;
export const TABLE_WORDS = 10;
/** The words of what is remembered of flows: the places lie behind them. FlowMemory says what they are. */
export const MEMORY = {
  NO_TABLE: 0,
  CAPACITY: 1,
  USED: 2,
  PASS: 3,
  OLDEST: 4,
  LEAST: 6,
  UNSETTLED: 8,
  SETTLED: 9,
} as const;
export const MEMORY_WORDS = 10;
export const PLACE = { ID: 0, SEEN: 1, COUNTERS: 2 } as const;
export const PLACE_WORDS = 6;
/** So many tables can be used in one run. */
export const MOST_TABLES = 8;

/**
 * Why a run ended: no message is left; one that no trace fits; no room for what the next one writes, for one that is chosen, or
 * in a table. Below 0: -errno.
 */
export const RUN = { END: 0, UNKNOWN: 1, FULL: 2 } as const;

/** The words of the state that a run takes and changes. */
export const STATE = {
  /** Where the next message begins, or which pair is the next; changed. */
  AT: 0,
  /** Where the messages end. */
  END: 1,
  /** nlmsg_seq that they must have, or the first of SEQUENCES of them. */
  SEQUENCE: 2,
  SEQUENCES: 3,
  /** The time since 1970. */
  SECONDS: 4,
  MICROSECONDS: 5,
  /** How much of the output is written; changed. */
  LENGTH: 6,
  /** How many messages wrote something; added to. */
  COUNT: 7,
  /** With lengths: datagram i begins at i times this; 0 where they are pairs. */
  SLOT: 8,
  /** How many messages are chosen; changed. */
  CHOSEN: 9,
  /** Where the output of the last message that wrote something begins; changed. */
  LAST: 10,
  /** Four counters; changed. */
  COUNTERS: 11,
} as const;
export const STATE_WORDS = 15;

/** What a run may be about besides its buffers. */
export interface RunParts {
  /**
   * The messages are those of as many datagrams, as Socket.receiveMany receives them; or, where SLOT is 0, those of pairs: where
   * each message begins, and how long it is.
   */
  lengths?: Int32Array | undefined;
  /** Filled with such pairs for messages that wrote something. */
  chosen?: Int32Array | undefined;
  /** Tables of sums by key, and memories, by the numbers that instructions have for them. */
  tables?: readonly Uint32Array[] | undefined;
}

/** The traces of one listing. Where there are enough of them, the one that went unused for longest makes room. */
export interface TraceEngine {
  /** Returns 0 or -errno. */
  add(trace: Trace): number;
  /** Takes back the trace that was added last. */
  drop(): void;
  /** Repeats traces for the messages of `buffer[AT, END)`, and writes to `out` from LENGTH on. Returns one of RUN. */
  run(buffer: Uint8Array, out: Uint8Array, state: Uint32Array, parts: RunParts): number;
}
