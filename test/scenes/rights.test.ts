/** What those may who are not root: a namespace of their own, and nothing without CAP_NET_ADMIN. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { program } from "../support/command.js";
import { commandName } from "../support/command-name.js";
import { fixtures } from "../support/paths.js";
import { lacks, type Outcome, spawnCommand } from "../support/process.js";
import { installed } from "../support/reference.js";
import { loadTable } from "../support/table.js";
import { asVersion149, lines } from "../support/text.js";

/** Without CAP_NET_ADMIN, whoever this is. */
const WITHOUT = ["--bounding-set=-net_admin", "--inh-caps=-net_admin"];
/** Without any right but the one that the kernel asks of user 0 when it maps itself into a user namespace. */
const BARE = ["--bounding-set=-all,+setfcap", "--inh-caps=-all"];

interface Recorded {
  argv: string[];
  /** stdout and stderr together, at most three lines. */
  output: string[];
  status: number;
}

/** The recording's part "k": every command by somebody without CAP_NET_ADMIN. */
function recordings(): Recorded[] {
  const text = readFileSync(join(fixtures, "scenes/rights.txt"), "utf8");
  const part = text.slice(text.indexOf("### k:"), text.indexOf("$ -R"));
  return part
    .split(/^\$ conntrack /m)
    .slice(1)
    .map((block) => {
      const [words, ...output] = lines(block);
      const status = Number(output.pop()!.replace("rc=", ""));
      return { argv: words!.split(" "), output, status };
    });
}

/** Where ours says something else, and why. */
const OWN: Readonly<Record<string, { output: string[]; why: string }>> = {
  "-F": { output: [denied()], why: "says only that it failed, not that the table was emptied" },
  "-F expect": { output: [denied()], why: "says only that it failed, not that the table was emptied" },
};

function denied(): string {
  return "conntrack v1.4.9 (conntrack-tools): Operation failed: sorry, you must be root or get CAP_NET_ADMIN capability to do this";
}

function setpriv(rights: readonly string[], ...argv: readonly string[]): Outcome {
  return spawnCommand("setpriv", [...rights, ...argv]);
}

/** The figures of /proc/net/stat/nf_conntrack differ by processor. */
function figures(line: string): string {
  return line.replace(/^cpu=\d+ +/, "cpu=N ").replace(/=\d+/g, "=0");
}

describe("without CAP_NET_ADMIN", { skip: lacks("setpriv") }, () => {
  for (const { argv, output, status } of recordings()) {
    const words = argv.join(" ");
    const isHelp = commandName(argv) === "help";
    it(`conntrack ${words}`, () => {
      const got = setpriv(WITHOUT, program, ...argv);
      if (!isHelp) {
        const want = (OWN[words]?.output ?? output).map(figures);
        // stderr is not buffered, so it comes first; processors may be fewer or more than recorded.
        const both = [...lines(asVersion149(got.stderr)), ...lines(asVersion149(got.stdout))].map(figures);
        assert.deepEqual([...new Set(both)], [...new Set(want)]);
      }
      assert.equal(got.status, status);
    });
  }
});

describe("without CAP_NET_ADMIN, what /proc gives", { skip: lacks("setpriv") }, () => {
  it("--diagnose: the table, and that the flows are not known", async () => {
    await loadTable(["-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 3 -t 100"]);
    const { status, stdout, stderr } = setpriv(WITHOUT, program, "--diagnose", "--interval", "0");
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(stdout, /^Table {6}1 of [\d,]+ entries /);
    assert.match(stdout, /^Not known: the flows, and so who fills the table: reading them takes CAP_NET_ADMIN$/m);
    assert.doesNotMatch(stdout, /^(Who|Idle)/m);
  });

  it("--diagnose -o json: nothing is said of flows", () => {
    const { status, stdout } = setpriv(WITHOUT, program, "--diagnose", "--interval", "0", "-o", "json");
    const { entries, counters, flows, protocols, gaps } = JSON.parse(stdout);
    assert.deepEqual([status, entries, flows, protocols], [0, 1, undefined, undefined]);
    assert.ok(counters.some(({ name }: { name: string }) => name === "early_drop"));
    assert.match(gaps.join(), /CAP_NET_ADMIN/);
    const metrics = setpriv(WITHOUT, program, "--diagnose", "--interval", "0", "-o", "prometheus");
    assert.match(metrics.stdout, /^conntrack_entries 1$/m);
    assert.doesNotMatch(metrics.stdout, /flows/);
  });

  it("-S --explain", () => {
    const { status, stdout, stderr } = setpriv(WITHOUT, program, "-S", "--explain");
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(stdout, /^0: .*early_drop/m);
  });
});

describe("an ordinary user in namespaces of his own", { skip: lacks("setpriv", "unshare") }, () => {
  let fill: string;
  before(() => {
    fill = `'${installed?.path ?? program}' -I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2 -t 100 2>/dev/null`;
  });

  function there(script: string): Outcome {
    const outcome = setpriv(BARE, "unshare", "-Urn", "sh", "-c", script);
    return { ...outcome, stderr: asVersion149(outcome.stderr) };
  }

  it("lists and counts an empty table", () => {
    assert.deepEqual(there(`'${program}' -L; '${program}' -C`), {
      status: 0,
      stdout: "0\n",
      stderr: "conntrack v1.4.9 (conntrack-tools): 0 flow entries have been shown.\n",
    });
  });

  it("lists and gets what he makes", () => {
    const tuple = "-s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2";
    const { status, stdout } = there(`${fill}; '${program}' -L && '${program}' -G ${tuple} && '${program}' -S`);
    const [listed, got, stats] = lines(stdout);
    assert.match(listed!, /^udp {6}17 \d+ src=1\.1\.1\.1 dst=2\.2\.2\.2 sport=1 dport=2 \[UNREPLIED\] /);
    assert.match(got!, /^udp {6}17 \d+ src=1\.1\.1\.1 /);
    assert.match(stats!, /^cpu=0 {3}\tfound=0 /);
    assert.equal(status, 0);
  });

  it("sees nothing of the table outside", async () => {
    await loadTable(["-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2 -t 100"]);
    assert.equal(there(`'${program}' -L`).stdout, "");
  });
});
