/**
 * The command lines of programs in the field, each with what that program makes of the output: its own regular expressions,
 * columns and statuses. Sources are the projects' own repositories; docs/compatibility.md lists them.
 */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, before, beforeEach, describe, it } from "node:test";
import { cliCases } from "../support/cases.js";
import { freshNetwork, ours, program } from "../support/command.js";
import { sysctl } from "../support/lab.js";
import { type Listener, listen } from "../support/listener.js";
import { lacks, type Outcome, spawnCommand } from "../support/process.js";
import { loadTable } from "../support/table.js";
import { lines } from "../support/text.js";
import { until } from "../support/wait.js";

/** What a service in a cluster looks like, besides the mixed table of the recorded cases. */
const SERVICES = [
  "-A -t 5000 -u SEEN_REPLY -s 10.244.0.1 -d 10.96.0.10 -p udp --sport 1001 --dport 53 --dst-nat 10.244.0.53:53",
  "-A -t 5000 -u SEEN_REPLY -s 10.244.0.2 -d 10.96.0.10 -p udp --sport 1002 --dport 53 --dst-nat 10.244.0.54:53",
  "-A -t 5000 -u SEEN_REPLY -s 10.244.0.3 -d 10.0.0.99 -p udp --sport 1003 --dport 30053 --dst-nat 10.244.0.53:53",
  "-A -t 5000 -u SEEN_REPLY -s fd00::1 -d fd00:96::a -p udp --sport 1004 --dport 53 --dst-nat [fd00:244::53]:53",
  "-A -t 5000 -s 10.244.0.4 -d 10.96.0.10 -p tcp --sport 1005 --dport 443 --state SYN_SENT",
  "-A -t 5000 -s 10.244.0.5 -d 10.96.0.10 -p tcp --sport 1006 --dport 443 --state SYN_SENT -m 0x80000000",
];

const TABLE = [...cliCases.setup["mix"]!, ...SERVICES];

let bin: string;

before(() => {
  bin = mkdtempSync("/run/consumers-");
  writeFileSync(join(bin, "conntrack"), `#!/bin/sh\nexec '${program}' "$@"\n`);
  chmodSync(join(bin, "conntrack"), 0o755);
});

/** A script of a consumer's, whose `conntrack` is ours. */
function shell(script: string): Outcome {
  return spawnCommand("bash", ["-c", script], { env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` } });
}

const run = (words: string) => ours(words.split(" "));

async function fill(): Promise<void> {
  freshNetwork();
  await loadTable(TABLE);
}

/** How a consumer knows that there was nothing to delete, which is fine with it. */
const nothing: Readonly<Record<string, (outcome: Outcome) => boolean>> = {
  // utilexec: CombinedOutput, strings.Contains
  "kube-proxy": ({ stdout, stderr }) => `${stdout}${stderr}`.includes("0 flow entries have been deleted"),
  // stderr alone, strings.Contains
  Calico: ({ stderr, status }) => status !== 0 && stderr.includes("0 flow entries"),
  "kube-router": ({ stdout, stderr }) => /\s0 flow entries have been deleted./.test(`${stdout}${stderr}`),
  // extra_ok_codes=[1]
  neutron: ({ status }) => status === 1,
  strict: ({ stdout, stderr, status }) =>
    status === 1 &&
    stdout === "" &&
    /^conntrack v\d+\.\d+\.\d+ \(conntrack-tools\): 0 flow entries have been deleted\.\n?$/.test(stderr),
};

/** Who deletes what, and how many entries of the table that are. */
const DELETES: readonly (readonly [who: keyof typeof nothing, words: string, count: number])[] = [
  ["kube-proxy", "-D --orig-dst 10.96.0.10 -p udp", 2],
  ["kube-proxy", "-D --orig-dst 10.96.0.10 --dst-nat 10.244.0.54 -p udp", 1],
  ["kube-proxy", "-D --orig-dst fd00:96::a -p udp -f ipv6", 1],
  ["kube-proxy", "-D --orig-dst fd00:96::a --dst-nat fd00:244::53 -p udp -f ipv6", 1],
  ["kube-proxy", "-D --orig-dst fd00:96::a --dst-nat fd00:244::54 -p udp -f ipv6", 0],
  ["kube-proxy", "-D -p udp --dport 30053", 1],
  ["kube-proxy", "-D -p udp --dport 30053 --dst-nat 10.244.0.53", 1],
  ["kube-proxy", "-D -p udp --dport 30053 --dst-nat 10.244.0.99", 0],
  ["kube-proxy", "-D -p udp --dport 30053 -f ipv6", 0],
  ["kube-proxy", "-D --orig-dst 10.96.0.99 -p udp", 0],
  ["Calico", "--family ipv4 --delete --orig-src 10.244.0.1", 1],
  ["Calico", "--family ipv4 --delete --reply-src 10.244.0.53", 2],
  ["Calico", "--family ipv6 --delete --orig-src fd00::1", 1],
  ["Calico", "--family ipv6 --delete --reply-src fd00:244::53", 1],
  ["Calico", "--family ipv4 --delete --orig-src 10.244.0.99", 0],
  ["kube-router", "-D --orig-dst 10.96.0.10 -p udp --dport 53", 2],
  ["kube-router", "-D --orig-dst 10.96.0.10 -p udp --dport 54", 0],
  ["neutron", "-D -p udp -f ipv4 -d 192.0.2.14/32 -w 7", 1],
  ["neutron", "-D -p udp -f ipv4 -s 10.0.7.1 -w 7 -d 192.0.2.14", 1],
  ["neutron", "-D -p udp -f ipv4 -s 10.0.7.0/24 -w 7 -d 192.0.2.0/24", 1],
  ["neutron", "-D -f ipv4 -s 10.0.7.1 -w 8", 0],
  ["neutron", "-D -f ipv6 -d 2001:db8::2/64 -w 7", 0],
  ["neutron", "-D -f ipv4 -m 255 -d 8.8.4.4 -w 0", 1],
  ["neutron", "-D -d 8.8.8.8", 1],
  ["neutron", "-D -q 10.0.1.1", 1],
  ["neutron", "-D -d 10.96.0.10 -p tcp --dport 443", 2],
  ["strict", "-D -s 10.244.0.5", 1],
  ["strict", "-D -s 203.0.113.250", 0],
  // VyOS
  ["strict", "-D -s 10.244.0.0/16", 5],
  // Firewalla
  ["strict", "-D -f ipv4 -p udp --dport 53 --src 10.244.0.0 --mask-src 255.255.0.0", 2],
  ["strict", "-D -f ipv6 -p udp --dport 53 --src fd00::1 --mask-src ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1],
  // IPFire runs all four
  ["strict", "-D -s 10.0.0.1", 1],
  ["strict", "-D -d 192.0.2.1", 2],
  ["strict", "-D -r 192.0.2.1", 2],
  ["strict", "-D -q 198.51.100.1", 1],
  // fail2ban; kube-ovn
  ["strict", "-D -s 10.0.3.1", 1],
  ["strict", "-D -d 10.96.0.10 -p udp --dport 53", 2],
  // Gardener
  ["strict", "-D -p tcp -s 10.244.0.4 --sport 1005 -d 10.96.0.10 --dport 443", 1],
];

describe("delete", () => {
  beforeEach(fill);

  for (const [who, words, count] of DELETES) {
    it(`${who}: conntrack ${words}`, async () => {
      const outcome = await run(words);
      assert.equal(lines(outcome.stdout).length, count);
      if (count === 0) assert.ok(nothing[who]!(outcome), outcome.stderr);
      else {
        assert.equal(outcome.status, 0);
        assert.ok(!nothing[who]!(outcome));
        assert.match(outcome.stderr, new RegExp(`: ${count} flow entries have been deleted\\.\n$`));
      }
      assert.equal((await run("-C")).stdout, `${TABLE.length - count}\n`);
      // Whoever deletes again finds nothing.
      const again = await run(words);
      assert.ok(Object.values(nothing).every((knows) => knows(again)));
    });
  }

  it("neutron: a failure is another status than that", async () => {
    assert.equal((await run("-D -p no-such-protocol")).status, 2);
  });
});

/** An element: its name, attributes, elements and text. */
interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

/** Parses a document as strictly as a validating reader would; what this refuses is not XML. */
function parseXml(document: string): Element {
  const declaration = '<?xml version="1.0" encoding="utf-8"?>\n';
  assert.ok(document.startsWith(declaration), document.slice(0, 80));
  const top: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [top];
  const pieces = document.slice(declaration.length).match(/<[^>]*>|[^<]+/g) ?? [];
  assert.equal(pieces.join("").length, document.length - declaration.length);
  for (const piece of pieces) {
    const [, close, name, words, empty] = /^<(\/?)([a-z0-9-]+)((?: [a-z]+="[^"]*")*)(\/?)>$/.exec(piece) ?? [];
    if (name === undefined) {
      assert.doesNotMatch(piece, /[<>]|&(?!amp;|lt;|gt;|quot;)/);
      open.at(-1)!.text += piece;
    } else if (close) {
      assert.equal(open.pop()!.name, name);
    } else {
      const attributes = Object.fromEntries(
        Array.from(words!.matchAll(/([a-z]+)="([^"]*)"/g), ([, key, value]) => [key!, value!]),
      );
      const element = { name, attributes, children: [], text: "" };
      open.at(-1)!.children.push(element);
      if (!empty) open.push(element);
    }
  }
  assert.equal(open.length, 1, "closed");
  assert.equal(top.children.length, 1, "one document element");
  return top.children[0]!;
}

const child = (element: Element, name: string) => element.children.find((one) => one.name === name);
const leaf = (element: Element | undefined, name: string) => element && child(element, name)?.text;

describe("VyOS", () => {
  before(fill);

  for (const [words, count] of [
    ["--dump --family ipv4 --output xml", TABLE.filter((line) => !/ -s \S*:/.test(line)).length],
    ["--dump --family ipv6 --output xml", TABLE.filter((line) => / -s \S*:/.test(line)).length],
    ["--dump --family ipv4 --output xml --src-nat", 1],
    ["--dump --family ipv4 --output xml --dst-nat", 4],
    ["--dump --family ipv4 --output xml --src 10.0.0.1", 1],
  ] as const) {
    it(`conntrack ${words}`, async () => {
      const { stdout, status } = await run(words);
      assert.equal(status, 0);
      const { name, children } = parseXml(stdout);
      assert.equal(name, "conntrack");
      assert.equal(children.length, count);
      for (const flow of children) {
        assert.equal(flow.name, "flow");
        const meta = (direction: string) => flow.children.find((one) => one.attributes["direction"] === direction);
        assert.deepEqual(
          flow.children.map((one) => `${one.name} ${one.attributes["direction"]}`),
          ["meta original", "meta reply", "meta independent"],
        );
        for (const direction of ["original", "reply"]) {
          const [layer3, layer4] = ["layer3", "layer4"].map((layer) => child(meta(direction)!, layer)!);
          assert.match(leaf(layer3, "src")!, /^[0-9a-f:.]+$/);
          assert.match(leaf(layer3, "dst")!, /^[0-9a-f:.]+$/);
          assert.ok(layer4!.attributes["protoname"]);
          if (layer4!.attributes["protoname"] === "tcp") assert.match(leaf(layer4, "sport")!, /^\d+$/);
        }
        const independent = meta("independent");
        for (const key of ["id", "timeout", "mark"]) assert.match(leaf(independent, key)!, /^\d+$/);
      }
      const states = children.map((flow) => leaf(flow.children[2], "state")).filter((state) => state !== undefined);
      if (count > 6 && !words.includes("ipv6")) assert.ok(states.includes("SYN_SENT"));
    });
  }

  it("shows the zone", async () => {
    const { children } = parseXml((await run("--dump --family ipv4 --output xml")).stdout);
    assert.deepEqual(
      children.map((flow) => leaf(flow.children[2], "zone")).filter((zone) => zone !== undefined),
      ["7"],
    );
  });

  it("0 bytes of stdout mean that there are no entries", async () => {
    assert.equal((await run("--dump --family ipv4 --output xml --src 203.0.113.250")).stdout, "");
  });

  it("conntrack --stats", async () => {
    const { stdout } = await run("--stats");
    for (const line of lines(stdout)) assert.match(line, /^cpu=\d+ {2,}\t([a-z_]+=\d+ )+$/);
  });

  it("conntrack -F, conntrack -F expect", async () => {
    assert.equal((await run("-F expect")).status, 0);
    assert.equal((await run("-F")).status, 0);
    assert.equal((await run("-C")).stdout, "0\n");
  });
});

describe("reading", () => {
  before(fill);

  it("Datadog: conntrack -S", async () => {
    const { stdout, status } = await run("-S");
    assert.equal(status, 0);
    assert.ok(lines(stdout).length >= 1);
    for (const [index, line] of lines(stdout).entries()) {
      const cells = line.split(/\s+/).filter((cell) => cell !== "");
      assert.equal(cells[0], `cpu=${index}`);
      for (const cell of cells) assert.match(cell, /^[a-z_]+=\d+$/);
      for (const key of [
        "found",
        "invalid",
        "insert",
        "insert_failed",
        "drop",
        "early_drop",
        "error",
        "search_restart",
      ])
        assert.equal(cells.filter((cell) => cell.startsWith(`${key}=`)).length, 1, key);
    }
  });

  it("Gardener: the columns of connections that nobody answers, and their deletion", {
    skip: lacks("sed", "awk"),
  }, () => {
    const { stdout, status } = shell(`
      conntrack -L -p tcp --state SYN_SENT 2>/dev/null | sed 's/=/ /g' |
        awk '$4 == "SYN_SENT" && $13 == "[UNREPLIED]" { print $6, $10, $8, $12 }' | sort |
        while read -r src sport dst dport; do
          echo "$src $sport $dst $dport"
          conntrack -D -p tcp -s "$src" --sport "$sport" -d "$dst" --dport "$dport" >/dev/null 2>&1 || echo failed
        done`);
    assert.deepEqual(lines(stdout), [
      "10.0.0.2 40002 192.0.2.1 80",
      "10.244.0.4 1005 10.96.0.10 443",
      "10.244.0.5 1006 10.96.0.10 443",
    ]);
    assert.equal(status, 0);
  });

  it("Munin: conntrack -L -o extended -f ipv4, -f ipv6", async () => {
    await fill();
    const states = new Map<string, number>();
    let [assured, udp, flows] = [0, 0, 0];
    for (const family of ["ipv4", "ipv6"]) {
      for (const line of lines((await run(`-L -o extended -f ${family}`)).stdout)) {
        flows++;
        const state = /tcp \s*\d+\s+\d+\s+(\S+)/.exec(line)?.[1];
        if (state !== undefined) states.set(state, (states.get(state) ?? 0) + 1);
        if (/udp /.test(line)) udp++;
        if (line.includes("ASSURED")) assured++;
      }
    }
    assert.equal(flows, TABLE.length);
    assert.equal(udp, TABLE.filter((line) => / -p udp /.test(line)).length);
    assert.equal(assured, TABLE.filter((line) => /ASSURED/.test(line)).length);
    assert.deepEqual(Object.fromEntries(states), { ESTABLISHED: 3, SYN_SENT: 3, TIME_WAIT: 1 });
  });

  it("Firewalla: conntrack -L -s NET --reply-dst IP", async () => {
    const words = "-L -s 10.0.0.0/16 --reply-dst 198.51.100.1 -f ipv4 -p udp";
    assert.match((await run(words)).stdout, /^udp {6}17 \d+ src=10\.0\.8\.2 /);
    assert.equal((await run(`${words} -m 0x1/0xffff`)).stdout, "");
    assert.equal(lines((await run("-L -s 10.0.0.0/16 -f ipv4 -p udp -m 0xff/0xffff")).stdout).length, 1);
  });

  it("Weave Scope: conntrack -L -o id -p tcp", async () => {
    // "tcp 6 431998 ESTABLISHED src= dst= sport= dport= src= dst= sport= dport= [ASSURED] mark= use= id="
    for (const line of lines((await run("-L -o id -p tcp")).stdout)) {
      const words = line.split(/\s+/);
      assert.deepEqual(words.slice(0, 2), ["tcp", "6"]);
      assert.match(words[2]!, /^\d+$/);
      const keys = words.filter((word) => word.includes("=")).map((word) => word.split("=")[0]);
      const tuple = ["src", "dst", "sport", "dport"];
      assert.deepEqual(keys, [...tuple, ...tuple, "mark", "use", "id"]);
    }
  });

  it("kube-ovn: conntrack -L | grep -q dport=", () => {
    assert.equal(shell("conntrack -L 2>/dev/null | grep -q dport=53").status, 0);
    assert.equal(shell("set -o pipefail; conntrack -L 2>/dev/null | grep -q dport=54321").status, 1);
  });

  it("EKS: conntrack -S, -L, -L -f ipv6 end in time", () => {
    for (const words of ["-S", "-L", "-L -f ipv6"]) assert.equal(shell(`timeout 75 conntrack ${words}`).status, 0);
  });

  it("neutron: conntrack --version", async () => {
    const { stdout, status } = await run("--version");
    assert.match(stdout, /^conntrack v\d+\.\d+\.\d+ \(conntrack-tools\)\n$/);
    assert.equal(status, 0);
  });
});

describe("writing", () => {
  beforeEach(fill);

  it("LISA: creates by number, and marks", async () => {
    for (const rest of ["--protonum 99", "--protonum 17 --sport 1 --dport 2"]) {
      assert.equal((await run(`-I -s 192.0.2.200 -d 192.0.2.201 ${rest} --timeout 100 --mark 10`)).status, 0);
    }
    assert.equal(lines((await run("-L -s 192.0.2.200 -m 10")).stdout).length, 2);
    assert.equal((await run("-U --mark 11")).status, 0);
    assert.equal(lines((await run("-L -m 11")).stdout).length, TABLE.length + 2);
  });

  it("Firewalla: conntrack -U -m 0x0/0x80000000", async () => {
    assert.equal((await run("-U -m 0x80000000/0x80000000")).status, 0);
    assert.equal(lines((await run("-L -m 0x80000000/0x80000000")).stdout).length, TABLE.length);
    assert.equal((await run("-U -f ipv6 -m 0x0/0x80000000")).status, 0);
    const left = TABLE.filter((line) => !/ -s \S*:/.test(line)).length;
    assert.equal(lines((await run("-L -m 0x80000000/0x80000000")).stdout).length, left);
    assert.equal((await run("-U -m 0x0/0x80000000")).status, 0);
    assert.equal((await run("-L -m 0x80000000/0x80000000")).stdout, "");
    // Nothing is left to do.
    assert.equal((await run("-U -m 0x0/0x80000000")).status, 1);
    assert.match((await run("-L -s 10.0.0.2 -p tcp --dport 80")).stdout, / mark=16 /, "other bits stay");
  });
});

describe("events", () => {
  let listener: Listener;
  const create = async (words: string) => {
    const { status, stderr } = await run(`-I -t 100 ${words}`);
    assert.equal(status, 0, stderr);
  };
  async function shown(count: number): Promise<string[]> {
    await until(`${count} lines`, () => lines(listener.stdout()).length >= count);
    return lines(listener.stdout());
  }

  beforeEach(() => {
    freshNetwork();
    sysctl("net/netfilter/nf_conntrack_events", 1);
  });
  afterEach(() => void listener?.child.kill("SIGKILL"));

  it("Firewalla: NEW and DESTROY of one protocol, line by line", async () => {
    listener = await listen(program, "-E -e NEW,DESTROY -p tcp -b 8088608".split(" "));
    const tuple = "-s 10.0.0.1 -d 10.0.0.2 -p tcp --sport 1000 --dport 80";
    await create("-s 10.0.0.1 -d 10.0.0.2 -p udp --sport 1000 --dport 80");
    await create(`${tuple} --state SYN_SENT`);
    const [first] = await shown(1);
    await run(`-U ${tuple} -m 5`);
    await run("-D");
    const [, second] = await shown(2);
    const { status, stdout, stderr } = await listener.end("SIGTERM");

    /** As it reads a line: the first word, then keys, of which the second of a name is the reply's. */
    const parse = (line: string) => {
      const words = line.trim().split(/\s+/);
      const keys: Record<string, string> = {};
      for (const word of words) {
        const [key, value] = word.split("=");
        if (value !== undefined) keys[key! in keys ? `reply.${key}` : key!] ??= value;
      }
      return { event: words[0], keys };
    };
    for (const [line, event] of [
      [first!, "[NEW]"],
      [second!, "[DESTROY]"],
    ] as const) {
      assert.equal(parse(line).event, event);
      const { src, dst, sport, dport, "reply.src": replySrc, "reply.dport": replyDport } = parse(line).keys;
      assert.deepEqual([src, dst, sport, dport], ["10.0.0.1", "10.0.0.2", "1000", "80"]);
      assert.deepEqual([replySrc, replyDport], ["10.0.0.2", "1000"]);
    }
    assert.equal(lines(stdout).length, 2);
    assert.match(stderr, /^NOTICE: Netlink socket buffer size has been set to \d+ bytes\.\n/);
    assert.equal(status, 0);
  });

  it("Firewalla: of one pair of addresses and ports", async () => {
    const words = "-E -e NEW,DESTROY -p udp -b 8088608 -s 10.0.0.1 -d 10.0.0.2 --sport 1 --dport 2";
    listener = await listen(program, words.split(" "));
    for (const [source, port] of [
      ["10.0.0.3", 2],
      ["10.0.0.1", 3],
      ["10.0.0.1", 2],
    ])
      await create(`-s ${source} -d 10.0.0.2 -p udp --sport 1 --dport ${port}`);
    assert.match((await shown(1))[0]!, /^ {4}\[NEW\] udp {6}17 100 src=10\.0\.0\.1 dst=10\.0\.0\.2 sport=1 dport=2 /);
    assert.equal(lines((await listener.end("SIGINT")).stdout).length, 1);
  });

  it("Weave Scope: translated connections, with their ids", async () => {
    listener = await listen(program, "--buffer-size 65536 -E -o id -p tcp --any-nat".split(" "));
    await create("-s 10.0.0.1 -d 10.0.0.2 -p tcp --sport 1 --dport 2 --state SYN_SENT");
    await create("-s 10.0.0.1 -d 10.0.0.2 -p tcp --sport 3 --dport 4 --state SYN_SENT -g 10.0.0.9:8080");
    await run("-D");
    const [made, gone] = await shown(2);
    const { stderr } = await listener.end("SIGTERM");
    const tuples =
      "src=10\\.0\\.0\\.1 dst=10\\.0\\.0\\.2 sport=3 dport=4 \\[UNREPLIED\\] src=10\\.0\\.0\\.9 dst=10\\.0\\.0\\.1 sport=8080 dport=3";
    assert.match(
      made!,
      new RegExp(`^ {4}\\[NEW\\] tcp {6}6 100 SYN_SENT ${tuples}( mark=0)? id=\\d+( \\[USERSPACE\\].*)?$`),
    );
    // Kernels of today send timeout and state with it, those before them neither.
    assert.match(
      gone!,
      new RegExp(`^\\[DESTROY\\] tcp {6}6 (\\d+ )?(SYN_SENT )?${tuples}( mark=0)? id=\\d+( \\[USERSPACE\\].*)?$`),
    );
    assert.match(stderr, /set to 131072 bytes\./);
  });

  it("Weave Scope: the first two lines of XML", async () => {
    listener = await listen(program, "-E -o xml".split(" "));
    await create("-s 10.0.0.1 -d 10.0.0.2 -p tcp --sport 1 --dport 2 --state SYN_SENT");
    const [declaration, root, flow] = await shown(3);
    assert.equal(declaration, '<?xml version="1.0" encoding="utf-8"?>');
    assert.equal(root, "<conntrack>");
    assert.match(flow!, /^<flow type="new">.*<\/flow>$/);
    const { stdout } = await listener.end("SIGTERM");
    assert.equal(parseXml(stdout).children.length, 1);
  });
});
