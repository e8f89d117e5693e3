/** How a command is run, whatever it does: dry runs, another network namespace, and what counts as a failure. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { freshNetwork, ours, oursAsProcess, program } from "../support/command.js";
import { parseLines } from "../support/json.js";
import { listen } from "../support/listener.js";
import { lacks, must, spawnCommand } from "../support/process.js";
import { noReference, reference } from "../support/reference.js";
import { lines, PREFIX, usage } from "../support/text.js";
import { until } from "../support/wait.js";

const flow = (host: number, command = "-A") =>
  `${command} -s 10.0.0.${host} -d 10.9.0.1 -p udp --sport 1 --dport 2 -t 3000`;
const FLOW6 = "-A -s fd::1 -d fd::2 -p udp --sport 1 --dport 2 -t 3000";

async function load(...commands: readonly string[]): Promise<void> {
  const { stderr } = await ours(["-R", "-"], commands.map((line) => `${line}\n`).join(""));
  assert.equal(stderr, "");
}

/** The table as -R would take it, without what time changes. */
async function table(): Promise<string[]> {
  const { stdout } = await ours(["-L", "-o", "save"]);
  return lines(stdout.replace(/ -t \d+/g, "")).sort();
}

const words = (line: string) => line.split(" ");

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "conntrack-modes-"));
});
after(() => rmSync(directory, { recursive: true }));

function file(...commands: readonly string[]): string {
  const path = join(directory, "commands");
  writeFileSync(path, commands.map((line) => `${line}\n`).join(""));
  return path;
}

describe("--dry-run", () => {
  beforeEach(async () => {
    freshNetwork();
    await load(flow(1), flow(2), flow(3), FLOW6);
  });

  /** What a dry run and the real run print and return for the same table; `seconds` of timeouts apart. */
  async function both(line: string): Promise<void> {
    const mask = (text: string) => text.replace(/<timeout>\d+| 17 \d+ | -t \d+ |"timeout":\d+/g, " T ");
    const before = await table();
    const dry = await ours([...words(line), "--dry-run"]);
    assert.deepEqual(await table(), before, "a dry run has changed the table");
    const real = await ours(words(line));
    assert.equal(mask(dry.stdout), mask(real.stdout));
    assert.equal(dry.status, real.status);
    assert.equal(dry.stderr, real.stderr.replace("have been", "would be"));
  }

  for (const line of [
    "-D",
    "-D -s 10.0.0.2",
    "-D -s 10.0.0.7",
    "-D -f ipv6 -o xml",
    "-D -d 10.9.0.1 -o save",
    "-D -o json,extended",
    "-D -s 10.0.0.7 --ignore-not-found",
  ]) {
    it(`${line} finds and shows what the real run deletes`, () => both(line));
  }

  it("-U shows the entries that would change, as they are", async () => {
    await load("-U -s 10.0.0.1 -m 7");
    const before = await table();
    const { status, stdout, stderr } = await ours(words("-U -m 7 -f ipv4 --dry-run"));
    assert.deepEqual(
      lines(stdout)
        .map((line) => /src=(\S+) .*(mark=\d+)/.exec(line)?.slice(1).join(" "))
        .sort(),
      ["10.0.0.2 mark=0", "10.0.0.3 mark=0"],
    );
    assert.equal(stderr, `${PREFIX}2 flow entries would be updated.\n`);
    assert.equal(status, 0);
    assert.deepEqual(await table(), before);
    assert.deepEqual(await ours(words("-U -m 7 -s 10.0.0.1 --dry-run")), {
      status: 1,
      stdout: "",
      stderr: `${PREFIX}0 flow entries would be updated.\n`,
    });
  });

  for (const [line, text] of [
    ["-F", "connection tracking table would be emptied: 4 flow entries."],
    ["-F -f ipv6", "connection tracking table would be emptied: 1 flow entries."],
    ["-F expect", "expectation table would be emptied: 0 expectations."],
  ] as const) {
    it(`${line} says how much is there`, async () => {
      assert.deepEqual(await ours([...words(line), "--dry-run"]), {
        status: 0,
        stdout: "",
        stderr: `${PREFIX}${text}\n`,
      });
      assert.equal((await table()).length, 4);
    });
  }

  for (const line of ["--dry-run -R FILE", "-R FILE --dry-run", "-R FILE -x y --dry-run z", "-R FILE -- --dry-run"]) {
    it(`${line} checks the lines and applies none`, async () => {
      const path = file(flow(9), "", "# a comment", flow(9, "-I"), "-F", "-D -s 10.0.0.1", "-U -s 10.0.0.2 -m 5");
      const before = await table();
      assert.deepEqual(await ours(words(line).map((word) => (word === "FILE" ? path : word))), {
        status: 0,
        stdout: "",
        stderr: `${PREFIX}7 lines are good; nothing was applied.\n`,
      });
      assert.deepEqual(await table(), before);
    });
  }

  it("-R with a line that is not good fails as the real run does", async () => {
    const path = file(flow(9), "-D -s 10.0.0.300");
    const real = await ours(["-R", path]);
    assert.equal(real.status, 2);
    assert.deepEqual(await ours(["--dry-run", "-R", path]), real);
  });

  it("sends nothing that changes anything", { skip: lacks("strace") }, async () => {
    const path = file(flow(9), "-F", "-D -s 10.0.0.1");
    const trace = join(directory, "trace");
    const sent = (...argv: string[]) => {
      spawnCommand("strace", ["-f", "-o", trace, "-e", "trace=sendto,sendmsg,sendmmsg,write", program, ...argv]);
      return readFileSync(trace, "utf8").match(/IPCTNL_MSG_[A-Z_]+/g) ?? [];
    };
    const changes = (types: readonly string[]) => types.filter((type) => !/^IPCTNL_MSG_(CT|EXP)_GET/.test(type));
    for (const line of ["-D", "-U -m 7", "-F", "-F -f ipv4", "-F expect"]) {
      const types = sent(...words(line), "--dry-run");
      assert.notEqual(types.length, 0, line);
      assert.deepEqual(changes(types), [], line);
    }
    assert.deepEqual(sent("-R", path, "--dry-run"), []);
    // The same commands in earnest: what would have been seen.
    assert.deepEqual([...new Set(changes(sent(...words("-U -m 7"))))], ["IPCTNL_MSG_CT_NEW"]);
    assert.deepEqual([...new Set(changes(sent("-D")))], ["IPCTNL_MSG_CT_DELETE"]);
  });
});

describe("--ignore-not-found", () => {
  const tuple = (host: number) => `-s 10.0.0.${host} -d 10.9.0.1 -p udp --sport 1 --dport 2`;
  before(async () => {
    freshNetwork();
    await load(flow(1));
  });

  for (const line of [
    `-G ${tuple(9)}`,
    "-G expect -p 99 -s 1.1.1.1 -d 2.2.2.2",
    "-D -s 10.0.0.9",
    "-D expect -p 99 -s 1.1.1.1 -d 2.2.2.2",
    "-U -s 10.0.0.9 -m 5",
    "-U -s 10.0.0.1 -m 0",
  ]) {
    it(`${line}: the same bytes, but no failure`, async () => {
      const { status, ...shown } = await ours(words(line));
      assert.equal(status, 1);
      assert.deepEqual(await ours([...words(line), "--ignore-not-found"]), { status: 0, ...shown });
    });
  }

  it("what was there is no failure either", async () => {
    assert.equal((await ours(words(`-G ${tuple(1)} --ignore-not-found`))).status, 0);
    assert.equal((await ours(words("-U -s 10.0.0.1 -m 5 --ignore-not-found"))).status, 0);
    assert.equal((await ours(words("-D -s 10.0.0.1 --ignore-not-found"))).status, 0);
  });

  it("a failure is one all the same", { skip: lacks("setpriv") }, () => {
    for (const line of ["-D", `-G ${tuple(1)}`, "-U -m 3"]) {
      const without = ["--bounding-set", "-all", "--inh-caps", "-all", program];
      const { status, stderr } = spawnCommand("setpriv", [...without, ...words(line), "--ignore-not-found"]);
      assert.match(stderr, /you must be root/);
      assert.equal(status, 1);
    }
    assert.equal(oursAsProcess(words("-D -s x --ignore-not-found")).status, 2);
  });
});

describe("--netns", { skip: lacks("ip") }, () => {
  let there: ChildProcess;
  before(async () => {
    freshNetwork();
    await load(flow(1));
    mkdirSync("/run/netns", { recursive: true });
    must("ip", "netns", "add", "blue");
    // A name that looks like the id of a process comes first.
    must("ip", "netns", "add", "1");
    there = spawn("ip", ["netns", "exec", "blue", "sleep", "100"], { stdio: "ignore" });
    must("ip", "netns", "exec", "blue", program, ...words(flow(77)));
    must("ip", "netns", "exec", "blue", program, ...words(flow(78)));
    await until("the process", () => spawnCommand("ip", ["netns", "pids", "blue"]).stdout.includes(`${there.pid}\n`));
  });
  after(() => {
    there.kill("SIGKILL");
    must("ip", "netns", "del", "blue");
    must("ip", "netns", "del", "1");
  });
  const run = (...argv: readonly string[]) => oursAsProcess(argv);

  it("takes a name, a path and a process", () => {
    for (const where of ["blue", "/run/netns/blue", String(there.pid), `/proc/${there.pid}/ns/net`]) {
      assert.equal(run("-C", "--netns", where).stdout, "2\n", where);
      assert.equal(run(`--netns=${where}`, "-C").stdout, "2\n", where);
    }
    assert.equal(run("-C").stdout, "1\n");
    assert.equal(run("-C", "--netns", "1").stdout, "0\n");
  });

  it("every command works there", async () => {
    const own = run("-L", "-o", "save").stdout;
    const go = (line: string) => run("--netns", "blue", ...words(line));
    assert.equal(lines(go("-L").stdout).length, 2);
    assert.equal(go(`-G ${flow(77, "").trim().replace(" -t 3000", "")}`).status, 0);
    assert.equal(go(flow(80, "-I")).status, 0);
    assert.equal(go(flow(81)).status, 0);
    assert.equal(go("-U -s 10.0.0.80 -m 6").status, 0);
    assert.match(go("-L -m 6").stdout, /src=10\.0\.0\.80 /);
    assert.equal(go("-D -s 10.0.0.80").status, 0);
    assert.equal(go("-C").stdout, "3\n");
    assert.equal(go("-C expect").stdout, "0\n");
    assert.match(go("-S").stdout, / insert=[1-9]/);
    assert.equal(run("-R", file(flow(90), "-D -s 10.0.0.81"), "--netns", "blue").status, 0);
    assert.equal(run("--netns=blue", "-R", file(flow(91))).status, 0);
    assert.equal(go("-C").stdout, "4\n");
    assert.equal(go("-F --dry-run").stderr, `${PREFIX}connection tracking table would be emptied: 4 flow entries.\n`);
    assert.equal(run("-L", "-o", "save").stdout.replace(/-t \d+/, ""), own.replace(/-t \d+/, ""));
  });

  it("-E hears what happens there, and names the program that did it", async () => {
    must("ip", "netns", "exec", "blue", "sysctl", "-qw", "net.netfilter.nf_conntrack_events=1");
    const readNetlink = () => must("ip", "netns", "exec", "blue", "cat", "/proc/net/netlink");
    const listener = await listen(program, ["-E", "--netns", "blue"], { readNetlink });
    must(program, "--netns", "blue", ...words(flow(95)));
    await until("the event", () => listener.stdout().includes("10.0.0.95"));
    const { status, stdout } = await listener.end("SIGINT");
    assert.equal(status, 0);
    assert.match(stdout, /^ +\[NEW\] udp .*src=10\.0\.0\.95 .* \[USERSPACE\] portid=\d+/);
  });

  it("what /proc says without rights is that namespace's", { skip: lacks("setpriv") }, () => {
    // Entering takes CAP_SYS_ADMIN, and netlink CAP_NET_ADMIN.
    const without = ["--bounding-set", "-net_admin", "--inh-caps", "-net_admin", program];
    const count = must(program, "-C", "--netns", "blue");
    assert.equal(spawnCommand("setpriv", [...without, "-C", "--netns", "blue"]).stdout, count);
    assert.equal(spawnCommand("setpriv", [...without, "-C"]).stdout, "1\n");
  });

  it("what cannot be opened or entered is said, and nothing is done", () => {
    const failed = (where: string, text: string) => {
      assert.deepEqual(run("-D", "--netns", where), { status: 1, stdout: "", stderr: `${PREFIX}${text}\n` });
    };
    failed("foo", "cannot open network namespace `foo': No such file or directory");
    failed("", "cannot open network namespace `': No such file or directory");
    failed("99999999", "cannot open network namespace `99999999': No such file or directory");
    failed("/etc/passwd", "cannot enter network namespace: Invalid argument");
    failed("/nowhere/\x1b[2J", "cannot open network namespace `/nowhere/?[2J': No such file or directory");
    assert.deepEqual(run("-R", file("-F"), "--netns", "foo"), {
      status: 1,
      stdout: "",
      stderr: `${PREFIX}cannot open network namespace \`foo': No such file or directory\n`,
    });
    assert.equal(run("-C").stdout, "1\n");
  });

  it("without the right to enter", { skip: lacks("setpriv") }, () => {
    const without = ["--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin", program];
    assert.deepEqual(spawnCommand("setpriv", [...without, "-C", "--netns", "blue"]), {
      status: 1,
      stdout: "",
      stderr: `${PREFIX}cannot enter network namespace: Operation not permitted (it takes CAP_SYS_ADMIN)\n`,
    });
  });
});

describe("behind the file of -R", () => {
  before(freshNetwork);

  for (const [line, message] of [
    ["-R FILE --bytes 5", "Illegal option `--bytes' with this command"],
    ["-R FILE --ignore-not-found", "Illegal option `--ignore-not-found' with this command"],
    ["--limit=3 -R FILE", "Illegal option `--limit' with this command"],
    ["-R FILE --dry-run=yes", "unknown option `--dry-run=yes'"],
    ["-R FILE --netns", "option `--netns' requires an argument"],
    ["-L -R FILE", "unknown option `-R'"],
  ] as const) {
    it(`${line} is refused, and nothing is applied`, async () => {
      const path = file(flow(1));
      const argv = words(line).map((word) => (word === "FILE" ? path : word));
      assert.deepEqual(await ours(argv), { status: 2, stdout: "", stderr: usage(message) });
      assert.equal((await ours(["-C"])).stdout, "0\n");
    });
  }

  it("other words are ignored, as the reference ignores them", { skip: noReference }, async () => {
    const path = file(flow(1));
    for (const run of [reference, (argv: readonly string[]) => oursAsProcess(argv)]) {
      freshNetwork();
      assert.equal(run(["-R", path, "--dry", "-s", "--foo", "-L"]).status, 0);
      assert.equal((await ours(["-C"])).stdout, "1\n");
    }
  });
});

describe("--all-netns", { skip: lacks("ip", "unshare") }, () => {
  let unnamed: ChildProcess;
  let name: string;
  before(async () => {
    freshNetwork();
    await load(flow(1));
    mkdirSync("/run/netns", { recursive: true });
    mkdirSync("/run/docker/netns", { recursive: true });
    for (const named of ["blue", "red"]) must("ip", "netns", "add", named);
    // As docker keeps them; and a name whose namespace has gone.
    writeFileSync("/run/docker/netns/0123456789ab", "");
    must("mount", "--bind", "/run/netns/red", "/run/docker/netns/0123456789ab");
    writeFileSync("/run/netns/stale", "");
    unnamed = spawn("unshare", ["--net", "sleep", "100"], { stdio: "ignore" });
    const pid = unnamed.pid!;
    name = `pid ${pid} sleep`;
    const comm = () => readFileSync(`/proc/${pid}/comm`, "utf8");
    await until("the process", () => comm() === "sleep\n");
    for (const line of [flow(77), flow(78), FLOW6]) must(program, "--netns", "blue", ...words(line));
    must(program, "--netns", String(pid), ...words(flow(79)));
  });
  after(() => {
    unnamed.kill("SIGKILL");
    must("umount", "/run/docker/netns/0123456789ab");
    for (const named of ["blue", "red"]) must("ip", "netns", "del", named);
    rmSync("/run/netns/stale");
  });
  const run = (line: string) => oursAsProcess([...words(line), "--all-netns"]);
  /** What does not depend on where the test itself runs. */
  const known = (text: string) =>
    lines(text).filter((line) => ["blue", "red", name].some((one) => line.replace("[", "").startsWith(one)));

  it("-C: NAME COUNT, each namespace once, the test's own too", () => {
    const { status, stdout, stderr } = run("-C");
    assert.deepEqual([status, stderr], [0, ""]);
    assert.deepEqual(known(stdout), ["blue 3", "red 0", `${name} 1`]);
    assert.equal(lines(stdout).filter((line) => /^pid \d+ \S+ 1$/.test(line)).length, 2);
    assert.doesNotMatch(stdout, /0123456789ab|stale/);
  });

  it("-C with a filter", () => {
    assert.deepEqual(known(run("-C -s 10.0.0.78-10.0.0.79").stdout), ["blue 1", "red 0", `${name} 1`]);
  });

  it("-L: every line says where it is from, stderr's too", () => {
    const { status, stdout, stderr } = run("-L -f ipv6");
    assert.equal(status, 0);
    assert.match(stdout, /^\[blue\] udp +17 \d+ src=fd::1 .*\n$/);
    assert.deepEqual(known(stderr), [
      `[blue] ${PREFIX}1 flow entries have been shown.`,
      `[red] ${PREFIX}0 flow entries have been shown.`,
      `[${name}] ${PREFIX}0 flow entries have been shown.`,
    ]);
    assert.equal(known(run("-L").stdout).length, 4);
    assert.equal(known(run("-L --limit 1").stdout).length, 2);
    const [heading, row] = known(run("-L --group-by dport").stdout);
    assert.match(heading!, /^\[blue\] DPORT +FLOWS /);
    assert.match(row!, /^\[blue\] 2 +3 +100\.0 /);
    assert.ok(known(run("-S").stdout).some((line) => /^\[blue\] cpu=0 /.test(line)));
    assert.ok(known(run("--diagnose --interval 0").stdout).some((line) => /^\[blue\] Table +3 of /.test(line)));
  });

  it("json has a member netns", () => {
    for (const line of [
      "-L",
      "-L --group-by src",
      "-C",
      "-S",
      "-S --explain",
      "--diagnose --interval 0",
      "-C expect",
    ]) {
      const { status, stdout } = run(`${line} -o json`);
      assert.equal(status, 0);
      const found = parseLines<{ netns: { name: string; pid?: number; inode: number } }>(stdout);
      const blue = found.find(({ netns }) => netns.name === "blue");
      assert.ok(blue !== undefined && blue.netns.pid === undefined, line);
      assert.equal(found.find(({ netns }) => netns.name === name)?.netns.pid, unnamed.pid, line);
      assert.equal(
        new Set(found.map(({ netns }) => netns.inode)).size,
        new Set(found.map(({ netns }) => netns.name)).size,
      );
    }
  });

  it("without the right to enter them", { skip: lacks("setpriv") }, () => {
    const without = ["--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin", program];
    const { status, stdout, stderr } = spawnCommand("setpriv", [...without, "-C", "--all-netns"]);
    assert.equal(status, 1);
    // Where it is already.
    assert.match(stdout, /^pid \d+ \S+ 1\n$/);
    const text = `${PREFIX}cannot enter network namespace: Operation not permitted (it takes CAP_SYS_ADMIN)`;
    assert.deepEqual(known(stderr), [`[blue] ${text}`, `[red] ${text}`, `[${name}] ${text}`]);
  });

  for (const [line, message] of [
    ...["-D", "-U -m 1", "-F", "-E", "-G -s 1.1.1.1 -d 2.2.2.2 -p 99", "--top", "-E expect"].map(
      (line) => [line, "Illegal option `--all-netns' with this command"] as const,
    ),
    ["-R /dev/null", "Illegal option `--all-netns' with this command"],
    ["-L -z", "Can't use -z with --all-netns"],
    ["-L -o xml", "Can't use -o xml with --all-netns"],
    ["-L -o save", "Can't use -o save with --all-netns"],
    ["-S -o prometheus", "Can't use -o prometheus with --all-netns"],
    ["-L --netns blue", "cannot specify `--netns' with `--all-netns'"],
    ["-L --from /dev/null", "cannot specify `--from' with `--all-netns'"],
    ["-C --interval 1", "Can't use --interval with --all-netns"],
  ] as const) {
    it(`${line}: refused`, () => {
      assert.deepEqual(run(line), { status: 2, stdout: "", stderr: usage(message) });
    });
  }
});
