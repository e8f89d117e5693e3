/** -o prometheus: the same figures as -o json, in a form that Prometheus's own checker takes. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { freshNetwork, oursAsProcess } from "../support/command.js";
import { parseLines } from "../support/json.js";
import { sysctl } from "../support/lab.js";
import { lacks, mustRead } from "../support/process.js";
import { loadTable } from "../support/table.js";
import { PREFIX } from "../support/text.js";

const noPromtool = lacks("promtool");

/** The value of each sample by its name and labels. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const [, name, value] = /^([a-z_]+(?:\{.*\})?) (\d+)$/.exec(line) ?? assert.fail(line);
      return [name!, Number(value)];
    }),
  );
}

function run(line: string, status = 0): string {
  const outcome = oursAsProcess(line.split(" "));
  assert.equal(outcome.status, status, `${line}: ${outcome.stderr}`);
  return outcome.stdout;
}

const metrics = (line: string) => samplesOf(run(`${line} -o prometheus`));
const json = <T>(line: string) => parseLines<T>(run(`${line} -o json`));

/** What the metrics are made of. */
const LINES = ["-C", "-C -p tcp", "-S", "--diagnose --interval 0", "-L --group-by src,reply-dst --limit 2"];

describe("-o prometheus", () => {
  before(async () => {
    freshNetwork();
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    const line = (n: number) =>
      `-I -p tcp -s 10.0.0.${n % 3} -d 203.0.113.9 --sport ${1000 + n} --dport 443 -t 1000 --state ${n < 4 ? "SYN_SENT" : "ESTABLISHED"} -u ${n < 4 ? "UNSET" : "ASSURED,SEEN_REPLY"}`;
    await loadTable([
      ...Array.from({ length: 20 }, (_, n) => line(n)),
      "-I -p udp -s 10.0.0.9 -d 203.0.113.9 --sport 53 --dport 53 -t 1000",
    ]);
  });

  it("counts entries, and those that match under another name", () => {
    const limit = Number(mustRead("", "cat", "/proc/sys/net/netfilter/nf_conntrack_max"));
    assert.deepEqual(metrics("-C"), new Map(Object.entries({ conntrack_entries: 21, conntrack_limit: limit })));
    assert.deepEqual(metrics("-C -p tcp"), new Map([["conntrack_matching_entries", 20]]));
  });

  it("adds up the counters of all CPUs", () => {
    const samples = metrics("-S");
    const cpus = json<Record<string, number>>("-S");
    const { cpu: _, ...counters } = cpus[0]!;
    assert.equal(samples.size, Object.keys(counters).length);
    for (const name of Object.keys(counters)) {
      const sum = cpus.reduce((total, one) => total + one[name]!, 0);
      assert.equal(samples.get(`conntrack_stat_total{counter="${name}"}`), sum, name);
    }
    assert.equal(samples.get('conntrack_stat_total{counter="insert"}'), 21);
  });

  it("has the figures of the diagnosis", () => {
    const samples = metrics("--diagnose --interval 0");
    const [report] = json<Record<string, number>>("--diagnose --interval 0");
    assert.equal(samples.get("conntrack_entries"), report!["entries"]);
    assert.equal(samples.get("conntrack_buckets"), report!["buckets"]);
    assert.equal(samples.get("conntrack_unreplied_flows"), report!["unreplied"]);
    assert.equal(samples.get("conntrack_diagnosis_status"), report!["status"]);
    assert.equal(samples.get('conntrack_flows{protocol="tcp"}'), 20);
    assert.equal(samples.get('conntrack_tcp_flows{state="SYN_SENT"}'), 4);
  });

  it("has groups, as many as --limit says", () => {
    const samples = metrics("-L --group-by src,reply-dst --limit 2");
    const groups = json<{ group: Record<string, string>; flows: number; unreplied: number }>(
      "-L --group-by src,reply-dst --limit 2",
    );
    assert.equal(groups.length, 2);
    for (const { group, flows, unreplied } of groups) {
      const labels = `{src="${group["src"]}",reply_dst="${group["reply-dst"]}"}`;
      assert.equal(samples.get(`conntrack_group_flows${labels}`), flows);
      assert.equal(samples.get(`conntrack_group_unreplied_flows${labels}`), unreplied);
      assert.equal(samples.get(`conntrack_group_bytes${labels}`), 0);
    }
    assert.equal(samples.size, 2 * 4);
  });

  it("is what Prometheus takes", { skip: noPromtool }, () => {
    for (const line of LINES) assert.equal(mustRead(run(`${line} -o prometheus`), "promtool", "check", "metrics"), "");
  });

  const refused: readonly [line: string, message: string][] = [
    ["-L -o prometheus", "Can't use -o prometheus without --group-by"],
    ["-L --group-by src -o prometheus", "Can't use -o prometheus without --limit"],
    ["-L --group-by src --limit 1 -o prometheus,json", "Can't use -o prometheus with -o json"],
    ["-D -o prometheus", "Can't use -o prometheus with this command"],
    ["-S --explain -o prometheus", "Can't use -o prometheus with --explain"],
    ["-C --interval 1 -o prometheus", "Can't use -o prometheus with --interval"],
    ["-F -o prometheus", "Illegal option `--output' with this command"],
    ["-C -o prometheu", "Bad parameter `prometheu'"],
  ];
  for (const [line, message] of refused) {
    it(`refuses ${line}`, () => {
      const { status, stdout, stderr } = oursAsProcess(line.split(" "));
      assert.equal(status, 2);
      assert.equal(stdout, "");
      assert.equal(stderr.split("\n")[0], PREFIX + message);
    });
  }
});
