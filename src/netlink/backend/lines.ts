/** The engine that makes messages of lines of text: native code that knows no option (src/native/lines.c). */

/** What became of one line, and which lines are enough like it for the same to become of them. */
export interface LinePattern {
  readonly message: Uint8Array;
  /** Instructions of four words each: one of LINE_OPERATIONS, `at`, `b` and `c`. */
  readonly program: Uint16Array;
  /** The texts. */
  readonly constants: Uint8Array;
}

/**
 * The operations, with the numbers of src/native/lines.c. `at` is an offset in the message where nothing else is said. Values
 * end with their word: before a blank, a quote or the end of the line. They are written in network byte order.
 */
export const LINE_OPERATIONS = {
  /** `b` bytes of the constants from `at`. The last one ends the line. */
  TEXT: 0,
  /** A decimal number without leading zeros that fits into `b` bytes (1, 2 or 4). */
  DECIMAL: 1,
  /** An address: four decimal numbers; what inet_pton(3) takes in lower case. */
  IPV4: 2,
  IPV6: 3,
  /** No text: `c` bytes of the message are those from `b` on. */
  COPY: 4,
} as const;

/** Why a run ended: no text is left; a line that no pattern fits; no room, or as many lines as were asked for. */
export const LINES = { END: 0, UNKNOWN: 1, FULL: 2 } as const;

/** The words of the state that a run takes and changes. */
export const LINE_STATE = {
  /** Where the next line begins; changed. */
  AT: 0,
  /** Where the text ends. */
  END: 1,
  /** How much of the output is written; changed. */
  LENGTH: 2,
  /** How many lines may be done. */
  MOST: 3,
  /** How many were done; set. */
  COUNT: 4,
} as const;
export const LINE_STATE_WORDS = 5;

/** The longest message that a pattern may have. With so much room a run does a line at least. */
export const LONGEST_LINE_MESSAGE = 4096;

/** The patterns of one file. */
export interface LineEngine {
  /** Returns 0 or -errno. */
  add(pattern: LinePattern): number;
  /** Writes the messages of the lines of `text[AT, END)` to `out` from LENGTH on. Returns one of LINES, or -errno with nothing done. */
  run(text: Uint8Array, out: Uint8Array, state: Uint32Array): number;
}
