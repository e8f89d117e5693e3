/** Flows that the caller knows: created, changed and removed at their own cost, one by one and many at a time. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import {
  AbortedError,
  Conntrack,
  type Flow,
  type ItemResult,
  KernelError,
  type Key,
  type NewFlow,
  UsageError,
} from "../../src/index.js";
import { cliCases } from "../support/cases.js";
import { freshNetwork } from "../support/command.js";
import { nft } from "../support/lab.js";
import { loadTable } from "../support/table.js";

function udp(i: number): NewFlow {
  const src = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  return { protocol: "udp", timeout: 6000, orig: { src, dst: "192.0.2.1", sport: 1024 + (i % 60_000), dport: 53 } };
}

const some = (count: number) => Array.from({ length: count }, (_, i) => udp(i));

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

let conntrack: Conntrack;
before(async () => {
  freshNetwork();
  conntrack = await Conntrack.open();
});
after(() => conntrack.close());
beforeEach(() => conntrack.flush());

describe("one known flow", () => {
  beforeEach(() => loadTable(cliCases.setup["mix"]!));

  it("is removed, whatever its protocol and zones, and no other", async () => {
    const flows = await all(conntrack.list());
    for (const [i, flow] of flows.entries()) {
      assert.equal(await conntrack.remove(flow), true, JSON.stringify(flow.orig));
      assert.equal(await conntrack.remove(flow), false);
      assert.equal(await conntrack.count(), flows.length - i - 1);
    }
  });

  it("is removed by its reply too", async () => {
    const flows = (await all(conntrack.list({ protocol: "tcp" }))).filter(({ orig }) => orig.zone === undefined);
    for (const { protocol, reply, zone } of flows) {
      const key: Key = { protocol, reply, ...(zone === undefined ? {} : { zone }) };
      assert.equal(await conntrack.remove(key), true);
    }
    assert.ok(flows.length > 0);
  });

  it("is not mistaken for one that has its tuple now", async () => {
    await conntrack.flush();
    const old = (await conntrack.create(udp(1)))!;
    assert.equal(await conntrack.remove({ ...old, id: (old.id! ^ 1) >>> 0 }), false);
    assert.equal(await conntrack.count(), 1);
    assert.equal(await conntrack.remove(old), true);
  });

  it("is changed, and no other", async () => {
    const flows = await all(conntrack.list());
    const one = flows.find(({ protocol, zone }) => protocol.name === "tcp" && zone === undefined)!;
    const { mark = 0 } = one;
    assert.equal(await conntrack.change(one, { mark: { value: 0x700, mask: 0xf00 } }), true);
    const changes = { timeout: 4321, state: "LAST_ACK", status: ["ASSURED"] } as const;
    assert.equal(await conntrack.change(one, changes), true);
    const changed = (await conntrack.get(one))!;
    assert.equal(changed.mark, ((mark & ~0xf00) ^ 0x700) >>> 0);
    assert.equal(changed.state, "LAST_ACK");
    assert.ok(changed.timeout! > 4300 && changed.timeout! <= 4321);
    // What was set before is still set.
    assert.deepEqual(new Set(changed.status), new Set([...one.status!, "ASSURED"]));
    const others = (list: Flow[]) =>
      list.filter(({ id }) => id !== one.id).map(({ timeout: _, use: __, ...flow }) => flow);
    assert.deepEqual(others(await all(conntrack.list())), others(flows));
    assert.equal(await conntrack.change(udp(77), { mark: 1 }), false);
    assert.equal(await conntrack.count(), flows.length);
  });

  it("gets and loses labels", async () => {
    nft("table inet t { chain c { type filter hook prerouting priority 0; ct label set 1; }; }");
    await conntrack.flush();
    const flow = (await conntrack.create(udp(1)))!;
    const labels = async () => (await conntrack.get(flow))!.labels?.map(({ bit }) => bit) ?? [];
    await conntrack.change(flow, { labels: { add: [3, 100] } });
    await conntrack.change(flow, { labels: { add: [5] } });
    assert.deepEqual(await labels(), [3, 5, 100]);
    await conntrack.change(flow, { labels: { remove: [3] } });
    assert.deepEqual(await labels(), [5, 100]);
    await conntrack.change(flow, { labels: { remove: "all" } });
    assert.deepEqual(await labels(), []);
  });

  it("cannot get a flag that the kernel lets nobody set", async () => {
    const flow = (await conntrack.create(udp(1)))!;
    for (const flag of ["OFFLOAD", "HW_OFFLOAD", "SRC_NAT", "DYING", "TEMPLATE", "EXPECTED"] as const) {
      const said = (error: unknown) =>
        error instanceof UsageError && error.message === `changes.status: the kernel lets nobody set ${flag}`;
      await assert.rejects(conntrack.change(flow, { status: [flag] }), said);
      await assert.rejects(conntrack.update({}, { status: [flag] }), said);
    }
    for (const flag of ["SEEN_REPLY", "ASSURED", "FIXED_TIMEOUT", "HELPER"] as const) {
      await conntrack.change(flow, { status: [flag] });
      assert.ok((await conntrack.get(flow))!.status!.includes(flag), flag);
    }
  });

  it("may be there already", async () => {
    const made = (await conntrack.create(udp(1)))!;
    assert.equal((await conntrack.create({ ...udp(1), mark: 5 }, { ifAbsent: true }))!.id, made.id);
    await assert.rejects(conntrack.create(udp(1)), { code: "EEXIST" });
    await assert.rejects(conntrack.create(udp(1), { ifAbsent: undefined } as never), UsageError);
  });
});

describe("many known flows", () => {
  const FLOWS = 1000;
  const nothing = { done: 0, missing: 0, existing: 0, failed: 0 };

  it("are created, changed and removed, with a result for each, in order", async () => {
    const results: ItemResult<NewFlow>[] = [];
    await conntrack.create(udp(100));
    const flows = some(FLOWS);
    const onResult = (result: ItemResult<NewFlow>) => results.push(result);
    assert.deepEqual(await conntrack.createMany(flows, { onResult }), { ...nothing, done: FLOWS - 1, existing: 1 });
    assert.deepEqual(
      results.map(({ index, item }) => [index, item]),
      [...flows.entries()],
    );
    assert.deepEqual(
      results.filter(({ error }) => error !== undefined).map(({ index, error }) => [index, error!.code, error!.flow]),
      [[100, "EEXIST", flows[100]]],
    );
    assert.equal(await conntrack.count(), FLOWS);

    const listed = await all(conntrack.list());
    assert.deepEqual(await conntrack.changeMany([udp(FLOWS), ...listed], { mark: 9 }), {
      ...nothing,
      done: FLOWS,
      missing: 1,
    });
    assert.equal((await all(conntrack.list({ mark: 9 }))).length, FLOWS);
    await conntrack.changeMany(listed, ({ orig }) => ({ mark: orig.sport! }));
    for await (const { mark, orig } of conntrack.list()) assert.equal(mark, orig.sport);
    await conntrack.changeMany(listed, { status: ["ASSURED"] });
    assert.equal((await all(conntrack.list({ status: ["ASSURED"] }))).length, FLOWS);

    await conntrack.remove(listed[3]!);
    assert.deepEqual(await conntrack.removeMany(listed), { ...nothing, done: FLOWS - 1, missing: 1 });
    assert.deepEqual(await conntrack.removeMany([]), nothing);
  });

  it("come from an asynchronous source, and do not wait for a full batch", async () => {
    let made = 0;
    async function* source() {
      for (let i = 0; i < 70; i++) yield udp(i);
      while (made < 70) await setTimeout(1);
      yield udp(70);
    }
    const { done } = await conntrack.createMany(source(), { onResult: () => made++ });
    assert.equal(done, 71);
  });

  it("come from a list of the same table, as in docs/api.md", async () => {
    await conntrack.createMany(some(FLOWS));
    const bad = new Set(["10.0.0.7", "10.0.1.9"]);
    async function* ofThem() {
      for await (const flow of conntrack.list()) if (bad.has(flow.orig.src)) yield flow;
    }
    assert.equal((await conntrack.removeMany(ofThem())).done, 2);
    assert.equal(await conntrack.count(), FLOWS - 2);
    for (const src of bad) assert.deepEqual(await all(conntrack.list({ orig: { src } })), []);
  });

  it("that the kernel refuses are counted, and the first error is kept", async () => {
    const bad: NewFlow = { ...udp(1), orig: { src: "10.0.0.1", dst: "192.0.2.1" } };
    const { firstError, ...counts } = await conntrack.createMany([udp(0), bad, udp(2), bad]);
    assert.deepEqual(counts, { ...nothing, done: 2, failed: 2 });
    assert.ok(firstError instanceof KernelError);
    assert.deepEqual([firstError.code, firstError.command, firstError.flow], ["EINVAL", "createMany", bad]);
  });

  it("tell how many were done where one makes no sense, the source fails, or the signal says stop", async () => {
    const bad = { ...udp(150), orig: { src: "nowhere", dst: "1.1.1.1" } };
    await assert.rejects(conntrack.createMany([...some(150), bad, udp(151)]), (error) => {
      return error instanceof UsageError && error.done === 150;
    });
    assert.equal(await conntrack.count(), 150);

    const listed = await all(conntrack.list());
    const stop = new AbortController();
    let seen = 0;
    const stopping = conntrack.removeMany(listed, {
      signal: stop.signal,
      onResult() {
        if (++seen === 10) stop.abort(new Error("enough"));
      },
    });
    await assert.rejects(stopping, (error) => {
      const { name, code, done, cause } = error as AbortedError;
      assert.deepEqual([name, code, (cause as Error).message], ["AbortError", "ABORT_ERR", "enough"]);
      assert.equal(done, seen);
      return true;
    });
    assert.equal(await conntrack.count(), 150 - seen);

    await conntrack.flush();
    async function* failing() {
      yield* some(10);
      throw new Error("the source");
    }
    await assert.rejects(conntrack.createMany(failing()), { message: "the source" });
    assert.equal(await conntrack.count(), 10);
    for (const wrong of [undefined, 5, {}, "text"]) {
      await assert.rejects(conntrack.createMany(wrong as never), UsageError);
    }
  });
});

describe("an update or a delete that is stopped", () => {
  it("tells how many were done", async () => {
    await conntrack.createMany(some(5000));
    const stop = new AbortController();
    const work = conntrack.delete({}, { signal: stop.signal });
    stop.abort();
    await assert.rejects(work, (error) => {
      assert.ok(error instanceof AbortedError);
      assert.ok(error.done !== undefined && error.done <= 5000);
      return true;
    });
    const aborted = AbortSignal.abort();
    await assert.rejects(conntrack.update({}, { mark: 1 }, { signal: aborted }), { name: "AbortError", done: 0 });
  });
});
