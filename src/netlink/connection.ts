/** Requests to the kernel and its answers: dump, single request, batch. */

import { EAGAIN, EINPROGRESS, EINTR, ENOBUFS } from "../system/errno.js";
import { KernelError, WireError } from "../system/errors.js";
import { align4, readS32Host } from "./attributes.js";
import type { Socket, Sockets } from "./backend/socket.js";
import {
  MSG_DONTWAIT,
  NETLINK_CAP_ACK,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
  NLMSG_MIN_TYPE,
  NLMSG_OVERRUN,
  SOL_NETLINK,
} from "./constants.js";
import { MessageWriter, messageEnd, messageFlags, messageSequence, messageType } from "./message.js";

/**
 * How many messages a batch may hold for all of its errors to fit in a receive buffer of the default size.
 * Measured on Linux 6.18, x86-64, net.core.rmem_default 212992: 256 do; this leaves half of it free.
 */
export const MAX_BATCH_MESSAGES = 128;

/** The same for queries: 48 answers fill the receive buffer. */
export const MAX_BATCH_QUERIES = 32;

const RECEIVE_BUFFER_BYTES = 65536;

export interface ConnectionOptions {
  /**
   * Size in bytes of the buffer for one datagram. The kernel packs at most 32 KiB of a dump into one, and less where
   * the buffer is smaller than that. Measured: neither more bytes nor receiveMany are faster.
   */
  receiveBufferBytes?: number;
  /** nlmsg_seq of the message before the first; 0 where absent. */
  lastSequence?: number;
  /** The text of an errno, for the messages of errors. */
  strerror?: (errno: number) => string;
}

/** Writes the one message of a request. nlmsg_seq, NLM_F_REQUEST and NLM_F_DUMP or NLM_F_ACK are added to it. */
export type WriteRequest = (writer: MessageWriter) => void;

/**
 * Takes a message of the answer: it is `buffer[start, end)`, headers included, until the call returns.
 * It must not use the connection that calls it; what it throws ends the request.
 */
export type OnMessage = (buffer: Uint8Array, start: number, end: number, type: number, flags: number) => void;

/**
 * Does as many of the messages in `buffer[start, end)` as it can, and returns where the first one begins that it leaves. It must
 * leave all but those of a subsystem with the given sequence number, and those that say NLM_F_DUMP_INTR.
 */
export type Skim = (buffer: Uint8Array, start: number, end: number, sequence: number) => number;

/** Whether a thread receives ahead; a function: it sends too, and the function is called when there is something to fetch. */
export type Ahead = boolean | (() => void);

/** Takes any message; returns whether the answer is complete with it. */
type Visit = (start: number, end: number, type: number, flags: number, sequence: number) => boolean;

/**
 * Opens a socket and a connection over it.
 * @throws KernelError where the kernel has no NETLINK_NETFILTER, or no descriptor is left.
 */
export function openConnection(sockets: Sockets, options: Omit<ConnectionOptions, "strerror"> = {}): NetlinkConnection {
  const socket = sockets.open();
  const strerror = (errno: number) => sockets.strerror(errno);
  if (typeof socket === "number") throw new KernelError(-socket, "socket", `socket: ${strerror(-socket)}`);
  return new NetlinkConnection(socket, { ...options, strerror });
}

/** Runs the parts of a dump to their end. */
export function lastOf<Result>(parts: Generator<void, Result, void>): Result {
  for (;;) {
    const { done, value } = parts.next();
    if (done) return value;
  }
}

/**
 * One socket, used for one request at a time.
 *
 * The kernel works off a netfilter request while it is sent and a dump while it is received, so an answer is always
 * there to be fetched. Nothing here ever blocks: a missing answer is an error (EAGAIN) and no endless wait.
 *
 * All methods throw KernelError for a system call that fails or a request that is refused, and WireError for an answer
 * that breaks the rules of netlink. After an error in the middle of a dump the connection is good for close() only: for
 * the kernel that dump is still going on (EBUSY).
 */
export class NetlinkConnection {
  /** Always offered whole: the kernel sizes the parts of a dump by the largest buffer that it has ever seen. */
  readonly #buffer: Uint8Array;
  readonly #writer = new MessageWriter();
  readonly #strerror: ((errno: number) => string) | undefined;
  /** Its count is the nlmsg_seq of the next message. */
  readonly sequence: { count: number };
  #isWaiting = false;
  readonly #socket: Socket;

  constructor(socket: Socket, options: ConnectionOptions = {}) {
    this.#socket = socket;
    this.#buffer = new Uint8Array(options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES);
    this.#strerror = options.strerror;
    this.sequence = { count: (options.lastSequence ?? 0) + 1 };
    // Keeps the answers to a batch small. A kernel that does not know it refuses it, and gets on without.
    socket.setOption(SOL_NETLINK, NETLINK_CAP_ACK, 1);
  }

  /** Where messages are received: those of a dump's datagram lie there until the next one is asked for. */
  get received(): Uint8Array {
    return this.#buffer;
  }

  /**
   * Asks for a whole table (NLM_F_DUMP) and hands over each of its messages.
   * `interrupted` tells that the table changed shape meanwhile (NLM_F_DUMP_INTR): entries may be missing or double.
   */
  dump(write: WriteRequest, onMessage: OnMessage): { interrupted: boolean } {
    return lastOf(this.dumpParts(write, onMessage, true));
  }

  /**
   * The same part by part: each step fetches one datagram and hands over its messages, which are good until the next step.
   * The kernel makes the next part when it is fetched, so that a caller may take his time; until the end the connection is
   * busy with the dump.
   * @param ahead whether a thread may fetch the next parts meanwhile; a function: see `isWaiting`
   * @param skim is asked before onMessage
   */
  dumpParts(
    write: WriteRequest,
    onMessage: OnMessage,
    ahead: Ahead = false,
    skim?: Skim,
  ): Generator<void, { interrupted: boolean }, void> {
    return this.#parts(write, NLM_F_DUMP, "netlink dump", onMessage, ahead, skim);
  }

  /** As `request`, part by part: for a request that takes the kernel long, while an event loop must not wait. */
  requestParts(write: WriteRequest, ahead: Ahead): Generator<void, { interrupted: boolean }, void> {
    return this.#parts(write, NLM_F_ACK, "netlink request", () => {}, ahead);
  }

  /**
   * Whether the last step of `dumpParts` or `requestParts` found that a thread is still waiting for the kernel. That happens only
   * where `ahead` is a function: it is called once, from the event loop, when it is time for the next step.
   */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  *#parts(
    write: WriteRequest,
    requestFlags: number,
    name: string,
    onMessage: OnMessage,
    ahead: Ahead,
    skim?: Skim,
  ): Generator<void, { interrupted: boolean }, void> {
    // A datagram that was received ahead can be as long as this buffer is by default.
    const readsAhead = ahead !== false && this.#buffer.length >= RECEIVE_BUFFER_BYTES;
    const sequence = this.#transmit(write, requestFlags, readsAhead && ahead !== true ? ahead : undefined);
    if (readsAhead && ahead === true) this.#socket.readAhead?.(true);
    let interrupted = false;
    const visit: Visit = (start, end, type, flags, answered) => {
      if (answered !== sequence) return false;
      if ((flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
      if (type >= NLMSG_MIN_TYPE) onMessage(this.#buffer, start, end, type, flags);
      else if (type === NLMSG_DONE || type === NLMSG_ERROR) {
        this.#check(-this.#errnoOf(start, end), name);
        return true;
      }
      return false;
    };
    try {
      for (;;) {
        const received = this.#receivePart(visit, skim && ((start, end) => skim(this.#buffer, start, end, sequence)));
        this.#isWaiting = received === -EINPROGRESS;
        if (!this.#isWaiting) this.#check(received, "recvmsg");
        if (received > 0) return { interrupted };
        yield;
      }
    } finally {
      this.#isWaiting = false;
      if (readsAhead) this.#socket.readAhead?.(false);
    }
  }

  /**
   * Sends one request and waits for its acknowledgement (NLM_F_ACK), handing over the messages that come before it.
   * That is also the way to GET one entry or CT_GET_STATS: the kernel marks their one message NLM_F_MULTI but sends no
   * NLMSG_DONE behind it, and acknowledges them like any other request (measured on Linux 6.18).
   */
  request(write: WriteRequest, onMessage?: OnMessage): void {
    const sequence = this.#transmit(write, NLM_F_ACK);
    const received = this.#receiveUntil((start, end, type, flags, answered) => {
      if (answered !== sequence) return false;
      if (type >= NLMSG_MIN_TYPE) onMessage?.(this.#buffer, start, end, type, flags);
      if (type !== NLMSG_ERROR) return false;
      this.#check(-this.#errnoOf(start, end), "netlink request");
      return true;
    });
    this.#check(received, "recvmsg");
  }

  /**
   * Sends the `count` messages of the writer in one datagram, and reports those that failed by their index in it.
   * A failure does not keep the kernel from the messages behind it. Meant for requests that have no answer but success
   * or failure: create, update, delete.
   *
   * Beyond MAX_BATCH_MESSAGES errors may get lost; beyond net.core.wmem_default (212992) bytes it is EMSGSIZE.
   * @throws KernelError ENOBUFS, after the errors that did come through, where others were lost.
   */
  batch(
    writer: MessageWriter,
    count: number,
    onError: (index: number, errno: number) => void,
    onMessage?: OnMessage,
  ): void {
    if (count === 0) return;
    const first = this.#stampBatch(writer, count);
    this.#sendBatch(writer, first, count, onError, onMessage);
  }

  /**
   * The same for messages that have NLM_F_REQUEST and their numbers already, those of `sequence`. `last` is where the last of them
   * begins. `skim` is told of the first number, too.
   */
  numberedBatch(
    writer: MessageWriter,
    count: number,
    last: number,
    onError: (index: number, errno: number) => void,
    onMessage?: OnMessage,
    skim?: Skim,
  ): void {
    if (count === 0) return;
    const first = messageSequence(writer.buffer, 0);
    writer.stamp(last, messageFlags(writer.buffer, last) | NLM_F_ACK, messageSequence(writer.buffer, last));
    this.#sendBatch(writer, first, count, onError, onMessage, skim);
  }

  #sendBatch(
    writer: MessageWriter,
    first: number,
    count: number,
    onError: (index: number, errno: number) => void,
    onMessage?: OnMessage,
    skim?: Skim,
  ): void {
    this.#send(writer);
    let index = 0;
    let errno = 0;
    const visit: Visit = (start, end, type, flags, answered) => {
      const offset = (answered - first) >>> 0;
      if (offset >= count) return false;
      if (type >= NLMSG_MIN_TYPE) onMessage?.(this.#buffer, start, end, type, flags);
      if (type !== NLMSG_ERROR) return false;
      index = offset;
      errno = this.#errnoOf(start, end);
      if (errno !== 0) onError(index, errno);
      return index === count - 1;
    };
    const skimPart = skim && ((start: number, end: number) => skim(this.#buffer, start, end, first));
    let received = this.#receiveUntil(visit, skimPart);
    if (received === -ENOBUFS) {
      while (received === -ENOBUFS) received = this.#receiveUntil(visit, skimPart);
      throw this.failure(ENOBUFS, "recvmsg");
    }
    if (received === -EAGAIN && errno !== 0) {
      // A datagram that the sender has no right to send gets one answer, to its first message.
      while (++index < count) onError(index, errno);
      return;
    }
    this.#check(received, "recvmsg");
  }

  close(): void {
    this.#socket.close();
  }

  /** Sends one request, by a thread where `ready` is there and one can be had; returns its sequence number. */
  #transmit(write: WriteRequest, flags: number, ready?: () => void): number {
    const writer = this.#writer;
    writer.clear();
    write(writer);
    const sequence = this.#nextSequence();
    writer.stamp(0, messageFlags(writer.buffer, 0) | NLM_F_REQUEST | flags, sequence);
    const sent = ready !== undefined && this.#socket.sendAhead?.(writer.buffer, 0, writer.length, ready);
    if (!sent) this.#send(writer);
    return sequence;
  }

  /** Numbers the messages of a batch and asks for an acknowledgement of the last; returns the first number. */
  #stampBatch(writer: MessageWriter, count: number): number {
    const first = this.sequence.count >>> 0;
    let start = 0;
    for (let left = count; left > 0; left--) {
      const end = messageEnd(writer.buffer, start, writer.length);
      const flags = (messageFlags(writer.buffer, start) & ~NLM_F_ACK) | NLM_F_REQUEST;
      writer.stamp(start, left === 1 ? flags | NLM_F_ACK : flags, this.#nextSequence());
      start = align4(end);
    }
    if (start !== writer.length) throw new RangeError(`the writer holds more than ${count} messages`);
    return first;
  }

  #nextSequence(): number {
    return this.sequence.count++ >>> 0;
  }

  #send(writer: MessageWriter): void {
    let sent: number;
    do sent = this.#socket.send(writer.buffer, 0, writer.length);
    while (sent === -EINTR);
    this.#check(sent, "sendto");
  }

  /** Receives until `visit` has seen the end of the answer. Returns 1, or -errno where receiving failed. */
  #receiveUntil(visit: Visit, skim?: (start: number, end: number) => number): number {
    for (;;) {
      const received = this.#receivePart(visit, skim);
      if (received !== 0) return received;
    }
  }

  /** Receives one datagram. Returns 1 where `visit` has seen the end of the answer, 0 where not, or -errno. */
  #receivePart(visit: Visit, skim?: (start: number, end: number) => number): number {
    const buffer = this.#buffer;
    const socket = this.#socket;
    let length: number;
    do length = socket.receive(buffer, 0, buffer.length, MSG_DONTWAIT);
    while (length === -EINTR);
    if (length < 0) return length;
    if (length > buffer.length) {
      throw new WireError(`a datagram of ${length} bytes does not fit in ${buffer.length}`, buffer.length);
    }
    for (let start = 0; start < length; ) {
      if (skim !== undefined) {
        start = skim(start, length);
        if (start >= length) break;
      }
      const end = messageEnd(buffer, start, length);
      const type = messageType(buffer, start);
      if (type === NLMSG_OVERRUN) return -ENOBUFS;
      if (visit(start, end, type, messageFlags(buffer, start), messageSequence(buffer, start))) return 1;
      start = align4(end);
    }
    return 0;
  }

  /** The errno that a NLMSG_ERROR or NLMSG_DONE carries, negated, as its first word. 0 is success. */
  #errnoOf(start: number, end: number): number {
    const payload = start + NLMSG_HDRLEN;
    if (end - payload < 4) throw new WireError("a message of netlink's own has no error number", start);
    return Math.max(0, -readS32Host(this.#buffer, payload));
  }

  #check(result: number, syscall: string): void {
    if (result < 0) throw this.failure(-result, syscall);
  }

  /** The error of a request or a system call, with the text of its errno. */
  failure(errno: number, syscall: string): KernelError {
    return new KernelError(errno, syscall, this.#strerror && `${syscall}: ${this.#strerror(errno)}`);
  }
}
