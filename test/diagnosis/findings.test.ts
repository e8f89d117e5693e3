/** What the diagnosis makes of facts that no network namespace of ours can have. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Facts } from "../../src/diagnosis/facts.js";
import {
  CRITICAL,
  findingsOf,
  HEALTHY,
  inNetwork,
  statusOf,
  timeText,
  WARNINGS,
} from "../../src/diagnosis/findings.js";
import { reportLines } from "../../src/diagnosis/report.js";

const HEALTHY_FACTS: Facts = {
  entries: 1000,
  limit: 262_144,
  entriesPerSecond: 0,
  buckets: 262_144,
  counters: [],
  flows: 1000,
  protocols: [{ name: "udp", flows: 1000 }],
  states: [],
  unreplied: 0,
  unassured: 0,
  offloaded: 0,
  sources: [{ name: "10.0.0.1", flows: 1000, unreplied: 0 }],
  destinations: [{ name: "10.0.0.2:53", flows: 1000, unreplied: 0 }],
  ports: [],
  settings: [],
  memory: {},
  gaps: [],
};

const facts = (changes: Partial<Facts>): Facts => ({ ...HEALTHY_FACTS, ...changes });
const ids = (changes: Partial<Facts>) => findingsOf(facts(changes)).map(({ id }) => id);
const report = (changes: Partial<Facts>) => reportLines(facts(changes), findingsOf(facts(changes))).join("\n");

describe("commands for another network namespace", () => {
  const there = { where: "my net", path: "/run/netns/my net" };
  for (const [command, wanted] of [
    ["conntrack -D -u UNREPLIED --dry-run", "conntrack --netns 'my net' -D -u UNREPLIED --dry-run"],
    [
      "sysctl -w net.netfilter.nf_conntrack_tcp_timeout_close_wait=60",
      "nsenter --net='/run/netns/my net' sysctl -w net.netfilter.nf_conntrack_tcp_timeout_close_wait=60",
    ],
    ["sysctl -w net.netfilter.nf_conntrack_buckets=524288", "sysctl -w net.netfilter.nf_conntrack_buckets=524288"],
    ["sysctl -w net.netfilter.nf_conntrack_max=524288", "sysctl -w net.netfilter.nf_conntrack_max=524288"],
  ] as const) {
    it(command, () => assert.equal(inNetwork(command, there), wanted));
  }
});

describe("findings", () => {
  it("has none where all is well, though one source has all entries", () => {
    assert.deepEqual(ids({}), []);
    assert.equal(statusOf([]), HEALTHY);
  });

  it("names a hash of 1,024 buckets under 100,000 entries first", () => {
    const changes = { entries: 100_000, buckets: 1024 };
    assert.deepEqual(ids(changes), ["hash"]);
    assert.match(report(changes), /^Hash {7}1,024 buckets, load 195\.3 .* LONG$/m);
    assert.match(report(changes), /sysctl -w net\.netfilter\.nf_conntrack_buckets=262144$/m);
    assert.equal(statusOf(findingsOf(facts(changes))), WARNINGS);
  });

  it("takes the kernel's own sizes for good: a full table has load 2", () => {
    assert.ok(!ids({ entries: 262_144 }).includes("hash"));
  });

  it("names the hash where chains are too long right now", () => {
    const found = findingsOf(facts({ counters: [{ name: "chaintoolong", total: 5, perSecond: 2 }] }));
    assert.deepEqual(
      found.map(({ id, severity }) => [id, severity]),
      [["hash", "critical"]],
    );
  });

  it("is critical where packets are dropped, and not where they were once", () => {
    const dropping = findingsOf(facts({ counters: [{ name: "drop", total: 9, perSecond: 3 }] }));
    assert.equal(statusOf(dropping), CRITICAL);
    assert.ok(dropping.some(({ id }) => id === "full"));
    assert.deepEqual(ids({ counters: [{ name: "drop", total: 9, perSecond: 0 }] }), []);
    assert.match(report({ counters: [{ name: "drop", total: 9, perSecond: 0 }] }), /drop 9 since boot: packets/);
  });

  it("warns from three quarters of the limit on", () => {
    assert.deepEqual(ids({ entries: 196_607, sources: [] }), []);
    assert.deepEqual(ids({ entries: 196_608, sources: [] }), ["full"]);
    assert.equal(statusOf(findingsOf(facts({ entries: 196_608, sources: [] }))), WARNINGS);
  });

  it("says when the table will be full", () => {
    assert.match(report({ entries: 262_044, entriesPerSecond: 10 }), /full in about 10 s at this rate/);
  });

  it("takes no lost race for a full table", () => {
    const counters = (drop: number, failed: number) => [
      { name: "drop", total: 9, perSecond: drop },
      { name: "insert_failed", total: 9, perSecond: failed },
    ];
    assert.deepEqual(ids({ counters: counters(2, 2) }), ["insert-failed"]);
    assert.match(report({ counters: counters(2, 2) }), /^Table .* ok$/m);
    assert.ok(ids({ counters: counters(3, 2) }).includes("full"));
  });

  it("warns of new entries that met an equal one", () => {
    assert.deepEqual(ids({ counters: [{ name: "insert_failed", total: 9, perSecond: 0.5 }] }), ["insert-failed"]);
  });

  it("knows no share of a limit that is not there", () => {
    const { limit: _, ...unlimited } = HEALTHY_FACTS;
    assert.deepEqual(findingsOf({ ...unlimited, entries: 10_000_000, buckets: 10_000_000 }), []);
  });

  it("says what could not be read", () => {
    assert.match(report({ gaps: ["/proc/slabinfo cannot be read"] }), /^Not known: \/proc\/slabinfo cannot be read$/m);
  });

  it("shows who has 1 % of the entries, and says so where nobody has", () => {
    const flood = { entries: 5000, flows: 5000, sources: [{ name: "10.0.0.1", flows: 49, unreplied: 49 }] };
    assert.match(report(flood), /^ {2}from {5}none has 1 % of the entries$/m);
    const one = { ...flood, sources: [{ name: "10.0.0.1", flows: 50, unreplied: 50 }] };
    assert.match(report(one), /^ {2}from {5}10\.0\.0\.1 {16,}50 {3}1\.0 % {3}100 % unreplied$/m);
  });

  it("says of a shorter timeout nothing that it would not change", () => {
    const idle = (hour: number) => ({
      timeoutSeconds: 432_000,
      longerThan: [300, 3600, 86_400].map((seconds) => ({ seconds, flows: seconds === 86_400 ? 0 : hour })),
      unknown: 0,
    });
    assert.match(report({ idle: idle(0) }), /^Idle {7}no assured, established TCP for more than 5 min$/m);
    assert.match(report({ entries: 900, idle: idle(400) }), /^ +with 3600 there would be 500 entries now \(0\.2 % of/m);
  });

  it("says how many entries a changed timeout of a state is about", () => {
    const name = "net.netfilter.nf_conntrack_tcp_timeout_close_wait";
    const changes = { settings: [{ name, value: 3600, default: 60 }], states: [{ name: "CLOSE_WAIT", flows: 15_718 }] };
    assert.match(
      report(changes),
      /^Settings {3}tcp_timeout_close_wait = 3600 \(the kernel's default is 60\): 15,718 entries$/m,
    );
  });

  it("keeps every line of the report within 80 columns", () => {
    const changes = {
      entries: 250_000,
      flows: 250_000,
      unreplied: 200_000,
      states: ["ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT"].map(
        (name) => ({
          name,
          flows: 35_000,
        }),
      ),
      sources: [
        { name: "10.0.0.1", flows: 100_000, unreplied: 0, mostly: { name: "203.0.113.9:443", flows: 90_000 } },
        {
          name: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111",
          flows: 90_000,
          unreplied: 0,
          mostly: { name: "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:2222]:443", flows: 90_000 },
        },
      ],
      memory: { entryBytes: 115_000_000, bucketBytes: 2_097_152 },
    };
    const lines = report(changes).split("\n");
    for (const line of lines) assert.ok(line.length <= 80, line);
    assert.ok(lines.includes("Memory     about 115 MB of entries, 2.1 MB of buckets (all network namespaces)"));
    assert.ok(lines.includes("              100 % to [2001:db8:aaaa:bbbb:cccc:dddd:eeee:2222]:443"));
  });

  it("names times in the largest unit that they fill", () => {
    assert.deepEqual([432_000, 3600, 300, 90].map(timeText), ["5 d", "1 h", "5 min", "90 s"]);
  });
});
