/**
 * -R in earnest: what lines may hold, how far a failing file gets, and how much memory many lines take.
 * CONNTRACK_TEST_LINES=1000000 npm test -- scenes/load-file is the full size of the last.
 */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, beforeEach, describe, it } from "node:test";
import { freshNetwork, ours, oursAsProcess, program } from "../support/command.js";
import { compile, noCompiler } from "../support/compile.js";
import { type Outcome, spawnCommand } from "../support/process.js";
import { listTable } from "../support/table.js";
import { lines, mask, PREFIX, usage } from "../support/text.js";

const load = (...all: readonly string[]) => ours(["-R", "-"], all.map((line) => `${line}\n`).join(""));

/** The table as `-L -o extended` shows it. */
async function table(): Promise<string[]> {
  return lines(mask(await listTable("-o", "extended"))).sort();
}

const count = async () => Number((await ours(["-C"])).stdout);

beforeEach(freshNetwork);

describe("lines", () => {
  /** A line, and the entry that it makes. */
  const MAKES: readonly (readonly [line: string, entry: string])[] = [
    [
      '-I -s 1.1.1.1 "-d" 2.2.2.2 -p "udp" --sport 1 --dport 2 -t 100',
      "ipv4     2 udp      17 T src=1.1.1.1 dst=2.2.2.2 sport=1 dport=2 [UNREPLIED] src=2.2.2.2 dst=1.1.1.1 sport=2 dport=1 mark=0 use=U",
    ],
    [
      '--create --orig-src "1.1.1.2" --orig-dst=2.2.2.2 --proto tcp --sport 1 --dport http --state "SYN_SENT" --timeout 100',
      "ipv4     2 tcp      6 T SYN_SENT src=1.1.1.2 dst=2.2.2.2 sport=1 dport=80 [UNREPLIED] src=2.2.2.2 dst=1.1.1.2 sport=80 dport=1 mark=0 use=U",
    ],
    [
      "   -A\t-s 1.1.1.3 -d 2.2.2.2 -p udp --sport 1 --dport 2 -t 100   -m 0x10 ",
      "ipv4     2 udp      17 T src=1.1.1.3 dst=2.2.2.2 sport=1 dport=2 [UNREPLIED] src=2.2.2.2 dst=1.1.1.3 sport=2 dport=1 mark=16 use=U",
    ],
    [
      "-I -s 1.1.1.4 -d 2.2.2.2 -p tcp --sport 1 --dport 80 --state ESTABLISHED -u SEEN_REPLY -t 100 -g 3.3.3.3:8080",
      "ipv4     2 tcp      6 T ESTABLISHED src=1.1.1.4 dst=2.2.2.2 sport=1 dport=80 src=3.3.3.3 dst=1.1.1.4 sport=8080 dport=1 mark=0 use=U",
    ],
    [
      "-I -s 1.1.1.5 -d 2.2.2.2 -p udp --sport 1 --dport 53 -u SEEN_REPLY -t 100 -n 4.4.4.4:4000",
      "ipv4     2 udp      17 T src=1.1.1.5 dst=2.2.2.2 sport=1 dport=53 src=2.2.2.2 dst=4.4.4.4 sport=53 dport=4000 mark=0 use=U",
    ],
    [
      "-A -t 100 -u SEEN_REPLY -s 1.1.1.6 -d 2.2.2.2 -g 3.3.3.3 -q 1.1.1.6 -p tcp --sport 1 --dport 80 --reply-port-src 8080 --reply-port-dst 1 --state ESTABLISHED",
      "ipv4     2 tcp      6 T ESTABLISHED src=1.1.1.6 dst=2.2.2.2 sport=1 dport=80 src=3.3.3.3 dst=1.1.1.6 sport=8080 dport=1 mark=0 use=U",
    ],
    [
      "-I -s fd::1 -d fd::2 -p udp --sport 1 --dport 2 -t 100 -n [fd::9]:99 -u SEEN_REPLY",
      "ipv6     10 udp      17 T src=fd::1 dst=fd::2 sport=1 dport=2 src=fd::2 dst=fd::9 sport=2 dport=99 mark=0 use=U",
    ],
    [
      "-I -w 7 -s 1.1.1.7 -d 2.2.2.2 -p udp --sport 1 --dport 2 -t 100",
      "ipv4     2 udp      17 T src=1.1.1.7 dst=2.2.2.2 sport=1 dport=2 [UNREPLIED] src=2.2.2.2 dst=1.1.1.7 sport=2 dport=1 mark=0 zone=7 use=U",
    ],
    [
      "-I --orig-zone 8 -s 1.1.1.8 -d 2.2.2.2 -p udp --sport 1 --dport 2 -t 100",
      "ipv4     2 udp      17 T src=1.1.1.8 dst=2.2.2.2 sport=1 dport=2 zone-orig=8 [UNREPLIED] src=2.2.2.2 dst=1.1.1.8 sport=2 dport=1 mark=0 use=U",
    ],
    [
      "-I --reply-zone 9 -s 1.1.1.9 -d 2.2.2.2 -p udp --sport 1 --dport 2 -t 100",
      "ipv4     2 udp      17 T src=1.1.1.9 dst=2.2.2.2 sport=1 dport=2 [UNREPLIED] src=2.2.2.2 dst=1.1.1.9 sport=2 dport=1 zone-reply=9 mark=0 use=U",
    ],
    [
      "-I -s fd::1 -d fd::2 -p icmpv6 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 7 -t 100",
      "ipv6     10 icmpv6   58 T src=fd::1 dst=fd::2 type=128 code=0 id=7 [UNREPLIED] src=fd::2 dst=fd::1 type=129 code=0 id=7 mark=0 use=U",
    ],
    [
      "-I -s 1.1.1.1 -d 2.2.2.2 -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 7 -t 100 -r 2.2.2.2 -q 1.1.1.1",
      "ipv4     2 icmp     1 T src=1.1.1.1 dst=2.2.2.2 type=8 code=0 id=7 [UNREPLIED] src=2.2.2.2 dst=1.1.1.1 type=0 code=0 id=7 mark=0 use=U",
    ],
  ];

  it("hold all that a command line can", async () => {
    assert.deepEqual(await load(...MAKES.map(([line]) => line)), { status: 0, stdout: "", stderr: "" });
    assert.deepEqual(await table(), MAKES.map(([, entry]) => entry).sort());
  });

  for (const [line, entry] of MAKES) {
    it(line.trim(), async () => {
      assert.deepEqual(await load("# first", "", line), { status: 0, stdout: "", stderr: "" });
      assert.deepEqual(await table(), [entry]);
    });
  }

  it("are applied in order, whatever they do", async () => {
    const tuple = "-s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2";
    const outcome = await load(
      `-I ${tuple} -t 100`,
      "-D -p udp",
      `-I ${tuple} -t 100 -m 1`,
      "-U -p udp -m 2",
      `-A ${tuple} -t 100 -m 3`,
      "-I -s fd::1 -d fd::2 -p udp --sport 1 --dport 2 -t 100",
      "-F -f ipv6",
    );
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.match((await table()).join("\n"), /^ipv4 .* mark=3 use=U$/);
  });
});

const entry = (index: number, words = "-I") =>
  `${words} -s 10.${index >> 16}.${(index >> 8) & 255}.${index & 255} -d 2.2.2.2 -p udp --sport 1 --dport 2 -t 1000`;

it("verification tags of SCTP come through -o save and -R, though those of the first line read the same both ways", async () => {
  const sctp = (index: number, tags: string) =>
    `-I -s 10.0.0.${index} -d 2.2.2.2 -p sctp --sport 1 --dport 2 --state ESTABLISHED ${tags} -t 1000`;
  assert.equal(
    (await load(sctp(1, "--orig-vtag 0 --reply-vtag 65537"), sctp(2, "--orig-vtag 0 --reply-vtag 1"))).status,
    0,
  );
  assert.equal(
    (await load(sctp(3, "--orig-vtag 0 --reply-vtag 0"), sctp(4, "--orig-vtag 258 --reply-vtag 1"))).status,
    0,
  );
  const save = async () => lines((await ours(["-L", "-o", "save"])).stdout.replace(/-t \d+/g, "-t 1000")).sort();
  const saved = await save();
  const tags = saved.map((line) => /--orig-vtag (\d+) --reply-vtag (\d+)/.exec(line)!.slice(1).join(" "));
  assert.deepEqual(tags, ["0 65537", "0 1", "0 0", "258 1"]);
  await ours(["-F"]);
  assert.equal((await load(...saved)).status, 0);
  assert.deepEqual(await save(), saved);
});

it("a file that never ends is refused at its first line, which is too long", () => {
  const { status, stderr } = oursAsProcess(["-R", "/dev/zero"]);
  assert.equal(stderr, `${usage("Line too long!")}${PREFIX}line 1 of /dev/zero\n`);
  assert.equal(status, 2);
});

it("a labelmap that never ends is no map", () => {
  const { status, stderr } = oursAsProcess(["-L", "-o", "labels", "--labelmap", "/dev/zero"]);
  assert.equal(stderr, `nfct_labelmap_new: File too large\n${PREFIX}0 flow entries have been shown.\n`);
  assert.equal(status, 0);
});

describe("a file with a fault", () => {
  const EXISTS = `${PREFIX}Operation failed: Such conntrack exists, try -U to update\n`;

  for (const size of [3, 100, 2000]) {
    it(`in its words, in the last of ${size} lines, leaves the table as it was`, async () => {
      await load(entry(0), entry(1));
      const old = await table();
      const all = Array.from({ length: size - 1 }, (_, index) => entry(index + 2));
      const { status, stdout, stderr } = await load("-F", ...all.slice(1), "-I -s 1.1.1.1");
      const missing = usage("You need to supply the `--protonum' option for this command");
      assert.equal(stderr, `${missing}${PREFIX}line ${size} of standard input\n`);
      assert.deepEqual([status, stdout], [2, ""]);
      assert.deepEqual(await table(), old);
    });
  }

  it("in a line that looks like those before it", async () => {
    const all = Array.from({ length: 50 }, (_, index) => entry(index));
    for (const [bad, message] of [
      [entry(50).replace("10.0.0.50", "10.0.0.256"), "Invalid IP address `10.0.0.256'"],
      [entry(50).replace("--sport 1", "--sport 65537"), "Invalid port `65537'"],
      [entry(50).replace("-t 1000", "-t abc"), "Invalid timeout `abc'"],
      [`${entry(50)} --frobnicate`, "unknown option `--frobnicate'"],
    ] as const) {
      const { status, stderr } = await load(...all, bad, entry(51));
      assert.equal(stderr, `${usage(message)}${PREFIX}line 51 of standard input\n`);
      assert.equal(status, 2);
      assert.equal(await count(), 0);
    }
  });

  // Up to 32 lines go to the kernel one by one.
  for (const failing of [1, 2, 6, 17, 32]) {
    it(`that the kernel refuses stops at line ${failing} of a short one`, async () => {
      await load(entry(1000));
      const all = Array.from({ length: 40 }, (_, index) => entry(index));
      all[failing - 1] = entry(1000);
      const { status, stdout, stderr } = await load(...all);
      assert.equal(stderr, `${EXISTS}${PREFIX}line ${failing} of standard input\n`);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.equal(await count(), failing);
    });
  }

  /** The most lines behind a failing one that may be applied: they were in the same datagram. */
  const MOST_BEHIND = 63;
  for (const failing of [100, 1023, 1024, 1025, 1500, 1999, 2000]) {
    it(`that the kernel refuses at line ${failing} of 2,000 applies at most ${MOST_BEHIND} lines behind it`, async () => {
      await load(entry(3000));
      const all = Array.from({ length: 2000 }, (_, index) => entry(index));
      all[failing - 1] = entry(3000);
      const { status, stderr } = await load(...all);
      assert.equal(stderr, `${EXISTS}${PREFIX}line ${failing} of standard input\n`);
      assert.equal(status, 1);
      const applied = new Set(
        lines(await listTable()).map((line) => {
          const [, a, b, c] = /src=10\.(\d+)\.(\d+)\.(\d+) /.exec(line)!.map(Number);
          return (a! << 16) | (b! << 8) | c!;
        }),
      );
      applied.delete(3000);
      for (let index = 0; index < failing - 1; index++) assert.ok(applied.delete(index), `line ${index + 1}`);
      const behind = [...applied].sort((a, b) => a - b);
      assert.ok(behind.length <= MOST_BEHIND, `${behind.length} lines`);
      // The next ones, without a gap.
      assert.deepEqual(
        behind,
        Array.from(behind, (_, index) => failing + index),
      );
    });
  }

  it("does not reach the commands behind it", async () => {
    await load(entry(3000));
    const all = Array.from({ length: 500 }, (_, index) => entry(index));
    const { stderr } = await load(...all, entry(3000), "-D", "-F");
    assert.match(stderr, /: line 501 of standard input\n$/);
    assert.equal(await count(), 501);
  });

  it("names the line of a delete or an update", async () => {
    const { stderr } = await load(entry(1), "-D -s 10.0.0.1", entry(2), entry(2));
    assert.match(stderr, /: line 4 of standard input\n$/);
    assert.equal(await count(), 1);
  });
});

describe("a standard input that is closed", () => {
  for (const path of ["-", "/dev/stdin"]) {
    it(`cannot be opened as ${path}`, () => {
      const { status, stderr } = spawnCommand("bash", ["-c", `'${program}' -R ${path} <&-`], {});
      assert.match(stderr, /: Failed to open file \/dev\/stdin for reading\n/);
      assert.equal(status, 2);
    });
  }
});

describe("many lines", { skip: noCompiler }, () => {
  const LINES = Number(process.env["CONNTRACK_TEST_LINES"] ?? 100_000);
  const TUPLES = 1000;
  const BYTES_A_LINE = 240;
  /** What the heap of a longer run is bigger by, whatever it does. */
  const CONSTANT = 8 << 20;

  let measure: string;
  let directory: string;
  let base: number;

  /** Lines as -o save prints them, over and over for the same tuples: net.netfilter.nf_conntrack_max is the machine's. */
  function write(path: string, howMany: number): void {
    let text = "";
    for (let index = 0; index < howMany; index++) {
      const [source, port] = [`10.1.${(index % TUPLES) >> 8}.${(index % TUPLES) & 255}`, 1000 + (index % TUPLES)];
      text += `-A -t 1000 -u SEEN_REPLY,ASSURED -s ${source} -d 192.0.2.1 -r 192.0.2.1 -q ${source} -p tcp --sport ${port} --dport 443 --reply-port-src 443 --reply-port-dst ${port} --state ESTABLISHED\n`;
      if (text.length > 1 << 20) {
        appendFileSync(path, text);
        text = "";
      }
    }
    appendFileSync(path, text);
  }

  /** Runs it with bench/measure.c around it; returns what it needed at most, in bytes. */
  function peak(script: string): number {
    const result = join(directory, "result");
    const command = script.replace("conntrack", `'${measure}' '${program}'`);
    const { status, stderr }: Outcome = spawnCommand("bash", ["-c", `${command} 3>'${result}'`], {
      timeoutMs: 120_000,
    });
    assert.equal(stderr, "");
    assert.equal(status, 0);
    const [, , , peakKib, ended] = readFileSync(result, "utf8").trim().split(" ").map(Number);
    assert.equal(ended, 0);
    return peakKib! * 1024;
  }

  before(() => {
    measure = compile("bench/measure.c");
    directory = mkdtempSync("/run/many-");
    write(join(directory, "one"), 1);
    write(join(directory, "many"), LINES);
    base = peak(`conntrack -R ${directory}/one`);
  });

  for (const [from, script] of [
    ["a file", () => `conntrack -R ${directory}/many`],
    ["a pipe", () => `cat ${directory}/many | conntrack -R -`],
  ] as const) {
    it(`${LINES} lines from ${from} take less than ${BYTES_A_LINE} bytes each`, async (t) => {
      const taken = peak(script()) - base;
      t.diagnostic(`${LINES} lines from ${from}: ${Math.round(taken / LINES)} bytes a line`);
      assert.ok(taken < BYTES_A_LINE * LINES + CONSTANT, `${taken} bytes`);
      assert.equal(await count(), TUPLES);
      const entries = lines(await listTable("-p", "tcp", "--state", "ESTABLISHED"));
      assert.equal(entries.filter((line) => line.includes("[ASSURED]")).length, TUPLES);
    });
  }
});
