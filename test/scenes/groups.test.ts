/** --group-by, --sort and --limit on the real kernel, against what the JSON of the whole table says. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { FIELD_NAMES } from "../../src/tally/names.js";
import { TABLE } from "../differential/table.js";
import { freshNetwork, ours, oursAsProcess, program } from "../support/command.js";
import { overlayEtc } from "../support/etc.js";
import { fieldOfFlow, fieldOfGroup, network } from "../support/flow-fields.js";
import { type Line, parseLines } from "../support/json.js";
import { CLIENT, CLIENT6, type Lab, lab, nft, noLab, SERVER, SERVER6, sysctl } from "../support/lab.js";
import { random, seed } from "../support/random.js";
import { loadTable } from "../support/table.js";
import { lines, PREFIX } from "../support/text.js";

interface Counters {
  packets: number;
  bytes: number;
}

interface Group {
  group: Record<string, unknown>;
  flows: number;
  unreplied: number;
  packets?: number;
  bytes?: number;
  orig?: Counters;
  reply?: Counters;
}

const words = (line: string) => line.split(" ").filter((word) => word !== "");

async function run(line: string): Promise<{ stdout: string; stderr: string }> {
  const { status, stdout, stderr } = await ours(words(line));
  assert.equal(status, 0, `${line}: ${stderr}`);
  return { stdout, stderr };
}

const flowsOf = async (filter = "") => parseLines<Line>((await run(`-L -o json ${filter}`)).stdout);

/** What -L --group-by must print as JSON, in no order. */
function expected(flows: readonly Line[], fields: readonly string[]): Map<string, Omit<Group, "group">> {
  const groups = new Map<string, Omit<Group, "group"> & { orig: Counters; reply: Counters; counted: boolean }>();
  for (const flow of flows) {
    const key = JSON.stringify(fields.map((name) => fieldOfFlow(flow, name)));
    const group = groups.get(key) ?? {
      flows: 0,
      unreplied: 0,
      orig: { packets: 0, bytes: 0 },
      reply: { packets: 0, bytes: 0 },
      counted: false,
    };
    group.flows++;
    if (!flow.status!.includes("SEEN_REPLY")) group.unreplied++;
    if (flow.orig.packets !== undefined) group.counted = true;
    for (const direction of ["orig", "reply"] as const) {
      group[direction].packets += Number(flow[direction].packets ?? 0);
      group[direction].bytes += Number(flow[direction].bytes ?? 0);
    }
    groups.set(key, group);
  }
  return new Map(
    Array.from(groups, ([key, { counted, orig, reply, flows, unreplied }]) => {
      const counters = {
        packets: orig.packets + reply.packets,
        bytes: orig.bytes + reply.bytes,
        orig,
        reply,
      };
      return [key, { flows, unreplied, ...(counted ? counters : {}) }];
    }),
  );
}

const keyOf = (group: Group, fields: readonly string[]) =>
  JSON.stringify(fields.map((name) => fieldOfGroup(group.group[name.split("/")[0]!] ?? null, name)));

/** Asserts that the groups are right, and that the largest come first. */
async function agreeOnGroups(fields: readonly string[], filter = ""): Promise<Group[]> {
  const line = `-L --group-by ${fields.join()} ${filter}`;
  const flows = await flowsOf(filter);
  const { stdout, stderr } = await run(`${line} -o json`);
  const groups = parseLines<Group>(stdout);
  const found = new Map(groups.map(({ group, ...sums }) => [keyOf({ group } as Group, fields), sums]));
  assert.equal(found.size, groups.length, "each group once");
  assert.deepEqual(found, expected(flows, fields), line);
  for (let i = 1; i < groups.length; i++) assert.ok(groups[i - 1]!.flows >= groups[i]!.flows);
  const summary = `${groups.length} of ${groups.length} groups of ${flows.length} flow entries have been shown.`;
  assert.equal(stderr, `${PREFIX}${summary}\n`);
  return groups;
}

const ADDRESSES = ["src", "dst", "reply-src", "reply-dst", "snat", "dnat"];

async function agreeOnRandomGroups(rounds: number, filters: readonly string[]): Promise<void> {
  const { some, below, pick, once } = random(seed);
  for (let round = 0; round < rounds; round++) {
    const fields = some(FIELD_NAMES, 1 + below(4)).map((name) =>
      ADDRESSES.includes(name) && once(2) ? `${name}/${below(129)}` : name,
    );
    await agreeOnGroups(fields, pick(filters));
  }
}

const FILTERS = ["", "", "-p tcp", "-p udp", "-f ipv6", "-s 10.0.0.0/8", "-u ASSURED", "-w 0"];

describe("groups of a table with something of everything", () => {
  before(async () => {
    freshNetwork();
    await loadTable(TABLE);
  });

  for (const name of FIELD_NAMES) it(name, async () => void (await agreeOnGroups([name])));

  it(`random fields and filters (seed ${seed})`, async () => agreeOnRandomGroups(60, FILTERS));

  it("shows no counters where nothing has any", async () => {
    sysctl("net/netfilter/nf_conntrack_acct", 0);
    const { stdout } = await run("-L --group-by protocol");
    assert.match(stdout, /^PROTOCOL +FLOWS +% +UNREPLIED\n/);
    assert.doesNotMatch(stdout, /PACKETS|BYTES/);
  });
});

describe("groups of real traffic, with counters, NAT, labels, helpers and zones", { skip: noLab }, () => {
  let scene: Lab;
  before(async () => {
    overlayEtc({ "xtables/connlabel.conf": "2 two\n40 forty\n127 last\n" });
    freshNetwork();
    scene = await lab();
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    sysctl("net/netfilter/nf_conntrack_timestamp", 1);
    // On a slow machine the tests take longer than the 30 seconds that flows of UDP have.
    for (const name of ["udp_timeout", "udp_timeout_stream"]) sysctl(`net/netfilter/nf_conntrack_${name}`, 600);
    nft(`table inet n {
      ct helper ftp { type "ftp" protocol tcp; }
      chain raw { type filter hook prerouting priority raw; udp dport 56 ct zone set 7; }
      chain pre { type filter hook prerouting priority filter; tcp dport 21 ct helper set "ftp"; }
      chain fo { type filter hook forward priority 0; udp dport 53 ct label set 2; udp dport 54 ct label set 40; udp dport 54 ct label set 99; udp dport 55 ct mark set 0x7; }
    }
    table ip nat {
      chain in { type nat hook prerouting priority dstnat; udp dport 5353 dnat to ${SERVER}:53; }
      chain out { type nat hook postrouting priority srcnat; udp dport 55 masquerade; }
    }`);
    const { client, server } = scene;
    for (const port of [53, 54, 55]) await server.ask("udpEcho", { host: SERVER, port });
    for (let i = 0; i < 12; i++) {
      const port = [53, 54, 55, 5353][i % 4]!;
      await client.ask("datagram", {
        host: SERVER,
        port,
        localPort: 6000 + i,
        text: "x".repeat(1 + 50 * i),
        answer: true,
      });
    }
    await client.ask("datagram", { host: SERVER, port: 56, localPort: 6100, text: "zone", answer: false });
    await server.ask("ftp", { host: "0.0.0.0", port: 21 });
    await server.ask("ftp", { host: "::", port: 21 });
    await client.ask("connect", { name: "a", host: SERVER, port: 21, localPort: 6200 });
    await client.ask("connect", { name: "b", host: SERVER6, port: 21, localPort: 6201 });
    await loadTable([
      "-I -s 10.9.9.1 -d 10.9.9.2 -p tcp --sport 1 --dport 2 --state SYN_SENT -t 5000",
      "-I -s 10.9.9.3 -d 10.9.9.2 -p tcp --sport 1 --dport 2 --state SYN_SENT -t 6000",
    ]);
  });
  after(() => scene?.close());

  it("has such a table", async () => {
    const flows = await flowsOf();
    for (const has of [
      (flow: Line) => flow.nat?.snat,
      (flow: Line) => flow.nat?.dnat,
      (flow: Line) => (flow.labels?.length ?? 0) > 1,
      (flow: Line) => flow.helper === "ftp" && flow.family === "ipv6",
      (flow: Line) => flow.zone === 7,
      (flow: Line) => flow.mark === 7,
      (flow: Line) => Number(flow.orig.bytes) > 500,
    ]) {
      assert.ok(flows.some(has), String(has));
    }
  });

  for (const name of FIELD_NAMES) it(name, async () => void (await agreeOnGroups([name])));

  it(`random fields (seed ${seed})`, async () => agreeOnRandomGroups(40, ["", "-p udp", "-f ipv4"]));

  it("names labels, as the map does", async () => {
    const { stdout } = await run("-L -p udp --group-by label");
    assert.match(stdout, /^two +\d/m);
    assert.match(stdout, /^forty,99 +\d/m);
  });

  it("shows a table whose numbers are those of the JSON", async () => {
    const flows = await flowsOf();
    const { stdout, stderr } = await run("-L --group-by src,dport --limit 2");
    const groups = parseLines<Group>((await run("-L --group-by src,dport --limit 2 -o json")).stdout);
    assert.equal(groups.length, 2);
    const [heading, ...rows] = lines(stdout);
    assert.match(heading!, /^SRC +DPORT +FLOWS +% +UNREPLIED +PACKETS +BYTES$/);
    const [first, second, other] = rows.map((row) => row.trim().split(/ {2,}/));
    for (const [i, row] of [first, second].entries()) {
      const { group, flows: count } = groups[i]!;
      assert.deepEqual(row!.slice(0, 3), [group["src"], String(group["dport"]), String(count)]);
    }
    const left = flows.length - groups[0]!.flows - groups[1]!.flows;
    assert.deepEqual(other!.slice(0, 2), ["other", String(left)]);
    assert.equal(rows.length, 3);
    // All lines are as wide, and no column moves.
    const widths = [heading!, ...rows].map(({ length }) => length);
    assert.equal(new Set(widths).size, 1, stdout);
    const total = new Set(expected(flows, ["src", "dport"]).keys()).size;
    assert.equal(stderr, `${PREFIX}2 of ${total} groups of ${flows.length} flow entries have been shown.\n`);
  });

  it("prints the same in a pipe of a process", async () => {
    const { stdout } = oursAsProcess(words("-L --group-by protocol,helper"));
    assert.equal(stdout, (await run("-L --group-by protocol,helper")).stdout);
  });

  it("sorts groups by every sum and field", async () => {
    const sums: Record<string, (group: Group) => number> = {
      flows: ({ flows }) => flows,
      unreplied: ({ unreplied }) => unreplied,
      packets: ({ packets }) => packets ?? 0,
      bytes: ({ bytes }) => bytes ?? 0,
      "orig-bytes": ({ orig }) => orig?.bytes ?? 0,
      "reply-bytes": ({ reply }) => reply?.bytes ?? 0,
    };
    for (const [key, of] of Object.entries(sums)) {
      for (const [suffix, sign] of [
        ["", -1],
        [":desc", -1],
        [":asc", 1],
      ] as const) {
        const groups = parseLines<Group>((await run(`-L --group-by dport,src --sort ${key}${suffix} -o json`)).stdout);
        const values = groups.map(of);
        assert.deepEqual(
          values,
          [...values].sort((a, b) => sign * (a - b)),
          key,
        );
        assert.ok(new Set(values).size > 1 || key === "unreplied", key);
      }
    }
    const ports = async (sort: string) =>
      parseLines<Group>((await run(`-L --group-by dport --sort ${sort} -o json`)).stdout).map(
        ({ group }) => group["dport"],
      );
    assert.deepEqual(await ports("dport:asc"), (await ports("dport")).reverse());
    const states = parseLines<Group>((await run("-L --group-by state --sort state -o json")).stdout);
    assert.deepEqual(
      states.map(({ group }) => group["state"]),
      ["ESTABLISHED", "SYN_SENT", undefined],
    );
    const networks = parseLines<Group>((await run("-L --group-by src/24 --sort src -o json")).stdout);
    const bytes = networks.map(({ group }) => network(String(group["src"]).split("/")[0], undefined)!);
    assert.deepEqual(
      bytes,
      [...bytes].sort((a, b) => a.length - b.length || (a < b ? -1 : 1)),
    );
    assert.ok(bytes.length >= 3);
  });

  it("knows the client", async () => {
    const groups = await agreeOnGroups(["src"]);
    assert.deepEqual(
      new Set(groups.map(({ group }) => group["src"])),
      new Set([CLIENT, CLIENT6, "10.9.9.1", "10.9.9.3"]),
    );
  });
});

describe("groups again and again", () => {
  before(async () => {
    freshNetwork();
    await loadTable(
      [1, 2, 3].map((i) => `-I -s 10.0.0.${i} -d 192.0.2.1 -p udp --sport ${i} --dport ${i === 3 ? 54 : 53} -t 600`),
    );
  });

  /** Between two rounds a flow to port 53 comes, one to port 55, and that to port 54 goes. */
  async function watched(line: string): Promise<string> {
    const create = (i: number, port: number) =>
      `${program} -I -s 10.0.1.${i} -d 192.0.2.1 -p udp --sport ${i} --dport ${port} -t 600`;
    const changes = `sleep 0.7; ${create(1, 53)}; ${create(2, 55)}; ${program} -D -p udp --dport 54`;
    const child = spawn("sh", ["-c", changes], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("close", resolve));
    const { stdout } = await run(line);
    await ended;
    return stdout;
  }

  it("show how they grow", async () => {
    const stdout = await watched("-L --group-by dport --limit 1 --interval 4 --rounds 2");
    assert.match(
      stdout,
      new RegExp(
        "^\\d\\d:\\d\\d:\\d\\d {2}1 of 2 groups of 3 flow entries\n" +
          "DPORT +FLOWS +% +UNREPLIED\n53 +2 +66\\.7 +100 %\nother +1 +33\\.3 +100 %\n\n" +
          "\\d\\d:\\d\\d:\\d\\d {2}1 of 2 groups of 4 flow entries\n" +
          "DPORT +FLOWS +% +UNREPLIED +DELTA\n53 +3 +75\\.0 +100 % +\\+1\nother +1 +25\\.0 +100 % +\\+0\n$",
      ),
    );
  });

  it("as JSON", async () => {
    // The changes make nothing new any more.
    const stdout = (await run("-L -o json --group-by dport --interval 0.2 --rounds 3")).stdout;
    const all = parseLines<Group & { time: string; delta?: number }>(stdout);
    assert.deepEqual(
      all.map(({ group, flows, delta }) => [group["dport"], flows, delta]),
      [undefined, 0, 0].flatMap((delta) => [
        [53, 3, delta],
        [55, 1, delta],
      ]),
    );
    assert.equal(new Set(all.map(({ time }) => time)).size, 3);
  });

  it("go with groups of the kernel's table alone", async () => {
    for (const line of [
      "-L --interval 1",
      "-L --group-by src --interval 0",
      "-L --group-by src --rounds 1",
      "-L --group-by src --from /dev/null --interval 1",
      "-L dying --group-by src --interval 1",
    ]) {
      assert.equal((await ours(words(line))).status, 2, line);
    }
  });
});

describe("entries in another order", () => {
  const { pick } = random(seed);
  before(async () => {
    freshNetwork();
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    sysctl("net/netfilter/nf_conntrack_timestamp", 1);
    await loadTable(TABLE);
  });

  const value: Record<string, (flow: Line) => number | string | undefined> = {
    expires: (flow) => flow.timeout,
    bytes: (flow) => Number(flow.orig.bytes) + Number(flow.reply.bytes),
    mark: (flow) => flow.mark,
    dport: (flow) => fieldOfFlow(flow, "dport") as number | undefined,
    zone: (flow) => flow.zone ?? 0,
    unreplied: (flow) => (flow.status!.includes("SEEN_REPLY") ? 0 : 1),
  };

  /** The ids in the order in which they must come: equal ones as in the dump, those without the value last. */
  function sorted(flows: readonly Line[], of: (flow: Line) => number | string | undefined, sign: number): number[] {
    const rows = flows.map((flow, place) => ({ id: flow.id!, place, value: of(flow) ?? undefined }));
    rows.sort((a, b) => {
      if (a.value === b.value) return a.place - b.place;
      if (a.value === undefined) return 1;
      if (b.value === undefined) return -1;
      return a.value < b.value ? -sign : sign;
    });
    return rows.map(({ id }) => id);
  }

  const text: Record<string, (flow: Line) => string | undefined> = {
    state: (flow) => flow.state,
    protocol: (flow) => {
      const { name, number } = flow.protocol!;
      return name ?? `~${String(number).padStart(3, "0")}`;
    },
    src: (flow) => `${flow.family}${network(flow.orig.src, undefined)}`,
    "reply-dst/24": (flow) => `${flow.family}${network(flow.reply.dst, 24)}`,
    nat: (flow) => (fieldOfFlow(flow, "nat") as string[]).join(),
    family: (flow) => flow.family,
    helper: (flow) => flow.helper,
  };

  /** Timeouts run while the test does: those of a dump and of the next may differ. */
  async function agreeOnOrder(key: string, of: (flow: Line) => number | string | undefined, natural: number) {
    for (const [suffix, sign] of [
      ["", natural],
      [":asc", 1],
      [":desc", -1],
    ] as const) {
      const want = sorted(await flowsOf(), of, sign);
      for (const limit of [undefined, 1, 7, want.length - 1, want.length, 10_000]) {
        const more = limit === undefined ? "" : `--limit ${limit}`;
        const got = parseLines<Line>((await run(`-L -o json --sort ${key}${suffix} ${more}`)).stdout);
        assert.deepEqual(
          got.map(({ id }) => id),
          want.slice(0, limit),
          `${key}${suffix} ${more}`,
        );
      }
    }
  }

  for (const [key, of] of Object.entries(value)) {
    if (key !== "expires") it(`by ${key}`, async () => agreeOnOrder(key, of, -1));
  }
  for (const [key, of] of Object.entries(text)) it(`by ${key}`, async () => agreeOnOrder(key, of, 1));

  it("by the time that is left, to the second", async () => {
    const flows = parseLines<Line>((await run("-L -o json --sort expires:asc")).stdout);
    const left = flows.map(({ timeout }) => timeout!);
    assert.deepEqual(
      left,
      [...left].sort((a, b) => a - b),
    );
  });

  it("by age: the oldest first", async () => {
    const flows = parseLines<Line>((await run("-L -o json --sort age")).stdout);
    const starts = flows.flatMap(({ timestamp }) => timestamp?.start ?? []);
    assert.equal(starts.length, TABLE.length);
    assert.deepEqual(starts, [...starts].sort());
    assert.ok(new Set(starts).size > 1);
  });

  for (const format of ["", "-o extended,id", "-o xml", "-o save", "-o json"]) {
    it(`prints the same entries as ever ${format}`, async () => {
      const all = lines((await run(`-L ${format} --sort mark`)).stdout);
      const plain = lines((await run(`-L ${format}`)).stdout);
      const withoutTime = (line: string) => line.replace(/\d+/g, "N");
      assert.deepEqual(all.map(withoutTime).sort(), plain.map(withoutTime).sort());
      const some = lines((await run(`-L ${format} --limit 3`)).stdout);
      const frame = format === "-o xml" ? 3 : 0;
      assert.equal(some.length, 3 + frame);
    });
  }

  it("--limit alone shows the first of the dump, with a filter those of the matches", async () => {
    for (const filter of ["", "-p tcp", "-f ipv6", "-p udp --dport 53"]) {
      const all = (await flowsOf(filter)).map(({ id }) => id);
      const limit = pick([1, 2, 5, all.length]);
      const { stdout, stderr } = await run(`-L -o json --limit ${limit} ${filter}`);
      assert.deepEqual(
        parseLines<Line>(stdout).map(({ id }) => id),
        all.slice(0, limit),
      );
      assert.equal(stderr, `${PREFIX}${Math.min(limit, all.length)} flow entries have been shown.\n`);
    }
  });

  it("says of how many entries the order is not known", async () => {
    sysctl("net/netfilter/nf_conntrack_acct", 0);
    await loadTable(["-I -s 10.0.0.77 -d 192.0.2.77 -p udp --sport 77 --dport 77 -t 600"]);
    const missing = "WARNING: 1 entry has no counters, so --sort bytes";
    const off = "net.netfilter.nf_conntrack_acct is off";
    const { stderr } = await run("-L --sort bytes --limit 2");
    assert.equal(stderr, `${missing} puts it last: ${off}\n${PREFIX}2 flow entries have been shown.\n`);
    const groups = await run("-L --group-by protocol --sort bytes --limit 1");
    assert.ok(groups.stderr.startsWith(`${missing} takes it for 0: ${off}\n${PREFIX}1 of `), groups.stderr);
    assert.doesNotMatch((await run("-L --sort helper --limit 2")).stderr, /WARNING/);
    assert.doesNotMatch((await run("-L --group-by protocol")).stderr, /WARNING/);
    assert.equal((await ours(words("-D -p udp -s 10.0.0.77"))).status, 0);
    sysctl("net/netfilter/nf_conntrack_acct", 1);
  });

  it("--limit goes with the dying table and with expectations", async () => {
    assert.match((await run("-L dying --limit 2")).stderr, /^.*0 flow entries have been shown\.\n$/);
    assert.match((await run("-L expect --limit 2")).stderr, /^.*0 expectations have been shown\.\n$/);
  });
});
