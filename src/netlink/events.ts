/** Receiving what the kernel sends to multicast groups, for as long as it takes. */

import { EAGAIN, EINTR, ENOBUFS } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import { align4 } from "./attributes.js";
import type { Socket, Sockets } from "./backend/socket.js";
import {
  MSG_DONTWAIT,
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_DROP_MEMBERSHIP,
  NLMSG_MIN_TYPE,
  SK_MEMINFO_DROPS,
  SK_MEMINFO_MEMBERS,
  SK_MEMINFO_RMEM_ALLOC,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOL_NETLINK,
  SOL_SOCKET,
} from "./constants.js";
import { messageEnd, messageType } from "./message.js";

/** An event is one datagram, far smaller than this. */
const SLOT_BYTES = 8192;
const SLOTS = 64;
/** What the kernel keeps beside a datagram at least: it counts for the receive buffer too. */
const LEAST_OVERHEAD_BYTES = 500;
/** More than this waits only where another full call of recvmmsg(2) cannot take it all. */
const BATCH_BYTES = SLOTS * SLOT_BYTES;
/** How often to look for events where nothing wakes us, in milliseconds. */
const WITHOUT_THREAD_MS = 50;

/**
 * What a listener may have waiting in the kernel, which doubles it: room for a burst of some 200,000 events. The memory is
 * only taken while events wait.
 */
export const RECEIVE_BUFFER_BYTES = 128 << 20;

export interface EventHandlers {
  /** Takes a message: it is `buffer[start, end)`, headers included, until the call returns. */
  message(buffer: Uint8Array, start: number, end: number): void;
  /**
   * Asked before `message`: does as many messages of the datagrams as it can, from `start` on, and returns where the first one
   * begins that it leaves, or where the last slot ends. Datagram i is `lengths[i]` bytes at `buffer[i * slot]`.
   */
  skim?(buffer: Uint8Array, slot: number, lengths: Int32Array, start: number): number;
  /** The receive buffer overran (ENOBUFS). Told at once: events that waited before may follow. */
  lost?(): void;
  /** Told between the events where some are missing: how many, where the kernel says so. */
  gap?(events: number | undefined): void;
  /** Nothing more is waiting: time to hand on what was gathered. */
  idle(): void;
  /** Whether to end. Asked between datagrams, and whenever waiting was interrupted. */
  stopped(): boolean;
}

type ReceiveHandlers = Pick<EventHandlers, "message" | "skim" | "lost" | "gap">;

/** A socket that listens. */
export class EventListener {
  readonly #buffer = new Uint8Array(SLOTS * SLOT_BYTES);
  readonly #lengths = new Int32Array(SLOTS);
  readonly #memory = new Uint32Array(SK_MEMINFO_MEMBERS);
  /** How many drops were told of already. */
  #drops = 0;
  /** The buffer overran, and the events that waited then are still being read. */
  #overran = false;

  readonly #socket: Socket;
  readonly #sockets: Sockets;
  readonly #groups: readonly number[];

  private constructor(socket: Socket, sockets: Sockets, groups: readonly number[]) {
    this.#socket = socket;
    this.#sockets = sockets;
    this.#groups = groups;
  }

  /**
   * Opens a socket that belongs to `groups` (NFNLGRP_*).
   * @throws KernelError with the syscall "socket" or "bind"
   */
  static open(sockets: Sockets, groups: readonly number[]): EventListener {
    const socket = sockets.open();
    if (typeof socket === "number") throw failure(sockets, -socket, "socket");
    for (const group of groups) {
      const joined = socket.setOption(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
      if (joined < 0) {
        socket.close();
        throw failure(sockets, -joined, "bind");
      }
    }
    return new EventListener(socket, sockets, groups);
  }

  /**
   * Sizes the receive buffer, beyond net.core.rmem_max where the rights allow it. Returns its size in bytes as the kernel
   * counts: it doubles what it is asked for.
   */
  setReceiveBuffer(bytes: number): number {
    const forced = this.#socket.setOption(SOL_SOCKET, SO_RCVBUFFORCE, bytes);
    if (forced < 0) this.#socket.setOption(SOL_SOCKET, SO_RCVBUF, bytes);
    return this.#socket.getOption(SOL_SOCKET, SO_RCVBUF);
  }

  /** What the receive buffer is now, in bytes as the kernel counts, and how many events there was no room for since the start. */
  get receiveBuffer(): { bytes: number; drops: number | undefined } {
    const bytes = this.#socket.getOption(SOL_SOCKET, SO_RCVBUF);
    return { bytes, drops: this.#measure() ? this.#memory[SK_MEMINFO_DROPS] : undefined };
  }

  /** Asks the kernel what waits and what was dropped. Returns false where it does not tell. */
  #measure(): boolean {
    return (this.#socket.memory?.(this.#memory) ?? -1) >= 0;
  }

  /** Leaves the groups: nothing new arrives, and what waits can still be received. */
  leave(): void {
    for (const group of this.#groups) this.#socket.setOption(SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, group);
  }

  /** Receives until `stopped` says so. */
  run(handlers: EventHandlers): void {
    while (!handlers.stopped()) {
      if (this.receive(handlers)) continue;
      handlers.idle();
      const polled = this.#socket.poll(-1);
      if (polled < 0 && polled !== -EINTR) throw failure(this.#sockets, -polled, "poll");
    }
  }

  /** Receives a few datagrams, as many as a call of recvmmsg(2) takes, without waiting. Returns whether there may be more. */
  receive(handlers: ReceiveHandlers): boolean {
    if (this.#overran) return this.#receiveBeforeGap(handlers);
    return this.#receiveUpTo(SLOTS, handlers);
  }

  #receiveUpTo(slots: number, handlers: ReceiveHandlers): boolean {
    const received = this.#socket.receiveMany(this.#buffer, SLOT_BYTES, this.#lengths.subarray(0, slots), MSG_DONTWAIT);
    if (received === -EAGAIN) return false;
    if (received === -ENOBUFS) {
      handlers.lost?.();
      this.#overran = handlers.gap !== undefined;
    } else if (received < 0 && received !== -EINTR) throw failure(this.#sockets, -received, "recvmmsg");
    if (received <= 0) return true;
    const lengths = this.#lengths.subarray(0, received);
    for (let at = 0; at < received * SLOT_BYTES; ) {
      const left = handlers.skim?.(this.#buffer, SLOT_BYTES, lengths, at) ?? at;
      at = left > at ? left : this.#deliver(at, handlers);
    }
    return true;
  }

  /**
   * The kernel tells of an overrun (ENOBUFS) before the events that wait, and takes no more until all of those are received
   * (NETLINK_S_CONGESTED). So the gap is where the queue was empty for the first time. What arrives in that very moment must
   * not hide it: the last datagrams are received one by one, and less memory came free than one takes where another arrived.
   */
  #receiveBeforeGap(handlers: ReceiveHandlers): true {
    if (!this.#measure()) {
      if (!this.#receiveUpTo(SLOTS, handlers)) this.#tellGap(undefined, handlers);
      return true;
    }
    const before = this.#memory[SK_MEMINFO_RMEM_ALLOC]!;
    if (before > BATCH_BYTES) {
      this.#receiveUpTo(SLOTS, handlers);
      return true;
    }
    if (before > 0) {
      this.#receiveUpTo(1, handlers);
      this.#measure();
      const freed = before - this.#memory[SK_MEMINFO_RMEM_ALLOC]!;
      if (freed < before && freed >= this.#lengths[0]! + LEAST_OVERHEAD_BYTES) return true;
    }
    const drops = this.#memory[SK_MEMINFO_DROPS]!;
    const lost = (drops - this.#drops) >>> 0;
    this.#drops = drops;
    // Where the kernel is out of memory it reports a loss and does not count it.
    this.#tellGap(lost > 0 ? lost : undefined, handlers);
    return true;
  }

  #tellGap(events: number | undefined, handlers: ReceiveHandlers): void {
    this.#overran = false;
    handlers.gap?.(events);
  }

  /** Hands over the message at `at`, if there is one, and returns where the next one may begin. */
  #deliver(at: number, handlers: ReceiveHandlers): number {
    const slot = Math.floor(at / SLOT_BYTES);
    const length = this.#lengths[slot]!;
    // A datagram that did not fit is lost, as it would be to any reader; the kernel sends none of that size.
    if (length > SLOT_BYTES) {
      handlers.lost?.();
      handlers.gap?.(1);
    }
    const limit = slot * SLOT_BYTES + length;
    if (length > SLOT_BYTES || at >= limit) return (slot + 1) * SLOT_BYTES;
    const end = messageEnd(this.#buffer, at, limit);
    if (messageType(this.#buffer, at) >= NLMSG_MIN_TYPE) handlers.message(this.#buffer, at, end);
    return align4(end);
  }

  /**
   * Calls back once when there may be something to receive. Returns what calls it off, at any time.
   * It takes the event loop: `run` has nothing to do with it.
   */
  whenReadable(callback: () => void): () => void {
    let over = false;
    const once = () => {
      if (!over) callback();
      over = true;
    };
    const stop = this.#socket.whenReadable?.(once);
    // A thread too few is no reason to miss events.
    const timer = stop === undefined ? setTimeout(once, WITHOUT_THREAD_MS) : undefined;
    return () => {
      if (!over) stop?.();
      over = true;
      clearTimeout(timer);
    };
  }

  close(): void {
    this.#socket.close();
  }
}

function failure(sockets: Sockets, errno: number, syscall: string): KernelError {
  return new KernelError(errno, syscall, `${syscall}: ${sockets.strerror(errno)}`);
}
