/** What comes out goes in: listed flows, and their lines of JSON, are created again, found again, and deleted again. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { Conntrack, type Flow, fromJson, type NewFlow, toJson, UsageError } from "../../src/index.js";
import { cliCases } from "../support/cases.js";
import { freshNetwork, ours } from "../support/command.js";
import { CLIENT, type Lab, lab, nft, noLab, ROUTER, ROUTER6, SERVER, SERVER6, sysctl } from "../support/lab.js";
import { loadTable } from "../support/table.js";

const udp = (sport: number, more: Partial<NewFlow> = {}): NewFlow => ({
  protocol: "udp",
  timeout: 600,
  orig: { src: "10.7.0.1", dst: "10.7.0.2", sport, dport: 53 },
  ...more,
});

/** What the recorded table lacks: translations that the kernel knows of, labels, verification tags, zones of all kinds. */
const MORE: readonly NewFlow[] = [
  udp(1, { snat: { address: "192.0.2.1", port: 4001 } }),
  udp(2, { dnat: { address: "192.0.2.2", port: 4002 }, status: ["SEEN_REPLY", "ASSURED"] }),
  udp(3, { snat: { address: "192.0.2.3", port: 5 }, dnat: { address: "192.0.2.4", port: 6 }, mark: 77 }),
  udp(4, { zone: 9, labels: [1, 2, 127], mark: 0xffffffff }),
  udp(5, { orig: { src: "10.7.0.1", dst: "10.7.0.2", sport: 5, dport: 53, zone: 3 } }),
  udp(6, {
    reply: { src: "10.7.0.2", dst: "10.7.0.1", sport: 53, dport: 6, zone: 4 },
    snat: { address: "192.0.2.1", port: 4006 },
  }),
  udp(7, { status: ["FIXED_TIMEOUT"], labels: [64] }),
  { ...udp(8), protocol: "sctp", state: "ESTABLISHED", vtags: { orig: 1, reply: 0xfffffffe } },
  {
    protocol: "gre",
    timeout: 60,
    orig: { src: "10.7.0.1", dst: "10.7.0.2", srckey: 7, dstkey: 0xffff },
    snat: { address: "192.0.2.9" },
  },
  {
    protocol: "tcp",
    timeout: 6000,
    state: "ESTABLISHED",
    status: ["SEEN_REPLY", "ASSURED"],
    orig: { src: "fd00::1", dst: "fd00::2", sport: 1, dport: 443 },
    dnat: { address: "fd00::3", port: 8443 },
  },
  {
    protocol: "icmp",
    timeout: 60,
    orig: { src: "10.7.0.1", dst: "10.7.0.2", icmp: { type: 8, code: 0, id: 9 } },
    snat: { address: "192.0.2.8" },
  },
];

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** What must be the same after all: not the kernel's id, nor the time left by the second, nor what only the kernel sets. */
function lasting({ id: _, use: __, timeout, status, ...flow }: Flow): object {
  const kept = status!.filter((flag) => flag !== "SEQ_ADJUST" && flag !== "EXPECTED");
  return { ...flow, timeout: Math.round(timeout! / 10), status: kept };
}

const sorted = (flows: readonly object[]) => flows.map((flow) => toJson(flow as Flow)).sort();

let conntrack: Conntrack;

describe("listed flows", () => {
  let flows: Flow[];
  before(async () => {
    freshNetwork();
    nft("table inet t { chain c { type filter hook prerouting priority 0; ct label set 1; }; }");
    conntrack = await Conntrack.open();
    await loadTable(cliCases.setup["mix"]!);
    assert.deepEqual(await conntrack.createMany(MORE), { done: MORE.length, missing: 0, existing: 0, failed: 0 });
    flows = await all(conntrack.list());
    assert.ok(flows.filter(({ nat }) => nat !== undefined).length >= 7);
    assert.ok(flows.some(({ labels }) => labels?.length === 3));
  });
  after(() => conntrack.close());
  beforeEach(async () => {
    await conntrack.flush();
  });
  const same = async () => {
    assert.deepEqual(sorted((await all(conntrack.list())).map(lasting)), sorted(flows.map(lasting)));
  };

  it("are created again, one by one", async () => {
    for (const flow of flows) await conntrack.create(flow);
    await same();
  });

  it("are created again, many at a time, out of their lines of JSON", async () => {
    const lines = flows.map((flow) => toJson(flow));
    assert.deepEqual(
      lines.map((line) => fromJson(line)),
      flows,
    );
    assert.equal((await conntrack.createMany(lines.map(fromJson))).done, flows.length);
    await same();
  });

  it("are created again by -R, out of what -L -o json prints", async () => {
    await conntrack.createMany(flows);
    const { stdout } = await ours(["-L", "-o", "json"]);
    await conntrack.flush();
    assert.deepEqual(await ours(["-R", "-"], stdout), { status: 0, stdout: "", stderr: "" });
    await same();
    // A line without its newline, blanks in front, and command lines between them.
    await conntrack.flush();
    const mixed = `-A -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 60\n${stdout.trimEnd().replaceAll("\n", "\n  ")}`;
    assert.deepEqual(await ours(["-R", "-"], mixed), { status: 0, stdout: "", stderr: "" });
    assert.equal(await conntrack.count(), flows.length + 1);
  });

  it("are filters that match themselves alone, whatever time they have left", async () => {
    await conntrack.createMany(flows);
    for (const flow of await all(conntrack.list())) {
      const found = await all(conntrack.list({ ...flow, timeout: 1 }));
      assert.deepEqual(
        found.map(({ id }) => id),
        [flow.id],
        toJson(flow),
      );
      assert.equal(await conntrack.delete(flow), 1);
    }
    assert.equal(await conntrack.count(), 0);
  });

  it("are no filters for what has changed since, and nothing is passed over that nobody listed", async () => {
    await conntrack.createMany(flows);
    const flow = (await all(conntrack.list({ protocol: "tcp", state: "ESTABLISHED" })))[0]!;
    await conntrack.change(flow, { mark: 4711 });
    assert.equal(await conntrack.delete(flow), 0);
    assert.equal(await conntrack.delete({ ...flow, mark: 4711 }), 1);
    for (const wrong of [
      { ...flow, colour: "red" },
      { ...flow, orig: { ...flow.orig, colour: "red" } },
      { orig: { src: "10.0.0.1", packets: 1n } },
      { helper: "ftp" },
    ]) {
      assert.throws(() => conntrack.list(wrong as never), UsageError);
    }
    await assert.rejects(conntrack.create({ ...flow, family: "ipv4", orig: { ...flow.orig, src: "::1" } }), UsageError);
  });
});

describe("lines of JSON that -R cannot load", () => {
  const FLOW = toJson({
    family: "ipv4",
    protocol: { number: 17, name: "udp" },
    timeout: 60,
    orig: { src: "1.1.1.1", dst: "2.2.2.2", sport: 1, dport: 2 },
    reply: { src: "2.2.2.2", dst: "1.1.1.1", sport: 2, dport: 1 },
  } as Flow);
  const WRONG: readonly (readonly [string, string])[] = [
    ["[", "a list, not one entry a line, as -L -o json prints them"],
    ["{", "an object over several lines, not one entry a line, as -L -o json prints them"],
    ['{"family":"ipv4"', "not a line of JSON"],
    ["{}", "`family' is not what it should be"],
    [FLOW.replace("{", '{"event":"new",'), "an event, not an entry of a table"],
    [FLOW.replace('"orig"', '"expected"'), "an expectation, not a flow"],
    [FLOW.replace('"timeout":60,', ""), "the entry has no timeout"],
    [FLOW.replace("1.1.1.1", "1.1.1.x"), "cannot read `1.1.1.x'"],
    [FLOW.replace('"sport":1', '"sport":65536'), "`sport' is not what it should be"],
    [FLOW.replace('"timeout":60', '"timeout":-1'), "`timeout' is not what it should be"],
  ];
  before(freshNetwork);
  for (const [line, message] of WRONG) {
    it(`${line}: ${message}`, async () => {
      const { status, stderr } = await ours(["-R", "-"], `${FLOW}\n${line}\n`);
      assert.equal(status, 2);
      assert.match(stderr, /^conntrack v1\.4\.9 \(conntrack-tools\): cannot load this JSON: /);
      assert.ok(stderr.includes(`cannot load this JSON: ${message}\n`), stderr);
      // Nothing was applied.
      assert.match((await ours(["-C"])).stdout, /^0\n/);
    });
  }
});

describe("fromJson", () => {
  const line =
    '{"event":"destroy","time":"2026-01-01T00:00:00.000000000Z","family":"ipv4","protocol":{"number":17,"name":"udp"},' +
    '"orig":{"src":"1.1.1.1","dst":"2.2.2.2","sport":1,"dport":2,"packets":7,"bytes":18446744073709551615},' +
    '"reply":{"src":"2.2.2.2","dst":"1.1.1.1","sport":2,"dport":1,"packets":0,"bytes":9007199254740993},"id":5}';

  it("reads what toJson makes of any value, which is JSON as JSON.stringify makes it", () => {
    const values = [
      undefined,
      () => 1,
      Symbol("x"),
      Number.NaN,
      -0,
      1e21,
      null,
      true,
      new Date(0),
      "\ud800",
      { a: undefined, b: [undefined, Symbol("y"), () => 1, Number.POSITIVE_INFINITY], c: new Date(5), d: () => 1 },
    ];
    for (const value of values) assert.equal(toJson(value), JSON.stringify(value) ?? "null");
    assert.equal(toJson([2n ** 64n - 1n]), "[18446744073709551615]");
  });

  it("is the inverse of toJson, to the last digit of a counter, for events too", () => {
    const event = fromJson(line);
    assert.equal(event.orig.bytes, 18446744073709551615n);
    assert.equal(event.reply.bytes, 9007199254740993n);
    assert.equal(event.orig.packets, 7n);
    assert.equal(toJson(event), line);
  });

  it("refuses what is no flow", () => {
    for (const text of [
      "",
      "[]",
      "5",
      "null",
      "{}",
      '{"event":"lost","time":"x"}',
      line.replace("1.1.1.1", "x"),
      undefined,
    ]) {
      assert.throws(() => fromJson(text as string), UsageError);
    }
  });
});

describe("translated connections that live", { skip: noLab }, () => {
  let scene: Lab;
  before(async () => {
    scene = await lab();
    nft(`table inet n {
      chain pre { type nat hook prerouting priority dstnat;
        ip daddr ${ROUTER} tcp dport 8080 dnat ip to ${SERVER}:80
        ip6 daddr ${ROUTER6} tcp dport 8080 dnat ip6 to [${SERVER6}]:80
      }
      chain post { type nat hook postrouting priority srcnat; ip saddr ${CLIENT} masquerade; }
    }`);
    const { client, server } = scene;
    await server.ask("tcpEcho", { host: "0.0.0.0", port: 80 });
    await server.ask("tcpEcho", { host: "::", port: 80 });
    await client.ask("connect", { name: "masquerade", host: SERVER, port: 80, localPort: 5001 });
    await client.ask("connect", { name: "dnat", host: ROUTER, port: 8080, localPort: 5002 });
    await client.ask("connect", { name: "dnat6", host: ROUTER6, port: 8080, localPort: 5003 });
    for (const name of ["masquerade", "dnat", "dnat6"]) await client.ask("say", { name, text: "hi", answer: "hi" });
    // Packets of a flow that nobody knows would begin a new one, which the rules would translate.
    sysctl("net/netfilter/nf_conntrack_tcp_loose", 0);
    conntrack = await Conntrack.open();
  });
  after(() => {
    conntrack.close();
    scene.close();
  });

  it("go on after their table was emptied and loaded from JSON", async () => {
    const { stdout } = await ours(["-L", "-p", "tcp", "-o", "json"]);
    const before = (await all(conntrack.list({ protocol: "tcp" }))).map(lasting);
    assert.equal(before.length, 3);
    await conntrack.flush();
    assert.equal((await ours(["-R", "-"], stdout)).stderr, "");
    const { client } = scene;
    for (const name of ["masquerade", "dnat", "dnat6"]) await client.ask("say", { name, text: "on", answer: "on" });
    assert.deepEqual(sorted((await all(conntrack.list({ protocol: "tcp" }))).map(lasting)), sorted(before));
  });
});
