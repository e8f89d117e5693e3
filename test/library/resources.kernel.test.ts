/** What the library holds: sockets, network namespaces, buffers; how it lets go of them; counters that are zeroed. */
import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { Conntrack, type Flow, type ListOptions, type NewFlow, UsageError } from "../../src/index.js";
import { disposable } from "../../src/library/disposable.js";
import { freshNetwork } from "../support/command.js";
import { CLIENT, type Lab, lab, nft, noLab, SERVER, sysctl } from "../support/lab.js";
import { support } from "../support/paths.js";
import { must } from "../support/process.js";
import { noLargeBuffer } from "../support/rights.js";
import { lines } from "../support/text.js";
import { AT_ONCE_MS, until } from "../support/wait.js";

const library = pathToFileURL(join(support, "../../src/index.js")).href;

const flow = (sport: number): NewFlow => ({
  protocol: "udp",
  timeout: 600,
  orig: { src: "10.5.0.1", dst: "10.5.0.2", sport, dport: 53 },
});

const descriptors = () => readdirSync("/proc/self/fd").length;

async function all(items: AsyncIterable<Flow>): Promise<Flow[]> {
  const found: Flow[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("what is held", () => {
  let conntrack: Conntrack;
  before(async () => {
    freshNetwork();
    conntrack = await Conntrack.open();
  });
  after(() => conntrack.close());

  it("is let go of by using", async () => {
    const held = descriptors();
    const one = await Conntrack.open();
    const events = one.events();
    const next = events.next();
    assert.ok(descriptors() > held);
    await events[Symbol.asyncDispose]();
    assert.equal((await next).done, true);
    one[Symbol.dispose]();
    await until("all is closed", () => descriptors() === held);
    await assert.rejects(one.count(), { code: "CONNTRACK_CLOSED" });
  });

  it("is let go of when events or tables that nobody closed are collected, and not before", () => {
    const code = `
      import { readdirSync } from "node:fs";
      import { setTimeout } from "node:timers/promises";
      const { Conntrack } = await import(${JSON.stringify(library)});
      const conntrack = await Conntrack.open();
      const descriptors = () => readdirSync("/proc/self/fd").length;
      const before = descriptors();
      const { signal } = new AbortController();
      const kept = conntrack.events();
      await (async () => {
        for (let i = 0; i < 5; i++) conntrack.events({ signal });
        for (let i = 0; i < 5; i++) (await Conntrack.open({ network: process.pid })).events();
      })();
      const during = descriptors();
      for (let i = 0; i < 50 && descriptors() > before + 1; i++) {
        globalThis.gc();
        await setTimeout(20);
      }
      console.log(during - before, descriptors() - before);
      const flow = { protocol: "udp", timeout: 9, orig: { src: "10.5.0.1", dst: "10.5.0.2", sport: 9, dport: 53 } };
      void setTimeout(50).then(() => { globalThis.gc(); void conntrack.create(flow); });
      console.log((await kept.next()).value.event);
      await conntrack.flush();`;
    const output = must(process.execPath, "--expose-gc", "--input-type=module", "-e", code);
    // Each of the tables has two sockets and a descriptor of its network namespace.
    assert.deepEqual(lines(output), ["21 1", "new"]);
  });

  it("does not need the symbols", () => {
    class One {}
    disposable(One, "dispose", () => {}, {});
    assert.deepEqual(Reflect.ownKeys(One.prototype), ["constructor"]);
  });

  it("events close at once, for who waits as well", async () => {
    const events = conntrack.events();
    const next = events.next();
    await sleep(20);
    events.close();
    assert.equal((await next).done, true);
    assert.equal(events.buffer(), undefined);
  });

  it("the receive buffer and its drops can be read", { skip: noLargeBuffer }, async () => {
    const small = await Conntrack.open({ receiveBufferBytes: 4096 });
    const events = small.events({ types: ["new"] });
    const large = conntrack.events();
    assert.deepEqual(events.buffer(), { bytes: 8192, drops: 0 });
    assert.deepEqual(large.buffer(), { bytes: 2 * (128 << 20), drops: 0 });
    for (let i = 1; i <= 100; i++) await conntrack.create(flow(i));
    const { drops } = events.buffer()!;
    assert.ok(drops! > 80 && drops! < 100, `${drops}`);
    assert.equal(large.buffer()!.drops, 0);
    small.close();
    large.close();
    await conntrack.flush();
  });

  it("a source that is stuck does not keep an aborted …Many", async () => {
    type Source = AsyncIterable<NewFlow>;
    const methods = [
      (source: Source, signal: AbortSignal) => conntrack.createMany(source, { signal }),
      (source: Source, signal: AbortSignal) => conntrack.removeMany(source, { signal }),
    ];
    for (const method of methods) {
      const stop = new AbortController();
      let returned = false;
      async function* stuck() {
        try {
          yield flow(1);
          yield flow(2);
          await new Promise(() => {});
        } finally {
          returned = true;
        }
      }
      const work = method(stuck(), stop.signal);
      await sleep(50);
      const start = performance.now();
      stop.abort(new Error("enough"));
      await assert.rejects(work, { code: "ABORT_ERR", done: 2, message: /after 2 flows/ });
      assert.ok(performance.now() - start < AT_ONCE_MS);
      assert.equal(returned, false);
    }
  });

  it("nor does one that is stuck keep it from its end when the tables are closed, or when onResult throws", async () => {
    async function* stuck() {
      yield flow(1);
      await new Promise(() => {});
    }
    const other = await Conntrack.open();
    const work = other.createMany(stuck());
    await sleep(50);
    other.close();
    await assert.rejects(work, { code: "CONNTRACK_CLOSED", done: 1 });
    const throwing = conntrack.removeMany(stuck(), {
      onResult() {
        throw new RangeError("of the caller");
      },
    });
    await assert.rejects(throwing, RangeError);
    assert.equal(await conntrack.count(), 0);
  });

  it("a source is closed when the work on it fails, and its errors come through", async () => {
    const { signal } = new AbortController();
    let returned = 0;
    async function* source(fails: boolean) {
      try {
        yield flow(1);
        if (fails) throw new RangeError("of the source");
        yield { ...flow(2), timeout: -1 };
      } finally {
        await sleep(1);
        returned++;
      }
    }
    await assert.rejects(conntrack.createMany(source(true), { signal }), RangeError);
    await assert.rejects(conntrack.createMany(source(false), { signal }), UsageError);
    assert.equal(returned, 2);
    assert.equal(await conntrack.delete({ orig: { dport: 53 } }), 1);
  });

  it("errors show what they have, and nothing that they lack", async () => {
    await conntrack.create(flow(1));
    const error = await conntrack.create(flow(1)).catch((error: unknown) => error);
    const shown = inspect(error);
    assert.match(shown, /code: 'EEXIST'/);
    assert.match(shown, /command: 'create'/);
    assert.match(shown, /sport: 1/);
    assert.doesNotMatch(shown, /undefined/);
    const usage = await conntrack.create({} as never).catch((error: unknown) => error);
    assert.doesNotMatch(inspect(usage), /(note|done|flow|filter): undefined/);
    await conntrack.flush();
  });

  it("a network namespace can be a descriptor, which stays the caller's", async () => {
    await conntrack.create(flow(1));
    const fd = openSync("/proc/thread-self/ns/net", "r");
    freshNetwork();
    try {
      const elsewhere = await Conntrack.open();
      assert.equal(await elsewhere.count(), 0);
      elsewhere.close();
      const back = await Conntrack.open({ network: { fd } });
      assert.equal(await back.count(), 1);
      closeSync(fd);
      assert.equal((await all(back.list())).length, 1);
      back.close();
      await assert.rejects(Conntrack.open({ network: { fd } }), UsageError);
      const file = openSync("/dev/null", "r");
      await assert.rejects(Conntrack.open({ network: { fd: file } }), UsageError);
      closeSync(file);
      for (const network of [{}, { fd: -1 }, { fd: undefined }, null]) {
        await assert.rejects(Conntrack.open({ network: network as never }), UsageError);
      }
    } finally {
      await conntrack.flush();
    }
  });
});

describe("zeroing", { skip: noLab }, () => {
  let conntrack: Conntrack;
  let scene: Lab;
  before(async () => {
    freshNetwork();
    scene = await lab();
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    nft("table inet n { chain f { type filter hook forward priority 0; ct state new counter; }; }");
    conntrack = await Conntrack.open();
    await scene.server.ask("udpEcho", { host: "0.0.0.0", port: 53 });
    await scene.client.ask("datagram", { host: SERVER, port: 53, localPort: 1001, text: "x", answer: true });
  });
  after(() => {
    conntrack?.close();
    scene?.close();
  });

  const packets = async (options: ListOptions) =>
    (await all(conntrack.list({ family: "ipv4" }, options))).map(({ orig }) => [orig.src, orig.packets]);

  it("counters while they are listed", async () => {
    assert.deepEqual(await packets({}), [[CLIENT, 1n]]);
    assert.deepEqual(await packets({ zero: true }), [[CLIENT, 1n]]);
    assert.deepEqual(await packets({ zero: true, sort: "bytes" }), [[CLIENT, 0n]]);
  });

  it("is refused where more would be zeroed than is listed", () => {
    assert.throws(() => conntrack.list({ protocol: "udp" }, { zero: true }), UsageError);
    assert.throws(() => conntrack.list({}, { zero: true, limit: 1 }), UsageError);
    assert.throws(() => conntrack.list({}, { zero: true, table: "dying" }), UsageError);
    assert.throws(() => conntrack.list({}, { zero: 1 as never }), UsageError);
  });
});
