/** A filter never means more than it says, and a name never another table. Each test is named after its bug. */
import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { ClosedError, Conntrack, UsageError } from "../../src/index.js";
import { freshNetwork } from "../support/command.js";
import { support } from "../support/paths.js";
import { spawnCommand } from "../support/process.js";
import { isMachineRoot } from "../support/rights.js";
import { loadTable } from "../support/table.js";

const FLOWS = 3;

describe("the library", () => {
  let conntrack: Conntrack;
  before(async () => {
    freshNetwork();
    conntrack = await Conntrack.open();
  });
  after(() => conntrack.close());
  beforeEach(async () => {
    await conntrack.delete({});
    await loadTable(
      Array.from({ length: FLOWS }, (_, i) => `-A -p udp -s 1.1.1.1 -d 2.2.2.2 --sport ${i + 1} --dport 9 -t 900`),
    );
  });

  /** Refused as a UsageError, and nothing is gone. */
  async function refused(work: () => unknown): Promise<void> {
    await assert.rejects(async () => work(), UsageError);
    assert.equal(await conntrack.count(), FLOWS);
  }

  describe("empties no table by a name that is none", () => {
    const names = ["expectations", "dying", "constructor", "__proto__", "", null, undefined, {}, 0, ["expect"]];
    for (const name of names as never[]) {
      it(`${JSON.stringify(name) ?? "undefined"}`, async () => {
        await refused(() => conntrack.flush(name));
        if (name !== undefined) {
          await refused(() => conntrack.count(name));
          await refused(() => conntrack.stats(name));
          if (name !== "dying") await refused(() => conntrack.list({}, { table: name }));
        }
      });
    }
  });

  class Condition {
    protocol = "tcp";
  }
  const accessor = Object.defineProperty({}, "protocol", { get: () => "tcp" });
  const WRONG: Readonly<Record<string, unknown>> = {
    "a Map": new Map([["protocol", "tcp"]]),
    "a Set": new Set(["tcp"]),
    "a Date": new Date(),
    "a promise": Promise.resolve({ protocol: "tcp" }),
    "a function": () => ({ protocol: "tcp" }),
    "an instance of a class": new Condition(),
    "an object that inherits its conditions": Object.create({ protocol: "tcp" }),
    "a list": [{ protocol: "tcp" }],
    "a string": "tcp",
    "a number": 6,
    null: null,
    undefined: undefined,
    "a symbol among the properties": { [Symbol("protocol")]: "tcp" },
    "a property that cannot be listed and is unknown": Object.defineProperty({}, "proto", { value: "tcp" }),
    "labels: []": { labels: [] },
    "status: []": { status: [] },
    "orig: {}": { orig: {} },
    "reply: {}": { reply: {} },
    "orig: null": { orig: null },
    "orig: a Map": { orig: new Map([["src", "1.1.1.1"]]) },
    "orig: { icmp: {} }": { orig: { icmp: {} } },
    "snat: {}": { snat: {} },
    "mark: {}": { mark: {} },
    "a hole in a list": { status: Array(1) },
    "protocol: {}": { protocol: {} },
    "an unknown property": { sport: 5 },
    "a loss of events": { event: "lost", time: "2026-11-25T12:00:05Z" },
    "an event without a flow": { event: "new" },
    "a listed flow without its tuples": { use: 1, protocol: { name: "udp", number: 17 } },
    "an undefined property": { protocol: undefined },
  };
  describe("deletes nothing by a filter that says nothing", () => {
    for (const [name, filter] of Object.entries(WRONG) as [string, never][]) {
      it(name, async () => {
        await refused(() => conntrack.delete(filter));
        await refused(() => conntrack.update(filter, { mark: 1 }));
        if (filter !== undefined) await refused(() => conntrack.list(filter));
        await refused(() => conntrack.events({ filter }));
      });
    }

    it("reads an accessor once, and a filter of another realm", async () => {
      assert.equal(await conntrack.delete(accessor), 0);
      let reads = 0;
      const fickle = {
        get protocol() {
          return reads++ === 0 ? "tcp" : (undefined as never);
        },
      };
      assert.equal(await conntrack.delete(fickle), 0);
      assert.equal(await conntrack.delete(runInNewContext("({ protocol: 'tcp' })")), 0);
      assert.equal(await conntrack.delete(Object.assign(Object.create(null), { protocol: "tcp" })), 0);
      assert.equal(await conntrack.count(), FLOWS);
    });
  });

  const orig = { src: "1.1.1.1", dst: "2.2.2.2", sport: 1, dport: 9 };
  const WRONG_KEYS: Readonly<Record<string, unknown>> = {
    "a lost id": { protocol: "udp", orig, id: undefined },
    "a lost zone": { protocol: "udp", orig, zone: undefined },
    "a lost protocol": { protocol: undefined, orig },
    "a lost tuple beside another": { protocol: "udp", orig: undefined, reply: orig },
    "a misspelt zone in the tuple": { protocol: "udp", orig: { ...orig, zoen: 5 } },
    "a lost zone in the tuple": { protocol: "udp", orig: { ...orig, zone: undefined } },
    "a loss of events": { event: "lost", time: "2026-11-25T12:00:05Z" },
  };
  describe("removes and changes nothing by a key that lost something", () => {
    for (const [name, key] of Object.entries(WRONG_KEYS) as [string, never][]) {
      it(name, async () => {
        await refused(() => conntrack.remove(key));
        await refused(() => conntrack.removeMany([key]));
        await refused(() => conntrack.change(key, { timeout: 1 }));
        await refused(() => conntrack.get(key));
      });
    }

    it("but passes over what else an item carries", async () => {
      assert.equal(await conntrack.remove({ protocol: "udp", orig, why: "reported" } as never), true);
    });
  });

  it("refuses changes that change nothing", async () => {
    for (const changes of [
      {},
      { status: [] },
      { labels: {} },
      { labels: { add: [] } },
      { mark: undefined },
    ] as never[]) {
      await refused(() => conntrack.update({}, changes));
      await refused(() => conntrack.change({ protocol: "udp", orig }, changes));
      await refused(() => conntrack.changeMany([{ protocol: "udp", orig }], changes));
    }
  });

  describe("refuses options that it does not know", () => {
    for (const options of [
      { dryRun: true },
      { signal: "now" },
      { signal: null },
      null,
      "x",
      5,
      [],
      new Map(),
    ] as never[]) {
      it(JSON.stringify(options), async () => {
        await refused(() => conntrack.delete({}, options));
        await refused(() => conntrack.update({}, { mark: 1 }, options));
        await refused(() => conntrack.list({}, options));
        await refused(() => conntrack.expectations(options));
        await refused(() => conntrack.events(options));
        await refused(() => conntrack.expectationEvents(options));
      });
    }

    it("and passes over a signal that is undefined", async () => {
      assert.equal(await conntrack.delete({}, { signal: undefined } as never), FLOWS);
    });
  });

  it("throws no TypeError for what is no object", async () => {
    for (const wrong of [null, "x", 5, true, Symbol("x"), []] as never[]) {
      for (const work of [
        () => conntrack.get(wrong),
        () => conntrack.list(wrong),
        () => conntrack.events(wrong),
        () => conntrack.create(wrong),
        () => conntrack.update({}, wrong),
        () => conntrack.get({ protocol: "udp", orig: wrong }),
        () => conntrack.events({ types: wrong }),
        () => Conntrack.open(wrong),
      ]) {
        await refused(work);
      }
    }
  });

  it("says of a closed Conntrack that it is closed", async () => {
    const closed = await Conntrack.open();
    closed.close();
    for (const work of [
      () => closed.count(),
      () => closed.delete({}),
      () => closed.list().next(),
      () => closed.events(),
    ]) {
      await assert.rejects(
        async () => work(),
        (error) => error instanceof ClosedError && error.code === "CONNTRACK_CLOSED",
      );
    }
  });

  it("lets a worker end while a thread of it reads for it", async () => {
    freshNetwork();
    const library = pathToFileURL(join(support, "../../src/index.js")).href;
    const code = `
      import { parentPort } from "node:worker_threads";
      const { Conntrack } = await import(${JSON.stringify(library)});
      const conntrack = await Conntrack.open();
      await conntrack.createMany(Array.from({ length: 2000 }, (_, i) => ({
        protocol: "udp", timeout: 600, orig: { src: "10.0.0.1", dst: "10.0.0.2", sport: 1 + i, dport: 53 },
      })));
      for (let i = 0; i < 5; i++) await conntrack.list().next();
      parentPort.postMessage("reading");
      for (;;) for await (const flow of conntrack.list({ mark: 1 })) flow;`;
    const before = readdirSync("/proc/self/fd").length;
    for (let i = 0; i < 8; i++) {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
      await new Promise((resolve, reject) => worker.on("message", resolve).on("error", reject));
      assert.equal(await worker.terminate(), 1);
    }
    assert.ok(readdirSync("/proc/self/fd").length <= before + 1);
  });

  it("closes what a worker left open when the worker ends", async () => {
    const sockets = () =>
      readdirSync("/proc/self/fd").filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
        } catch {
          return false;
        }
      }).length;
    const library = pathToFileURL(join(support, "../../src/index.js")).href;
    const code = `
      const { Conntrack } = await import(${JSON.stringify(library)});
      const conntrack = await Conntrack.open();
      const events = conntrack.events();
      void events.next();
      await conntrack.list().next();
      const { parentPort } = await import("node:worker_threads");
      parentPort.postMessage("open");`;
    const before = sockets();
    for (let i = 0; i < 10; i++) {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
      await new Promise((resolve, reject) => worker.on("message", resolve).on("error", reject));
      await worker.terminate();
    }
    assert.equal(sockets(), before);
  });
});

describe("errors name what failed", () => {
  // An ordinary user's namespace has no other user to become.
  const another = isMachineRoot ? false : "needs the machine's root: to become another user";
  it("without the right to look at a process: EACCES, and no UsageError", { skip: another }, () => {
    const library = pathToFileURL(join(support, "../../src/index.js")).href;
    const code = `
      import(${JSON.stringify(library)}).then(({ Conntrack }) => Conntrack.open({ network: 1 })).catch((error) =>
        console.log(error.code, error.errno, error.syscall, error.message));`;
    const script = ["--reuid", "65534", "--clear-groups", "--inh-caps", "-all", process.execPath, "-e", code];
    const { stdout, stderr } = spawnCommand("setpriv", script);
    assert.match(stdout, /^EACCES 13 open open \/proc\/1\/ns\/net: Permission denied\n$/, stderr);
  });

  it("bind has its text", () => {
    const library = pathToFileURL(join(support, "../../src/index.js")).href;
    const code = `
      import(${JSON.stringify(library)}).then(({ Conntrack }) => Conntrack.open()).then((conntrack) => conntrack.events())
        .catch((error) => console.log(error.errno, error.message));`;
    const script = ["--bounding-set", "-all", "--inh-caps", "-all", process.execPath, "-e", code];
    const { stdout, stderr } = spawnCommand("setpriv", script);
    assert.equal(stdout, "1 bind: Operation not permitted\n", stderr);
  });
});
