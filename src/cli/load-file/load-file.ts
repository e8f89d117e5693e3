/** -R: reads and checks a whole file of commands, then has it applied. */

import type { CreateFlow, LoadableCommand } from "../../command/command.js";
import { despiteBrokenOutput, say } from "../../command/context.js";
import { LoadPlan } from "../../command/load-plan.js";
import { encodeNewFlow } from "../../command/new-flow.js";
import type { LineEngine } from "../../netlink/backend/lines.js";
import { MessageWriter } from "../../netlink/message.js";
import { KernelError, UsageError } from "../../system/errors.js";
import { decodeText, toUtf8 } from "../../system/text.js";
import type { Io, OpenSource, Source } from "../io.js";
import { type ParseContext, parseLoadFileLine } from "../parse.js";
import { isJsonLine, writeJsonLine } from "./json-line.js";
import { LinePatterns } from "./line-patterns.js";
import { MAX_LINE_BYTES, splitWords } from "./words.js";

const CHUNK_BYTES = 1 << 16;
const NEWLINE = 0x0a;
/** Progress is shown from this time on, and so often. */
const PROGRESS_AFTER_MICROS = 1e6;
const PROGRESS_EVERY_MICROS = 2e5;
/** ECMA-48: to the line's first column, and erase it. */
const ERASE_LINE = "\r\x1b[2K";

/**
 * Gives the text of a source to `take`, in pieces of whole lines; only the last line may lack its newline. Holds a chunk,
 * and what is left of a line.
 * @throws UsageError for a line that is too long, before the rest of it is read
 */
function eachPiece(source: Source, take: (buffer: Uint8Array, end: number) => void): void {
  const buffer = new Uint8Array(MAX_LINE_BYTES + CHUNK_BYTES);
  let held = 0;
  for (;;) {
    const read = source.read(buffer.subarray(held, held + CHUNK_BYTES));
    if (read === 0) break;
    const newline = buffer.subarray(held, held + read).lastIndexOf(NEWLINE);
    const lines = newline < 0 ? 0 : held + newline + 1;
    held += read;
    if (lines > 0) {
      take(buffer, lines);
      buffer.copyWithin(0, lines, held);
      held -= lines;
    }
    if (held > MAX_LINE_BYTES) break;
  }
  if (held > 0) take(buffer, held);
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

/** Where lines go, in order. */
export type LinePlan = Pick<LoadPlan, "writer" | "room" | "entriesWritten" | "addCommand">;

/** Takes the lines of a file, one after the other, into a plan. */
export class LineReader {
  /** How many lines were taken. */
  lines = 0;
  readonly #plan: LinePlan;
  readonly #patterns: LinePatterns;
  readonly #context: ParseContext;
  /** For lines that are only tried: what they warn of, and which files they have read, is not the input's. */
  readonly #trialContext: ParseContext;
  readonly #trial = new MessageWriter();
  #trialWarned = false;

  /** `engine` does lines that are like one before. */
  constructor(plan: LinePlan, context: ParseContext, engine?: LineEngine) {
    this.#plan = plan;
    this.#patterns = new LinePatterns(engine);
    this.#context = context;
    this.#trialContext = { ...context, warn: () => (this.#trialWarned = true) };
  }

  /** Takes all lines. Throws UsageError for one that cannot be accepted: the last of `lines`. */
  read(source: Source): void {
    eachPiece(source, (buffer, end) => {
      for (let start = this.#copy(buffer, 0, end); start < end; start = this.#copy(buffer, start, end)) {
        const newline = buffer.indexOf(NEWLINE, start);
        const lineEnd = newline < 0 ? end : Math.min(newline + 1, end);
        this.#readLine(buffer.subarray(start, lineEnd));
        start = lineEnd;
      }
    });
  }

  /** Takes the lines from `start` on that are like one before; returns where the first one begins that is not, or `end`. */
  #copy(buffer: Uint8Array, start: number, end: number): number {
    const plan = this.#plan;
    for (let at = start; ; ) {
      const { lines, next, ended } = this.#patterns.write(buffer, at, end, plan.writer, plan.room);
      plan.entriesWritten(lines, this.lines + 1);
      this.lines += lines;
      if (ended) return next;
      at = next;
    }
  }

  /** Takes a line the long way. */
  #readLine(bytes: Uint8Array): void {
    const { writer } = this.#plan;
    const line = ++this.lines;
    if (bytes.length > MAX_LINE_BYTES) throw new UsageError("Line too long!");
    if (isJsonLine(bytes)) {
      writeJsonLine(writer, bytes);
      this.#plan.entriesWritten(1, line);
      return;
    }
    const text = decodeText(bytes);
    const words = splitWords(text);
    if (words.length === 0) return;
    const command = parseLoadFileLine(words, this.#context);
    if (!isCreate(command)) {
      this.#plan.addCommand(command, line);
      return;
    }
    const at = writer.length;
    encodeNewFlow(writer, command.name, command.flow);
    this.#patterns.learn(text, words, writer.buffer.slice(at, writer.length), (words) => this.#try(words));
    this.#plan.entriesWritten(1, line);
  }

  /** The message of a line like one of the input's; undefined for one that warns: such lines must go on warning. */
  #try(words: readonly string[]): Uint8Array | undefined {
    this.#trialWarned = false;
    try {
      const command = parseLoadFileLine(words, this.#trialContext);
      if (!isCreate(command) || this.#trialWarned) return undefined;
      this.#trial.clear();
      encodeNewFlow(this.#trial, command.name, command.flow);
      return this.#trial.buffer.slice(0, this.#trial.length);
    } catch (error) {
      if (error instanceof UsageError) return undefined;
      throw error;
    }
  }
}

function isCreate(command: LoadableCommand): command is CreateFlow {
  return command.name === "create" || command.name === "add";
}

/** Reads the file: every line is checked, and kept in the plan, before anything is applied. Returns how many lines it has. */
function readPlan(plan: LoadPlan, path: string, io: Io, context: ParseContext): number {
  const source = openInput(path, io);
  const reader = new LineReader(plan, context, io.backend.lines?.());
  try {
    reader.read(source);
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
  const write = (text: string) => io.stderr.write(toUtf8(text));
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
export function loadFile(path: string, io: Io, context: ParseContext): number {
  const plan = new LoadPlan();
  const lines = readPlan(plan, path, io, context);
  if (io.dryRun) {
    say(io, `${lines} lines are good; nothing was applied.`);
    return 0;
  }
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
