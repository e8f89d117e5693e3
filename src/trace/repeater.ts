/** Does messages by repeating traces, and records a new one for each that none fits. */
import { FlowView } from "../ctnetlink/view.js";
import { RUN, STATE, STATE_WORDS, type TraceEngine } from "../netlink/backend/traces.js";
import { messageSequence } from "../netlink/message.js";
import { RecordingView, type Written } from "./recorder.js";

/** What is written to. */
export interface TracedOutput {
  readonly writer: Written;
  /** How many messages wrote something. */
  count: number;
  /** Hands on what was written if it is much: the next message must not do that itself. */
  makeRoom(): void;
  flush(): void;
  /** Which messages wrote something; full, it has to be emptied by flush(). */
  readonly chosen?: Chosen;
}

/** Messages of a buffer. */
export interface Chosen {
  /** Pairs: where each message begins, and how long it is. */
  readonly pairs: Int32Array;
  count: number;
  /** Where in the output that of the last one begins. */
  last: number;
}

/**
 * So many traces in a row that no message needed: this kind of output has something of its own in each message. Then so many
 * messages are done without a record, which takes less than half of the time, before it is tried again.
 */
const MOST_IN_VAIN = 32;
const PAUSE = 1024;
/** Room for the output of one message on trial: MOST_OUTPUT in src/native/trace.c. */
const TRIAL_BYTES = 8192;

const NO_TABLE = new Uint32Array(0);

export class Repeater {
  readonly #engine: TraceEngine;
  readonly #clock: () => number;
  readonly #state = new Uint32Array(STATE_WORDS);
  readonly #recording = new RecordingView();
  readonly #plain = new FlowView();
  readonly #trial = { state: new Uint32Array(STATE_WORDS), out: new Uint8Array(TRIAL_BYTES) };
  /** Without an output: keys are written to it all the same before they are looked up. */
  #output: TracedOutput = {
    writer: { buffer: new Uint8Array(TRIAL_BYTES), length: 0 },
    count: 0,
    makeRoom() {},
    flush() {},
  };
  /** Of the run that is going on, in microseconds since 1970. */
  readonly #time: { now: number };
  #inVain = 0;
  #pause = 0;
  /** For tests: how many traces were recorded, how many of those did not do what they should, how many messages were done long. */
  readonly counted = { traces: 0, wrong: 0, long: 0 };

  /**
   * The clock that the work must go by: one time for all messages of a run. What is made of it is good only once, and so not
   * for a trace.
   */
  readonly nowMicroseconds: () => number;

  /** `clock` is the time of day in microseconds. */
  constructor(engine: TraceEngine, clock: () => number) {
    this.#engine = engine;
    this.#clock = clock;
    // The clock does not refer to the repeater: in a circle the executable would keep it, and its tables, until QuickJS
    // next looks for circles.
    const time = (this.#time = { now: clock() });
    const recording = this.#recording;
    this.nowMicroseconds = () => {
      recording.spoil();
      return time.now;
    };
  }

  /** Says where the output goes. */
  into(output: TracedOutput): this {
    this.#output = output;
    return this;
  }

  /**
   * Does the messages of `buffer[start, end)` that traces fit, which have the sequence number given or one of the next `sequences`.
   * Returns where the first one begins that none fits, or `end`.
   */
  run(buffer: Uint8Array, start: number, end: number, sequence: number, sequences = 1): number {
    this.#state[STATE.END] = end;
    return this.#run(buffer, start, sequence, sequences);
  }

  /** The same for datagrams, the i-th at `buffer[i * slot]`: from `start` on, until behind the last slot. */
  runDatagrams(buffer: Uint8Array, slot: number, lengths: Int32Array, start: number): number {
    this.#state[STATE.SLOT] = slot;
    // Events have no sequence number.
    return this.#run(buffer, start, 0, 1, lengths);
  }

  /** Does the messages of pairs, those that no trace fits with `work`. */
  doPairs(buffer: Uint8Array, pairs: Int32Array, work: (view: FlowView) => void): void {
    if (pairs.length === 0) return;
    const sequence = messageSequence(buffer, pairs[0]!);
    for (let at = 0; 2 * at < pairs.length; at++) {
      this.#state[STATE.SLOT] = 0;
      at = this.#run(buffer, at, sequence, 1, pairs);
      if (2 * at >= pairs.length) return;
      const start = pairs[2 * at]!;
      this.record(buffer, start, start + pairs[2 * at + 1]!, work);
    }
  }

  #run(buffer: Uint8Array, start: number, sequence: number, sequences = 1, lengths?: Int32Array): number {
    const state = this.#state;
    const output = this.#output;
    const { chosen } = output;
    const { counters, tables } = this.#recording;
    this.#setClock(state, (this.#time.now = this.#clock()));
    state[STATE.AT] = start;
    state[STATE.SEQUENCE] = sequence;
    state[STATE.SEQUENCES] = sequences;
    for (;;) {
      const { writer } = output;
      state[STATE.LENGTH] = writer.length;
      state[STATE.COUNT] = 0;
      state[STATE.CHOSEN] = chosen?.count ?? 0;
      for (let i = 0; i < counters.length; i++) state[STATE.COUNTERS + i] = counters[i]!.count;
      for (const table of tables) if ("reserve" in table) table.reserve();
      const ended = this.#engine.run(buffer, writer.buffer, state, {
        lengths,
        chosen: chosen?.pairs,
        tables: tables.length === 0 ? undefined : tables.map(({ memory }) => memory),
      });
      writer.length = state[STATE.LENGTH]!;
      output.count += state[STATE.COUNT]!;
      if (chosen !== undefined && state[STATE.COUNT]! > 0) {
        chosen.count = state[STATE.CHOSEN]!;
        chosen.last = state[STATE.LAST]!;
      }
      for (let i = 0; i < counters.length; i++) counters[i]!.count = state[STATE.COUNTERS + i]!;
      if (ended !== RUN.FULL) break;
      output.flush();
    }
    const at = state[STATE.AT]!;
    if (at > start) this.#inVain = 0;
    return at;
  }

  /** Lets `work` do a message that no trace fits, and records what it does. */
  record(buffer: Uint8Array, start: number, end: number, work: (view: FlowView) => void): void {
    this.counted.long++;
    if (this.#inVain === MOST_IN_VAIN) {
      this.#inVain = 0;
      this.#pause = PAUSE;
    }
    if (this.#pause > 0) {
      this.#pause--;
      this.#plain.read(buffer, start, end);
      work(this.#plain);
      return;
    }
    this.#output.makeRoom();
    const { writer } = this.#output;
    const from = writer.length;
    const view = this.#recording;
    view.record(buffer, start, end, writer);
    work(view);
    const trace = view.trace();
    this.#inVain++;
    if (trace === undefined || this.#engine.add(trace) < 0) return;
    this.counted.traces++;
    if (this.#repeats(buffer, start, end, writer.buffer.subarray(from, writer.length))) return;
    this.counted.wrong++;
    this.#engine.drop();
  }

  /** Whether the new trace does to its own message what was done to it. Its sums are those of nobody. */
  #repeats(buffer: Uint8Array, start: number, end: number, written: Uint8Array): boolean {
    const { state, out } = this.#trial;
    const { before, tables } = this.#recording;
    const keys = this.#recording.keys();
    this.#setClock(state, this.#time.now);
    state[STATE.AT] = start;
    state[STATE.END] = end;
    state[STATE.SEQUENCE] = messageSequence(buffer, start);
    state[STATE.LENGTH] = state[STATE.COUNT] = 0;
    for (let i = 0; i < before.length; i++) state[STATE.COUNTERS + i] = before[i]!;
    const ended = this.#engine.run(buffer, out, state, {
      tables: tables.map((table) => ("reserve" in table ? NO_TABLE : table.memory)),
    });
    if (ended !== RUN.END || state[STATE.LENGTH] !== written.length + keys.length) return false;
    for (let i = 0; i < written.length; i++) if (written[i] !== out[i]) return false;
    for (let i = 0; i < keys.length; i++) if (keys[i] !== out[written.length + i]) return false;
    return true;
  }

  #setClock(state: Uint32Array, micros: number): void {
    const seconds = Math.floor(micros / 1e6);
    state[STATE.SECONDS] = seconds;
    state[STATE.MICROSECONDS] = Math.floor(micros - seconds * 1e6);
  }
}

/** A new one, for code that few runs reach: the executable then reads this module when it is called. */
export function newRepeater(engine: TraceEngine, clock: () => number): Repeater {
  return new Repeater(engine, clock);
}
