/** -R: reads and checks a whole file of commands, then has it applied. */
import type { Context } from "../command/context.js";
import { LoadPlan } from "../command/load-file.js";
import { KernelError, UsageError } from "../system/errors.js";
import type { Io, OpenSource } from "./io.js";
import { type ParseContext, parseLoadFileLine } from "./parse.js";
import { splitWords } from "./words.js";

const CHUNK_BYTES = 1 << 16;
const NEWLINE = 0x0a;
/** Progress is shown from this time on, and so often. */
const PROGRESS_AFTER_MICROS = 1e6;
const PROGRESS_EVERY_MICROS = 2e5;
/** ECMA-48: to the line's first column, and erase it. */
const ERASE_LINE = "\r\x1b[2K";

/** Calls `visit` for each line, its newline included where it has one. Holds one chunk, and what is left of a line. */
function eachLine(source: OpenSource, visit: (line: string) => void): void {
  let buffer = new Uint8Array(2 * CHUNK_BYTES);
  let held = 0;
  for (;;) {
    if (buffer.length - held < CHUNK_BYTES) {
      const grown = new Uint8Array(2 * buffer.length);
      grown.set(buffer.subarray(0, held));
      buffer = grown;
    }
    const read = source.read(buffer.subarray(held, held + CHUNK_BYTES));
    const end = held + read;
    const complete = read === 0 ? end : buffer.lastIndexOf(NEWLINE, end - 1) + 1;
    if (complete > 0) {
      const text = Buffer.from(buffer.buffer, 0, complete).toString();
      for (let start = 0; start < text.length; ) {
        const newline = text.indexOf("\n", start);
        const next = newline < 0 ? text.length : newline + 1;
        visit(text.slice(start, next));
        start = next;
      }
    }
    if (read === 0) return;
    buffer.copyWithin(0, complete, end);
    held = end - complete;
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

/** Reads the file: every line is checked, and kept in the plan, before anything is applied. Returns how many lines it has. */
function readPlan(plan: LoadPlan, path: string, io: Io, context: ParseContext): number {
  const source = openInput(path, io);
  let line = 0;
  try {
    eachLine(source, (text) => {
      line++;
      const words = splitWords(text);
      if (words.length > 0) plan.add(parseLoadFileLine(words, context), line);
    });
  } catch (error) {
    // A directory opens, and cannot be read.
    if (error instanceof KernelError) throw cannotOpen(path);
    if (error instanceof UsageError) error.note = place(path, line);
    throw error;
  } finally {
    source.close();
  }
  return line;
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
      if (!io.stderrIsTerminal) return;
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
    const failure = plan.apply(io, (line) => progress.show(line));
    if (failure === undefined) return 0;
    failure.error.note = place(path, failure.line);
    throw failure.error;
  } finally {
    progress.clear();
  }
}
