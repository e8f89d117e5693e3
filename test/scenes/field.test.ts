/** What the field found: each test is named after its bug. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { freshNetwork, ours, oursAsProcess, program } from "../support/command.js";
import { listen } from "../support/listener.js";
import { lacks, must, type Outcome, spawnCommand } from "../support/process.js";
import { noReference, reference } from "../support/reference.js";
import { isMachineRoot } from "../support/rights.js";
import { asVersion149, lines, PREFIX } from "../support/text.js";
import { until } from "../support/wait.js";

const udp = (sport: number) => `-A -p udp -s 1.1.1.1 -d 2.2.2.2 --sport ${sport} --dport 9 -t 3000`;

async function load(...commands: readonly string[]): Promise<void> {
  const { stderr } = await ours(["-R", "-"], commands.map((line) => `${line}\n`).join(""));
  assert.equal(stderr, "");
}

/** bash -c, with $CT as our command. */
function shell(script: string, env: NodeJS.ProcessEnv = {}): Outcome {
  const outcome = spawnCommand("bash", ["-c", script], { env: { ...process.env, ...env, CT: program } });
  return { ...outcome, stderr: asVersion149(outcome.stderr), stdout: asVersion149(outcome.stdout) };
}

describe("ICMP without an id has id 0", () => {
  const words = {
    icmp: "-p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 8 --icmp-code 0",
    icmpv6: "-p icmpv6 -s fd::1 -d fd::2 --icmpv6-type 128 --icmpv6-code 0",
  };
  for (const [name, flow] of Object.entries(words)) {
    for (const command of ["-I", "-A"]) {
      it(`${command} ${name}`, async () => {
        freshNetwork();
        assert.equal((await ours([command, ...flow.split(" "), "-t", "60"])).status, 0);
        const { stdout, status } = await ours(["-G", ...flow.split(" ")]);
        assert.equal(status, 0);
        assert.match(stdout, /^icmp\S* .* id=0 \[UNREPLIED\] .* id=0 /);
      });
    }

    it(`a line of -R, ${name}`, async () => {
      freshNetwork();
      await load(`-A ${flow} -t 60`);
      assert.match((await ours(["-L"])).stdout, / id=0 .* id=0 /);
    });
  }
});

describe("ICMP of the other family is refused", () => {
  const mixed = [
    "-p icmp -s fd::1 -d fd::2 --icmp-type 8 --icmp-code 0 --icmp-id 5 -t 60",
    "-p icmpv6 -s 1.1.1.1 -d 2.2.2.2 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 5 -t 60",
  ];
  // With -A the reference shows the C library's words for EINVAL.
  for (const [command, text] of [
    ["-I", "invalid parameters"],
    ["-A", "Invalid argument"],
  ] as const) {
    for (const flow of mixed) {
      it(`${command} ${flow}`, async () => {
        freshNetwork();
        assert.deepEqual(await ours([command, ...flow.split(" ")]), {
          status: 1,
          stdout: "",
          stderr: `${PREFIX}Operation failed: ${text}\n`,
        });
        assert.equal((await ours(["-C"])).stdout, "0\n");
      });
    }
  }
});

describe("the summary of a short output comes first where stdout and stderr are one pipe", () => {
  beforeEach(freshNetwork);

  it("Shorewall reads the count of -D with head -n1", async () => {
    await load(udp(1), udp(2));
    const { stdout } = shell("$CT -D -s 1.1.1.1 2>&1 | head -n1");
    assert.equal(stdout, `${PREFIX}2 flow entries have been deleted.\n`);
  });

  for (const [line, words] of [
    ["-L", "shown"],
    ["-G -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 9", "shown"],
    ["-U -s 1.1.1.1 -m 7", "updated"],
  ]) {
    it(`${line}, in a pipe and in a file`, async () => {
      await load(udp(1));
      const { stdout } = shell(`$CT ${line} 2>&1 | cat`);
      const [first, ...rest] = lines(stdout);
      assert.equal(first, `${PREFIX}1 flow entries have been ${words}.`);
      assert.equal(rest.length, 1);
    });
  }

  it("a long output comes before it, and is in one piece", async () => {
    await load(...Array.from({ length: 3000 }, (_, i) => udp(i + 1)));
    const { stdout } = shell("$CT -L 2>&1 | cat");
    assert.equal(lines(stdout).length, 3001);
    assert.equal(lines(stdout).at(-1), `${PREFIX}3000 flow entries have been shown.`);
  });

  // The reference hands a document that it closes to the kernel before it writes the summary.
  it("but for xml, whose document comes first", async () => {
    await load(udp(1));
    assert.equal(lines(shell("$CT -L -o xml 2>&1 | cat").stdout)[4], `${PREFIX}1 flow entries have been shown.`);
    assert.equal(lines(shell("$CT -D -o xml 2>&1 | cat").stdout)[0], `${PREFIX}1 flow entries have been deleted.`);
  });

  it("streams apart have what they always had", async () => {
    await load(udp(1));
    const { status, stdout, stderr } = shell("$CT -L");
    assert.equal(status, 0);
    assert.match(stdout, /^udp .*\n$/);
    assert.equal(stderr, `${PREFIX}1 flow entries have been shown.\n`);
  });

  it("the error of -C and -S without rights comes first too", { skip: lacks("setpriv") }, () => {
    for (const line of ["-C", "-S"]) {
      const { stdout } = shell(`setpriv --bounding-set -all --inh-caps -all $CT ${line} 2>&1`);
      assert.match(lines(stdout)[0] ?? "", /Operation failed: sorry, you must be root/);
      assert.ok(lines(stdout).length > 1);
    }
  });
});

it("-o save stands beside userspace, in either order", async () => {
  const shownAs = ({ stdout }: Outcome) => stdout.replace(/-t \d+/, "-t T");
  freshNetwork();
  await load(udp(1));
  const save = await ours(["-L", "-o", "save"]);
  for (const words of ["save,userspace", "userspace,save"]) {
    assert.equal(shownAs(await ours(["-L", "-o", words])), shownAs(save));
  }
});

it("-E with a list that names no event shows none", async () => {
  freshNetwork();
  const listener = await listen(program, ["-E", "-e", "s"], { joined: false });
  await load(udp(1));
  const { stdout, stderr } = await listener.end("SIGINT");
  assert.equal(stdout, "");
  assert.match(stderr, /ignoring SRC_NAT/);
  assert.match(stderr, / 0 flow events have been shown/);
});

for (const [size, bytes] of [
  ["0", 2304],
  ["2147483648", 2147483646],
  ["99999999999999999999", 2147483646],
] as const) {
  it(`-E -b ${size} runs with the nearest size there is`, async () => {
    freshNetwork();
    const { stderr } = await (await listen(program, ["-E", "-b", size])).end("SIGINT");
    // Without the machine's root net.core.rmem_max is the limit; the kernel doubles it.
    const most = isMachineRoot
      ? bytes
      : Math.min(bytes, 2 * Number(readFileSync("/proc/sys/net/core/rmem_max", "utf8")));
    assert.equal(
      stderr,
      `NOTICE: Netlink socket buffer size has been set to ${most} bytes.\n${PREFIX}0 flow events have been shown.\n`,
    );
  });
}

describe("arguments that are not UTF-8", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "conntrack-bytes-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  it("name a file of -R", () => {
    freshNetwork();
    const { status, stderr } = shell(`cd '${directory}' && echo '${udp(1)}' > $'f\\xff' && $CT -R $'f\\xff' && $CT -C`);
    assert.equal(stderr, "");
    assert.equal(status, 0);
  });

  it("are quoted as they are in messages", () => {
    const script = "$CT -L -p $'t\\xffp\\xc3\\xa9' 2>&1 | od -An -c | tr -d ' \\n'";
    assert.match(shell(script).stdout, /`t377p303251'unsupportedprotocol/);
  });
});

describe("control characters never reach a terminal through a message", () => {
  it("of an argument", async () => {
    const { stderr } = await ours(["-L", "-p", "\x1b[2J\r\x07x"]);
    assert.match(stderr, /`\?\[2J\?\?x' unsupported protocol\n/);
  });

  it("of a line of -R", async () => {
    const { stderr } = await ours(["-R", "-"], "-I -p \x1b[2J\x9bx\n");
    assert.match(stderr, /`\?\[2J\?x' unsupported protocol\n/);
  });

  it("of a path", async () => {
    const { stderr } = await ours(["-R", "/nowhere/\x1b]0;x\x07"]);
    assert.equal(stderr.split("\n")[0], `${PREFIX}Failed to open file /nowhere/?]0;x? for reading`);
  });
});

describe("local time is what the C library makes of TZ", { skip: noReference }, () => {
  let zonefile: string;
  let directory: string;
  before(async () => {
    freshNetwork();
    must("sysctl", "-qw", "net.netfilter.nf_conntrack_timestamp=1");
    await load(udp(1));
    directory = mkdtempSync(join(tmpdir(), "conntrack-zone-"));
    mkdirSync(directory, { recursive: true });
    zonefile = join(directory, "zone");
    // TZif, version 1, without transitions: one type of local time, 12,345 seconds east of Greenwich, called "XYZ".
    const header = Buffer.alloc(44);
    header.write("TZif");
    for (const [at, count] of [
      [36, 1],
      [40, 4],
    ] as const)
      header.writeUInt32BE(count, at);
    const type = Buffer.alloc(6);
    type.writeInt32BE(12_345);
    writeFileSync(zonefile, Buffer.concat([header, type, Buffer.from("XYZ\0")]));
  });
  after(() => rmSync(directory, { recursive: true }));

  const zones = () => ["CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT4", "<+0530>-5:30", "UTC0", zonefile, `:${zonefile}`, ""];
  it("for ktimestamp", () => {
    for (const TZ of zones()) {
      const env = { ...process.env, TZ };
      const { stdout } = oursAsProcess(["-L", "-o", "ktimestamp"], { env });
      const theirs = spawnCommand("conntrack", ["-L", "-o", "ktimestamp"], { env }).stdout;
      const start = /\[start=(.*?)\]/;
      assert.equal(start.exec(stdout)?.[1], start.exec(theirs)?.[1], TZ);
    }
  });

  it("for xml with timestamp", async () => {
    const when = (milliseconds: number) => {
      const time = new Date(milliseconds + 5.5 * 3_600_000);
      return `<hour>${time.getUTCHours()}</hour><min>${String(time.getUTCMinutes()).padStart(2, "0")}</min>`;
    };
    const before = when(Date.now());
    const listener = await listen("env", ["TZ=<+0530>-5:30", program, "-E", "-o", "xml,timestamp"]);
    await load(udp(8));
    await until("the event", () => listener.stdout().includes("</flow>"));
    const { stdout } = await listener.end("SIGINT");
    const shown = /<hour>\d+<\/hour><min>\d+<\/min>/.exec(stdout)?.[0];
    // The minute may turn meanwhile.
    assert.ok(shown === before || shown === when(Date.now()), `${shown} is not ${before}`);
  });
});

it("the reference agrees about ICMP without an id", { skip: noReference }, () => {
  freshNetwork();
  const flow = "-p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 8 --icmp-code 0".split(" ");
  reference(["-I", ...flow, "-t", "60"]);
  const mask = (text: string) => text.replace(/^icmp {5}1 \d+/, "icmp     1 T");
  assert.equal(mask(oursAsProcess(["-G", ...flow]).stdout), mask(reference(["-G", ...flow]).stdout));
});

it("save shows an SCTP entry in HEARTBEAT_SENT so that it can be loaded again", async () => {
  freshNetwork();
  const line =
    "-A -p sctp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 --state HEARTBEAT_SENT --orig-vtag 1 --reply-vtag 2 -t 600";
  await load(line);
  const { stdout } = await ours(["-L", "-o", "save"]);
  assert.match(stdout, / --state HEARTBEAT_SENT /);
  freshNetwork();
  await load(stdout.trim());
});

it("a directory is no map of labels", async () => {
  freshNetwork();
  const { status, stderr } = await ours(["-L", "--labelmap", "/etc", "-o", "labels"]);
  assert.equal(stderr, `nfct_labelmap_new: Is a directory\n${PREFIX}0 flow entries have been shown.\n`);
  assert.equal(status, 0);
});

it("a NUL in a line of -R is no end of the line", async () => {
  freshNetwork();
  const { status, stderr } = await ours(["-R", "-"], `${udp(1).replace("1.1.1.1", "1.1.1.1\0")}\n`);
  assert.equal(stderr.split("\n")[0], `${PREFIX}Invalid IP address \`1.1.1.1?'`);
  assert.equal(status, 2);
  assert.equal((await ours(["-C"])).stdout, "0\n");
});
