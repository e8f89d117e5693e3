/** What commands work with, and the few things that all of them do with it. */

import { EVENT_NONE, type EventType } from "../ctnetlink/events.js";
import { FlowView } from "../ctnetlink/view.js";
import type { Formatter } from "../format/formatter.js";
import type { Backend } from "../netlink/backend/socket.js";
import { type NetlinkConnection, openConnection } from "../netlink/connection.js";
import { ByteWriter } from "../system/byte-writer.js";
import type { Sink } from "../system/io.js";
import { messageLine } from "../system/text.js";
import { newRepeater, type Repeater } from "../trace/repeater.js";

export interface Context {
  backend: Backend;
  stdout: Sink;
  stderr: Sink;
  /** Whether a person may be reading stderr. */
  stderrIsTerminal(): boolean;
  /** The columns of the terminal that stdout is, 0 where nobody knows them; undefined where it is no terminal. */
  terminalColumns(): number | undefined;
  /** A variable of the environment. */
  variable(name: string): string | undefined;
  nowMicroseconds(): number;
  /** A file of /proc whole, the names in a directory, what a symbolic link points to. They throw as node:fs does. */
  readFile(path: string): Uint8Array;
  readDirectory(path: string): string[];
  readLink(path: string): string;
  /**
   * Moves this thread, and what it opens from now on, into the network namespace of a file (setns(2)).
   * @throws KernelError, whose syscall is "open" where the file cannot be opened, and "setns" where it cannot be entered.
   */
  enterNetwork(path: string): void;
  /** The network namespace that the command was told to work in: what --netns finds it by, and its file. */
  network?: { where: string; path: string };
  /** Nothing may be changed: commands find and show what they would change. The backend's sockets send no changes then. */
  dryRun?: boolean;
}

/** What stands before every summary and every diagnostic: callers match it. */
export const PREFIX = "conntrack v1.4.9 (conntrack-tools): ";

/** Writes a line to stderr, with the prefix. */
export function say(context: Pick<Context, "stderr">, text: string): void {
  context.stderr.write(messageLine(`${PREFIX}${text}`));
}

/** Opens a connection to the kernel, hands it to `work`, and closes it again. */
export function withConnection<Result>(context: Context, work: (connection: NetlinkConnection) => Result): Result {
  const connection = openConnection(context.backend);
  try {
    return work(connection);
  } finally {
    connection.close();
  }
}

/** What repeats traces of one listing, where the backend can. */
export function repeaterOf({ backend, nowMicroseconds }: Context): Repeater | undefined {
  const engine = backend.traces?.();
  return engine && newRepeater(engine, nowMicroseconds);
}

/** Output is handed on in pieces of about this size. */
const FLUSH_BYTES = 1 << 16;
const NEWLINE = 0x0a;

/** Entries on their way to stdout: formatted into a large buffer, handed on when it is full and at the end. */
export class EntryOutput<View> {
  count = 0;
  readonly writer = new ByteWriter(FLUSH_BYTES + (1 << 14));
  readonly #sink: Sink;
  readonly #formatter: Formatter<View>;

  constructor(sink: Sink, formatter: Formatter<View>) {
    this.#sink = sink;
    this.#formatter = formatter;
    // It stays here until there is an entry.
    if (formatter.header !== undefined) this.writer.put(formatter.header);
  }

  /** Writes one entry, what `suffix` adds to it, and its newline. */
  entry(view: View, event: EventType = EVENT_NONE, suffix?: (writer: ByteWriter, view: View) => void): void {
    const { writer } = this;
    this.makeRoom();
    this.count++;
    this.#formatter.entry(writer, view, event);
    if (this.#formatter.suffix) suffix?.(writer, view);
    writer.byte(NEWLINE);
  }

  /** Hands on what was written, if it is much. */
  makeRoom(): void {
    if (this.writer.length >= FLUSH_BYTES) this.flush();
  }

  /** Writes what stands after the last entry. */
  end(): void {
    const footer = this.count > 0 ? this.#formatter.footer : undefined;
    if (footer !== undefined) this.writer.put(footer);
    this.flush();
    // A document that is complete is handed on, however short: the reference writes it before its summary.
    if (footer !== undefined) this.#sink.flush?.();
  }

  flush(): void {
    if (this.count === 0 || this.writer.length === 0) return;
    const bytes = this.writer.written();
    this.writer.clear();
    this.#sink.write(bytes);
  }
}

/**
 * Does entries that lie in a buffer: pairs of where each begins, and how long it is. `repeater` repeats `work`, and goes into what
 * that writes to.
 */
export function forPairs(
  work: (view: FlowView) => void,
  repeater: Repeater | undefined,
): (buffer: Uint8Array, pairs: Int32Array) => void {
  if (repeater !== undefined) return (buffer, pairs) => repeater.doPairs(buffer, pairs, work);
  const view = new FlowView();
  return (buffer, pairs) => {
    for (let i = 0; i < pairs.length; i += 2) {
      view.read(buffer, pairs[i]!, pairs[i]! + pairs[i + 1]!);
      work(view);
    }
  };
}

/** Lets `work` write entries; returns how many it wrote. Those before a failure are written all the same. */
export function withOutput<View>(
  sink: Sink,
  formatter: Formatter<View>,
  work: (output: EntryOutput<View>) => void,
): number {
  const output = new EntryOutput(sink, formatter);
  try {
    work(output);
  } catch (error) {
    output.flush();
    throw error;
  }
  output.end();
  return output.count;
}

/**
 * Runs work that must not stop half-way because nobody reads its output: it writes to the sink it is given,
 * which keeps the first failure to itself until the work is done.
 */
export function despiteBrokenOutput<Result>(sink: Sink, work: (sink: Sink) => Result): Result {
  let failure: unknown;
  const result = work({
    write(bytes) {
      if (failure !== undefined) return;
      try {
        sink.write(bytes);
      } catch (error) {
        failure = error;
      }
    },
  });
  if (failure !== undefined) throw failure;
  return result;
}
