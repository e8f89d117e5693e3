/** The connection tracking tables of a network namespace, for programs. */
import { changesUnread, type Changes as FlowChanges } from "../command/changes.js";
import { changeParts, DELETION, type EntryRequest, updateTo } from "../command/entry-batch.js";
import { encodeNewFlow } from "../command/new-flow.js";
import { ProgramNames } from "../command/programs.js";
import * as C from "../ctnetlink/constants.js";
import * as counts from "../ctnetlink/counts.js";
import {
  encodeExpectCreate,
  encodeExpectDelete,
  encodeFlowChange,
  encodeFlowRemove,
  encodePlain,
  type FlowKey,
  type FlowChanges as KernelChanges,
} from "../ctnetlink/encode.js";
import { EVENT_NAMES, eventType } from "../ctnetlink/events.js";
import * as query from "../ctnetlink/queries.js";
import * as S from "../ctnetlink/slots.js";
import { ExpectView, FlowView, type MessageView } from "../ctnetlink/view.js";
import { statsObject } from "../format/stats.js";
import { eventNanoseconds, rfc3339 } from "../format/time.js";
import { exactNumber } from "../match/conditions.js";
import { dumpFlowParts } from "../match/dump.js";
import { compileFilter, type FlowFilter } from "../match/filter.js";
import { napiBackend } from "../netlink/backend/napi.js";
import type { Sockets } from "../netlink/backend/socket.js";
import { type Ahead, type NetlinkConnection, openConnection } from "../netlink/connection.js";
import { NLM_F_CREATE, NLM_F_EXCL } from "../netlink/constants.js";
import { EventListener, RECEIVE_BUFFER_BYTES } from "../netlink/events.js";
import { EEXIST, ENOENT } from "../system/errno.js";
import { AbortedError, ClosedError, ConntrackError, KernelError } from "../system/errors.js";
import type { LabelMap } from "../system/labelmap.js";
import { GROUP_SUMS, groupObject } from "../tally/group-rows.js";
import { GroupTable } from "../tally/group-table.js";
import { sortGroups } from "../tally/order.js";
import { dumpSortedParts } from "../tally/sorted.js";
import { tallyParts } from "../tally/tally.js";
import { runBulk, type WriteItem } from "./bulk.js";
import { disposable } from "./disposable.js";
import { EventStream } from "./event-stream.js";
import { type Expectation, readExpectation } from "./expectation.js";
import {
  type ExpectationKey,
  type NewExpectation,
  readExpectationKey,
  readNewExpectation,
} from "./expectation-requests.js";
import { explain, type Request } from "./explain.js";
import { type Filter, readFilter } from "./filter.js";
import { type Flow, readFlow } from "./flow.js";
import { type Group, type GroupOptions, readGroupOptions } from "./groups.js";
import { type Network, nodeFiles, OWN, openNetwork, readLabelMap } from "./node-host.js";
import type * as O from "./options.js";
import * as R from "./read-options.js";
import { type Changes, type Key, type NewFlow, readChanges, readKey, readNewFlow } from "./requests.js";
import { isTurnOver, nextTurn } from "./turns.js";
import { readName } from "./value-readers.js";
import { abandoned, Work } from "./work.js";

type DumpParts = Generator<void, { interrupted: boolean }, void>;

const DUMP_TYPES = { conntrack: C.CT_GET, dying: C.CT_GET_DYING, unconfirmed: C.CT_GET_UNCONFIRMED } as const;

/** For filters by age. */
const CLOCK = { nowMicroseconds: nodeFiles.nowMicroseconds };

/** Gives what closes all that a Conntrack holds. It does not know the Conntrack, which may be collected. */
function releasing(connection: NetlinkConnection, network: Network, open: Iterable<{ close(): void }>): () => void {
  return () => {
    for (const one of open) one.close();
    connection.close();
    network.close();
  };
}

/** Releases what a Conntrack holds that nobody closed, once it is collected. */
const forgotten = new FinalizationRegistry<() => void>((release) => release());

/**
 * The tables of one network namespace.
 *
 *     const conntrack = await Conntrack.open();
 *     for await (const flow of conntrack.list({ protocol: "tcp", orig: { dst: "192.0.2.0/24" } })) console.log(flow);
 *     conntrack.close();
 *
 * Throws a KernelError for what the kernel refuses (nearly everything needs CAP_NET_ADMIN), and a UsageError for arguments that make
 * no sense. The kernel answers single requests at once, so nothing waits in a queue.
 */
export class Conntrack {
  readonly #sockets: Sockets;
  readonly #network: Network;
  readonly #release: () => void;
  readonly #receiveBufferBytes: number;
  readonly #labelMapPath: string | undefined;
  /** For requests that are answered at once. */
  readonly #connection: NetlinkConnection;
  /** Sockets of work that goes on. */
  readonly #open = new Set<{ close(): void }>();
  /** For `using`: close(). Absent where Node lacks the symbol (before 20.4). */
  declare readonly [Symbol.dispose]: () => void;
  #labelMap: LabelMap | undefined;
  #closed = false;

  private constructor(backend: Sockets, options: O.OpenOptions) {
    const { network, receiveBufferBytes = RECEIVE_BUFFER_BYTES, labelMap } = R.readOpenOptions(options);
    const inside = network === undefined ? OWN : openNetwork(backend, network);
    this.#network = inside;
    this.#sockets = { ...backend, open: () => inside.inside(() => backend.open()) };
    this.#receiveBufferBytes = receiveBufferBytes;
    this.#labelMapPath = labelMap;
    try {
      this.#connection = openConnection(this.#sockets);
    } catch (error) {
      inside.close();
      throw error;
    }
    this.#release = releasing(this.#connection, inside, this.#open);
    forgotten.register(this, this.#release, this);
  }

  /**
   * Opens the tables.
   *
   *     const here = await Conntrack.open();
   *     const there = await Conntrack.open({ network: "blue" }); // ip netns add blue
   *     const container = await Conntrack.open({ network: process.pid }); // the namespace of a process
   *
   * @throws {KernelError} without netfilter's netlink in the kernel, or without the right to enter the network namespace.
   * @throws {UsageError} where there is no such namespace, or for an option that is unknown or undefined.
   * @throws {BackendError} where the native addon is missing.
   */
  static async open(options: O.OpenOptions = {}): Promise<Conntrack> {
    return new Conntrack(napiBackend(), options);
  }

  /**
   * Closes all sockets. Followers of events see their end; lists that are still being read fail.
   *
   *     const conntrack = await Conntrack.open();
   *     try {
   *       console.log(await conntrack.count());
   *     } finally {
   *       conntrack.close();
   *     }
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    forgotten.unregister(this);
    this.#release();
  }

  /**
   * Yields the flows that match as the kernel hands them over, some 200 at a time: the table is never in memory as a whole.
   * The command's `-L`.
   *
   *     for await (const flow of conntrack.list({ protocol: "tcp", state: "ESTABLISHED" }, { sort: "bytes", limit: 10 })) {
   *       console.log(flow.orig.src, flow.orig.bytes);
   *     }
   */
  list(filter: Filter | Flow = {}, options: O.ListOptions = {}): AsyncGenerator<Flow, void, undefined> {
    const { sort, limit, table, zero, ...work } = R.readListOptions(options);
    const resolved = this.#filter(filter);
    if (zero) R.checkZeroing(filter, table, limit);
    const dump = { ...CLOCK, type: zero ? C.CT_GET_CTRZERO : DUMP_TYPES[table] };
    return this.#dump({ command: "list", filter }, work, (connection, add: (flow: Flow) => void, ahead) => {
      const visit = (view: FlowView) => add(this.#flow(view, {}));
      return sort === undefined
        ? dumpFlowParts(connection, resolved, visit, { ...dump, limit }, ahead)
        : dumpSortedParts(connection, resolved, visit, dump, sort, limit, ahead);
    });
  }

  /**
   * Yields groups of flows with their sums once the table is read; it is never in memory as a whole, but the groups are. The
   * command's `-L --group-by`.
   *
   *     for await (const { group, flows } of conntrack.groups({ by: ["src", "dport"], limit: 10 })) console.log(group, flows);
   *
   * @throws {UsageError} for a field that is unknown or there twice, and for an order that the groups do not have.
   */
  groups(options: GroupOptions): AsyncGenerator<Group, void, undefined> {
    const { by, filter, sort, limit, table: name, ...work } = readGroupOptions(options);
    const resolved = this.#filter(filter as Filter);
    const table = new GroupTable(by, GROUP_SUMS);
    const type = DUMP_TYPES[name];
    const labels = by.some(({ base }) => base === "label") ? this.#labels() : undefined;
    const request = { command: "groups", filter: filter as Filter };
    return this.#dump(request, work, function* (connection, add: (group: Group) => void, ahead) {
      const result = yield* tallyParts(connection, resolved, [table], { ...CLOCK, type }, ahead);
      for (const row of sortGroups(table, sort).subarray(0, limit)) add(groupObject(table, row, labels) as Group);
      return result;
    });
  }

  /**
   * Yields expectations. The command's `-L expect`.
   *
   *     for await (const { expected, master } of conntrack.expectations({ family: "ipv4" })) {
   *       console.log(`${master.src} waits for ${expected.src} at port ${expected.dport}`);
   *     }
   */
  expectations(options: O.ExpectationOptions = {}): AsyncGenerator<Expectation, void, undefined> {
    const { family, ...work } = R.readExpectationOptions(options);
    const view = new ExpectView();
    return this.#dump({ command: "expectations" }, work, (connection, add: (expectation: Expectation) => void, ahead) =>
      connection.dumpParts(
        (writer) => encodePlain(writer, C.EXP_GET, family),
        (buffer, start, end) => {
          view.read(buffer, start, end);
          if (family === C.AF_UNSPEC || view.family === family) add(readExpectation(view, {}));
        },
        ahead,
      ),
    );
  }

  /**
   * The expectation that a tuple names, or undefined where there is none. The command's `-G expect`.
   *
   *     const expected = { src: "192.0.2.1", dst: "10.0.0.1", sport: 0, dport: 40000 };
   *     const expectation = await conntrack.getExpectation({ protocol: "tcp", expected });
   *     console.log(expectation?.timeout);
   */
  async getExpectation(key: ExpectationKey | Expectation): Promise<Expectation | undefined> {
    const { family, tuple, ...rest } = readExpectationKey(key);
    let expectation: Expectation | undefined;
    await this.#ask({ command: "getExpectation", flow: key }, [ENOENT], (connection) =>
      query.getExpectation(
        connection,
        family,
        tuple,
        (view) => {
          expectation = readExpectation(view, {});
        },
        rest,
      ),
    );
    return expectation;
  }

  /**
   * Creates an expectation: a flow to come that belongs to one that is there. The command's `-I expect`.
   *
   *     const created = await conntrack.createExpectation({
   *       protocol: "tcp",
   *       timeout: 300,
   *       master: { src: "10.0.0.1", dst: "192.0.2.1", sport: 50000, dport: 21 }, // a flow with a helper
   *       expected: { src: "192.0.2.1", dst: "10.0.0.1", sport: 0, dport: 40000 },
   *       mask: { sport: 0 }, // from any port
   *     });
   *
   * @returns the expectation as the kernel made it, or undefined where it has vanished again
   * @throws {KernelError} ENOENT where there is no such master; EINVAL where the kernel does not take it.
   */
  async createExpectation(expectation: NewExpectation | Expectation): Promise<Expectation | undefined> {
    const { family, ...template } = readNewExpectation(expectation);
    await this.#ask({ command: "createExpectation", flow: expectation }, [], (connection) =>
      connection.request((writer) => encodeExpectCreate(writer, NLM_F_CREATE | NLM_F_EXCL, family, template)),
    );
    const { protocol, expected, zone } = expectation as NewExpectation;
    return this.getExpectation({ protocol, expected, ...(zone === undefined ? {} : { zone }) });
  }

  /**
   * Deletes one expectation. The command's `-D expect`. All of them: `flush("expect")`.
   *
   *     for await (const expectation of conntrack.expectations()) {
   *       if (expectation.expected.dport === 40000) await conntrack.removeExpectation(expectation);
   *     }
   *
   * @returns whether it was there
   */
  async removeExpectation(key: ExpectationKey | Expectation): Promise<boolean> {
    const { family, tuple, ...rest } = readExpectationKey(key);
    return this.#ask({ command: "removeExpectation", flow: key }, [ENOENT], (connection) =>
      connection.request((writer) => encodeExpectDelete(writer, family, tuple, rest)),
    );
  }

  /**
   * The flow that a tuple names, or undefined where there is none. The command's `-G`.
   *
   *     const flow = await conntrack.get({
   *       protocol: "tcp",
   *       orig: { src: "10.0.0.1", dst: "192.0.2.1", sport: 50000, dport: 443 },
   *     });
   *     console.log(flow?.state);
   */
  async get(key: Key): Promise<Flow | undefined> {
    const resolved = readKey(key);
    let flow: Flow | undefined;
    await this.#ask({ command: "get", flow: key }, [ENOENT], (connection) =>
      query.getFlow(connection, resolved, (view) => {
        flow = this.#flow(view, {});
      }),
    );
    return flow;
  }

  /**
   * Creates a flow. The command's `-I`.
   *
   *     const created = await conntrack.create(
   *       {
   *         protocol: "udp",
   *         timeout: 120,
   *         orig: { src: "10.0.0.1", dst: "192.0.2.1", sport: 5000, dport: 53 },
   *         snat: { address: "198.51.100.7", port: 40123 },
   *         mark: 7,
   *       },
   *       { ifAbsent: true },
   *     );
   *
   * @returns the flow as the kernel made it, or undefined where it has vanished again
   * @throws {KernelError} EEXIST where a flow has one of its tuples already and `ifAbsent` is not set; ENOMEM where the table is
   * full; EINVAL for a flow that the kernel does not take.
   */
  async create(flow: NewFlow | Flow, options: O.CreateOptions = {}): Promise<Flow | undefined> {
    const harmless = R.readCreateOptions(options) ? [EEXIST] : [];
    const read = readNewFlow(flow, this.#labelBits);
    await this.#ask({ command: "create", flow }, harmless, (connection) =>
      connection.request((writer) => encodeNewFlow(writer, "create", read)),
    );
    return this.get({ ...flow, protocol: read.protonum! });
  }

  /**
   * Creates many flows, in batches: much quicker than one by one. Flows that are there already are counted, and stay as they are.
   *
   *     const { done, existing, failed, firstError } = await conntrack.createMany(flows);
   *     if (failed > 0) console.error(firstError);
   *     console.log(`${done} created, ${existing} were there`);
   *
   * @throws {UsageError} for a flow that makes no sense. Those before it were created: `done` says how many.
   */
  createMany<Item extends NewFlow | Flow>(
    flows: Iterable<Item> | AsyncIterable<Item>,
    options: O.BulkOptions<Item> = {},
  ): Promise<O.BulkResult> {
    return this.#bulk("createMany", flows, options, (writer, flow) =>
      encodeNewFlow(writer, "create", readNewFlow(flow, this.#labelBits)),
    );
  }

  /**
   * Deletes one flow that the caller knows, at its own cost: the table is not searched. With an `id`, as a listed flow has it, a
   * later flow with the same tuple stays.
   *
   *     for await (const flow of conntrack.list({ orig: { src: "10.0.0.66" } })) {
   *       if (flow.status?.includes("ASSURED")) await conntrack.remove(flow);
   *     }
   *
   * @returns whether it was there
   */
  async remove(key: Key): Promise<boolean> {
    const resolved = readKey(key);
    return this.#ask({ command: "remove", flow: key }, [ENOENT], (connection) =>
      connection.request((writer) => encodeFlowRemove(writer, resolved)),
    );
  }

  /**
   * Deletes many flows that the caller knows, as `remove`, in batches.
   *
   *     const { done, missing } = await conntrack.removeMany(flows, { signal: AbortSignal.timeout(5000) });
   *     console.log(`${done} deleted, ${missing} had gone already`);
   */
  removeMany<Item extends Key>(
    keys: Iterable<Item> | AsyncIterable<Item>,
    options: O.BulkOptions<Item> = {},
  ): Promise<O.BulkResult> {
    return this.#bulk("removeMany", keys, options, (writer, key) => encodeFlowRemove(writer, readKey(key)));
  }

  /**
   * Changes one flow that the caller knows, at its own cost: the table is not searched. It is whichever flow has the tuple now: the
   * kernel compares no `id` here.
   *
   *     const orig = { src: "10.0.0.1", dst: "192.0.2.1", sport: 50000, dport: 443 };
   *     const wasThere = await conntrack.change({ protocol: "tcp", orig }, { timeout: 60, mark: { value: 0x10, mask: 0xf0 } });
   *
   * @returns whether it was there
   */
  async change(key: Key, changes: Changes): Promise<boolean> {
    const changesOf = this.#changing(changes);
    return this.#ask({ command: "change", flow: key }, [ENOENT], (connection) => {
      const resolved = readKey(key);
      const wanted = changesOf(resolved);
      connection.request((writer) => encodeFlowChange(writer, resolved, wanted));
    });
  }

  /**
   * Changes many flows that the caller knows, as `change`, in batches. The changes are the same for all, or made for each.
   *
   *     await conntrack.changeMany(flows, { timeout: 30 });
   *     await conntrack.changeMany(conntrack.list({ protocol: "udp" }), (flow) => ({ mark: flow.orig.dport ?? 0 }));
   */
  changeMany<Item extends Key>(
    keys: Iterable<Item> | AsyncIterable<Item>,
    changes: Changes | ((key: Item) => Changes),
    options: O.BulkOptions<Item> = {},
  ): Promise<O.BulkResult> {
    const same = typeof changes === "function" ? undefined : this.#changing(changes);
    return this.#bulk("changeMany", keys, options, (writer, key) => {
      const changesOf = same ?? this.#changing((changes as (key: Item) => Changes)(key));
      const resolved = readKey(key);
      encodeFlowChange(writer, resolved, changesOf(resolved));
    });
  }

  /**
   * Changes the flows that match; returns how many were changed. One that is as it should be already does not count, nor does
   * one that has no room for labels. The command's `-U`.
   *
   *     const changed = await conntrack.update({ protocol: "tcp", orig: { dport: [80, 443] } }, { timeout: 600 });
   *
   * @throws {AbortedError} once the signal is aborted: `done` says how many were changed.
   */
  async update(filter: Filter | Flow, changes: Changes, options: O.Stoppable = {}): Promise<number> {
    const resolved = this.#filter(filter);
    const read = readChanges(changes, exactNumber(resolved.protonum), this.#labelBits);
    return this.#change({ command: "update", filter }, resolved, updateTo(read), R.readStoppable(options));
  }

  /**
   * Deletes the flows that match, all of them for `{}`; returns how many that were. The command's `-D`.
   *
   *     const deleted = await conntrack.delete({ orig: { src: { not: ["10.0.0.0/8"] } }, status: ["!ASSURED"] });
   *
   * @throws {AbortedError} once the signal is aborted: `done` says how many were deleted.
   */
  async delete(filter: Filter | Flow, options: O.Stoppable = {}): Promise<number> {
    return this.#change({ command: "delete", filter }, this.#filter(filter), DELETION, R.readStoppable(options));
  }

  /**
   * Empties a table, that of flows where none is named. The command's `-F`; for the flows of one family there is
   * `delete({ family: "ipv6" })`.
   *
   *     await conntrack.flush(); // all flows
   *     await conntrack.flush("expect");
   *
   * @throws {UsageError} for a name that is no table's, undefined too: nothing is emptied then.
   */
  async flush(...tables: [table?: O.TableName]): Promise<void> {
    // A name that was lost on the way must not become that of the flows.
    const table = tables.length === 0 ? "conntrack" : readName("table", tables[0], R.TABLES);
    const type = table === "expect" ? C.EXP_DELETE : C.CT_DELETE;
    const work = this.#work();
    try {
      const connection = work.connect();
      const parts = connection.requestParts((writer) => encodePlain(writer, type, C.AF_UNSPEC), work.gate.open);
      while (!(await work.step(parts, connection, () => this.#requests())).done);
    } catch (error) {
      throw this.#explain(error, { command: "flush" });
    } finally {
      work.close();
    }
  }

  /**
   * How many entries a table holds. The command's `-C`.
   *
   *     console.log(`${await conntrack.count()} flows, ${await conntrack.count("expect")} expectations`);
   */
  async count(table: O.TableName = "conntrack"): Promise<number> {
    const count = readName("table", table, R.TABLES) === "expect" ? counts.countExpectations : counts.countFlows;
    let entries = 0;
    await this.#ask({ command: "count" }, [], (connection) => {
      entries = count(connection);
    });
    return entries;
  }

  /**
   * The kernel's counters, one object a CPU. The command's `-S`.
   *
   *     const drops = (await conntrack.stats()).reduce((sum, cpu) => sum + (cpu.drop ?? 0), 0);
   */
  async stats(table: O.TableName = "conntrack"): Promise<O.CpuStats[]> {
    const name = readName("table", table, R.TABLES);
    let stats: O.CpuStats[] = [];
    await this.#ask({ command: "stats" }, [], (connection) => {
      stats = query.cpuStats(connection, name).map(statsObject);
    });
    return stats;
  }

  /**
   * Follows what happens to flows, from the moment of the call on. The command's `-E`.
   *
   * What the reader does not take waits in the kernel's receive buffer. Where that overruns, an item says that events are
   * lost. Leaving the loop closes the socket; an aborted signal does too, and its reason is thrown.
   *
   *     for await (const event of conntrack.events({ types: ["new", "destroy"], filter: { protocol: "tcp" } })) {
   *       if (event.event === "lost") console.error(`${event.count ?? "some"} events lost`);
   *       else console.log(event.time, event.event, event.orig.src, event.orig.dst);
   *     }
   */
  events(options: O.EventOptions = {}): O.Events<O.FlowEvent | O.LostEvents> {
    const { filter, ...work } = R.readEventOptions(options, true);
    const matches =
      filter === undefined ? undefined : compileFilter(this.#filter(filter as Filter), CLOCK.nowMicroseconds);
    return this.#follow(C.FLOW_GROUPS, work, new FlowView(), (view, head) =>
      matches === undefined || matches(view) ? this.#flow(view, head()) : undefined,
    );
  }

  /**
   * Follows what happens to expectations. The command's `-E expect`.
   *
   *     for await (const event of conntrack.expectationEvents()) {
   *       if (event.event !== "lost") console.log(event.event, event.expected.dst, event.expected.dport);
   *     }
   */
  expectationEvents(options: O.ExpectationEventOptions = {}): O.Events<O.ExpectationEvent | O.LostEvents> {
    const work = R.readEventOptions(options, false);
    return this.#follow(C.EXPECT_GROUPS, work, new ExpectView(), (view, head) => readExpectation(view, head()));
  }

  #requests(): NetlinkConnection {
    if (this.#closed) throw new ClosedError();
    return this.#connection;
  }

  /** Has one request answered. Returns false where the kernel answers with one of the `harmless` errors. */
  async #ask(request: Request, harmless: readonly number[], work: (connection: NetlinkConnection) => void) {
    const connection = this.#requests();
    let done = true;
    try {
      work(connection);
    } catch (error) {
      if (!(error instanceof KernelError && harmless.includes(error.errno))) throw this.#explain(error, request);
      done = false;
    }
    // Whoever awaits one request after the other never lets go of the loop otherwise.
    if (isTurnOver()) await nextTurn();
    return done;
  }

  #explain(error: unknown, request: Request): unknown {
    return explain(error, request, (errno) => this.#sockets.strerror(errno));
  }

  /** Gives what to send for a flow that is to be changed. It may ask the kernel. */
  #changing(changes: Changes): (key: FlowKey) => KernelChanges {
    let protonum: number | undefined;
    let read: FlowChanges | undefined;
    return (key) => {
      // A state is one of the protocol's.
      if (read === undefined || protonum !== key.tuple.protonum) {
        protonum = key.tuple.protonum;
        read = readChanges(changes, protonum, this.#labelBits);
      }
      let status: number | undefined;
      if (read.status !== undefined) {
        query.getFlow(this.#requests(), key, (view) => {
          status = view.u32(S.TOP + C.CTA_STATUS);
        });
      }
      return changesUnread(read, status);
    };
  }

  async #bulk<Item extends object>(
    command: string,
    items: Iterable<Item> | AsyncIterable<Item>,
    options: O.BulkOptions<Item>,
    write: WriteItem<Item>,
  ): Promise<O.BulkResult> {
    R.checkIterable("flows", items);
    const { signal, onResult } = R.readBulkOptions<Item>(options);
    const failure = (errno: number, flow: Item) =>
      this.#explain(new KernelError(errno, "netlink request"), { command, flow }) as KernelError;
    try {
      return await runBulk(() => this.#requests(), items, write, { signal, onResult, failure }, this.#open);
    } catch (error) {
      throw this.#explain(error, { command });
    }
  }

  #filter(filter: Filter | Flow): FlowFilter {
    return readFilter(filter, this.#labelBits);
  }

  readonly #labelBits = (name: string): number | undefined => this.#labels().bits.get(name);

  /** The names of labels, read when they are first needed. */
  #labels(): LabelMap {
    this.#labelMap ??= readLabelMap(this.#labelMapPath);
    return this.#labelMap;
  }

  #flow<Head extends object>(view: FlowView, head: Head): Head & Flow {
    return readFlow(view, view.has(S.TOP + C.CTA_LABELS) ? this.#labels() : undefined, head);
  }

  /** Work that goes on while others get their turn. */
  #work(): Work {
    this.#requests();
    return new Work(this.#sockets, this.#open);
  }

  /** Yields what the parts of a dump bring; between them others get their turn. */
  #dump<Item>(
    request: Request,
    options: R.ListWork,
    start: (connection: NetlinkConnection, add: (item: Item) => void, ahead: Ahead) => DumpParts,
  ): AsyncGenerator<Item, void, undefined> {
    const work = new Work(this.#sockets, this.#open);
    const items = this.#items(work, request, options, start);
    abandoned.register(items, work);
    return items;
  }

  async *#items<Item>(
    work: Work,
    request: Request,
    { signal, onInterrupted }: R.ListWork,
    start: (connection: NetlinkConnection, add: (item: Item) => void, ahead: Ahead) => DumpParts,
  ): AsyncGenerator<Item, void, undefined> {
    const check = () => {
      this.#requests();
      signal?.throwIfAborted();
    };
    const items: Item[] = [];
    try {
      check();
      const connection = work.connect();
      const parts = start(connection, (item) => items.push(item), work.gate.open);
      for (;;) {
        items.length = 0;
        const { done, value } = await work.step(parts, connection, check, signal);
        check();
        for (const item of items) {
          yield item;
          signal?.throwIfAborted();
          if (isTurnOver()) await nextTurn();
        }
        if (done) {
          if (value.interrupted) onInterrupted?.();
          return;
        }
      }
    } catch (error) {
      throw this.#explain(error, request);
    } finally {
      work.close();
    }
  }

  /** Makes a request about the flows that match, in batches, while they are dumped. Returns for how many the kernel did it. */
  async #change(
    request: Request,
    filter: FlowFilter,
    change: EntryRequest,
    signal: O.StopSignal | undefined,
  ): Promise<number> {
    const work = this.#work();
    let count = 0;
    const check = () => {
      this.#requests();
      if (signal?.aborted) throw new AbortedError(count, { cause: signal.reason });
    };
    try {
      const dump = work.connect();
      const connections = { dump, changes: work.connect() };
      const parts = changeParts(
        connections,
        filter,
        change,
        { done: (_, { length }) => (count += length / 2) },
        CLOCK,
        work.gate.open,
      );
      while (!(await work.step(parts, dump, check, signal)).done);
      return count;
    } catch (error) {
      if (error instanceof ConntrackError) error.done = count;
      throw this.#explain(error, request);
    } finally {
      work.close();
    }
  }

  /** Follows the events of `groups`, which are in the order new, update, destroy. */
  #follow<View extends MessageView, Event>(
    groups: readonly number[],
    { types, signal, programs }: R.FollowWork,
    view: View,
    read: (view: View, head: () => O.EventHead) => Event | undefined,
  ): O.Events<Event | O.LostEvents> {
    this.#requests();
    const joined = groups.filter((_, i) => types.includes(EVENT_NAMES[i]!));
    const listener = EventListener.open(this.#sockets, joined);
    listener.setReceiveBuffer(this.#receiveBufferBytes);
    const names = programs ? this.#programs() : undefined;
    const head = (): O.EventHead => {
      const event: O.EventHead = {
        event: EVENT_NAMES[eventType(view) - 1]!,
        time: rfc3339(eventNanoseconds(view, nodeFiles)),
      };
      const { portId } = view;
      if (portId === 0) return event;
      event.portid = portId;
      const name = names?.of(portId);
      if (name !== undefined) event.progname = Buffer.from(name).toString();
      return event;
    };
    const items = {
      message: (buffer: Uint8Array, start: number, end: number) => {
        view.read(buffer, start, end);
        return read(view, head);
      },
      lost: (count: number | undefined): O.LostEvents => ({
        event: "lost",
        time: rfc3339(1000n * BigInt(nodeFiles.nowMicroseconds())),
        ...(count === undefined ? {} : { count }),
      }),
    };
    return new EventStream<Event | O.LostEvents>(listener, items, signal, this.#open);
  }

  /** /proc shows the sockets of the namespace that the reader is in. */
  #programs(): ProgramNames {
    const readFile = (path: string) => this.#network.inside(() => nodeFiles.readFile(path));
    return new ProgramNames({ ...nodeFiles, readFile });
  }
}

disposable(Conntrack, "dispose", (conntrack) => conntrack.close());
