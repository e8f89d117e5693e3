/** -R: reads and checks a whole file of commands, then has it applied. */
import type { Command } from "../command/command.js";
import { type Context, despiteBrokenOutput } from "../command/context.js";
import { encodeCreate } from "../command/create.js";
import { LoadPlan } from "../command/load-file.js";
import { MessageWriter } from "../netlink/message.js";
import { KernelError, UsageError } from "../system/errors.js";
import { decodeText } from "../system/text.js";
import type { Io, OpenSource } from "./io.js";
import { LinePatterns } from "./line-patterns.js";
import { type ParseContext, parseLoadFileLine } from "./parse.js";
import { splitWords } from "./words.js";

const CHUNK_BYTES = 1 << 16;
const NEWLINE = 0x0a;
/** Progress is shown from this time on, and so often. */
const PROGRESS_AFTER_MICROS = 1e6;
const PROGRESS_EVERY_MICROS = 2e5;
/** ECMA-48: to the line's first column, and erase it. */
const ERASE_LINE = "\r\x1b[2K";

/**
 * Gives the lines of a source to `take`, which takes the one at `start` if it is complete: it returns where the next one
 * begins, or -1. `rest` gets a line that has no newline, the last one. Holds a chunk, and what is left of a line.
 */
function eachLine(
  source: OpenSource,
  take: (buffer: Uint8Array, start: number, end: number) => number,
  rest: (buffer: Uint8Array, start: number, end: number) => void,
): void {
  let buffer = new Uint8Array(2 * CHUNK_BYTES);
  let held = 0;
  for (;;) {
    // One byte more, for the one that ends the text.
    if (buffer.length - held <= CHUNK_BYTES) {
      const grown = new Uint8Array(2 * buffer.length);
      grown.set(buffer.subarray(0, held));
      buffer = grown;
    }
    const read = source.read(buffer.subarray(held, held + CHUNK_BYTES));
    const end = held + read;
    buffer[end] = 0;
    let start = 0;
    for (let next = 0; next >= 0 && start < end; ) {
      next = take(buffer, start, end);
      if (next >= 0) start = next;
    }
    if (read === 0) {
      if (start < end) rest(buffer, start, end);
      return;
    }
    buffer.copyWithin(0, start, end);
    held = end - start;
  }
}

function openInput(path: string, io: Io): OpenSource {
  try {
    return io.open(path);
  } catch {
    throw cannotOpen(path);
  }
}

function cannotOpen(path: string): UsageError {
  return new UsageError(`Failed to open file ${path === "-" ? "/dev/stdin" : path} for reading`);
}

/** Takes the lines of a file, one after the other, into a plan. */
class LineReader {
  /** How many lines were taken. */
  lines = 0;
  readonly #plan: LoadPlan;
  readonly #patterns = new LinePatterns();
  readonly #context: ParseContext;
  readonly #scratch = new MessageWriter();
  #warned = false;
  #learning = false;

  constructor(plan: LoadPlan, context: ParseContext) {
    this.#plan = plan;
    this.#context = {
      ...context,
      warn: (line) => {
        this.#warned = true;
        if (!this.#learning) context.warn(line);
      },
    };
  }

  /**
   * Takes the line at `start`, if its newline stands before `end`; returns where the next one begins, or -1.
   * @throws UsageError for a line that cannot be accepted
   */
  take(buffer: Uint8Array, start: number, end: number): number {
    const { writer } = this.#plan;
    const at = writer.length;
    const next = this.#patterns.write(buffer, start, writer);
    if (next >= 0) {
      this.#plan.entryWritten(at, ++this.lines);
      return next;
    }
    const newline = buffer.indexOf(NEWLINE, start);
    if (newline < 0 || newline >= end) return -1;
    this.read(buffer, start, newline + 1);
    return newline + 1;
  }

  /** Takes the line `buffer[start, end)` the long way. */
  read(buffer: Uint8Array, start: number, end: number): void {
    const { writer } = this.#plan;
    const at = writer.length;
    const line = ++this.lines;
    const words = splitWords(decodeText(buffer.subarray(start, end)));
    if (words.length === 0) return;
    this.#warned = false;
    const command = parseLoadFileLine(words, this.#context);
    if (!isCreate(command)) {
      this.#plan.addCommand(command, line);
      return;
    }
    encodeCreate(writer, command);
    // A line that warns must go on warning, every time.
    if (!this.#warned) this.#learn(words, writer.buffer.slice(at, writer.length));
    this.#plan.entryWritten(at, line);
  }

  #learn(words: readonly string[], message: Uint8Array): void {
    this.#learning = true;
    this.#patterns.learn(words, message, (others) => this.#encode(others));
    this.#learning = false;
  }

  #encode(words: readonly string[]): Uint8Array | undefined {
    try {
      const command = parseLoadFileLine(words, this.#context);
      if (!isCreate(command) || this.#warned) return undefined;
      this.#scratch.clear();
      encodeCreate(this.#scratch, command);
      return this.#scratch.buffer.slice(0, this.#scratch.length);
    } catch (error) {
      if (error instanceof UsageError) return undefined;
      throw error;
    }
  }
}

const isCreate = ({ name }: Command): boolean => name === "create" || name === "add";

/** Reads the file: every line is checked, and kept in the plan, before anything is applied. Returns how many lines it has. */
function readPlan(plan: LoadPlan, path: string, io: Io, context: ParseContext): number {
  const source = openInput(path, io);
  const reader = new LineReader(plan, context);
  try {
    eachLine(
      source,
      (buffer, start, end) => reader.take(buffer, start, end),
      (buffer, start, end) => reader.read(buffer, start, end),
    );
  } catch (error) {
    // A directory opens, and cannot be read.
    if (error instanceof KernelError) throw cannotOpen(path);
    if (error instanceof UsageError) error.note = place(path, reader.lines);
    throw error;
  } finally {
    source.close();
  }
  return reader.lines;
}

const place = (path: string, line: number): string => `line ${line} of ${path === "-" ? "standard input" : path}`;

/** Shows on a terminal how far the work is, once it takes long enough to wonder. */
function progressBar(io: Io, total: number): { show(line: number): void; clear(): void } {
  const start = io.nowMicroseconds();
  let next = start + PROGRESS_AFTER_MICROS;
  let shown = false;
  const write = (text: string) => io.stderr.write(Buffer.from(text));
  return {
    show(line) {
      if (!io.stderrIsTerminal()) return;
      const now = io.nowMicroseconds();
      if (now < next) return;
      next = now + PROGRESS_EVERY_MICROS;
      shown = true;
      const rate = Math.round(line / ((now - start) / 1e6));
      write(`${ERASE_LINE}${line} of ${total} lines, ${rate} a second`);
    },
    clear() {
      if (shown) write(ERASE_LINE);
    },
  };
}

/** Runs -R. The exit status does not depend on what the commands found. */
export function loadFile(path: string, io: Io & Context, context: ParseContext): number {
  const plan = new LoadPlan();
  const lines = readPlan(plan, path, io, context);
  const progress = progressBar(io, lines);
  try {
    // What comes behind a line whose output nobody reads was asked for all the same.
    const failure = despiteBrokenOutput(io.stdout, (stdout) =>
      plan.apply({ ...io, stdout }, (line) => progress.show(line)),
    );
    if (failure === undefined) return 0;
    failure.error.note = place(path, failure.line);
    throw failure.error;
  } finally {
    progress.clear();
  }
}
