/**
 * Lists, ranges and negations on a real table: what each finds, counts and deletes must be what an independent predicate finds
 * in the JSON of the whole table.
 */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { before, describe, it } from "node:test";
import type { Flow } from "../../src/library/flow.js";
import { TABLE } from "../differential/table.js";
import { freshNetwork, ours } from "../support/command.js";
import { nft, noLab, sysctl } from "../support/lab.js";
import { must } from "../support/process.js";
import { type Random, random, seed } from "../support/random.js";
import { loadTable } from "../support/table.js";
import { sleep } from "../support/wait.js";

const FILTERS = 3000;
const DELETIONS = 60;

/** A table with something of everything: the first half without counters and start times, then entries that packets made. */
async function makeTable(): Promise<void> {
  freshNetwork();
  must("ip", "link", "set", "lo", "up");
  nft("table inet n { chain o { type filter hook output priority 0; ct state new counter; }; }");
  const half = TABLE.length >> 1;
  await loadTable(TABLE.slice(0, half));
  sysctl("net/netfilter/nf_conntrack_acct", 1);
  sysctl("net/netfilter/nf_conntrack_timestamp", 1);
  sysctl("net/netfilter/nf_conntrack_udp_timeout", 7000);
  sysctl("net/netfilter/nf_conntrack_icmp_timeout", 7000);
  await loadTable(TABLE.slice(half));
  const timeouts = [5000, 20_000, 40_000].map(
    (timeout, i) =>
      `-A -t ${timeout} -s 10.2.0.${i} -d 10.3.0.${i} -p udp --sport ${1000 + i} --dport ${8000 + 50 * i} -m ${i}`,
  );
  await loadTable(timeouts);
  await traffic();
}

/** Datagrams of various sizes and number to ports of this machine. */
async function traffic(): Promise<void> {
  for (let i = 0; i < 12; i++) {
    const socket = createSocket("udp4");
    for (let packet = 0; packet <= i; packet++) {
      await new Promise((sent) => socket.send(Buffer.alloc(100 * i), 8000 + 10 * i, "127.0.0.1", sent));
    }
    socket.close();
  }
  await sleep(20);
}

type Line = Flow & { id: number };

async function table(): Promise<Line[]> {
  const { stdout } = await ours(["-L", "-o", "json,id"]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

const idsOf = (text: string) =>
  Array.from(text.matchAll(/"id":(\d+)\}$/gm), ([, id]) => Number(id)).sort((a, b) => a - b);

// ---- the predicate

/** An address as a number, with how many bits it has. */
function bits(address: string): [value: bigint, width: number] {
  if (!address.includes(":")) return [address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n), 32];
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const plain =
    dotted === null
      ? address
      : address.slice(0, dotted.index) +
        [0, 2].map((i) => (Number(dotted[i + 1]) * 256 + Number(dotted[i + 2])).toString(16)).join(":");
  const [head = "", tail] = plain.split("::") as [string, string?];
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const [left, right] = [groups(head), groups(tail ?? "")];
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => "0"), ...right];
  return [all.reduce((sum, group) => sum * 65536n + BigInt(`0x${group || "0"}`), 0n), 128];
}

function addressIn(address: string | undefined, item: string): boolean {
  if (address === undefined) return false;
  const [value, width] = bits(address);
  const [from, to] = item.split("-") as [string, string?];
  if (to !== undefined) {
    const [[low, w], [high]] = [bits(from), bits(to)];
    return w === width && low <= value && value <= high;
  }
  const [network, length] = item.split("/") as [string, string?];
  const [wanted, w] = bits(network);
  const shift = BigInt(width - Number(length ?? width));
  return w === width && value >> shift === wanted >> shift;
}

const numberIn = (value: number, item: string, unit: (text: string) => number = Number): boolean => {
  const [from, to] = item.split("-") as [string, string?];
  if (to === undefined) return value === unit(from);
  return value >= (from === "" ? 0 : unit(from)) && value <= (to === "" ? Number.POSITIVE_INFINITY : unit(to));
};

type Test = (flow: Line) => boolean;

/** A field that is there and in the list, or there and not in it. */
function listed<Value>(
  field: (flow: Line) => Value | undefined,
  list: string,
  meets: (value: Value, item: string) => boolean,
): Test {
  const not = list.startsWith("!");
  const items = list.replace("!", "").split(",");
  return (flow) => {
    const value = field(flow);
    return value !== undefined && items.some((item) => meets(value, item)) !== not;
  };
}

// ---- random filters

interface Option {
  words: readonly string[];
  test: Test;
}

const ADDRESSES_4 = [...new Set(TABLE.flatMap((line) => line.match(/(?<= -[sdrq] )[\d.]+(?= )/g) ?? [])), "127.0.0.1"];
const ADDRESSES_6 = [...new Set(TABLE.flatMap((line) => line.match(/(?<= -[sdrq] )[\da-f:]*:[\da-f:.]*(?= )/g) ?? []))];
const PORTS = [0, 1, 2, 3, 53, 80, 123, 443, 1000, 1005, 2000, 2001, 4001, 8000, 8050, 8080, 8100, 65535];
const NUMBERS: Readonly<Record<string, number>> = {
  tcp: 6,
  udp: 17,
  udplite: 136,
  sctp: 132,
  dccp: 33,
  icmp: 1,
  icmpv6: 58,
  gre: 47,
  "99": 99,
};
const WITH_PORTS = ["tcp", "udp", "udplite", "sctp", "dccp"];
const STATES = {
  tcp: ["SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "LISTEN"],
  sctp: ["CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD"],
};
const SIZES: Readonly<Record<string, number>> = {
  "1k": 1000,
  "2Ki": 2048,
  "10k": 10_000,
  "1M": 1e6,
  "0": 0,
  "500": 500,
};
const TIMES: Readonly<Record<string, number>> = {
  "1h": 3600,
  "12000": 12_000,
  "5h": 18_000,
  "8h20m": 30_000,
  "1d": 86_400,
};

/** One to four items, sometimes negated. */
function list(r: Random, item: () => string): string {
  return (r.once(3) ? "!" : "") + Array.from({ length: 1 + r.below(4) }, item).join(",");
}

/** A number, or a range, open where `open` says that it may be. */
function range(r: Random, values: readonly number[], open = false): string {
  const [a, b] = [r.pick(values), r.pick(values)].sort((x, y) => x - y) as [number, number];
  if (!r.once(3)) return String(a);
  return open && r.once(3) ? `${a}-` : `${a}-${b}`;
}

function namedRange(r: Random, names: Readonly<Record<string, number>>): string {
  const sorted = r.some(Object.keys(names), 2).sort((x, y) => names[x]! - names[y]!);
  return r.pick([sorted[0]!, `${sorted[0]}-`, `-${sorted[1]}`, `${sorted[0]}-${sorted[1]}`]);
}

function addresses(r: Random, ipv6: boolean, networks: boolean): string {
  const known = ipv6 ? ADDRESSES_6 : ADDRESSES_4;
  return list(r, () => {
    const [a, b] = [r.pick(known), r.pick(known)].sort((x, y) => Number(bits(x)[0] - bits(y)[0] > 0n) * 2 - 1);
    if (networks && r.once(3)) return `${a}/${r.below((ipv6 ? 128 : 32) + 1)}`;
    return r.once(3) ? `${a}-${b}` : a!;
  });
}

const total = (flow: Line, what: "bytes" | "packets") =>
  flow.orig[what] === undefined ? undefined : Number(flow.orig[what]) + Number(flow.reply[what]);

function protocolOption(r: Random): Option[] {
  const names = r.some(Object.keys(NUMBERS), 1 + r.below(3));
  const not = r.once(4);
  const words = (not ? "!" : "") + names.join(",");
  const options: Option[] = [
    {
      words: ["-p", words],
      test: listed(
        ({ protocol }) => protocol.number,
        words,
        (n, name) => n === NUMBERS[name],
      ),
    },
  ];
  if (not) return options;
  if (names.every((name) => WITH_PORTS.includes(name))) {
    for (const [option, side, name] of [
      ["--sport", "orig", "sport"],
      ["--dport", "orig", "dport"],
      ["--reply-port-src", "reply", "sport"],
      ["--reply-port-dst", "reply", "dport"],
    ] as const) {
      if (!r.once(3)) continue;
      const ports = list(r, () => range(r, PORTS, true));
      options.push({ words: [option, ports], test: listed((flow) => flow[side][name], ports, numberIn) });
    }
  }
  const [only] = names as [string];
  if (names.length > 1) return options;
  if ((only === "tcp" || only === "sctp") && r.once(2)) {
    const states = list(r, () => r.pick(STATES[only]));
    options.push({
      words: ["--state", states],
      test: listed(
        ({ state }) => state,
        states,
        // LISTEN is an old name of the state.
        (state, name) => state === (name === "LISTEN" ? "SYN_SENT2" : name),
      ),
    });
  }
  if ((only === "icmp" || only === "icmpv6") && r.once(2)) {
    const types = list(r, () => range(r, [0, 8, 13, 15, 17, 128, 129, 139]));
    options.push({ words: [`--${only}-type`, types], test: listed((flow) => flow.orig.icmp?.type, types, numberIn) });
  }
  if (only === "gre" && r.once(2)) {
    const keys = list(r, () => range(r, [0, 1, 2, 16, 32, 65535]));
    options.push({ words: ["--srckey", keys], test: listed((flow) => flow.orig.srckey, keys, numberIn) });
  }
  return options;
}

const KINDS: readonly ((r: Random, ipv6: boolean, ids: readonly number[]) => Option[])[] = [
  protocolOption,
  (r, ipv6) => {
    const [option, side, name] = r.pick([
      ["-s", "orig", "src"],
      ["--dst", "orig", "dst"],
      ["-r", "reply", "src"],
      ["--reply-dst", "reply", "dst"],
    ] as const);
    const text = addresses(r, ipv6, side === "orig");
    const own: Test = ({ family }) => (family === "ipv6") === ipv6;
    const test = listed((flow: Line) => flow[side][name], text, addressIn);
    return [{ words: [option, text], test: (flow) => own(flow) && test(flow) }];
  },
  (r) => {
    const marks = list(r, () => {
      const value = r.pick([0, 1, 2, 5, 0x10, 255, 0x80000000, 0xffffffff]);
      const mask = r.pick([undefined, 1, 0x10, 0xff, 0xf0, 0x80000000]);
      return mask === undefined ? String(value) : `0x${((value & mask) >>> 0).toString(16)}/${mask}`;
    });
    const meets = (mark: number, item: string) => {
      const [value, mask = "0xffffffff"] = item.split("/");
      return (mark & Number(mask)) >>> 0 === Number(value);
    };
    return [{ words: ["-m", marks], test: listed(({ mark }) => mark, marks, meets) }];
  },
  (r) => {
    const zones = list(r, () => range(r, [0, 1, 3, 7, 255, 65535]));
    const [option, zone] = r.pick<readonly [string, (flow: Line) => number]>([
      ["-w", (flow) => flow.zone ?? 0],
      ["--orig-zone", (flow) => flow.orig.zone ?? 0],
      ["--reply-zone", (flow) => flow.reply.zone ?? 0],
    ]);
    return [{ words: [option, zones], test: listed(zone, zones, numberIn) }];
  },
  (r, _, ids) => {
    const some = list(r, () => String(r.pick(ids)));
    return [{ words: ["-i", some], test: listed(({ id }) => id, some, numberIn) }];
  },
  (r) => {
    const what = r.pick(["bytes", "packets"] as const);
    const sizes = list(r, () => (r.once(2) ? range(r, [0, 1, 2, 5, 8, 12], true) : namedRange(r, SIZES)));
    const unit = (text: string) => SIZES[text] ?? Number(text);
    return [
      {
        words: [`--${what}=${sizes}`],
        test: listed(
          (flow) => total(flow, what),
          sizes,
          (value, item) => numberIn(value, item, unit),
        ),
      },
    ];
  },
  (r) => {
    const times = list(r, () => namedRange(r, TIMES));
    const test = listed(
      ({ timeout }) => timeout,
      times,
      (value, item) => numberIn(value, item, (text) => TIMES[text]!),
    );
    return [{ words: ["--expires", times], test }];
  },
  (r) => {
    const times = list(r, () => namedRange(r, TIMES));
    const age = ({ timestamp }: Line) => (timestamp === undefined ? undefined : 60);
    return [
      {
        words: ["--age", times],
        test: listed(age, times, (value, item) => numberIn(value, item, (text) => TIMES[text]!)),
      },
    ];
  },
];

/** One to three kinds of options, and what they mean together. */
function randomFilter(r: Random, ids: readonly number[]): { words: string[]; test: Test } {
  const ipv6 = r.once(4);
  const options = r.some(KINDS, 1 + r.below(3)).flatMap((kind) => kind(r, ipv6, ids));
  const shuffled = r.some(options, options.length);
  return { words: shuffled.flatMap(({ words }) => words), test: (flow) => options.every(({ test }) => test(flow)) };
}

describe("filters with lists on a real table", { skip: noLab }, () => {
  let flows: Line[];
  before(async () => {
    await makeTable();
    flows = await table();
  });

  it(`${FILTERS} random filters find and count what an independent predicate finds, seed ${seed}`, async () => {
    const r = random(seed);
    const ids = flows.map(({ id }) => id);
    let found = 0;
    let some = 0;
    for (let i = 0; i < FILTERS; i++) {
      const { words, test } = randomFilter(r, ids);
      const wanted = flows
        .filter(test)
        .map(({ id }) => id)
        .sort((a, b) => a - b);
      const listed = await ours(["-L", ...words, "-o", "json,id"]);
      assert.equal(listed.status, 0, `${words.join(" ")}: ${listed.stderr}`);
      assert.deepEqual(idsOf(listed.stdout), wanted, words.join(" "));
      if (i % 5 === 0) {
        const counted = await ours(["-C", ...words]);
        assert.equal(counted.stdout, `${wanted.length}\n`, `-C ${words.join(" ")}`);
      }
      found += wanted.length;
      if (wanted.length > 0 && wanted.length < flows.length) some++;
    }
    assert.ok(some > FILTERS / 3, `${some} filters found some entries and not all, ${found} in all`);
  });

  it(`${DELETIONS} random filters delete just that, seed ${seed}`, async () => {
    const r = random(seed + 1);
    for (let i = 0; i < DELETIONS; i++) {
      let all = await table();
      if (all.length < 60) {
        await makeTable();
        all = await table();
      }
      const { words, test } = randomFilter(
        r,
        all.map(({ id }) => id),
      );
      const kept = all.filter((flow) => !test(flow)).map(({ id }) => id);
      const { status } = await ours(["-D", ...words]);
      assert.equal(status, kept.length < all.length ? 0 : 1, words.join(" "));
      assert.deepEqual(
        (await table()).map(({ id }) => id).sort((a, b) => a - b),
        kept.sort((a, b) => a - b),
        words.join(" "),
      );
    }
  });
});

describe("entries that lack what a filter asks for", { skip: noLab }, () => {
  const warning = (stderr: string) => stderr.replace(/^conntrack .*\n/gm, "");
  before(async () => {
    freshNetwork();
    await loadTable([1, 2, 3].map((n) => `-A -s 10.0.0.${n} -d 10.0.1.1 -p udp --sport 1 --dport ${n} -t 1000`));
  });

  it("match no condition, negated or not, and a warning counts those that would match otherwise", async () => {
    for (const value of ["0-", "!5"]) {
      const { stdout, stderr } = await ours(["-L", "--bytes", value, "-p", "udp", "--dport", "1-2"]);
      assert.equal(stdout, "");
      assert.equal(
        warning(stderr),
        "WARNING: 2 entries have no counters, so --bytes passes over them: net.netfilter.nf_conntrack_acct is off\n",
      );
    }
    const { stderr } = await ours(["-D", "--age", "1-", "-p", "udp", "--dport", "1"]);
    assert.equal(
      warning(stderr),
      "WARNING: 1 entry has no start time, so --age passes over it: net.netfilter.nf_conntrack_timestamp is off\n",
    );
  });

  it("are older than the sysctl, where it is on now", async () => {
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    await loadTable(["-A -s 10.0.0.9 -d 10.0.1.1 -p udp --sport 1 --dport 9 -t 1000"]);
    const { stdout, stderr } = await ours(["-C", "--bytes", "0", "--packets", "0-9"]);
    assert.equal(stdout, "1\n");
    assert.equal(
      warning(stderr),
      "WARNING: 3 entries have no counters, so --bytes and --packets pass over them: they are older than net.netfilter.nf_conntrack_acct\n",
    );
  });

  it("are no reason to warn where all have it, or where none would match", async () => {
    assert.equal(warning((await ours(["-L", "--expires", "0-"])).stderr), "");
    assert.equal(warning((await ours(["-L", "--bytes", "0-", "-p", "tcp"])).stderr), "");
  });
});
