/** examples/fleet: three hosts, each a network namespace, put their events into NATS JetStream, which is restarted meanwhile. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { Conntrack, type FlowEvent, type LostEvents, type NewFlow } from "../../src/index.js";
import { freshNetwork } from "../support/command.js";
import { root, support } from "../support/paths.js";
import { lacks, must, spawnCommand } from "../support/process.js";
import { lines as linesOf } from "../support/text.js";
import { until } from "../support/wait.js";

const FLEET = join(root, "examples/fleet");
const HOSTS = ["a", "b", "c"];

/** The long form: CONNTRACK_TEST_FLEET_SECONDS=60 CONNTRACK_TEST_FLEET_RATE=30000. */
const SECONDS = Number(process.env["CONNTRACK_TEST_FLEET_SECONDS"] ?? 5);
/** Flows a second on each host; each is created and deleted, which are two events. */
const FLOWS_PER_SECOND = Number(process.env["CONNTRACK_TEST_FLEET_RATE"] ?? 2000);

type Stored = (FlowEvent | LostEvents | { event: "start" }) & { host: string };

/** Processes of a test, which end with it. */
class Processes {
  readonly #children: ChildProcess[] = [];

  start(
    file: string,
    argv: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): ChildProcess & { said: string; ended: Promise<number | null> } {
    const child = spawn(file, argv, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ...env } });
    this.#children.push(child);
    const started = Object.assign(child, {
      said: "",
      ended: new Promise<number | null>((resolve) => child.on("close", resolve)),
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      started.said += text;
    });
    return started;
  }

  kill(): void {
    for (const child of this.#children) child.kill("SIGKILL");
  }
}

/** A network namespace for as long as a process lives. */
function host(processes: Processes): number {
  const { pid } = processes.start("unshare", ["--net", "sleep", "3600"]);
  return pid!;
}

const inside = (pid: number, ...words: string[]) => ["nsenter", `--net=/proc/${pid}/ns/net`, ...words];

const listens = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connectTcp(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });

const answers = (stdout: string) => linesOf(stdout).map((line) => JSON.parse(line) as Record<string, unknown>);

const flow = (sport: number): NewFlow => ({
  protocol: "udp",
  timeout: 600,
  orig: { src: "10.5.0.1", dst: "10.5.0.2", sport, dport: 53 },
  snat: { address: "198.51.100.7", port: 40_000 + sport },
});

describe("a fleet with NATS", { skip: lacks("nats-server", "ip", "unshare", "nsenter") }, () => {
  const processes = new Processes();
  let directory: string;
  before(() => {
    freshNetwork();
    must("ip", "link", "set", "lo", "up");
    directory = mkdtempSync(join(tmpdir(), "conntrack-fleet-"));
  });
  after(() => {
    processes.kill();
    rmSync(directory, { recursive: true, force: true });
  });

  async function server() {
    const started = processes.start("nats-server", ["-a", "127.0.0.1", "-p", "4222", "-js", "-sd", directory]);
    await until("the server listens", () => listens(4222));
    return started;
  }

  async function stored(take: (event: Stored) => void): Promise<{ bytes: number }> {
    const connection = await connect({ servers: "nats://127.0.0.1:4222" });
    const { state } = await (await jetstreamManager(connection)).streams.info("CONNTRACK");
    if (state.messages > 0) {
      const consumer = await jetstream(connection).consumers.get("CONNTRACK");
      for await (const message of await consumer.consume()) {
        for (const line of linesOf(message.string())) take(JSON.parse(line));
        if (message.seq >= state.last_seq) break;
      }
    }
    await connection.close();
    return state;
  }

  it("stores every event once or counts it as lost, through a restart of the server", {
    timeout: 600_000,
  }, async (test) => {
    let running = await server();
    const pids = HOSTS.map(() => host(processes));
    await sleep(200);
    const producers = HOSTS.map((name, i) =>
      processes.start(process.execPath, [join(FLEET, "producer.mjs"), name, String(pids[i])]),
    );
    for (const [i, producer] of producers.entries()) {
      await until("it follows", () => producer.said.includes("follows the events"));
      must(...(inside(pids[i]!, "sysctl", "-qw", "net.netfilter.nf_conntrack_events=1") as [string, ...string[]]));
    }
    const began = performance.now();
    const since = () => Math.round(performance.now() - began) / 1000;
    const makers = pids.map((pid) => {
      const [file, ...argv] = inside(
        pid,
        process.execPath,
        join(support, "event-producer.js"),
        String(2 * FLOWS_PER_SECOND),
        String(SECONDS),
      );
      return processes.start(file!, argv);
    });
    await sleep(500 * SECONDS);
    running.kill("SIGKILL");
    await running.ended;
    await sleep(500);
    running = await server();
    for (const maker of makers) assert.equal(await maker.ended, 0, maker.said);
    test.diagnostic(`the last flow after ${since()} s`);
    // What has happened by now waits in the kernel or on its way. It is stored all the same.
    for (const producer of producers) producer.kill("SIGTERM");
    for (const producer of producers) assert.equal(await producer.ended, 0, producer.said);
    test.diagnostic(`the last acknowledgement after ${since()} s`);

    const flows = FLOWS_PER_SECOND * SECONDS;
    const seen = new Map(HOSTS.map((name) => [name, { new: new Uint8Array(flows), destroy: new Uint8Array(flows) }]));
    const lost = new Map(HOSTS.map((name) => [name, 0]));
    const starts: string[] = [];
    const { bytes } = await stored((event) => {
      const { host } = event;
      if (event.event === "start") starts.push(host);
      else if (event.event === "lost") lost.set(host, lost.get(host)! + event.count!);
      else {
        // The maker numbers its flows by their source address.
        const [, b = 0, c = 0, d = 0] = event.orig.src.split(".").map(Number);
        seen.get(host)![event.event as "new" | "destroy"][(b << 16) | (c << 8) | d]!++;
      }
    });
    test.diagnostic(`${bytes} bytes stored`);
    assert.deepEqual(starts.sort(), HOSTS);
    for (const [name, { new: created, destroy }] of seen) {
      assert.ok(
        created.every((times) => times <= 1) && destroy.every((times) => times <= 1),
        `${name}: an event twice`,
      );
      const sum = (times: Uint8Array) => times.reduce((all, one) => all + one, 0);
      const heard = sum(created) + sum(destroy);
      test.diagnostic(`${name}: ${heard} events stored, ${lost.get(name)} counted as lost`);
      assert.equal(heard + lost.get(name)!, 2 * flows, name);
    }
    running.kill("SIGTERM");
    await running.ended;
  });

  it("tells who had an address and a port at a time", async () => {
    await server();
    const pid = host(processes);
    await sleep(200);
    const producer = processes.start(process.execPath, [join(FLEET, "producer.mjs"), "nat", String(pid)]);
    await until("it follows", () => producer.said.includes("follows the events"));
    must(...(inside(pid, "sysctl", "-qw", "net.netfilter.nf_conntrack_events=1") as [string, ...string[]]));
    const conntrack = await Conntrack.open({ network: pid });
    const before = new Date().toISOString();
    await sleep(50);
    await conntrack.create(flow(123));
    await conntrack.create(flow(124));
    await sleep(50);
    const during = new Date().toISOString();
    await sleep(50);
    await conntrack.remove(flow(123));
    await sleep(50);
    const afterwards = new Date().toISOString();
    conntrack.close();
    await sleep(500);
    producer.kill("SIGTERM");
    assert.equal(await producer.ended, 0, producer.said);
    const ask = (time: string, where = "198.51.100.7:40123") =>
      spawnCommand(process.execPath, [join(FLEET, "consumer.mjs"), where, time], { timeoutMs: 60_000 });
    const { stdout, status } = ask(during);
    const [answer, ...others] = answers(stdout);
    assert.deepEqual(others, []);
    const { from, to, ...rest } = answer!;
    assert.deepEqual(rest, {
      host: "nat",
      protocol: "udp",
      who: { address: "10.5.0.1", port: 123 },
      peer: { address: "10.5.0.2", port: 53 },
    });
    assert.ok((from as string) > before && (from as string) < during && (to as string) > during);
    assert.equal(status, 0);
    assert.equal(answers(ask(afterwards, "198.51.100.7:40124").stdout).length, 1);
    for (const time of [before, afterwards]) assert.deepEqual([ask(time).stdout, ask(time).status], ["", 1]);
    assert.equal(ask("yesterday").status, 2);
  });
});

describe("a fleet with rsyslog", { skip: lacks("rsyslogd", "ip") }, () => {
  it("has the lines of a host in the centre, those as well that waited for it", async () => {
    freshNetwork();
    must("ip", "link", "set", "lo", "up");
    const processes = new Processes();
    const directory = mkdtempSync(join(tmpdir(), "conntrack-rsyslog-"));
    const [near, centre] = ["host", "centre"].map((name) => join(directory, name));
    for (const path of [near!, centre!]) mkdirSync(path);
    const syslog = (config: string, path: string) =>
      processes.start("rsyslogd", ["-n", "-f", join(FLEET, config), "-i", join(path, "pid")], {
        DIRECTORY: path,
        CENTRE: "127.0.0.1",
      });
    const file = join(near!, "flows.ndjson");
    const lines = Array.from({ length: 200 }, (_, i) => JSON.stringify({ event: "new", i, text: "größer" }));
    const arrived = () => {
      try {
        return readFileSync(join(centre!, "fleet.ndjson"), "utf8").trimEnd().split("\n");
      } catch {
        return [];
      }
    };
    try {
      writeFileSync(file, `${lines.slice(0, 100).join("\n")}\n`);
      const host = syslog("rsyslog-host.conf", near!);
      await sleep(500);
      syslog("rsyslog-centre.conf", centre!);
      await until("what waited arrives", () => arrived().length >= 100);
      writeFileSync(file, `${lines.slice(100).join("\n")}\n`, { flag: "a" });
      await until(`the rest arrives ${host.said}`, () => arrived().length >= 200);
      // One that was on its way when the centre was missing comes twice.
      const texts = arrived().map((line) => line.replace(/^\S+ +/, ""));
      assert.deepEqual(Array.from(new Set(texts)), lines);
      assert.ok(texts.length < 210);
    } finally {
      processes.kill();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
