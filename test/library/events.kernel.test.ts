/** Events through the library. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { Conntrack, type EventOptions, type FlowEvent, type LostEvents, type NewFlow } from "../../src/index.js";
import { freshNetwork } from "../support/command.js";
import { sysctl } from "../support/lab.js";
import { support } from "../support/paths.js";
import { noLargeBuffer } from "../support/rights.js";
import { AT_ONCE_MS, until } from "../support/wait.js";

const NETLINK_NETFILTER = "12";

/** How many netfilter sockets of this network namespace have joined a multicast group. */
function listeners(): number {
  const rows = readFileSync("/proc/thread-self/net/netlink", "utf8").trim().split("\n").slice(1);
  return rows
    .map((row) => row.trim().split(/ +/))
    .filter(([, protocol, , groups]) => {
      return protocol === NETLINK_NETFILTER && groups !== "00000000";
    }).length;
}

/** A thread that waits holds the socket for a moment after it was closed. */
const closed = () => until("the socket is closed", () => listeners() === 0);

const threads = () => readdirSync("/proc/self/task").length;

const flow = (sport: number): NewFlow => ({
  protocol: "udp",
  timeout: 600,
  orig: { src: "10.5.0.1", dst: "10.5.0.2", sport, dport: 53 },
});

/** Takes `count` items. */
async function take<Item>(items: AsyncIterableIterator<Item>, count: number): Promise<Item[]> {
  const taken: Item[] = [];
  for (let i = 0; i < count; i++) {
    const { done, value } = await items.next();
    assert.ok(!done);
    taken.push(value);
  }
  return taken;
}

const isFlow = (event: FlowEvent | LostEvents): event is FlowEvent => event.event !== "lost";
const said = (events: readonly (FlowEvent | LostEvents)[]) =>
  events.map((event) => (isFlow(event) ? `${event.event} ${event.orig.sport}` : event.event));

describe("events", () => {
  let conntrack: Conntrack;
  before(async () => {
    freshNetwork();
    sysctl("net/netfilter/nf_conntrack_events", 1);
    conntrack = await Conntrack.open();
  });
  after(() => conntrack.close());
  beforeEach(() => conntrack.flush());

  async function life(sport: number): Promise<void> {
    await conntrack.create(flow(sport));
    await conntrack.update({ orig: { sport } }, { mark: sport });
    await conntrack.delete({ orig: { sport } });
  }

  it("are heard from the call on, in order, with their time", async () => {
    const events = conntrack.events();
    await life(1);
    await life(2);
    const heard = await take(events, 6);
    assert.deepEqual(said(heard), ["new 1", "update 1", "destroy 1", "new 2", "update 2", "destroy 2"]);
    for (const { time } of heard) assert.ok(Math.abs(Date.parse(time) - Date.now()) < 5_000);
    assert.deepEqual(
      heard.map((event) => (event as FlowEvent).mark),
      [0, 1, 1, 0, 2, 2],
    );
    assert.ok(heard.every((event) => isFlow(event) && event.portid !== undefined && event.progname === undefined));
    await events.return!();
  });

  it("are chosen by type and filter", async () => {
    const cases: [EventOptions, string[]][] = [
      [{ types: ["new"] }, ["new 1", "new 2"]],
      [{ types: ["update", "destroy"] }, ["update 1", "destroy 1", "update 2", "destroy 2"]],
      [{ filter: { orig: { sport: 2 } } }, ["new 2", "update 2", "destroy 2"]],
      [{ filter: { mark: 2 }, types: ["destroy"] }, ["destroy 2"]],
    ];
    const all = cases.map(([options]) => conntrack.events(options));
    await life(1);
    await life(2);
    for (const [i, [, want]] of cases.entries()) assert.deepEqual(said(await take(all[i]!, want.length)), want);
    for (const events of all) await events.return!();
    assert.throws(() => conntrack.events({ types: [] }), { code: "CONNTRACK_USAGE" });
    assert.throws(() => conntrack.events({ types: ["updates" as never] }), { code: "CONNTRACK_USAGE" });
  });

  it("name the program where that is asked for", async () => {
    const events = conntrack.events({ programs: true });
    await conntrack.create(flow(1));
    const [event] = await take(events, 1);
    assert.equal((event as FlowEvent).progname, readFileSync("/proc/self/comm", "utf8").trim());
    await events.return!();
  });

  it("wake a reader who waits", async () => {
    const events = conntrack.events();
    for (const pause of [0, 1, 3, 10, 30, 100]) {
      const next = events.next();
      await sleep(pause);
      await conntrack.create(flow(100 + pause));
      const start = performance.now();
      const { value } = await next;
      assert.deepEqual(said([value]), [`new ${100 + pause}`]);
      assert.ok(performance.now() - start < AT_ONCE_MS);
    }
    await events.return!();
  });

  it("wait in the kernel for a reader who is slow", async () => {
    const events = conntrack.events({ types: ["new"] });
    for (let i = 0; i < 500; i++) await conntrack.create(flow(1 + i));
    await sleep(50);
    const heard = await take(events, 500);
    assert.deepEqual(
      said(heard),
      Array.from({ length: 500 }, (_, i) => `new ${1 + i}`),
    );
    await events.return!();
  });

  it("that did not fit are an item in their place, with their number", async () => {
    const tight = await Conntrack.open({ receiveBufferBytes: 4096 });
    const events = tight.events({ types: ["new"] });
    for (let i = 1; i <= 500; i++) await conntrack.create(flow(i));
    const heard: (FlowEvent | LostEvents)[] = [];
    const reading = (async () => {
      for await (const event of events) heard.push(event);
    })();
    await until("the loss is told", () => heard.some(({ event }) => event === "lost"));
    for (let i = 501; i <= 503; i++) await conntrack.create(flow(i));
    await until("events are heard again", () => said(heard).includes("new 503"));
    tight.close();
    await reading;
    const before = heard.findIndex(({ event }) => event === "lost");
    assert.ok(before > 0, "what waited comes first");
    assert.deepEqual(said(heard), [
      ...Array.from({ length: before }, (_, i) => `new ${i + 1}`),
      "lost",
      "new 501",
      "new 502",
      "new 503",
    ]);
    assert.equal((heard[before] as LostEvents).count, 500 - before);
  });

  it("that did not fit are counted where they are missing, while others arrive", async () => {
    const tight = await Conntrack.open({ receiveBufferBytes: 50_000 });
    const events = tight.events({ types: ["new"] });
    const [rate, seconds] = [30_000, 2];
    const producer = spawn(process.execPath, [join(support, "event-producer.js"), String(rate), String(seconds)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const ended = new Promise((resolve) => producer.on("close", resolve));
    const total = (rate * seconds) / 2;
    let gaps = 0;
    /** The number of the flow that is expected next: the producer counts its flows by their source address. */
    let next = 0;
    let heard = 0;
    for await (const event of events) {
      if (isFlow(event)) {
        const [, b = 0, c = 0, d = 0] = event.orig.src.split(".").map(Number);
        assert.equal((b << 16) | (c << 8) | d, next, `after ${gaps} gaps`);
        next++;
        if (++heard % 500 === 0) await sleep(20);
      } else {
        gaps++;
        next += event.count!;
      }
      if (next === total) break;
    }
    assert.equal(await ended, 0);
    assert.ok(gaps > 5, `${gaps} gaps, ${heard} of ${total} heard`);
    tight.close();
  });

  it("end, and the socket with them, when the loop is left", async () => {
    assert.equal(listeners(), 0);
    await conntrack.create(flow(1));
    const events = conntrack.events();
    assert.equal(listeners(), 1);
    await conntrack.create(flow(2));
    for await (const event of events) {
      assert.deepEqual(said([event]), ["new 2"]);
      break;
    }
    await closed();
    assert.deepEqual(await events.next(), { done: true, value: undefined });
  });

  it("end by a signal: before, while waiting, and between two items", async () => {
    const reason = new Error("enough");
    for (const pause of [0, 2, 50]) {
      const stop = new AbortController();
      const events = conntrack.events({ signal: stop.signal });
      const next = pause === 0 ? undefined : events.next();
      const rejected = next && assert.rejects(next, (error) => error === reason);
      await sleep(pause);
      const start = performance.now();
      stop.abort(reason);
      await closed();
      await rejected;
      if (next === undefined) await assert.rejects(events.next(), (error) => error === reason);
      assert.ok(performance.now() - start < AT_ONCE_MS);
      assert.deepEqual(await events.next(), { done: true, value: undefined });
    }
    const stop = new AbortController();
    const heard: (FlowEvent | LostEvents)[] = [];
    const events = conntrack.events({ signal: stop.signal });
    for (let i = 1; i <= 10; i++) await conntrack.create(flow(i));
    await assert.rejects(async () => {
      for await (const event of events) {
        heard.push(event);
        if (heard.length === 3) stop.abort(reason);
      }
    }, reason);
    assert.deepEqual(said(heard), ["new 1", "new 2", "new 3"]);
    await closed();
  });

  it("end with what had happened until then, for a program that ends", async () => {
    const events = conntrack.events();
    for (let i = 1; i <= 300; i++) await conntrack.create(flow(i));
    assert.deepEqual(said(await take(events, 1)), ["new 1"]);
    events.end();
    events.end();
    assert.equal(listeners(), 0);
    await conntrack.create(flow(301));
    const rest: (FlowEvent | LostEvents)[] = [];
    for await (const event of events) rest.push(event);
    assert.deepEqual(
      said(rest),
      Array.from({ length: 299 }, (_, i) => `new ${i + 2}`),
    );
    events.end();

    const idle = conntrack.events();
    const next = idle.next();
    await sleep(30);
    const start = performance.now();
    idle.end();
    assert.deepEqual(await next, { done: true, value: undefined });
    assert.ok(performance.now() - start < AT_ONCE_MS);
  });

  it("end when the tables are closed, for a reader who waits too", async () => {
    const other = await Conntrack.open();
    const waiting = other.events();
    const unread = other.events();
    const next = waiting.next();
    await sleep(30);
    other.close();
    assert.deepEqual(await next, { done: true, value: undefined });
    assert.deepEqual(await unread.next(), { done: true, value: undefined });
    await closed();
  });

  it("leave no thread behind", async () => {
    const before = threads();
    for (let i = 0; i < 50; i++) {
      const events = conntrack.events();
      const next = events.next();
      await sleep(6);
      await events.return!();
      await next;
    }
    await until("the threads end", () => threads() <= before);
  });

  it("do not keep a worker or a process from ending", async () => {
    const library = pathToFileURL(join(support, "../../src/index.js")).href;
    const code = `
      const { Conntrack } = await import(${JSON.stringify(library)});
      const conntrack = await Conntrack.open();
      const next = conntrack.events().next();
      await new Promise((resolve) => setTimeout(resolve, 30));`;
    const worker = new Worker(
      new URL(
        `data:text/javascript,${encodeURIComponent(`${code}
      const { parentPort } = await import("node:worker_threads");
      parentPort.postMessage("waits");`)}`,
      ),
    );
    await new Promise((resolve, reject) => worker.on("message", resolve).on("error", reject));
    assert.equal(await worker.terminate(), 1);
    const child = spawn(process.execPath, ["--input-type=module", "-e", `${code} process.exit(3);`], {
      stdio: "inherit",
    });
    assert.equal(await new Promise((resolve) => child.on("close", resolve)), 3);
  });

  it("of 20,000 a second reach an async reader without loss", { skip: noLargeBuffer }, async () => {
    // The long version: CONNTRACK_TEST_SOAK_SECONDS=60.
    const seconds = Number(process.env["CONNTRACK_TEST_SOAK_SECONDS"] ?? 2);
    const rate = 20_000;
    const events = conntrack.events();
    const producer = spawn(process.execPath, [join(support, "event-producer.js"), String(rate), String(seconds)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    let heard = 0;
    let most = 0;
    const before = process.memoryUsage.rss();
    for await (const event of events) {
      assert.notEqual(event.event, "lost");
      heard++;
      if (heard % 1000 === 0) {
        await sleep(1);
        most = Math.max(most, process.memoryUsage.rss() - before);
      }
      if (heard === rate * seconds) break;
    }
    const status = await new Promise((resolve) =>
      producer.exitCode === null ? producer.on("close", resolve) : resolve(producer.exitCode),
    );
    assert.equal(status, 0);
    assert.ok(most < 100 << 20, `${most} bytes`);
  });
});
