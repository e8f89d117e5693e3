/** --from: what a listing printed is a table again. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { TABLE } from "../differential/table.js";
import { cliCases } from "../support/cases.js";
import { freshNetwork, ours } from "../support/command.js";
import { overlayEtc } from "../support/etc.js";
import { CLIENT, type Lab, lab, nft, noLab, ROUTER, SERVER, sysctl } from "../support/lab.js";
import { loadTable } from "../support/table.js";
import { lines } from "../support/text.js";

const LABELS = "10 dns\n11 two words\n";

/** -o of formats that can be read, and what of a table each carries. */
const FORMATS = ["", "extended", "id", "extended,id", "ktimestamp", "labels", "extended,id,ktimestamp,labels", "json"];

const output = (format: string) => (format === "" ? [] : ["-o", format]);

async function listed(...argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await ours(["-L", ...argv]);
  assert.equal(status, 0, stderr);
  return stdout;
}

/** Every format gives itself back, byte for byte; json gives every other format too. */
async function givesItselfBack(entries: number): Promise<void> {
  for (const format of FORMATS) {
    const saved = await listed(...output(format));
    assert.equal(lines(saved).length, entries);
    const again = await ours(["-L", "--from", "-", ...output(format)], saved);
    assert.equal(again.stdout, saved, format);
    assert.equal(again.stderr, `conntrack v1.4.9 (conntrack-tools): ${entries} flow entries have been shown.\n`);
    assert.equal((await ours(["-C", "--from", "-"], saved)).stdout, `${entries}\n`);
  }
  // Ages and timeouts pass while the table is listed twice: both lists are out of one saved table.
  const json = await listed("-o", "json");
  const text = (await ours(["-L", "--from", "-", "-o", "extended,id"], json)).stdout;
  assert.equal((await ours(["-L", "--from", "-", "-o", "extended,id"], text)).stdout, text);
  const masked = (list: string) => list.replace(/ \d+ (?=[A-Z]|src=)| delta-time=\d+/g, "");
  assert.equal(masked(text), masked(await listed("-o", "extended,id")));
  for (const format of ["save", "xml"]) {
    const mask = (list: string) => list.replace(/<timeout>\d+|<deltatime>\d+| -t \d+/g, "");
    assert.equal(
      mask((await ours(["-L", "--from", "-", "-o", format], json)).stdout),
      mask(await listed("-o", format)),
    );
  }
}

/** Filters find in a file what they find in the table. */
async function filtersAlike(filters: readonly string[]): Promise<void> {
  // The text formats do not say the status: an entry that differs in both directions is translated there.
  const saved = await listed("-o", "json");
  let found = 0;
  for (const filter of filters) {
    const argv = [...filter.split(" "), "-o", "id"];
    const live = lines(await listed(...argv));
    const again = lines((await ours(["-L", "--from", "-", ...argv], saved)).stdout);
    const ids = (all: readonly string[]) => all.map((line) => line.replace(/.* id=/, ""));
    assert.deepEqual(ids(again), ids(live), filter);
    found += live.length;
  }
  assert.ok(found > 0);
}

describe("recorded tables", () => {
  before(() => overlayEtc({ "xtables/connlabel.conf": LABELS }));
  for (const [name, table] of Object.entries({ ...cliCases.setup, everything: TABLE })) {
    if (table.length === 0) continue;
    it(name, async () => {
      freshNetwork();
      await loadTable(table);
      await givesItselfBack(lines(await listed()).length);
    });
  }

  it("filters", async () => {
    freshNetwork();
    await loadTable(TABLE);
    await filtersAlike([
      "-p tcp",
      "-p tcp --state ESTABLISHED",
      "-u ASSURED",
      "-f ipv6",
      "-n",
      "-g",
      "-j",
      "-m 1",
      "-w 7",
    ]);
  });
});

describe("real traffic", { skip: noLab }, () => {
  let scene: Lab;
  before(async () => {
    freshNetwork();
    scene = await lab();
    nft(`table inet n {
      ct helper ftp { type "ftp" protocol tcp; }
      chain helpers { type filter hook prerouting priority filter;
        tcp dport 21 ct helper set "ftp"
        udp dport 53 ct label set 10
        udp dport 53 ct mark set 7
      }
      chain pre { type nat hook prerouting priority dstnat; ip daddr ${ROUTER} tcp dport 8080 dnat ip to ${SERVER}:80; }
      chain post { type nat hook postrouting priority srcnat; ip saddr ${CLIENT} tcp dport 80 masquerade to :7000-7010; }
    }`);
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    sysctl("net/netfilter/nf_conntrack_timestamp", 1);
    const { client, server } = scene;
    await server.ask("tcpEcho", { host: SERVER, port: 80 });
    await server.ask("udpEcho", { host: SERVER, port: 53 });
    await server.ask("ftp", { host: SERVER, port: 21 });
    await client.ask("connect", { name: "translated", host: ROUTER, port: 8080, localPort: 5002 });
    await client.ask("datagram", { host: SERVER, port: 53, localPort: 5003, text: "hi", answer: true });
    await client.ask("connect", { name: "control", host: SERVER, port: 21, localPort: 5004 });
    client.run("ping", "-c1", "-q", SERVER);
    client.run("ping", "-c1", "-q", "fd00:2::2");
  });
  after(() => scene?.close());

  it("every format gives itself back", async () => {
    const count = lines(await listed()).length;
    assert.ok(count >= 5, `${count} entries`);
    await givesItselfBack(count);
  });

  it("/proc/net/nf_conntrack is the table", async () => {
    const proc = readFileSync("/proc/net/nf_conntrack", "utf8");
    const { stdout, stderr } = await ours(["-L", "--from", "/proc/net/nf_conntrack", "-o", "extended"]);
    assert.equal(lines(stdout).length, lines(proc).length, stderr);
    // Each way of reading has a count of uses of its own. /proc does not name helpers.
    const mask = (list: string) =>
      lines(list.replace(/ \d+ (?=[A-Z]|src=)| delta-time=\d+| use=\d+| helper=\w+/g, "")).sort();
    assert.deepEqual(mask(stdout), mask(await listed("-o", "extended")));
  });
});

describe("--diagnose", () => {
  const flow = (n: number, dport: number) =>
    `tcp      6 100 SYN_SENT src=10.0.${n >> 8}.${n & 255} dst=10.9.0.1 sport=1000 dport=${dport} [UNREPLIED] src=10.9.0.1 ` +
    `dst=10.0.${n >> 8}.${n & 255} sport=${dport} dport=1000 mark=0 use=1\n`;
  const flood = Array.from({ length: 12_000 }, (_, n) => flow(n, n < 10_500 ? 443 : 80)).join("");

  it("says what the flows of a file say, and what the file does not tell", async () => {
    writeFileSync("/run/a dump", flood);
    const { status, stdout } = await ours(["--diagnose", "--from", "/run/a dump"]);
    assert.equal(status, 3);
    assert.match(stdout, /^Table {6}12,000 entries in \/run\/a dump\n/);
    assert.match(stdout, /^ {2}to {7}10\.9\.0\.1:443 {3,}10,500 {2}87\.5 %/m);
    assert.match(stdout, /^ {7}conntrack -L --from '\/run\/a dump' -u UNREPLIED --group-by src --limit 5$/m);
    assert.match(stdout, /^Not known: a saved table does not tell the limit/m);
    // Nothing of this machine, which would not be true of that one.
    assert.doesNotMatch(stdout, /buckets|^Settings|^Memory|^Idle/m);
  });

  it("takes filters: the entries are all that the file has", async () => {
    const argv = ["--diagnose", "--from", "-", "-p", "tcp", "--dport", "80", "-o", "json"];
    const { status, stdout } = await ours(argv, flood);
    const { from, entries, flows, limit, settings } = JSON.parse(stdout);
    assert.deepEqual([status, from, entries, flows, limit, settings], [0, "-", 12_000, 1500, undefined, []]);
  });

  it("has nothing to look at twice, and no second table", async () => {
    for (const [option, value] of [
      ["--interval", "1"],
      ["--rounds", "2"],
    ] as const) {
      for (const command of ["--diagnose", "-C"]) {
        const rest = command === "-C" && option === "--rounds" ? ["--interval", "1"] : [];
        const { status, stdout, stderr } = await ours([command, "--from", "-", option, value, ...rest], flood);
        assert.deepEqual([status, stdout], [2, ""]);
        assert.match(stderr, /: Can't use --(interval|rounds) with --from\n/);
      }
    }
    const { status, stderr } = await ours(["--diagnose", "--from", "-", "--netns", "x"], flood);
    assert.equal(status, 2);
    assert.match(stderr, /cannot specify `--from' with `--netns'/);
  });

  it("a line that cannot be read is an error, and no diagnosis", async () => {
    const { status, stdout, stderr } = await ours(["--diagnose", "--from", "-"], `${flow(1, 2)}x\n`);
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /: line 2 of standard input: /);
  });
});

describe("what cannot be read", () => {
  const line =
    "udp      17 9 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 mark=0 use=1\n";
  const refused = async (argv: readonly string[], input = "") => {
    const { status, stderr, stdout } = await ours(argv, input);
    return { status, stdout, stderr: lines(stderr)[0]?.replace("conntrack v1.4.9 (conntrack-tools): ", "") };
  };

  it("a line: the entries before it are shown, and its number", async () => {
    assert.deepEqual(await refused(["-L", "--from", "-"], `${line}\n${line}hello world\n${line}`), {
      status: 1,
      stdout: line + line,
      stderr: "line 4 of standard input: cannot read `world'",
    });
  });

  it("a file", async () => {
    writeFileSync("/run/empty", "");
    assert.deepEqual(await refused(["-C", "--from", "/run/empty"]), { status: 0, stdout: "0\n", stderr: undefined });
    for (const path of ["/run/nonesuch", "/run"]) {
      const expected = `Failed to open file ${path} for reading`;
      assert.deepEqual(await refused(["-L", "--from", path]), { status: 2, stdout: "", stderr: expected });
    }
  });

  it("formats that are not for reading, garbage, and what is left of an address", async () => {
    const only = "only -o json and the text formats can be read";
    const cases = [
      ['<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n', `xml: ${only}`],
      ["-A -t 4 -u UNSET -s 10.0.0.5 -d 10.0.0.5 -p icmp\n", `a line of -o save: ${only}`],
      [`tcp 6 ${"\u{1F600}".repeat(100)}\n`, `cannot read \`${"\u{1F600}".repeat(40)}...'`],
      [line.replace("dst=10.0.0.2", "dst=10.2"), "cannot read `10.2'"],
    ] as const;
    for (const [input, what] of cases) {
      const stderr = `line 1 of standard input: ${what}`;
      assert.deepEqual(await refused(["-C", "--from", "-"], input), { status: 1, stdout: "", stderr });
    }
  });

  it("a line without an end", async () => {
    const { status, stderr } = await refused(["-C", "--from", "-"], "x".repeat(1 << 18));
    assert.deepEqual([status, stderr], [1, "line 1 of standard input: the line is too long"]);
  });

  it("-z has nothing to set to zero", async () => {
    assert.equal((await refused(["-L", "-z", "--from", "-"])).stderr, "Can't use -z with --from");
  });
});
