/**
 * Where the reference deletes, flushes, zeroes or changes more than the command line says, ours does what it says.
 * One row for each such row of docs/compatibility.md; those that cases/*.json or a scene hold already are named there:
 *   -D | true stops half-way          test/scenes/pipes.test.ts
 *   -F without rights                 test/scenes/rights.test.ts
 *   the mark of the last -U line      test/replay/deviations.ts (LINES), and below
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { freshNetwork, ours } from "../support/command.js";
import { overlayEtc } from "../support/etc.js";
import { nft, noLab, sysctl } from "../support/lab.js";
import { lacks, must } from "../support/process.js";
import { lines, PREFIX, usage } from "../support/text.js";

/** Each entry has a destination port, an ICMP id, a GRE key or a protocol of its own, which names it below. */
const TABLE: Readonly<Record<string, string>> = {
  assured: "-s 10.0.0.1 -d 10.1.0.1 -p udp --sport 1 --dport 1 -u SEEN_REPLY,ASSURED -m 1",
  replied: "-s 10.0.0.1 -d 10.1.0.1 -p udp --sport 1 --dport 2 -u SEEN_REPLY -m 2",
  unreplied: "-s 10.0.0.1 -d 10.1.0.1 -p udp --sport 1 --dport 3 -m 3",
  fixed: "-s 10.0.0.2 -d 10.1.0.1 -p udp --sport 1 --dport 4 -u FIXED_TIMEOUT",
  web: "-s 10.0.0.2 -d 10.1.0.1 -p tcp --sport 1 --dport 80 --state ESTABLISHED",
  other: "-s 10.0.0.2 -d 10.1.0.1 -p tcp --sport 1 --dport 81 --state LISTEN",
  port0: "-s 10.0.0.2 -d 10.1.0.1 -p tcp --sport 1 --dport 0 --state LISTEN",
  gre1: "-s 10.0.0.3 -d 10.1.0.1 -p gre --srckey 1 --dstkey 1",
  gre5: "-s 10.0.0.3 -d 10.1.0.1 -p gre --srckey 5 --dstkey 5",
  v6: "-s fd::1 -d fd::2 -p udp --sport 1 --dport 5",
  zoned: "-w 7 -s 10.0.0.4 -d 10.1.0.1 -p udp --sport 1 --dport 6",
  twin: "-s 10.0.0.4 -d 10.1.0.1 -p udp --sport 1 --dport 6",
  translated: "-s 10.0.0.5 -d 10.1.0.1 -p udp --sport 1 --dport 7 -u SEEN_REPLY -n 9.9.9.9",
  alsoTranslated: "-s 10.0.0.5 -d 10.1.0.1 -p udp --sport 1 --dport 8 -u SEEN_REPLY -n 9.9.9.8",
};
type Name = keyof typeof TABLE;
const ALL = Object.keys(TABLE);

/** What of an entry's line tells it from the others. */
const SIGNS: Readonly<Record<string, RegExp>> = {
  gre1: /srckey=0x1 /,
  gre5: /srckey=0x5 /,
  zoned: /zone=7 /,
  twin: /src=10\.0\.0\.4(?!.* zone=)/,
};

function sign(name: Name): RegExp {
  return SIGNS[name] ?? new RegExp(` sport=1 dport=${/--dport (\d+)/.exec(TABLE[name]!)![1]} (?!.*zone=)`);
}

async function fill(): Promise<void> {
  freshNetwork();
  const input = ALL.map((name) => `-A -t 5000 ${TABLE[name]}\n`).join("");
  assert.deepEqual(await ours(["-R", "-"], input), { status: 0, stdout: "", stderr: "" });
}

/** The names of the entries among lines of output. */
function named(text: string): Name[] {
  return lines(text).map((line) => {
    const names = ALL.filter((name) => sign(name).test(line));
    assert.equal(names.length, 1, `${line} is ${names}`);
    return names[0]!;
  });
}

async function present(): Promise<Name[]> {
  return named((await ours(["-L"])).stdout).sort();
}

const without = (...gone: readonly Name[]) => ALL.filter((name) => !gone.includes(name)).sort();

/** -D that must delete these and no other. */
const DELETES: readonly (readonly [argv: readonly string[], gone: readonly Name[]])[] = [
  [["-D", "-u", "!ASSURED"], without("assured")],
  [["-D", "-u", "UNREPLIED"], without("assured", "replied", "translated", "alsoTranslated")],
  [["-D", "-u", "!SEEN_REPLY,!FIXED_TIMEOUT"], without("assured", "replied", "translated", "alsoTranslated", "fixed")],
  [
    ["-D", "-u", "SEEN_REPLY,!ASSURED"],
    ["replied", "translated", "alsoTranslated"],
  ],
  [["-D", "-u", "UNSET"], without("assured", "replied", "translated", "alsoTranslated", "fixed")],
  [["-D", "-t", "5"], []],
  [["-D", "-p", "gre", "--srckey", "5"], ["gre5"]],
  [["-D", "-p", "gre", "--dstkey", "99"], []],
  [["-D", "-n9.9.9.9"], ["translated"]],
  [["-D", "--src-nat=9.9.9.9"], ["translated"]],
  [["-D", "-n", "9.9.9.9"], ["translated"]],
  [["-D", "-w", "7"], ["zoned"]],
  [["-D", "-p", "tcp", "--dport", "http"], ["web"]],
];

/** What must be refused, with nothing done. */
const REFUSED: readonly (readonly [argv: readonly string[], stderr: string | RegExp])[] = [
  [["-D", "-s", "10.0.0.1/"], usage("Invalid netmask")],
  [["-D", "-d", "10.1.0.1/"], usage("Invalid netmask")],
  [["-D", "-s", "10.0.0.1 foo"], usage("Invalid IP address `10.0.0.1 foo'")],
  [["-D", "-p", "tcp", "--dport", "65616"], usage("Invalid port `65616'")],
  [["-D", "-p", "tcp", "--dport", "no-such-service"], usage("Invalid port `no-such-service'")],
  [["-D", "-p", "tcp", "--dport", "-1"], usage("Invalid port `-1'")],
  [["-D", "-t", "abc"], usage("Invalid timeout `abc'")],
  [["-D", "-t", "-1"], usage("Invalid timeout `-1'")],
  [["-D", "-p", "gre", "--srckey", "65541"], /Invalid [a-z A-Z]+ `65541'/],
  [["-D", "-p", "icmp", "--icmp-type", "264"], /Invalid [a-z A-Z]+ `264'/],
  // Not the entries of the other table.
  [["--delete=expect"], usage("You need to supply the `--src' option for this command")],
  [["-L", "-z", "-n"], usage("Can't use -z with filtering parameters")],
  [["-L", "-z", "-g", "9.9.9.9"], usage("Can't use -z with filtering parameters")],
  [["-L", "-z", "-j"], usage("Can't use -z with filtering parameters")],
];

describe("deletes what was asked for, and no more", () => {
  for (const [argv, gone] of DELETES) {
    it(argv.join(" "), async () => {
      await fill();
      const { status, stdout, stderr } = await ours(argv);
      assert.deepEqual(named(stdout).sort(), gone.toSorted());
      assert.equal(stderr, `${PREFIX}${gone.length} flow entries have been deleted.\n`);
      assert.equal(status, gone.length > 0 ? 0 : 1);
      assert.deepEqual(await present(), without(...gone));
    });
  }
});

describe("refuses what it cannot take at its word, and does nothing", () => {
  for (const [argv, message] of REFUSED) {
    it(argv.join(" "), async () => {
      await fill();
      const { status, stdout, stderr } = await ours(argv);
      if (typeof message === "string") assert.equal(stderr, message);
      else assert.match(stderr, message);
      assert.equal(stdout, "");
      assert.equal(status, 2);
      assert.deepEqual(await present(), ALL.toSorted());
    });
  }
});

describe("flushes what was asked for, and no more", () => {
  for (const [argv, left] of [
    [["-F", "-f", "ipv6"], without("v6")],
    [["-F", "-f", "ipv4"], ["v6"]],
    [["-F", "expect"], ALL.toSorted()],
    [["--flush=expect"], ALL.toSorted()],
    [["-F"], []],
  ] as const) {
    it(argv.join(" "), async () => {
      await fill();
      assert.equal((await ours(argv)).status, 0);
      assert.deepEqual(await present(), left);
    });
  }

  it("one family in a line of -R", async () => {
    await fill();
    assert.equal((await ours(["-R", "-"], "-F -f ipv6\n")).status, 0);
    assert.deepEqual(await present(), without("v6"));
  });
});

describe("updates what was asked for, and no more", () => {
  const marks = async () => {
    const all = lines((await ours(["-L"])).stdout);
    return Object.fromEntries(all.map((line) => [named(line)[0], Number(/ mark=(\d+)/.exec(line)![1])]));
  };

  for (const [words, changed] of [
    ["-s 10.0.0.4 -m 9", ["twin", "zoned"]],
    ["-p gre --srckey 5 -m 9", ["gre5"]],
    ["-n9.9.9.9 -m 9", ["translated"]],
    ["-f ipv6 -m 9", ["v6"]],
  ] as const) {
    it(`-U ${words}`, async () => {
      await fill();
      const old = await marks();
      const { stdout, stderr } = await ours(["-U", ...words.split(" ")]);
      assert.deepEqual(named(stdout).sort(), changed);
      assert.equal(stderr, `${PREFIX}${changed.length} flow entries have been updated.\n`);
      assert.deepEqual(await marks(), { ...old, ...Object.fromEntries(changed.map((name) => [name, 9])) });
    });
  }

  it("each line of -R to its own mark", async () => {
    await fill();
    const old = await marks();
    assert.equal(
      (await ours(["-R", "-"], "-U -p gre --srckey 1 -m 5\n-U -s 10.0.0.4 -m 6\n-D -f ipv6 -m 0\n")).status,
      0,
    );
    const { v6: _, ...rest } = { ...old, gre1: 5, zoned: 6, twin: 6 };
    assert.deepEqual(await marks(), rest);
  });
});

describe("labels", { skip: noLab }, () => {
  before(() => overlayEtc({ "xtables/connlabel.conf": "1 one\n2 two\n3 three\n" }));

  async function label(): Promise<void> {
    freshNetwork();
    // Only where a rule uses labels do entries have room for them.
    nft("table inet n { chain o { type filter hook output priority 0; udp dport 1 ct label set 2; }; }");
    for (const [port, labels] of [
      [1, "one"],
      [2, "one,two"],
      [3, "three"],
    ]) {
      const tuple = `-s 10.0.0.1 -d 10.1.0.1 -p udp --sport 1 --dport ${port}`;
      const argv = `-I ${tuple} -t 5000 --label-add ${labels}`;
      assert.equal((await ours(argv.split(" "))).status, 0);
    }
  }
  const run = (words: string) => ours(words.split(" "));
  const labels = async () =>
    lines((await run("-L -o labels")).stdout)
      .filter((line) => line.includes(" labels="))
      .map((line) => line.replace(/^.*?dport=(\d+) .* labels=(.*)$/, "$1 $2"))
      .sort();

  it("-D -l one,two asks for both", async () => {
    await label();
    assert.equal(lines((await run("-D -l one,two")).stdout).length, 1);
    assert.deepEqual(await labels(), ["1 one", "3 three"]);
  });

  it("-D -l two,one too", async () => {
    await label();
    assert.equal(lines((await run("-D -l two -l one")).stdout).length, 1);
    assert.deepEqual(await labels(), ["1 one", "3 three"]);
  });

  it("--label-del=one takes that one alone", async () => {
    await label();
    assert.equal(lines((await run("-U --label-del=one")).stdout).length, 2);
    assert.deepEqual(await labels(), ["2 two", "3 three"]);
  });

  it("--label-del one,three takes these two alone", async () => {
    await label();
    assert.equal(lines((await run("-U --label-del one,three")).stdout).length, 3);
    assert.deepEqual(
      (await labels()).filter((line) => /one|two|three/.test(line.slice(2))),
      ["2 two"],
    );
  });
});

describe("counters and real packets", { skip: noLab || lacks("ping") }, () => {
  before(() => {
    freshNetwork();
    must("ip", "link", "set", "lo", "up");
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    // A NAT rule that translates nothing of this.
    nft(`table inet n { chain o { type nat hook output priority 0; ip daddr 9.9.9.9 dnat ip to 8.8.8.8; };
      chain p { type nat hook postrouting priority 100; ip saddr 9.9.9.9 snat ip to 8.8.8.8; }; }`);
    must("ping", "-c1", "-q", "127.0.0.1");
  });

  it("-L -z -n zeroes nothing", async () => {
    assert.equal((await ours(["-L", "-z", "-n"])).status, 2);
    assert.match((await ours(["-L"])).stdout, / packets=1 bytes=84 .* packets=1 bytes=84 /);
  });

  for (const option of ["-n", "-g"]) {
    it(`-D ${option} leaves ICMP alone that is not translated`, async () => {
      assert.equal((await ours(["-D", option])).stderr, `${PREFIX}0 flow entries have been deleted.\n`);
      assert.equal(lines((await ours(["-L", "-p", "icmp"])).stdout).length, 1);
    });
  }
});
