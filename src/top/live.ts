/** The view on a terminal: reads, draws, and answers keys, all in turn. */
import type { Process } from "../netlink/backend/socket.js";
import { toUtf8 } from "../system/text.js";
import { COLUMNS_OF_TRAITS, type DrawOptions, draw } from "./draw.js";
import type { Key } from "./keys.js";
import type { PassRequest } from "./passes.js";
import { Reader, type Surroundings } from "./reader.js";
import { type Start, ViewState } from "./state.js";
import { Terminal } from "./terminal.js";

/** Reading is broken off after so long to look for keys. */
const SLICE_MICROS = 25_000;
const LONGEST_WAIT_MS = 10_000;

export interface LiveOptions extends DrawOptions {
  readonly color: boolean;
}

/** What the view looks at now. */
const requestOf = ({ filter, by, flowSort }: ViewState): PassRequest => ({ filter, by, flowKey: flowSort });

/**
 * Runs the view until its user leaves it.
 * @returns the commands that were noted
 */
export function runLive(
  process: Process,
  around: Surroundings,
  start: Start,
  options: LiveOptions,
): { notes: readonly string[]; signal: number; terminal: Terminal } {
  const state = new ViewState(start);
  const reader = new Reader(requestOf(state), state.intervalSeconds, around);
  const terminal = new Terminal(process, options.color);
  let signal = 0;
  terminal.open();
  try {
    signal = new Live(state, reader, terminal, around, options).run();
  } finally {
    reader.stop();
    terminal.close();
  }
  return { notes: state.notes, signal, terminal };
}

class Live {
  readonly #state: ViewState;
  readonly #reader: Reader;
  readonly #terminal: Terminal;
  readonly #around: Surroundings;
  readonly #options: LiveOptions;
  #selected: ReturnType<typeof draw>["selected"];
  #isStale = true;

  constructor(state: ViewState, reader: Reader, terminal: Terminal, around: Surroundings, options: LiveOptions) {
    this.#state = state;
    this.#reader = reader;
    this.#terminal = terminal;
    this.#around = around;
    this.#options = options;
  }

  /** Returns the signal that ended it, or 0. */
  run(): number {
    this.#reader.countsTraits = this.#terminal.size().columns >= COLUMNS_OF_TRAITS;
    for (;;) {
      if (!this.#state.isPaused && this.#reader.work(SLICE_MICROS)) this.#isStale = true;
      if (this.#isStale) this.#draw();
      const input = this.#terminal.wait(this.#patience());
      if (input.signal !== 0 || input.isClosed) return input.signal;
      if (input.mustRedraw) {
        this.#terminal.forget();
        this.#isStale = true;
      }
      for (const key of input.keys) if (!this.#press(key)) return 0;
    }
  }

  /** How long there is nothing to do, in milliseconds. */
  #patience(): number {
    if (this.#state.isPaused) return LONGEST_WAIT_MS;
    if (this.#reader.isReading) return 0;
    const milliseconds = (this.#reader.dueMicros - this.#around.nowMicroseconds()) / 1000;
    return Math.max(0, Math.min(LONGEST_WAIT_MS, milliseconds));
  }

  #draw(): void {
    const size = this.#terminal.size();
    this.#reader.countsTraits = size.columns >= COLUMNS_OF_TRAITS;
    const { lines, cursor, selected } = draw(this.#reader.picture(), this.#state, size, this.#options);
    this.#terminal.show(lines, cursor);
    this.#selected = selected;
    this.#isStale = false;
  }

  /** Does what a key asks for; false where that is to leave. */
  #press(key: Key): boolean {
    const state = this.#state;
    const before = state.intervalSeconds;
    const effect = state.press(key, this.#selected);
    if (state.intervalSeconds !== before) this.#reader.intervalSeconds = state.intervalSeconds;
    if (effect === "quit") return false;
    if (effect === "suspend") this.#terminal.suspend();
    if ("name" in key && key.name === "redraw") this.#terminal.forget();
    if (effect === "read-again") {
      this.#reader.begin(requestOf(state));
      this.#selected = undefined;
    }
    if (effect === "read-all") this.#reader.wantFull();
    if (effect !== "none") this.#isStale = true;
    // A key may stand on what the one before it has changed.
    if (this.#isStale && effect !== "read-again") this.#draw();
    return true;
  }
}

/** The lines that are left on the terminal at the end. */
export const noteLines = (notes: readonly string[]): Uint8Array => toUtf8(notes.map((note) => `${note}\n`).join(""));
