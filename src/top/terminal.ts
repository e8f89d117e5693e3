/**
 * The terminal: keys as they are typed, the alternate screen, and what the terminal was like before put back on every way out.
 * Escape sequences are those of ECMA-48 and xterm, which every terminal of today knows.
 */
import type { Process } from "../netlink/backend/socket.js";
import { EAGAIN, EINTR } from "../system/errno.js";
import { toUtf8 } from "../system/text.js";
import type { Size } from "./draw.js";
import { type Key, KeyReader } from "./keys.js";
import { type Line, styled } from "./text.js";

/** signal(7), the same on every Linux. */
const SIGHUP = 1;
const SIGINT = 2;
const SIGQUIT = 3;
const SIGTERM = 15;
const SIGCONT = 18;
const SIGTSTP = 20;
const SIGWINCH = 28;

/** Those that end the program, with the terminal put back first. */
const ENDING = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

const STDIN = 0;
const STDOUT = 1;

/** Alternate screen, no cursor, no wrapping; and back. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const SHOW_CURSOR = "\x1b[?25h";
const HIDE_CURSOR = "\x1b[?25l";
/** Before the text: behind a text of full width it would erase the last character. */
const ERASE_REST = "\x1b[K";

/** An escape that nothing follows for so long is the key itself. */
const ESCAPE_WAIT_MS = 50;
/** How long a process waits to be stopped after it has asked for it. */
const STOP_WAIT_MS = 20;
const STOP_WAITS = 25;

/** What waiting brought. */
export interface Input {
  readonly keys: readonly Key[];
  /** The size may be another, or somebody else has written on the screen. */
  readonly mustRedraw: boolean;
  /** The terminal is gone. */
  readonly isClosed: boolean;
  /** A signal that ends the program; 0 for none. */
  readonly signal: number;
}

export class Terminal {
  readonly #system: Process;
  readonly #color: boolean;
  readonly #reader = new KeyReader();
  readonly #buffer = new Uint8Array(256);
  /** The lines on the screen, with their escape sequences; none where it must be drawn as a whole. */
  #shown: string[] = [];
  #isOpen = false;
  #isClosed = false;

  constructor(system: Process, color: boolean) {
    this.#system = system;
    this.#color = color;
  }

  /** Whether both standard streams are a terminal. */
  static isThere(system: Process): boolean {
    return system.windowSize(STDIN) !== undefined && system.windowSize(STDOUT) !== undefined;
  }

  size(): Size {
    const { columns = 0, rows = 0 } = this.#system.windowSize(STDOUT) ?? {};
    // A terminal that does not know its size has the size that all of them once had.
    return { columns: columns || 80, rows: rows || 24 };
  }

  open(): void {
    for (const number of [...ENDING, SIGCONT, SIGTSTP, SIGWINCH]) this.#system.catchSignal(number);
    this.#enter();
  }

  /** Puts the terminal back as it was. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#write(LEAVE);
    this.#system.setTerminalRaw(STDIN, false);
  }

  /** Waits for keys or a signal, for `timeoutMs` at most. */
  wait(timeoutMs: number): Input {
    const waiting = this.#reader.isWaiting ? Math.min(timeoutMs, ESCAPE_WAIT_MS) : timeoutMs;
    const ready = this.#system.pollIn(STDIN, Math.max(0, Math.ceil(waiting)));
    const input = { keys: [] as readonly Key[], mustRedraw: false, isClosed: this.#isClosed, signal: 0 };
    if (ready === -EINTR) return { ...input, ...this.#takeSignals() };
    if (ready === 0) return this.#reader.isWaiting ? { ...input, keys: this.#reader.flush() } : input;
    if (ready < 0) return { ...input, isClosed: true };
    const read = this.#system.read(STDIN, this.#buffer, 0, this.#buffer.length);
    if (read === -EINTR || read === -EAGAIN) return input;
    if (read <= 0) return { ...input, isClosed: true };
    return { ...input, keys: this.#reader.read(this.#buffer.subarray(0, read)) };
  }

  /** Shows the lines: only those are written that have changed. */
  show(lines: readonly Line[], cursor: { column: number; row: number } | undefined): void {
    const texts = lines.map((line) => styled(line, this.#color));
    let output = HIDE_CURSOR;
    texts.forEach((text, row) => {
      if (this.#shown[row] !== text) output += `\x1b[${row + 1};1H${ERASE_REST}${text}`;
    });
    for (let row = texts.length; row < this.#shown.length; row++) output += `\x1b[${row + 1};1H${ERASE_REST}`;
    this.#shown = texts;
    if (cursor !== undefined) output += `\x1b[${cursor.row + 1};${cursor.column + 1}H${SHOW_CURSOR}`;
    this.#write(output);
  }

  /** The next `show` draws everything. */
  forget(): void {
    this.#shown = [];
    this.#write("\x1b[2J");
  }

  /** Stops the process as Ctrl-Z does, and takes the terminal again once it goes on. */
  suspend(): void {
    this.close();
    this.#system.setSignal(SIGTSTP, false);
    this.#system.raise(SIGTSTP);
    // The signal may come to another thread a moment later. A process without a shell to wait for is not stopped at all.
    for (let waits = 0; waits < STOP_WAITS && this.#nextSignal(STOP_WAIT_MS) !== SIGCONT; waits++);
    this.#system.catchSignal(SIGTSTP);
    this.#enter();
  }

  /** Ends the process by a signal that it has caught, so that whoever waits for it learns the truth. */
  dieOf(signal: number): void {
    this.#system.setSignal(signal, false);
    this.#system.raise(signal);
  }

  #enter(): void {
    this.#system.setTerminalRaw(STDIN, true);
    this.#isOpen = true;
    this.#shown = [];
    this.#write(ENTER);
  }

  /** The next signal within `timeoutMs`, or 0. What is typed meanwhile waits. */
  #nextSignal(timeoutMs: number): number {
    // For output alone nothing would end the wait early, a signal included; for input keys would.
    const ready = this.#system.pollIn(STDIN, timeoutMs);
    return ready === -EINTR ? this.#system.takeSignal() : 0;
  }

  #takeSignals(): Pick<Input, "mustRedraw" | "signal"> {
    let mustRedraw = false;
    let ending = 0;
    for (let signal = this.#system.takeSignal(); signal !== 0; signal = this.#system.takeSignal()) {
      if (ENDING.includes(signal)) ending = signal;
      else if (signal === SIGTSTP) {
        this.suspend();
        mustRedraw = true;
      } else {
        // A stop from outside may have left the terminal as the shell has it.
        if (signal === SIGCONT) this.#enter();
        mustRedraw = true;
      }
    }
    return { mustRedraw, signal: ending };
  }

  #write(text: string): void {
    const bytes = toUtf8(text);
    for (let at = 0; at < bytes.length && !this.#isClosed; ) {
      const written = this.#system.write(STDOUT, bytes, at, bytes.length - at);
      if (written > 0) at += written;
      else if (written === -EAGAIN) this.#system.pollOut(STDOUT, 1000);
      else if (written !== -EINTR) this.#isClosed = true;
    }
  }
}
