/** --diagnose on tables that are sick in different ways: what it names first, and its exit status. */
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { nodeIo } from "../../src/cli/node-io.js";
import { collectFacts } from "../../src/diagnosis/collect.js";
import { findingsOf, statusOf, WARNINGS } from "../../src/diagnosis/findings.js";
import { reportLines } from "../../src/diagnosis/report.js";
import { openConnection } from "../../src/netlink/connection.js";
import { toUtf8 } from "../../src/system/text.js";
import { backend, freshNetwork, ours } from "../support/command.js";
import { exactFilter } from "../support/exact-filter.js";
import { parseLines } from "../support/json.js";
import { loadTable } from "../support/table.js";

/** 95.4 % of the kernel's usual limit, which no namespace of ours can change. */
const FULL = 250_000;

/** Address number `n` below a /8. */
const address = (first: number, n: number) => `${first}.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;

interface Line {
  src: string;
  dst?: string;
  sport: number;
  dport?: number;
  state: string;
  timeout: number;
  status?: string;
  more?: string;
}

const tcp = ({
  src,
  dst = "203.0.113.9",
  sport,
  dport = 443,
  state,
  timeout,
  status = "ASSURED,SEEN_REPLY",
  more = "",
}: Line) =>
  `-I -p tcp -s ${src} -d ${dst} --sport ${sport} --dport ${dport} -t ${timeout} --state ${state} ${status === "" ? "" : `-u ${status}`} ${more}`;

const many = (count: number, line: (n: number) => Line) => Array.from({ length: count }, (_, n) => tcp(line(n)));

interface Report {
  status: number;
  findings: { id: string; severity: string; commands: string[]; text: string }[];
  [fact: string]: unknown;
}

async function diagnosis(...more: string[]): Promise<{ status: number; report: Report; text: string }> {
  const json = await ours(["--diagnose", "--interval", "0", "-o", "json", ...more]);
  const text = await ours(["--diagnose", "--interval", "0", ...more]);
  assert.equal(json.stderr + text.stderr, "");
  assert.equal(text.status, json.status);
  return { status: json.status!, report: parseLines<Report>(json.stdout)[0]!, text: text.stdout };
}

describe("--diagnose", () => {
  beforeEach(freshNetwork);

  /** What the text names first under "What helps". */
  const first = (text: string) => /^ {2}1\. ([^:]+):/m.exec(text)?.[1];

  it("finds nothing in a healthy table", async () => {
    await loadTable(
      many(2000, (n) => ({ src: address(10, n), sport: 1024 + n, state: "ESTABLISHED", timeout: 431_000 })),
    );
    const { status, report, text } = await diagnosis();
    assert.equal(status, 0);
    assert.deepEqual(report.findings, []);
    assert.match(text, /^Nothing to mend\.$/m);
  });

  it("finds nothing in an empty table", async () => {
    const { status, report, text } = await diagnosis();
    assert.equal(status, 0);
    assert.equal(report["entries"], 0);
    assert.match(text, /^Who {8}no entries$/m);
  });

  it("names the one source that fills the table", async () => {
    // Not idle: the timeout is nearly whole.
    await loadTable(
      many(FULL, (n) => ({
        src: n % 5 === 0 ? address(11, n) : "10.0.0.1",
        dst: address(20, n >> 8),
        sport: 1024 + (n & 255),
        state: "ESTABLISHED",
        timeout: 431_900,
      })),
    );
    const { status, report, text } = await diagnosis();
    assert.equal(status, 4);
    assert.deepEqual(
      report.findings.map(({ id }) => id),
      ["source", "full"],
    );
    assert.equal(first(text), "one source");
    assert.match(report.findings[0]!.text, /^10\.0\.0\.1 has 200,000 entries, 80\.0 %$/);
    assert.match(text, /^Table {6}250,000 of 262,144 entries \(95\.4 %\) +FULL$/m);
  });

  it("names what has seen no reply", async () => {
    await loadTable(
      many(FULL, (n) => ({
        src: address(10, n),
        sport: 1024 + (n % 50_000),
        state: "SYN_SENT",
        timeout: 100,
        status: "",
      })),
    );
    const { status, report, text } = await diagnosis();
    assert.equal(status, 4);
    assert.equal(first(text), "unreplied");
    assert.match(report.findings[0]!.commands.join("\n"), /^sysctl -w .*tcp_timeout_syn_sent=20$/m);
    assert.match(text, /unreplied 100 %/);
  });

  it("names idle connections, and what a shorter timeout would leave", async () => {
    await loadTable(
      many(FULL, (n) => ({
        src: address(10, n),
        sport: 1024 + (n % 50_000),
        state: "ESTABLISHED",
        // One of five had a packet within the last minutes; the others not for 1.5 days.
        timeout: n % 5 === 0 ? 431_900 : 300_000,
      })),
    );
    const { status, report, text } = await diagnosis();
    assert.equal(status, 4);
    assert.equal(first(text), "idle connections");
    assert.match(text, /with 3600 there would be 50,000 entries now \(19\.1 % of the limit\)/);
    assert.match(text, /> 5 min {2}200,000 {3}> 1 h {2}200,000 {3}> 1 d {2}200,000/);
    const [, command] = report.findings[0]!.commands;
    assert.equal(command, "conntrack -D -p tcp --state ESTABLISHED --expires -428400 --dry-run");
    // The command means those entries.
    const { stdout } = await ours(["-C", "-p", "tcp", "--state", "ESTABLISHED", "--expires", "-428400"]);
    assert.equal(stdout, "200000\n");
  });

  it("says of a rest that an unacknowledged connection may have that the time is not known", async () => {
    await loadTable(many(100, (n) => ({ src: address(10, n), sport: 1024, state: "ESTABLISHED", timeout: 250 })));
    const { text } = await diagnosis();
    assert.match(text, /> 1 d {2}0 {3}not known {2}100$/m);
  });

  it("names CLOSE_WAIT that piles up", async () => {
    await loadTable(many(5000, (n) => ({ src: address(10, n), sport: 1024, state: "CLOSE_WAIT", timeout: 50 })));
    const { status, text } = await diagnosis();
    assert.equal(status, 3);
    assert.equal(first(text), "CLOSE_WAIT");
  });

  it("names the address whose ports run short", async () => {
    await loadTable(
      many(63_000, (n) => ({
        src: address(10, n % 3000),
        sport: 1024 + n,
        state: "ESTABLISHED",
        timeout: 431_900,
        more: `-n 198.51.100.1:${1024 + n}`,
      })),
    );
    const { status, text } = await diagnosis();
    assert.equal(status, 4);
    assert.equal(first(text), "ports for SNAT");
    assert.match(text, /63,000 of 64,512 ports of\s+198\.51\.100\.1 are taken towards\s+203\.0\.113\.9:443/);
  });

  it("names a hash that is too small", async () => {
    // The size is the whole machine's, so that no test may change it: of all that is read, this one file is made up.
    await loadTable(
      many(100_000, (n) => ({ src: address(10, n), sport: 1024, state: "ESTABLISHED", timeout: 431_900 })),
    );
    const connection = openConnection(backend);
    try {
      const { nowMicroseconds, readFile } = nodeIo(backend);
      const sources = {
        connection,
        nowMicroseconds,
        readFile: (path: string) =>
          path === "/proc/sys/net/netfilter/nf_conntrack_buckets" ? toUtf8("1024\n") : readFile(path),
      };
      const facts = collectFacts(sources, exactFilter({}), 0, () => {});
      const findings = findingsOf(facts);
      assert.deepEqual(
        findings.map(({ id, commands }) => [id, commands]),
        [["hash", ["sysctl -w net.netfilter.nf_conntrack_buckets=262144"]]],
      );
      assert.equal(statusOf(findings), WARNINGS);
      assert.match(
        reportLines(facts, findings).join("\n"),
        /^Hash {7}1,024 buckets, load 195\.3 \(each entry is hashed twice\) +LONG$/m,
      );
    } finally {
      connection.close();
    }
  });

  it("restricts what it says of flows to the filter", async () => {
    await loadTable([
      ...many(10, (n) => ({ src: address(10, n), sport: 1024, state: "ESTABLISHED", timeout: 1000 })),
      ...many(5, (n) => ({ src: address(11, n), sport: 1024, dport: 80, state: "CLOSE_WAIT", timeout: 50 })),
    ]);
    const { report } = await diagnosis("-p", "tcp", "--dport", "80");
    assert.equal(report["entries"], 15);
    assert.equal(report["flows"], 5);
    assert.deepEqual(report["states"], [{ name: "CLOSE_WAIT", flows: 5 }]);
  });
});
