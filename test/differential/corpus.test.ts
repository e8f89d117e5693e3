/**
 * Random legal command lines, one after the other, by the reference on one table and by ours on another that began the same:
 * they print the same, exit the same, and leave the same behind.
 */
import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { backend, freshNetwork, ours } from "../support/command.js";
import type { Outcome } from "../support/process.js";
import { type Random, random, seed } from "../support/random.js";
import { noReference, reference } from "../support/reference.js";
import { mask, sortEntries } from "../support/text.js";

/** Fewer where every run of ours is a process, too. */
const COMMANDS = process.env["CONNTRACK_TEST_COMMAND"] ? 300 : 2000;
const PER_TEST = 100;
/** How often the tables are compared: a dump walks the machine's whole hash, so each of them takes milliseconds. */
const PER_COMPARISON = 10;

const TCP_STATES = [
  "NONE",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
];
const SCTP_STATES = ["NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT"];

/** A few addresses and ports, so that entries meet again. */
const v4 = (r: Random) => `10.1.0.${1 + r.below(4)}`;
const v6 = (r: Random) => `fd00::${1 + r.below(4)}`;
const port = (r: Random) => String(1 + r.below(6));

interface Flow {
  isV6: boolean;
  /** -s … -d … */
  addresses: string[];
  protocol: string;
  /** The protocol's part of the tuple. */
  tuple: string[];
  /** What only a new entry says. */
  state: string[];
}

function flow(r: Random): Flow {
  const isV6 = r.once(4);
  const address = isV6 ? v6 : v4;
  const ports = ["--sport", port(r), "--dport", port(r)];
  const rows: [protocol: string, tuple: string[], state: string[]][] = [
    ["tcp", ports, ["--state", r.pick(TCP_STATES)]],
    ["tcp", ports, ["--state", "ESTABLISHED"]],
    ["udp", ports, []],
    ["udp", ports, []],
    ["udplite", ports, []],
    ["sctp", ports, ["--state", r.pick(SCTP_STATES), "--orig-vtag", port(r), "--reply-vtag", port(r)]],
    ["gre", ["--srckey", port(r), "--dstkey", `0x${port(r)}`], []],
    isV6
      ? ["icmpv6", ["--icmpv6-type", r.pick(["128", "129"]), "--icmpv6-code", "0", "--icmpv6-id", port(r)], []]
      : ["icmp", ["--icmp-type", r.pick(["8", "0", "13"]), "--icmp-code", "0", "--icmp-id", port(r)], []],
    [r.pick(["99", "50", "igmp"]), [], []],
  ];
  const [protocol, tuple, state] = r.pick(rows);
  return { isV6, addresses: ["-s", address(r), "-d", address(r)], protocol, tuple, state };
}

/** Some of the options, in random order, each with its words. */
const some = (r: Random, makers: (() => string[])[], most: number): string[] =>
  r.some(makers, r.below(most + 1)).flatMap((make) => make());

let translated = 0;

function create(r: Random): string[] {
  const { isV6, addresses, protocol, tuple, state } = flow(r);
  // 1.4.7 loses a mark that stands before -u.
  const more = r.once(2)
    ? ["-u", r.pick(["SEEN_REPLY", "SEEN_REPLY,ASSURED", "ASSURED", "UNSET", "FIXED_TIMEOUT"])]
    : [];
  if (r.once(3)) more.push("-m", r.pick(["0", "5", "0x10"]));
  if (r.once(6)) {
    // Where no update comes: the reference passes over entries in zones, or changes their twin outside.
    addresses[3] = isV6 ? "fd00::77" : "10.1.0.77";
    more.push(r.pick(["-w", "--orig-zone", "--reply-zone"]), "7");
  } else if (r.once(4) && tuple[0] === "--sport") {
    // A port of its own: where two translations clash, the kernel takes any port.
    tuple[1] = String(20_000 + translated++);
    const target = isV6 ? "fd00::99" : "10.9.9.9";
    more.push(r.pick(["-n", "-g"]), r.once(2) ? target : isV6 ? `[${target}]:${tuple[1]}` : `${target}:${tuple[1]}`);
  }
  return ["-I", ...addresses, "-p", protocol, ...tuple, ...state, "-t", "100000", ...more];
}

/** What finds entries, in words that both take for the same. */
function filter(r: Random): string[] {
  const { isV6, addresses, protocol, tuple } = flow(r);
  const keys = protocol === "gre" ? [] : tuple;
  return [
    ...r.pick([[], addresses, addresses.slice(0, 2), addresses.slice(2)]),
    ...r.pick([[], ["-p", protocol], ["-p", protocol, ...keys], ["-p", protocol, ...keys.slice(0, 2)]]),
    ...some(r, [() => ["-f", isV6 ? "ipv6" : "ipv4"], () => ["-m", r.pick(["0", "5", "0x10/0x10"])]], 1),
  ];
}

function command(r: Random): string[] {
  const { addresses, protocol, tuple, isV6 } = flow(r);
  const outputs = () => ["-o", r.pick(["extended", "save", "xml", "ktimestamp,extended", "userspace"])];
  const changes = () =>
    r.pick([
      ["-m", r.pick(["1", "0x20/0x20"])],
      ["-t", "90000"],
      ["-u", "ASSURED"],
    ]);
  const makers: (() => string[])[] = [
    () => create(r),
    () => create(r),
    () => create(r),
    () => ["-L", ...filter(r), ...some(r, [outputs], 1)],
    () => ["-D", ...filter(r), ...some(r, [outputs], 1)],
    // The kernel also finds an entry by its reply; the reference then shows it, where it is GRE, for want of comparing keys.
    () => (protocol === "gre" ? create(r) : ["-G", ...addresses, "-p", protocol, ...tuple, ...some(r, [outputs], 1)]),
    // One entry at the most: 1.4.7 shows only some of many. It needs the family, and does not compare GRE's keys.
    () =>
      protocol === "gre"
        ? create(r)
        : ["-U", "-f", isV6 ? "ipv6" : "ipv4", ...addresses, "-p", protocol, ...tuple, ...changes()],
    () => r.pick([["-C"], ["-L", "expect"], ["-C", "expect"], ["-L", "dying"], ["-F", "expect"], ["-L", "-z"]]),
    () => (r.once(20) ? ["-F"] : create(r)),
  ];
  return r.pick(makers)();
}

describe(`${COMMANDS} random command lines, CONNTRACK_TEST_SEED=${seed}`, { skip: noReference }, () => {
  const r = random(seed);
  const networks: number[] = [];
  /** All command lines so far. */
  const history: string[][] = [];

  /** Two new network namespaces: the reference's and ours. */
  function openNetworks(): void {
    networks.splice(0).forEach(closeSync);
    for (const _ of ["the reference's", "ours"]) {
      freshNetwork();
      networks.push(openSync("/proc/self/ns/net", "r"));
    }
  }

  before(openNetworks);
  after(() => networks.forEach(closeSync));

  function enter(index: number): void {
    assert.equal(backend.setNetwork(networks[index]!), 0);
  }

  const shown = ({ status, stdout, stderr }: Outcome) => ({
    status,
    stderr: mask(stderr),
    stdout: sortEntries(mask(stdout)),
  });

  /** The table, as ours shows it: whether that is right is for other tests. Entries in zones are left to those, too. */
  async function table(): Promise<string> {
    return sortEntries(mask((await ours(["-L", "-o", "extended"])).stdout));
  }

  async function run(argv: readonly string[]): Promise<void> {
    enter(0);
    const want = shown(reference(argv));
    enter(1);
    assert.deepEqual(shown(await ours(argv)), want, argv.join(" "));
  }

  async function tables(): Promise<[theirs: string[], ours: string[]]> {
    enter(0);
    const theirs = (await table()).split("\n");
    enter(1);
    return [theirs, (await table()).split("\n")];
  }

  /** Runs everything again, and compares the tables after each of the last commands: which of them made the difference? */
  async function searchBack(): Promise<void> {
    openNetworks();
    for (const [index, argv] of history.entries()) {
      await run(argv);
      if (index < history.length - PER_COMPARISON) continue;
      const [theirs, our] = await tables();
      assert.deepEqual(our, theirs, `the table after ${argv.join(" ")}`);
    }
  }

  for (let from = 1; from <= COMMANDS; from += PER_TEST) {
    it(`${from} to ${from + PER_TEST - 1}`, async () => {
      for (let i = 1; i <= PER_TEST; i++) {
        const argv = command(r);
        history.push(argv);
        await run(argv);
        if (i % PER_COMPARISON !== 0) continue;
        const [theirs, our] = await tables();
        if (our.join("\n") === theirs.join("\n")) continue;
        await searchBack();
        assert.deepEqual(
          our,
          theirs,
          `the tables after ${history
            .slice(-PER_COMPARISON)
            .map((line) => line.join(" "))
            .join("; ")}`,
        );
      }
    });
  }
});
