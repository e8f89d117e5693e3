/** What is said of the kernel's counters, tried: what must move a counter is done, and the counter has moved. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { availableParallelism } from "node:os";
import { before, beforeEach, describe, it } from "node:test";
import { cpuStats } from "../../src/ctnetlink/queries.js";
import { COUNTER_MEANINGS, growthOf, sumCounters } from "../../src/diagnosis/counters.js";
import { openConnection } from "../../src/netlink/connection.js";
import { backend, freshNetwork } from "../support/command.js";
import { compile, noCompiler } from "../support/compile.js";
import { nft, noLab } from "../support/lab.js";
import { must } from "../support/process.js";
import { loadTable } from "../support/table.js";

/** The kernel's usual limit. */
const LIMIT = 262_144;

function counters(): Map<string, number> {
  const connection = openConnection(backend);
  try {
    return new Map(sumCounters(cpuStats(connection, "conntrack")).map(({ name, total }) => [name, total]));
  } finally {
    connection.close();
  }
}

/** Sends an UDP packet from an address and port to port 53 of another address. */
function send(address: string, port: number, to: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind(port, address, () =>
      socket.send("x", 53, to, () => {
        // Nobody listens, and a full table may refuse the packet: what counts is that it was made.
        socket.close();
        resolve();
      }),
    );
  });
}

const entries = (count: number, status: string) =>
  Array.from(
    { length: count },
    (_, n) =>
      `-I -p udp -s 10.${n >> 16}.${(n >> 8) & 255}.${n & 255} -d 10.200.0.1 --sport 1000 --dport 53 -t 600 ${status}`,
  );

describe("counters", { skip: noLab || noCompiler }, () => {
  let raw: string;
  let together: string;
  before(() => {
    raw = compile("test/support/raw-packet.c");
    together = compile("test/support/race-packets.c");
  });
  beforeEach(() => {
    freshNetwork();
    must("ip", "link", "set", "lo", "up");
    nft("table inet n { chain c { type filter hook output priority 0; ct state new counter; }; }");
  });

  it("are all known to the kernel, which has none at first", () => {
    const found = counters();
    for (const { name } of COUNTER_MEANINGS) assert.equal(found.get(name), 0, name);
  });

  it("invalid: a reset of no connection, and a TCP header that is cut off", () => {
    // Ports 1111 and 2222, RST; the checksum of what this machine sends itself is not looked at.
    must(raw, "6", "3", "045708ae000000010000000050040064000000000000".slice(0, 40));
    const resets = counters().get("invalid")!;
    assert.ok(resets >= 3);
    must(raw, "6", "2", "0457");
    assert.ok(counters().get("invalid")! >= resets + 2);
    assert.equal(counters().get("error"), 0);
  });

  it("error: an ICMP error about no known connection", () => {
    // Port unreachable, about a UDP packet from port 5 to port 6 of the loopback address.
    const inner = "4500001c00000000401100007f0000017f0000010005000600080000";
    must(raw, "1", "4", `0303dff300000000${inner}`);
    assert.ok(counters().get("error")! >= 4);
    assert.equal(counters().get("drop"), 0);
  });

  it("insert: entries that programs make, and no others", async () => {
    await send("127.0.0.1", 4000, "127.0.0.3");
    assert.equal(counters().get("insert"), 0);
    await loadTable(entries(5, ""));
    assert.equal(counters().get("insert"), 5);
  });

  it("found: NAT tries another port where the first is taken", async () => {
    nft("table ip t { chain p { type nat hook postrouting priority 100; udp dport 53 snat to 127.0.0.9; }; }");
    await send("127.0.0.1", 4000, "127.0.0.3");
    assert.equal(counters().get("found"), 0);
    await send("127.0.0.2", 4000, "127.0.0.3");
    assert.ok(counters().get("found")! >= 1);
  });

  // Threads of one CPU send one after the other.
  const race = { skip: availableParallelism() < 2 && "it takes two CPUs" };
  /** Until the counter moves: not each pair of packets meets. */
  const raceUntil = (name: string, protocol: string) => {
    for (let port = 1024; port < 10_000 && counters().get(name) === 0; port += 50) {
      must(together, protocol, String(port), "50");
    }
    assert.ok(counters().get(name)! >= 1);
  };

  it("clash_resolve: of two first packets of a UDP flow at one moment none is lost", race, () => {
    raceUntil("clash_resolve", "17");
    assert.deepEqual([counters().get("insert_failed"), counters().get("drop")], [0, 0]);
  });

  it("insert_failed: of two first packets of a TCP connection at one moment one is dropped", race, () => {
    raceUntil("insert_failed", "6");
    // The diagnosis goes by that, where it tells a full table from a lost race.
    assert.equal(counters().get("drop"), counters().get("insert_failed"));
  });

  it("drop: a full table of assured entries has no room for a new connection", async () => {
    await loadTable(entries(LIMIT + 1, "-u ASSURED,SEEN_REPLY").slice(0, LIMIT));
    await send("127.0.0.1", 4000, "127.0.0.3");
    await send("127.0.0.1", 4001, "127.0.0.3");
    assert.ok(counters().get("drop")! >= 1);
    assert.equal(counters().get("early_drop"), 0);
  });

  it("early_drop: a full table of unassured entries makes room", async () => {
    await loadTable(entries(LIMIT, ""));
    for (let port = 4000; port < 4010; port++) await send("127.0.0.1", port, "127.0.0.3");
    assert.ok(counters().get("early_drop")! >= 1);
  });

  it("grow CPU by CPU, round the end of 32 bits too", () => {
    const at = (value: number) => [{ cpu: 0, counters: [{ name: "drop", value }] }];
    assert.equal(growthOf(at(0xffff_fffe), at(3)).get("drop"), 5);
    assert.equal(growthOf([], at(3)).get("drop"), 3);
  });
});
