/**
 * Decides what of the table is read and when, so that the view costs a fixed part of one CPU however large the table is.
 *
 * Where a full pass is cheap, every interval has one. Else each interval reads a sample, the first entries of a dump, and full
 * passes come as often as their share of the CPU allows. The order of a dump is that of a keyed hash of the tuples, so its
 * beginning is a fair sample, and the same one every time.
 */
import { countFlows } from "../ctnetlink/counts.js";
import { cpuStats } from "../ctnetlink/queries.js";
import type { NetlinkConnection } from "../netlink/connection.js";
import type { LocalTime } from "../system/local-time.js";
import { fromUtf8 } from "../system/text.js";
import type { Bounds } from "../tally/group-table.js";
import type { Repeater } from "../trace/repeater.js";
import { FlowMemory } from "./flow-memory.js";
import type { Traits } from "./frequent.js";
import { fullPass, type Pass, type PassRequest, SCREEN_BOUNDS, samplePass } from "./passes.js";
import { type KernelRates, type Picture, scaleOf } from "./picture.js";

/** What the reader works with. */
export interface Surroundings {
  /** Opens a connection to the kernel. */
  connect(): NetlinkConnection;
  nowMicroseconds(): number;
  localTime(seconds: number): LocalTime | undefined;
  /** Does messages that are like one before; a new one for each pass. */
  repeater(): Repeater | undefined;
  /** A file of /proc; throws where it cannot be read. */
  readFile(path: string): Uint8Array;
}

/** Parts of one CPU: for the samples, one in each interval, and for full passes. What is drawn takes some percent more. */
const SAMPLE_SHARE = 0.03;
const FULL_SHARE = 0.12;
/** A sample needs no more than this, however long the interval is: it is good enough then. */
const LONGEST_SAMPLE_MICROS = 80_000;
/** The entries of a sample: of the first one, and at least. The number is halved or doubled where that fits the share better. */
const FIRST_SAMPLE = 4000;
const LEAST_SAMPLE = 1000;

/** A table of so few entries is read as a whole each time, unless that takes half of the interval. */
const SMALL_TABLE = 25_000;
const SMALL_TABLE_SHARE = 0.5;

const MICROS = 1e6;

interface Running {
  readonly connection: NetlinkConnection;
  readonly steps: Generator<void, Pass, void>;
  readonly isFull: boolean;
  /** How long the CPU has been busy with it. */
  cpuMicros: number;
}

const two = (n: number) => String(n).padStart(2, "0");

export class Reader {
  /** What is read; set by `begin`. */
  #request: PassRequest;
  #intervalSeconds: number;
  /**
   * Whether the passes that begin from now on count what the flows of each group have most often: all but the full passes
   * between samples, which do that.
   */
  countsTraits = false;
  readonly #around: Surroundings;
  readonly #host: string;
  readonly #limit: number | undefined;
  readonly #accounting: boolean | undefined;

  #entries = 0;
  #change: number | undefined;
  #countedAt: number | undefined;
  #totals: ReadonlyMap<string, number> | undefined;
  #kernel: KernelRates | undefined;

  #samples: readonly Pass[] = [];
  #fulls: readonly Pass[] = [];
  #main: Pass | undefined;
  #traits: Traits | undefined;
  #memory = new FlowMemory();
  #memoryStart: number | undefined;
  /** How many entries a sample has. */
  #sampleEntries = FIRST_SAMPLE;
  /** How long the CPU was busy with the last full pass, and when the next one may begin. */
  #fullMicros: number | undefined;
  #fullDue = 0;
  #isFullWanted = false;
  #isOwed = true;
  #running: Running | undefined;
  #nextTick = 0;

  constructor(request: PassRequest, intervalSeconds: number, around: Surroundings) {
    this.#request = request;
    this.#intervalSeconds = intervalSeconds;
    this.#around = around;
    const read = (path: string) => {
      try {
        return fromUtf8(around.readFile(path)).trim();
      } catch {
        return undefined;
      }
    };
    const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
    this.#host = read("/proc/sys/kernel/hostname") ?? "conntrack";
    this.#limit = number(read("/proc/sys/net/netfilter/nf_conntrack_max"));
    const accounting = number(read("/proc/sys/net/netfilter/nf_conntrack_acct"));
    this.#accounting = accounting === undefined ? undefined : accounting !== 0;
  }

  set intervalSeconds(seconds: number) {
    this.#intervalSeconds = seconds;
    this.#nextTick = Math.min(this.#nextTick, this.#now() + seconds * MICROS);
  }

  /** Whether a pass is under way. */
  get isReading(): boolean {
    return this.#running !== undefined;
  }

  /** When there is something to do next, in microseconds since 1970. */
  get dueMicros(): number {
    return this.#nextTick;
  }

  /** Reads something else from now on. What flows have counted stays known while the filter does. */
  begin(request: PassRequest): void {
    if (request.filter !== this.#request.filter) {
      this.#memory = new FlowMemory();
      this.#memoryStart = undefined;
      this.#fullMicros = undefined;
    }
    this.stop();
    this.#request = request;
    this.#samples = [];
    this.#fulls = [];
    this.#main = undefined;
    this.#traits = undefined;
    this.#fullDue = 0;
    this.#nextTick = 0;
    this.#isOwed = true;
  }

  /** Whether somebody has asked for what only a full pass brings, and that has not ended. */
  get isOwed(): boolean {
    return this.#isOwed;
  }

  /** A full pass as soon as may be. */
  wantFull(): void {
    this.#isFullWanted = true;
    this.#isOwed = true;
    this.#nextTick = 0;
  }

  /** Ends a pass that is under way. */
  stop(): void {
    this.#running?.connection.close();
    this.#running = undefined;
  }

  /** Works for about `micros`. Returns whether there is something new to show. */
  work(micros: number): boolean {
    const until = this.#now() + micros;
    let isNew = false;
    if (this.#now() >= this.#nextTick) {
      this.#nextTick = this.#now() + this.#intervalSeconds * MICROS;
      this.#readHeader();
      this.#start();
      isNew = true;
    }
    const running = this.#running;
    if (running === undefined) return isNew;
    const before = this.#cpuMicros();
    let pass: Pass | undefined;
    do pass = this.#step(running);
    while (pass === undefined && this.#now() < until);
    running.cpuMicros += this.#cpuMicros() - before;
    if (pass === undefined) return isNew;
    this.#finish(pass, running);
    // Where there was nothing yet, a full pass follows the sample at once: it brings the rates nearer.
    if (!pass.isFull && this.#fullMicros === undefined) this.#start();
    return true;
  }

  /** A full pass from its beginning to its end, with all groups. */
  readAll(): void {
    this.#readHeader();
    const running = this.#run(true, true, {});
    let pass: Pass | undefined;
    do pass = this.#step(running);
    while (pass === undefined);
    this.#finish(pass, running);
  }

  picture(): Picture {
    const nowMicros = this.#now();
    const local = this.#around.localTime(Math.floor(nowMicros / MICROS));
    const main = this.#main;
    return {
      host: this.#host,
      nowMicros,
      clock: local === undefined ? "" : `${two(local.hour)}:${two(local.minute)}:${two(local.second)}`,
      entries: this.#entries,
      limit: this.#limit,
      change: this.#change,
      kernel: this.#kernel,
      main,
      before: (main?.isFull ? this.#fulls : this.#samples)[1],
      full: this.#fulls[0],
      fullBefore: this.#fulls[1],
      fullCpuMicros: this.#fullMicros,
      traits: this.#traits,
      isReadingAll: this.#running?.isFull === true,
      accounting: this.#accounting,
    };
  }

  #now(): number {
    return this.#around.nowMicroseconds();
  }

  /** How long the CPU has been busy with this process; where the kernel does not say it, the time of day. */
  #cpuMicros(): number {
    try {
      // In nanoseconds, before the times of waiting: Documentation/scheduler/sched-stats.rst.
      return Number.parseInt(fromUtf8(this.#around.readFile("/proc/self/schedstat")), 10) / 1000;
    } catch {
      return this.#now();
    }
  }

  /** Counts and the kernel's counters: microseconds, whatever the table's size. */
  #readHeader(): void {
    const connection = this.#around.connect();
    try {
      const entries = countFlows(connection);
      const totals = new Map<string, number>();
      for (const { counters } of cpuStats(connection, "conntrack")) {
        for (const { name, value } of counters) totals.set(name, (totals.get(name) ?? 0) + value);
      }
      const now = this.#now();
      const seconds = this.#countedAt === undefined ? 0 : (now - this.#countedAt) / MICROS;
      if (seconds > 0) {
        this.#change = (entries - this.#entries) / seconds;
        const rate = (name: string) => Math.max(0, (totals.get(name) ?? 0) - (this.#totals?.get(name) ?? 0)) / seconds;
        this.#kernel = {
          drop: rate("drop"),
          earlyDrop: rate("early_drop"),
          insertFailed: rate("insert_failed"),
          invalid: rate("invalid"),
        };
      }
      this.#entries = entries;
      this.#totals = totals;
      this.#countedAt = now;
    } finally {
      connection.close();
    }
  }

  /** Begins the pass that is due; none while one is under way. */
  #start(): void {
    if (this.#running !== undefined) return;
    const isSmall = this.#entries < SMALL_TABLE;
    const share = isSmall ? SMALL_TABLE_SHARE : SAMPLE_SHARE + FULL_SHARE;
    const isCheap =
      (this.#fullMicros ?? (isSmall ? 0 : Number.POSITIVE_INFINITY)) <= share * this.#intervalSeconds * MICROS;
    const isDue = this.#now() >= this.#fullDue && this.#main !== undefined;
    const isFull = this.#isFullWanted || isCheap || isDue;
    this.#run(isFull, isCheap || !isFull);
  }

  #run(isFull: boolean, countsTraits: boolean, bounds: Bounds = SCREEN_BOUNDS): Running {
    const connection = this.#around.connect();
    const { nowMicroseconds: nowMicros, repeater } = this.#around;
    const tools = { nowMicros, repeater };
    const request = { ...this.#request, countsTraits: this.countsTraits && countsTraits };
    let steps: Generator<void, Pass, void>;
    if (isFull) {
      this.#isFullWanted = false;
      const full = {
        memory: this.#memory,
        expected: this.#expected(),
        bounds: { ...bounds, expected: this.#fulls[0]?.groups.size ?? 0 },
        lastStartMicros: this.#memoryStart,
      };
      steps = fullPass(connection, request, tools, full);
    } else {
      steps = samplePass(connection, request, tools, this.#sampleEntries);
    }
    this.#running = { connection, isFull, steps, cpuMicros: 0 };
    return this.#running;
  }

  /** About how many flows a full pass will find. */
  #expected(): number {
    const main = this.#main;
    return main === undefined ? 0 : main.matching * scaleOf(main, this.#entries);
  }

  /** One step of a pass. Returns what it has found if that was the last. */
  #step({ connection, steps }: Running): Pass | undefined {
    let result: IteratorResult<void, Pass>;
    try {
      result = steps.next();
    } catch (error) {
      this.stop();
      throw error;
    }
    if (!result.done) return undefined;
    connection.close();
    this.#running = undefined;
    return result.value;
  }

  #finish(pass: Pass, { isFull, cpuMicros }: Running): void {
    this.#main = pass;
    this.#traits = pass.traits ?? this.#traits;
    if (isFull) {
      this.#isOwed = this.#isFullWanted;
      this.#memoryStart = pass.startMicros;
      this.#fullMicros = cpuMicros;
      this.#fullDue = this.#now() + cpuMicros / FULL_SHARE;
      this.#fulls = [pass, ...this.#fulls.slice(0, 1)];
      return;
    }
    this.#samples = [pass, ...this.#samples.slice(0, 1)];
    const wanted = Math.min(LONGEST_SAMPLE_MICROS, SAMPLE_SHARE * this.#intervalSeconds * MICROS);
    if (cpuMicros > wanted && this.#sampleEntries > LEAST_SAMPLE) this.#sampleEntries /= 2;
    else if (3 * cpuMicros < wanted && !pass.isFull) this.#sampleEntries *= 2;
    else return;
    // Samples of different entries say nothing of how the table has changed.
    this.#samples = [];
  }
}
