/** The view on a terminal: reads, draws, and answers keys, all in turn. */
import type { Counter } from "../ctnetlink/view.js";
import type { FlowFilter } from "../match/filter.js";
import type { Process } from "../netlink/backend/socket.js";
import { toUtf8 } from "../system/text.js";
import { type DiagnosisParts, type DiagnosisScreen, openDiagnosis } from "./diagnosis-screen.js";
import { COLUMNS_OF_TRAITS, type Draw, type DrawOptions, draw, withMarks } from "./draw.js";
import type { Key } from "./keys.js";
import type { PassRequest } from "./passes.js";
import { Reader, type Surroundings } from "./reader.js";
import { type Start, ViewState } from "./state.js";
import { Terminal } from "./terminal.js";

/** Reading is broken off after so long to look for keys. */
const SLICE_MICROS = 25_000;
const LONGEST_WAIT_MS = 10_000;

/** A time on the screen gets older with each. */
const SECOND_MS = 1000;

export interface LiveOptions extends DrawOptions {
  readonly color: boolean;
}

/** What the view works with. */
export interface LiveSurroundings extends Surroundings {
  /** Diagnoses what a filter lets through; `read` counts the entries that were read. */
  diagnose(filter: FlowFilter, read: Counter): DiagnosisParts;
}

/** What the view looks at now. */
const requestOf = ({ filter, by, flowSort }: ViewState): PassRequest => ({ filter, by, flowKey: flowSort });

/**
 * Runs the view until its user leaves it.
 * @returns the commands that were noted
 */
export function runLive(
  process: Process,
  around: LiveSurroundings,
  start: Start,
  options: LiveOptions,
): { notes: readonly string[]; signal: number; terminal: Terminal } {
  const state = new ViewState(start);
  const reader = new Reader(requestOf(state), state.intervalSeconds, around);
  const terminal = new Terminal(process, options.color);
  const live = new Live(state, reader, terminal, around, withMarks(options));
  let signal = 0;
  terminal.open();
  try {
    signal = live.run();
  } finally {
    live.stop();
    terminal.close();
  }
  return { notes: state.notes, signal, terminal };
}

class Live {
  readonly #state: ViewState;
  readonly #reader: Reader;
  readonly #terminal: Terminal;
  readonly #around: LiveSurroundings;
  readonly #options: Draw;
  /** While its screen is open. */
  #diagnosis: DiagnosisScreen | undefined;
  #selected: ReturnType<typeof draw>["selected"];
  #isStale = true;

  constructor(state: ViewState, reader: Reader, terminal: Terminal, around: LiveSurroundings, options: Draw) {
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
      if (this.#work()) this.#isStale = true;
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

  /** Ends what is being read. */
  stop(): void {
    this.#reader.stop();
    this.#diagnosis?.close();
  }

  /** Reads for a while, one thing at a time. Returns whether there is something new to show. */
  #work(): boolean {
    const diagnosis = this.#diagnosis;
    // Both would take the time of the CPU from one another.
    if (diagnosis?.isReading) diagnosis.work(SLICE_MICROS);
    else if (!this.#isResting && this.#reader.work(SLICE_MICROS)) return true;
    return diagnosis !== undefined;
  }

  /** A pause begins once everything is there that was asked for. */
  get #isResting(): boolean {
    return this.#state.isPaused && !this.#reader.isOwed;
  }

  /** How long there is nothing to do, in milliseconds. */
  #patience(): number {
    const diagnosis = this.#diagnosis;
    const longest = diagnosis === undefined ? LONGEST_WAIT_MS : SECOND_MS;
    const until = (micros: number) => Math.max(0, Math.min(longest, (micros - this.#around.nowMicroseconds()) / 1000));
    if (diagnosis?.isReading) return until(diagnosis.dueMicros);
    if (this.#isResting) return longest;
    return this.#reader.isReading ? 0 : until(this.#reader.dueMicros);
  }

  #draw(): void {
    const size = this.#terminal.size();
    this.#reader.countsTraits = size.columns >= COLUMNS_OF_TRAITS;
    const picture = this.#reader.picture();
    const { lines, cursor, selected } =
      this.#diagnosis === undefined || this.#state.help !== undefined
        ? draw(picture, this.#state, size, this.#options)
        : this.#diagnosis.draw(picture, size, this.#options);
    this.#terminal.show(lines, cursor);
    this.#selected = selected;
    this.#isStale = false;
  }

  /** Does what a key asks for; false where that is to leave. */
  #press(key: Key): boolean {
    const state = this.#state;
    const before = state.intervalSeconds;
    const effect =
      this.#diagnosis === undefined || state.help !== undefined
        ? state.press(key, this.#selected)
        : this.#diagnosis.press(key);
    if (state.intervalSeconds !== before) this.#reader.intervalSeconds = state.intervalSeconds;
    if (effect === "quit") return false;
    if (effect === "suspend") this.#terminal.suspend();
    if ("name" in key && key.name === "redraw") this.#terminal.forget();
    if (effect === "read-again") {
      this.#reader.begin(requestOf(state));
      this.#selected = undefined;
    }
    if (effect === "read-all") this.#reader.wantFull();
    if (effect === "diagnose") this.#openDiagnosis();
    if (effect === "help") state.showHelp();
    if (effect === "leave") {
      this.#diagnosis?.close();
      this.#diagnosis = undefined;
    }
    if (effect !== "none") this.#isStale = true;
    // A key may stand on what the one before it has changed.
    if (this.#isStale && effect !== "read-again") this.#draw();
    return true;
  }

  #openDiagnosis(): void {
    const { filter, filterText } = this.#state;
    const { nowMicroseconds, diagnose } = this.#around;
    this.#diagnosis = openDiagnosis(filterText, { nowMicroseconds, diagnose: (read) => diagnose(filter, read) });
  }
}

/** The lines that are left on the terminal at the end. */
export const noteLines = (notes: readonly string[]): Uint8Array => toUtf8(notes.map((note) => `${note}\n`).join(""));
