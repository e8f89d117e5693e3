/**
 * A table that was saved as text, behind the interface of the kernel's: a socket that answers a request for a dump with the
 * messages that the lines of the file make. Everything that works on a dump works on a file then: filters, formats, groups.
 * No right is needed, and no netlink.
 */
import { CT_GET } from "../ctnetlink/constants.js";
import type { Socket, Sockets } from "../netlink/backend/socket.js";
import { NLM_F_MULTI, NLMSG_DONE } from "../netlink/constants.js";
import { MessageWriter, messageSequence, messageType } from "../netlink/message.js";
import { EAGAIN, EBADF, EOPNOTSUPP } from "../system/errno.js";
import { KernelError, UsageError } from "../system/errors.js";
import type { OpenSource } from "../system/io.js";
import type { LineContext } from "./context.js";
import { LineError } from "./errors.js";
import { FlowEncoder, type SavedFlow } from "./flow.js";
import { readJsonLine } from "./json-line.js";
import { Lines } from "./lines.js";
import { readTextLine } from "./text-line.js";

/** What of a saved table the reader gets, and how it is called in messages. */
export interface SavedTable {
  readonly name: string;
  /** Opens the file; throws KernelError. */
  open(): OpenSource;
  readonly context: LineContext;
}

/** What the kernel fills at most; a message is far shorter than what is kept free for it. */
const DATAGRAM_BYTES = 32768;
const LONGEST_MESSAGE = 4096;

/** The summary of a listing, which stands among the lines where both streams were saved. */
const SUMMARY = /^conntrack v[\d.]+ \(conntrack-tools\): \d+ flow entries have been shown\.$/;
const BRACE = 0x7b;
/** Formats that are not for reading again: xml, and save, which -R reads. */
const XML = /^\s*<(?:\?xml|conntrack|flow)[ >]/;
const SAVE = /^\s*-[AID] +-/;
/** Helpers have 16 bytes at most, security contexts some 100. */
const LONGEST_TEXT = 1000;

/** The entry of a line; undefined for an empty line and for a summary. Throws LineError. */
export function readLine(line: string, context: LineContext): SavedFlow | undefined {
  if (line.trim() === "" || (line.startsWith("conntrack v") && SUMMARY.test(line))) return undefined;
  if (XML.test(line) || SAVE.test(line)) {
    throw new LineError(
      `${XML.test(line) ? "xml" : "a line of -o save"}: only -o json and the text formats can be read`,
    );
  }
  const flow = line.charCodeAt(0) === BRACE ? readJsonLine(line) : readTextLine(line, context);
  const { helper = "", secctx = "" } = flow;
  if (helper.length + secctx.length > LONGEST_TEXT) throw new LineError("a text is too long");
  return flow;
}

export class SavedSocket implements Socket {
  readonly portId = 0;
  readonly #table: SavedTable;
  readonly #encoder = new FlowEncoder();
  #source: OpenSource | undefined;
  #lines: Lines | undefined;
  #sequence = 0;
  /** Thrown when all before it has been received. */
  #failure: unknown;
  #done = false;

  constructor(table: SavedTable) {
    this.#table = table;
  }

  /** Takes a request for a dump of flows, and no other. */
  send(buffer: Uint8Array, offset: number, length: number): number {
    if (messageType(buffer, offset) !== CT_GET) return -EOPNOTSUPP;
    this.close();
    this.#sequence = messageSequence(buffer, offset);
    this.#source = this.#open();
    this.#lines = new Lines(this.#source);
    this.#done = false;
    return length;
  }

  receive(buffer: Uint8Array, offset: number, length: number, _flags: number): number {
    if (this.#failure !== undefined) throw this.#failure;
    const lines = this.#lines;
    if (lines === undefined) return this.#done ? -EAGAIN : -EBADF;
    const limit = offset + Math.min(length, DATAGRAM_BYTES) - LONGEST_MESSAGE;
    let at = offset;
    try {
      while (at < limit) {
        const line = lines.next();
        if (line === undefined) {
          at = this.#end(buffer, at);
          break;
        }
        const flow = readLine(line, this.#table.context);
        if (flow === undefined) continue;
        const message = this.#encoder.encode(flow, this.#sequence);
        buffer.set(message, at);
        at += message.length;
      }
    } catch (error) {
      this.#failure = this.#failureOf(error, lines);
      if (at === offset) throw this.#failure;
    }
    return at - offset;
  }

  receiveMany(): number {
    return -EOPNOTSUPP;
  }

  setOption(): number {
    return 0;
  }

  getOption(): number {
    return 0;
  }

  poll(): number {
    return 1;
  }

  close(): void {
    this.#source?.close();
    this.#source = undefined;
    this.#lines = undefined;
  }

  #open(): OpenSource {
    try {
      return this.#table.open();
    } catch {
      throw this.#cannotOpen();
    }
  }

  #cannotOpen(): UsageError {
    const { name } = this.#table;
    return new UsageError(`Failed to open file ${name === "-" ? "/dev/stdin" : name} for reading`);
  }

  #failureOf(error: unknown, { number }: Lines): unknown {
    // A directory opens, and cannot be read.
    if (error instanceof KernelError) return this.#cannotOpen();
    if (!(error instanceof LineError)) return error;
    const { name } = this.#table;
    const file = name === "-" ? "standard input" : name;
    return new UsageError(`line ${number} of ${file}: ${error.message}`, 1);
  }

  /** Writes what ends a dump at `at`; returns where it ends. */
  #end(buffer: Uint8Array, at: number): number {
    this.close();
    this.#done = true;
    // A struct nfgenmsg of zeroes is as long as the error number, 0.
    const writer = new MessageWriter();
    writer.begin(NLMSG_DONE, NLM_F_MULTI, this.#sequence, 0);
    writer.end();
    buffer.set(writer.buffer.subarray(0, writer.length), at);
    return at + writer.length;
  }
}

/** Sockets of a saved table in place of the kernel's. Each dump reads the file from its beginning. */
export function savedSockets(table: SavedTable): Pick<Sockets, "open"> {
  return { open: () => new SavedSocket(table) };
}
