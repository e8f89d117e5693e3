/** Reads the facts: the counters, one dump of the table, the settings. It changes nothing. */
import * as C from "../ctnetlink/constants.js";
import { fieldSet } from "../ctnetlink/fields.js";
import * as S from "../ctnetlink/slots.js";
import type { Counter as EntryCounter } from "../ctnetlink/view.js";
import { checkStatus, type DumpOptions } from "../match/dump.js";
import type { FlowFilter, Predicate } from "../match/filter.js";
import type { Ahead, NetlinkConnection } from "../netlink/connection.js";
import { isSourceTranslated } from "../protocol/nat.js";
import { protocolByNumber } from "../protocol/protocols.js";
import { EPERM } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import { fromUtf8 } from "../system/text.js";
import { expiresField, type Field, fieldByName, replyPortField, valueText } from "../tally/fields.js";
import { GroupTable } from "../tally/group-table.js";
import { FLOWS, OFFLOADED, UNASSURED, UNREPLIED } from "../tally/sums.js";
import { tally, tallyParts } from "../tally/tally.js";
import { growthOf, sumCounters } from "./counters.js";
import { type ReadFile, readOccupancy, readStats } from "./counts.js";
import type { Counter, Facts, FlowFacts, Idle, Memory, PortUse, Setting, Share, Talker } from "./facts.js";
import { SETTINGS_DIRECTORY, SETTINGS_PREFIX, SWITCH_DEFAULTS, TIMEOUT_DEFAULTS } from "./settings.js";

/** What the collector works with. */
export interface Sources {
  readonly connection: NetlinkConnection;
  nowMicroseconds(): number;
  readonly readFile: ReadFile;
}

/**
 * Tables of talkers hold so many groups: they stay small, and in the cache of the CPU, in a flood of made-up addresses. A group
 * that is worth showing has 1 % of the flows, so it is among the first thousands: the order of a dump is that of a keyed hash.
 */
const MOST_GROUPS = 1 << 13;
/** So many sources and destinations are kept. */
const TALKERS = 3;
/** Idle times are told in steps of so many seconds. */
const IDLE_STEP_SECONDS = 60;
const IDLE_SECONDS = [300, 3600, 86400] as const;
/** Ports that NAT can choose for a source port above 1023: see Facts.ports. */
export const NAT_PORTS = 64512;
/** Port use is worth showing from this share on. */
const PORT_USE_SHOWN = 0.5;

const named = (name: string): Field => fieldByName(name)!;

const TCP_STATE = S.TCP + C.CTA_PROTOINFO_TCP_STATE;
const STATUS = S.TOP + C.CTA_STATUS;
const ESTABLISHED = protocolByNumber(6)!.protoinfo!.states.indexOf("ESTABLISHED");

const IS_ESTABLISHED = fieldSet(1, [{ from: Uint8Array.of(ESTABLISHED), to: Uint8Array.of(ESTABLISHED) }]);

const isAssuredAndEstablished: Predicate = (view) =>
  view.has(TCP_STATE) &&
  view.isIn(TCP_STATE, IS_ESTABLISHED) &&
  view.has(STATUS) &&
  view.bits(STATUS, C.IPS_ASSURED) !== 0;

function tables() {
  const endpoint = () => [named("protocol"), named("dst"), named("dport")];
  const talkers = { most: MOST_GROUPS };
  return {
    kinds: new GroupTable([named("protocol"), named("state")], [FLOWS, UNREPLIED, UNASSURED, OFFLOADED]),
    sources: new GroupTable([named("src")], [FLOWS, UNREPLIED], talkers),
    destinations: new GroupTable(endpoint(), [FLOWS, UNREPLIED], talkers),
    pairs: new GroupTable([named("src"), ...endpoint()], [FLOWS], talkers),
    ports: new GroupTable([named("snat"), named("protocol"), named("reply-src"), replyPortField("sport")], [FLOWS], {
      ...talkers,
      where: isSourceTranslated,
    }),
    idle: new GroupTable([expiresField(IDLE_STEP_SECONDS)], [FLOWS], { where: isAssuredAndEstablished }),
  };
}

type Tables = ReturnType<typeof tables>;

/** The rows with the largest first sum, the largest first. */
function largest(table: GroupTable, count: number, wanted: (row: number) => boolean = () => true): number[] {
  const best: number[] = [];
  for (let row = 0; row < table.size; row++) {
    if (best.length === count && table.sum(row, 0) <= table.sum(best[count - 1]!, 0)) continue;
    if (!wanted(row)) continue;
    let at = best.length;
    while (at > 0 && table.sum(best[at - 1]!, 0) < table.sum(row, 0)) at--;
    best.splice(at, 0, row);
    if (best.length > count) best.pop();
  }
  return best;
}

const text = (table: GroupTable, row: number, field: number) => valueText(table.value(row, field));

/** ADDRESS:PORT, or the address alone where there are no ports; IPv6 in brackets. */
function endpointText(table: GroupTable, row: number, address: number): string {
  const host = text(table, row, address);
  const port = text(table, row, address + 1);
  if (port === "-") return host;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The flows by the text of a field, the most first. */
function shares(table: GroupTable, field: number, wanted: (row: number) => boolean = () => true): Share[] {
  const sums = new Map<string, number>();
  for (let row = 0; row < table.size; row++) {
    if (!wanted(row)) continue;
    const name = text(table, row, field);
    sums.set(name, (sums.get(name) ?? 0) + table.sum(row, 0));
  }
  return [...sums].map(([name, flows]) => ({ name, flows })).sort((a, b) => b.flows - a.flows);
}

/** Both tables have the source as their first field. */
function haveSameSource(a: GroupTable, row: number, b: GroupTable, other: number): boolean {
  const [first, second] = [a.keyOffset(row), b.keyOffset(other)];
  const { width } = a.fields[0]!;
  for (let i = 0; i < width; i++) if (a.keyBytes[first + i] !== b.keyBytes[second + i]) return false;
  return true;
}

function sourcesOf({ sources, pairs }: Tables): Talker[] {
  return largest(sources, TALKERS).map((row) => {
    const name = text(sources, row, 0);
    const [main] = largest(pairs, 1, (pair) => haveSameSource(sources, row, pairs, pair));
    const mostly = main === undefined ? undefined : { name: endpointText(pairs, main, 2), flows: pairs.sum(main, 0) };
    const talker = { name, flows: sources.sum(row, 0), unreplied: sources.sum(row, 1) };
    return mostly === undefined ? talker : { ...talker, mostly };
  });
}

function destinationsOf({ destinations }: Tables): Talker[] {
  return largest(destinations, TALKERS).map((row) => ({
    name: endpointText(destinations, row, 1),
    flows: destinations.sum(row, 0),
    unreplied: destinations.sum(row, 1),
  }));
}

function portsOf({ ports }: Tables): PortUse[] {
  return largest(ports, TALKERS, (row) => ports.sum(row, 0) >= PORT_USE_SHOWN * NAT_PORTS).map((row) => ({
    address: text(ports, row, 0),
    protocol: text(ports, row, 1),
    destination: endpointText(ports, row, 2),
    flows: ports.sum(row, 0),
  }));
}

/**
 * Idle time is the timeout that is set less the timeout that is left. The kernel gives connections with unacknowledged data,
 * or with many retransmissions, a shorter timeout; so of one whose rest is that short it cannot be told.
 */
function idleOf({ idle }: Tables, settings: ReadonlyMap<string, number>): Idle | undefined {
  const timeoutSeconds = settings.get("tcp_timeout_established");
  if (timeoutSeconds === undefined) return undefined;
  const shorter = ["tcp_timeout_unacknowledged", "tcp_timeout_max_retrans"].map((name) => settings.get(name) ?? 0);
  const ambiguous = Math.max(...shorter);
  let unknown = 0;
  const flows = IDLE_SECONDS.map(() => 0);
  for (let row = 0; row < idle.size; row++) {
    const count = idle.sum(row, 0);
    const left = (idle.value(row, 0) as number) * IDLE_STEP_SECONDS;
    if (left > timeoutSeconds || (left < ambiguous && ambiguous < timeoutSeconds)) unknown += count;
    else {
      // Of a step the longest rest counts, so that no connection is said to be idle for longer than it is.
      const idleSeconds = timeoutSeconds - left - IDLE_STEP_SECONDS;
      IDLE_SECONDS.forEach((seconds, i) => {
        if (idleSeconds >= seconds) flows[i]! += count;
      });
    }
  }
  return {
    timeoutSeconds,
    longerThan: IDLE_SECONDS.map((seconds, i) => ({ seconds, flows: flows[i]! })),
    unknown,
  };
}

/** Reads numbers from files and remembers what could not be read. */
class Numbers {
  readonly gaps: string[] = [];
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** The number in a sysctl's file; undefined, and a gap, where it cannot be read. */
  setting(name: string): number | undefined {
    try {
      const value = Number.parseInt(fromUtf8(this.#sources.readFile(SETTINGS_DIRECTORY + name)), 10);
      return Number.isNaN(value) ? undefined : value;
    } catch {
      return undefined;
    }
  }

  memory(buckets: number | undefined): Memory {
    const bucketBytes = buckets === undefined ? {} : { bucketBytes: 8 * buckets };
    try {
      const line = /^nf_conntrack +\d+ +(\d+) +(\d+) /m.exec(fromUtf8(this.#sources.readFile("/proc/slabinfo")));
      if (line !== null) return { entryBytes: Number(line[1]) * Number(line[2]), ...bucketBytes };
      this.gaps.push("/proc/slabinfo has no line for nf_conntrack: the memory of entries is not known");
    } catch {
      this.gaps.push("/proc/slabinfo cannot be read: the memory of entries is not known");
    }
    return bucketBytes;
  }
}

function settingsOf(numbers: Numbers): Map<string, number> {
  const found = new Map<string, number>();
  for (const name of ["max", "buckets", ...Object.keys(TIMEOUT_DEFAULTS), ...Object.keys(SWITCH_DEFAULTS)]) {
    const value = numbers.setting(name);
    if (value !== undefined) found.set(name, value);
  }
  if (found.size === 0) numbers.gaps.push(`no setting below ${SETTINGS_DIRECTORY}* can be read`);
  return found;
}

function settingList(found: ReadonlyMap<string, number>): Setting[] {
  return [...found].map(([name, value]) => {
    const usual = TIMEOUT_DEFAULTS[name] ?? SWITCH_DEFAULTS[name];
    return { name: SETTINGS_PREFIX + name, value, ...(usual === undefined ? {} : { default: usual }) };
  });
}

/** What the tables say of the flows that matched. */
function flowFacts(groups: Tables): FlowFacts {
  const { kinds } = groups;
  const sum = (index: number) => Number(kinds.total(index));
  const isTcp = (row: number) => text(kinds, row, 0) === "tcp";
  return {
    flows: sum(0),
    protocols: shares(kinds, 0),
    states: shares(kinds, 1, isTcp),
    unreplied: sum(1),
    unassured: sum(2),
    offloaded: sum(3),
    sources: sourcesOf(groups),
    destinations: destinationsOf(groups),
    ports: portsOf(groups),
  };
}

/**
 * What a saved table says: of its flows everything, of the limit, the counters and the settings nothing.
 * @param connection answers with the flows of the file that is called `from`
 */
export function collectSavedFacts(
  connection: NetlinkConnection,
  from: string,
  filter: FlowFilter,
  options: DumpOptions = {},
): Facts {
  checkStatus(filter);
  const groups = tables();
  const read: EntryCounter = { count: 0 };
  tally(connection, filter, Object.values(groups), { ...options, read });
  return {
    from,
    entries: read.count,
    counters: [],
    ...flowFacts(groups),
    settings: [],
    memory: {},
    gaps: ["a saved table does not tell the limit, the counters, the settings, idle times and the memory"],
  };
}

/** The flows, added up, part by part; undefined, and a gap, for who may not read them. */
function* readFlows(
  { connection }: Sources,
  filter: FlowFilter,
  options: DumpOptions,
  ahead: Ahead,
  gaps: string[],
): Generator<void, Tables | undefined, void> {
  const groups = tables();
  try {
    const { interrupted } = yield* tallyParts(connection, filter, Object.values(groups), options, ahead);
    if (interrupted) gaps.push("the table changed while it was read: entries may be missing or counted twice");
    return groups;
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== EPERM) throw error;
    gaps.push("the flows, and so who fills the table: reading them takes CAP_NET_ADMIN");
    return undefined;
  }
}

/**
 * Collects the facts. Without CAP_NET_ADMIN those of /proc; throws KernelError where /proc does not have them either.
 * @param filter restricts what is said of flows; the counters and settings are those of the namespace
 * @param intervalSeconds the time between two samples of the counters; 0: one sample, no rates
 * @param sleep waits, or returns early where a signal came
 */
export function collectFacts(
  sources: Sources,
  filter: FlowFilter,
  intervalSeconds: number,
  sleep: (milliseconds: number) => void,
  options: DumpOptions = {},
): Facts {
  const parts = collectParts(sources, filter, intervalSeconds, options, true);
  for (;;) {
    const { done, value } = parts.next();
    if (done) return value;
    if (value > 0) sleep(Math.max(0, (value - sources.nowMicroseconds()) / 1000));
  }
}

/** Steps that are all due at once. */
function* atOnce<Result>(steps: Generator<void, Result, void>): Generator<number, Result, void> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    yield 0;
  }
}

/**
 * The same part by part. Each step says when the next one is due, in microseconds since 1970; 0: at once. Broken off, it leaves the
 * connection good for close() only.
 * @param ahead see NetlinkConnection.dumpParts
 */
export function* collectParts(
  sources: Sources,
  filter: FlowFilter,
  intervalSeconds: number,
  options: DumpOptions,
  ahead: Ahead,
): Generator<number, Facts, void> {
  const { connection, readFile } = sources;
  checkStatus(filter);
  const numbers = new Numbers(sources);
  const begun = sources.nowMicroseconds();
  const counts = () => ({ table: readOccupancy(connection, readFile), stats: readStats(connection, readFile) });
  const first = counts();
  const groups = yield* atOnce(readFlows(sources, filter, options, ahead, numbers.gaps));
  const found = settingsOf(numbers);
  if (intervalSeconds > 0) yield begun + intervalSeconds * 1e6;
  const seconds = (sources.nowMicroseconds() - begun) / 1e6;
  const last = intervalSeconds > 0 ? counts() : undefined;
  const growth = last && growthOf(first.stats, last.stats);
  const counters: Counter[] = sumCounters((last ?? first).stats).map(({ name, total }) => ({
    name,
    total,
    ...(growth === undefined ? {} : { perSecond: (growth.get(name) ?? 0) / seconds }),
  }));
  const { entries, limit = found.get("max") } = (last ?? first).table;
  const buckets = found.get("buckets");
  const idle = groups && idleOf(groups, found);
  if (groups !== undefined && idle === undefined)
    numbers.gaps.push("the timeout of established TCP is not known: nor are idle times");
  return {
    entries,
    ...(limit === undefined ? {} : { limit }),
    ...(last === undefined ? {} : { entriesPerSecond: (last.table.entries - first.table.entries) / seconds }),
    ...(buckets === undefined ? {} : { buckets }),
    counters,
    ...(groups && flowFacts(groups)),
    ...(idle === undefined ? {} : { idle }),
    settings: settingList(found),
    memory: numbers.memory(buckets),
    gaps: numbers.gaps,
  };
}
