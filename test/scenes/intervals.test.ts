/** -S --explain, and figures again and again: --interval and --rounds. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { before, beforeEach, describe, it } from "node:test";
import { COUNTER_MEANINGS } from "../../src/diagnosis/counters.js";
import { freshNetwork, oursAsProcess, program } from "../support/command.js";
import { parseLines } from "../support/json.js";
import { loadTable } from "../support/table.js";

const entries = (count: number) =>
  Array.from({ length: count }, (_, n) => `-I -p udp -s 10.0.0.1 -d 10.0.0.2 --sport ${1000 + n} --dport 53 -t 100`);

describe("-S --explain", () => {
  before(freshNetwork);

  it("names the counters that are 0 in one line", () => {
    const { stdout, status } = oursAsProcess(["-S", "--explain"]);
    assert.equal(status, 0);
    assert.equal(stdout, `0: ${COUNTER_MEANINGS.map(({ name }) => name).join(", ")}\n`);
  });

  it("sums a counter over the CPUs and says what it means", async () => {
    await loadTable(entries(5));
    const { stdout } = oursAsProcess(["-S", "--explain"]);
    assert.match(stdout, /^insert {2}5 {2}entries made by programs \(conntrack -I, conntrackd\), not by packets\n0: /);
  });

  it("shows rates from the second round on", () => {
    const { stdout } = oursAsProcess(["-S", "--explain", "--interval", "0.1", "--rounds", "2"]);
    const rounds = stdout.split(/^\d\d:\d\d:\d\d\n/m).slice(1);
    assert.equal(rounds.length, 2);
    assert.match(rounds[0]!, /^insert {2}5 {2}entries/);
    assert.match(rounds[1]!, /^insert {2}5 {2}\+0\/s {2}entries/);
  });

  it("has a JSON form", () => {
    const { stdout } = oursAsProcess(["-S", "--explain", "-o", "json"]);
    const { counters, time } = parseLines<{
      counters: Record<string, { total: number; per_second?: number }>;
      time?: string;
    }>(stdout)[0]!;
    assert.equal(time, undefined);
    assert.equal(counters["insert"]!.total, 5);
    assert.equal(counters["insert"]!.per_second, undefined);
  });

  it("is not possible with expectations, and --interval not without it", () => {
    assert.match(oursAsProcess(["-S", "expect", "--explain"]).stderr, /Illegal option `--explain' with this command/);
    assert.match(oursAsProcess(["-S", "--interval", "1"]).stderr, /Can't use --interval without --explain/);
  });
});

describe("--diagnose --rounds", () => {
  before(async () => {
    freshNetwork();
    await loadTable(entries(5));
  });

  it("shows a report a round, under the time", () => {
    const { stdout, status } = oursAsProcess(["--diagnose", "--interval", "0.1", "--rounds", "2"]);
    assert.equal(status, 0);
    const [, ...reports] = stdout.split(/^\d\d:\d\d:\d\d\n/m);
    assert.equal(reports.length, 2);
    for (const report of reports) assert.match(report, /^Table {6}5 of [\d,]+ entries \(0\.0 %\), [+]0\/s +ok$/m);
    assert.match(reports[0]!, /^Nothing to mend\.\n\n$/m);
    assert.match(reports[1]!, /^Nothing to mend\.\n$/m);
  });

  it("has a JSON form", () => {
    const { stdout } = oursAsProcess(["--diagnose", "--interval", "0.1", "--rounds", "2", "-o", "json"]);
    const reports = parseLines<{ time: string; entries: number; entries_per_second: number }>(stdout);
    assert.deepEqual(
      reports.map(({ entries, entries_per_second }) => [entries, entries_per_second]),
      [
        [5, 0],
        [5, 0],
      ],
    );
    for (const { time } of reports) assert.match(time, /^\d{4}-\d\d-\d\dT/);
    assert.ok(reports[0]!.time < reports[1]!.time);
  });

  for (const [line, message] of [
    ["--interval 0 --rounds 2", "Invalid interval `0'"],
    ["--rounds 2 -o prometheus", "Can't use -o prometheus with --rounds"],
    ["--rounds 2 --all-netns", "Can't use --rounds with --all-netns"],
  ] as const) {
    it(`${line}: refused`, () => {
      const { status, stdout, stderr } = oursAsProcess(["--diagnose", ...line.split(" ")]);
      assert.deepEqual([status, stdout], [2, ""]);
      assert.ok(stderr.includes(message), stderr);
    });
  }
});

describe("-C --interval", () => {
  beforeEach(freshNetwork);

  it("shows a line a round, each as it comes, with the growth", async () => {
    const child = spawn(program, ["-C", "--interval", "0.5", "--rounds", "2"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines: string[] = [];
    for await (const bytes of child.stdout) {
      lines.push(String(bytes));
      if (lines.length === 1) await loadTable(entries(50));
    }
    assert.equal(lines.length, 2);
    assert.match(lines[0]!, /^\d\d:\d\d:\d\d {2}0 {2}0 %\n$/);
    assert.match(lines[1]!, /^\d\d:\d\d:\d\d {2}50 {2}\+[1-9]\d*\/s {2}0 %\n$/);
  });

  it("counts what matches", async () => {
    await loadTable(entries(3));
    const { stdout } = oursAsProcess(["-C", "-p", "udp", "--sport", "1001-", "--interval", "0.1", "--rounds", "2"]);
    assert.match(stdout, /^\d\d:\d\d:\d\d {2}2\n\d\d:\d\d:\d\d {2}2 {2}\+0\/s\n$/);
  });

  it("has a JSON form", () => {
    const { stdout } = oursAsProcess(["-C", "-o", "json", "--interval", "0.1", "--rounds", "2"]);
    const [first, second] = parseLines<{ entries: number; table: string; per_second?: number; time: string }>(stdout);
    assert.deepEqual([first!.entries, first!.table, first!.per_second], [0, "conntrack", undefined]);
    assert.equal(second!.per_second, 0);
    assert.match(second!.time, /^\d{4}-\d\d-\d\dT/);
  });

  it("wants --interval for --rounds, and no interval of 0", () => {
    assert.match(oursAsProcess(["-C", "--rounds", "2"]).stderr, /Can't use --rounds without --interval/);
    assert.match(oursAsProcess(["-C", "--interval", "0"]).stderr, /Invalid interval `0'/);
    assert.match(oursAsProcess(["-C", "--interval", "-1"]).stderr, /Invalid interval `-1'/);
  });
});
