/**
 * -R: many commands, checked as a whole before the first is applied, then applied in order.
 * New entries are kept as encoded messages, batch by batch, and nothing else is kept of their lines but the line numbers.
 */
import { align4 } from "../netlink/attributes.js";
import type { NetlinkConnection } from "../netlink/connection.js";
import { NLM_F_EXCL } from "../netlink/constants.js";
import { MessageWriter, messageEnd, messageFlags } from "../netlink/message.js";
import { KernelError } from "../system/errors.js";
import type { CommandName, DeleteFlows, FlushFlows, UpdateFlows } from "./command.js";
import { type Context, withConnection } from "./context.js";
import { deleteMatching } from "./delete.js";
import { flushFlows } from "./flush.js";
import { updateMatching } from "./update.js";

/**
 * New entries that one datagram carries at most. The kernel works through all of a datagram, so that lines behind a failing
 * one may have been applied: as few as cost no speed. Files of a few lines go one by one, and stop right where they fail.
 */
const MOST_BATCH_LINES = 64;

/** How many of the lines after the first `before` go together. */
const batchLines = (before: number) => Math.max(1, Math.min(MOST_BATCH_LINES, before >> 4));

/** A run of new entries as one datagram. */
interface Batch {
  messages: Uint8Array;
  count: number;
  /** The line of the first message, and of the last one. */
  first: number;
  last: number;
  /** The line of each message, where they are not one a line. */
  lines?: Uint32Array;
}

/** A command that is applied by itself. */
interface Step {
  command: UpdateFlows | DeleteFlows | FlushFlows;
  line: number;
}

/** A failure of the kernel's, and the line of the input that brought it about. */
export interface LoadFailure {
  error: KernelError;
  line: number;
}

export class LoadPlan {
  readonly #steps: (Batch | Step)[] = [];
  readonly #writer = new MessageWriter(1 << 14);
  readonly #lines = new Uint32Array(MOST_BATCH_LINES);
  #count = 0;
  #entries = 0;

  /** Where the messages of new entries are written, before `entriesWritten` counts them. */
  get writer(): MessageWriter {
    return this.#writer;
  }

  /** How many entries may be written before they are counted: at least one. */
  get room(): number {
    return batchLines(this.#entries) - this.#count;
  }

  /** Adds new entries whose messages were written: those of `count` lines from `line` on, one a line. */
  entriesWritten(count: number, line: number): void {
    for (let i = 0; i < count; i++) this.#lines[this.#count++] = line + i;
    if (this.room === 0) this.#closeBatch();
  }

  /** Adds an update, a delete or a flush of flows. */
  addCommand(command: Step["command"], line: number): void {
    this.#closeBatch();
    this.#steps.push({ command, line });
  }

  /**
   * Applies everything in order.
   * @param progress told after each step up to which line the input is done
   * @returns the first failure of the kernel's, at which it stopped
   */
  apply(context: Context, progress: (line: number) => void): LoadFailure | undefined {
    this.#closeBatch();
    return withConnection(context, (connection) => {
      for (const step of this.#steps) {
        const failure = "messages" in step ? this.#applyBatch(connection, step) : applyStep(step, context);
        if (failure !== undefined) return failure;
        progress("messages" in step ? step.last : step.line);
      }
      return undefined;
    });
  }

  #closeBatch(): void {
    if (this.#count === 0) return;
    const writer = this.#writer;
    const count = this.#count;
    const first = this.#lines[0]!;
    const last = this.#lines[count - 1]!;
    const batch: Batch = { messages: writer.buffer.slice(0, writer.length), count, first, last };
    if (last - first >= count) batch.lines = this.#lines.slice(0, count);
    this.#steps.push(batch);
    writer.clear();
    this.#entries += this.#count;
    this.#count = 0;
  }

  #applyBatch(connection: NetlinkConnection, { messages, count, first, lines }: Batch): LoadFailure | undefined {
    let failed = -1;
    let error = 0;
    this.#writer.adopt(messages);
    connection.batch(this.#writer, count, (index, errno) => {
      if (failed >= 0) return;
      failed = index;
      error = errno;
    });
    if (failed < 0) return undefined;
    return failure(
      new KernelError(error, "CT_NEW"),
      (messageFlags(messages, messageStart(messages, failed)) & NLM_F_EXCL) === 0 ? "add" : "create",
      lines?.[failed] ?? first + failed,
    );
  }
}

/** Where the message with this index begins. */
function messageStart(messages: Uint8Array, index: number): number {
  let start = 0;
  for (let i = 0; i < index; i++) start = align4(messageEnd(messages, start, messages.length));
  return start;
}

function applyStep({ command, line }: Step, context: Context): LoadFailure | undefined {
  try {
    if (command.name === "delete") deleteMatching(command, context);
    else if (command.name === "update") updateMatching(command, context);
    else flushFlows(command, context);
    return undefined;
  } catch (error) {
    if (error instanceof KernelError) return failure(error, command.name, line);
    throw error;
  }
}

function failure(error: KernelError, command: CommandName, line: number): LoadFailure {
  error.command = command;
  return { error, line };
}
