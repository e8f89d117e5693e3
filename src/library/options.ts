/** What the methods of Conntrack take and give besides flows and expectations. */
import type { EVENT_NAMES } from "../ctnetlink/events.js";
import type { CPU_COUNTERS, EXPECT_CPU_COUNTERS } from "../ctnetlink/stats.js";
import type { KernelError } from "../system/errors.js";
import type { ENTRY_SORT_NAMES, FIELD_NAMES } from "../tally/names.js";
import type { Expectation } from "./expectation.js";
import type { Filter } from "./filter.js";
import type { Family, Flow } from "./flow.js";

/** The tables: of flows, and of expectations. */
export type TableName = "conntrack" | "expect";

/** How to open the tables. */
export interface OpenOptions {
  /**
   * The network namespace: its name (`ip netns`), the path of its file, the id of a process in it, or an open file descriptor
   * of it, which stays the caller's. The own one where absent. It takes CAP_SYS_ADMIN.
   */
  network?: string | number | { fd: number };
  /**
   * Bytes that events may take in the kernel while they wait to be read; 128 MiB where absent. Without CAP_NET_ADMIN in the
   * initial user namespace net.core.rmem_max is the limit.
   */
  receiveBufferBytes?: number;
  /** The file with the names of labels; /etc/xtables/connlabel.conf, which may be missing, where absent. */
  labelMap?: string;
}

/** What the library needs of an `AbortSignal`, which is one: the types are complete without those of a browser or of Node. */
export interface StopSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** What reads or changes many entries can be stopped. */
export interface Stoppable {
  /** An `AbortSignal`. Ends the work with the signal's reason, between two entries. What was done until then stays done. */
  signal?: StopSignal;
}

/** How `create` creates. */
export interface CreateOptions {
  /** A flow that is there already is no error: it is returned as it is. */
  ifAbsent?: boolean;
}

/** What became of one item of `createMany`, `removeMany` or `changeMany`. */
export interface ItemResult<Item> {
  /** What the caller gave. */
  item: Item;
  /** Its number, from 0, in the order of the source. */
  index: number;
  /** Absent where the kernel did it. Its `code`: "ENOENT" for a flow that is not there, "EEXIST" for one that is. */
  error?: KernelError;
}

/** How `createMany`, `removeMany` and `changeMany` work. */
export interface BulkOptions<Item> extends Stoppable {
  /** Told of each item, in order. What it throws ends the work. */
  onResult?: (result: ItemResult<Item>) => void;
}

/** What became of all items of `createMany`, `removeMany` or `changeMany`. */
export interface BulkResult {
  /** For how many the kernel did it. */
  done: number;
  /** How many flows to remove or change were not there (ENOENT). */
  missing: number;
  /** How many flows to create had a tuple of a flow that was there (EEXIST). */
  existing: number;
  /** How many the kernel refused for other reasons, e.g. ENOMEM: the table is full. */
  failed: number;
  /** The first of those errors; its `flow` is the item. */
  firstError?: KernelError;
}

/** What flows are sorted by. */
export type FlowSort = (typeof FIELD_NAMES)[number] | (typeof ENTRY_SORT_NAMES)[number];

/** Which entries `list` yields, and how. */
export interface ListOptions extends Stoppable {
  /**
   * The order, that of the dump where absent: a field of --group-by, or a sum. Numbers begin with the largest, names with A, unless
   * ":asc" or ":desc" says otherwise; flows without the value come last. Nothing is yielded before the table is read, and the flows are
   * in memory: as many as `limit` says, or all of them.
   */
  sort?: FlowSort | `${FlowSort}:asc` | `${FlowSort}:desc`;
  /** How many flows at most. Without `sort` the table is read no further than that. */
  limit?: number;
  /** The table; "dying" and "unconfirmed" hold flows that are no longer, or not yet, in the main one. */
  table?: "conntrack" | "dying" | "unconfirmed";
  /**
   * Sets the counters of all flows to 0 while it lists them, which the kernel does as one step for each flow: what was listed before and
   * what is listed later adds up. The filter can say nothing but a family then, and there can be no `limit`: the kernel zeroes
   * what it sends. Entries that are not read any more when the list is left may be zeroed as well. The command's `-L -z`.
   */
  zero?: boolean;
  /** Told where the table changed shape while it was read, so that entries may be missing or there twice. */
  onInterrupted?: () => void;
}

/** Which expectations `expectations` yields. */
export interface ExpectationOptions extends Stoppable {
  family?: Family;
  /** As for `list`. */
  onInterrupted?: () => void;
}

/** The kinds of events. */
export type EventName = (typeof EVENT_NAMES)[number];

/** Which expectations' events to follow. */
export interface ExpectationEventOptions extends Stoppable {
  /** All of them where absent. */
  types?: readonly EventName[];
  /** Look up the names of the programs that bring events about (`progname`): it reads /proc, and takes the rights to do so. */
  programs?: boolean;
}

/** Which flows' events to follow. */
export interface EventOptions extends ExpectationEventOptions {
  filter?: Filter | Flow;
}

/** What an event has beyond its entry. */
export interface EventHead {
  event: EventName;
  /** RFC 3339 in UTC with nanoseconds. The kernel's own where net.netfilter.nf_conntrack_timestamp is set, on kernels that send it. */
  time: string;
  /** The netlink port of the program that brought the event about; absent for the kernel itself. */
  portid?: number;
  /** That program's name, where `programs` asked for it and it could be found. */
  progname?: string;
}

/** A flow was created, changed or destroyed. Destroy events have the final counters. */
export interface FlowEvent extends EventHead, Flow {}

/** An expectation was created, changed or destroyed. */
export interface ExpectationEvent extends EventHead, Expectation {}

/**
 * The receive buffer overran: events are missing between the item before and the item after this one. Whoever keeps a copy of the
 * table must list it again.
 */
export interface LostEvents {
  event: "lost";
  /** When the gap was noticed, not when it began. RFC 3339 in UTC. */
  time: string;
  /**
   * How many events of the followed types are missing; a filter does not change it. Absent where the kernel does not tell: before
   * Linux 4.12, and when it ran out of memory.
   */
  count?: number;
}

/** How full the receive buffer of events can get, and what did not fit. */
export interface EventBuffer {
  /** Its size in bytes as the kernel counts: twice what was asked for, or less without the rights. */
  bytes: number;
  /** How many events there was no room for since the start. Absent where the kernel does not tell (before Linux 4.12). */
  drops?: number;
}

/**
 * Events to be read with `for await`. Nothing is received before it is asked for: what is not read yet waits in the kernel.
 *
 *     const events = conntrack.events();
 *     process.once("SIGTERM", () => events.end());
 *     for await (const event of events) console.log(toJson(event));
 *     conntrack.close();
 */
export interface Events<Item> extends AsyncIterableIterator<Item> {
  /** Closes the socket: what a loop does when it is left. */
  return(): Promise<IteratorResult<Item>>;
  [Symbol.asyncIterator](): this;
  /** Closes the socket at once; a reader that waits for an item is told that there are no more. */
  close(): void;
  /** Hears nothing new. What happened until now is still yielded, then the loop ends: for a program that ends and shall lose nothing. */
  end(): void;
  /** Asks the kernel about the receive buffer; undefined once it is closed. */
  buffer(): EventBuffer | undefined;
  /** For `await using`. Absent where Node lacks the symbol (before 20.4). */
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** The counters that CPUs keep of flows, by the names that `conntrack -S` shows. A kernel has some of them. */
export type FlowCounter = (typeof CPU_COUNTERS)[number];

/** The same of expectations. */
export type ExpectationCounter = (typeof EXPECT_CPU_COUNTERS)[number];

/** The counters of one CPU: an editor completes those that are known, and a newer kernel may have others. */
export type CpuStats = { cpu: number; [counter: string]: number | undefined } & {
  [counter in FlowCounter | ExpectationCounter]?: number;
};
