/** The worked examples, run from the package as it would be installed, in a fresh directory. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { Conntrack, type Flow, type FlowEvent, type NewFlow } from "../../src/index.js";
import { freshNetwork, ours } from "../support/command.js";
import { parseLines } from "../support/json.js";
import { CLIENT, type Lab, lab, nft, noLab, SERVER, sysctl } from "../support/lab.js";
import { npm } from "../support/package.js";
import { root, support } from "../support/paths.js";
import { lacks, must, spawnCommand } from "../support/process.js";
import { lines } from "../support/text.js";
import { until } from "../support/wait.js";

const flow = (sport: number, dst = "10.5.0.2"): NewFlow => ({
  protocol: "udp",
  timeout: 600,
  orig: { src: "10.5.0.1", dst, sport, dport: 53 },
});

describe("examples", { skip: noLab || lacks("npm", "tar") }, () => {
  let directory: string;
  let conntrack: Conntrack;
  let scene: Lab;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "conntrack-examples-"));
    npm(root, "pack", "--silent", "--ignore-scripts", "--pack-destination", directory);
    const tarball = readdirSync(directory).find((name) => name.endsWith(".tgz"))!;
    must("tar", "-xzf", join(directory, tarball), "-C", directory);
    mkdirSync(join(directory, "node_modules"));
    renameSync(join(directory, "package"), join(directory, "node_modules/conntrack"));
    cpSync(join(directory, "node_modules/conntrack/examples"), directory, { recursive: true });
    freshNetwork();
    scene = await lab();
    conntrack = await Conntrack.open();
  });
  after(() => {
    conntrack?.close();
    scene?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const run = (name: string, ...argv: readonly string[]) =>
    spawnCommand(process.execPath, [name, ...argv], { cwd: directory });

  function start(name: string, ...argv: readonly string[]): { child: ChildProcess; ended: Promise<unknown> } {
    const child = spawn(process.execPath, [name, ...argv], { cwd: directory, stdio: ["ignore", "pipe", "inherit"] });
    return { child, ended: new Promise((resolve) => child.on("close", (status, signal) => resolve(signal ?? status))) };
  }

  it("top sources by bytes", async () => {
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    nft("table inet n { chain f { type filter hook forward priority 0; ct state new counter; }; }");
    await scene.server.ask("udpEcho", { host: "0.0.0.0", port: 53 });
    await scene.server.ask("udpEcho", { host: "::", port: 54 });
    for (const localPort of [1001, 1002]) {
      await scene.client.ask("datagram", { host: SERVER, port: 53, localPort, text: "x".repeat(100), answer: true });
    }
    await conntrack.create(flow(1));
    const { stdout, status } = run("top-sources.mjs", "2");
    // Two datagrams each way, of 100 bytes, UDP's 8 and IP's 20.
    assert.equal(stdout, `${"512".padStart(20)} ${CLIENT}\n${"0".padStart(20)} 10.5.0.1\n`);
    assert.equal(status, 0);
    await conntrack.flush();
  });

  it("delete all flows to an address", async () => {
    await conntrack.create(flow(1));
    await conntrack.create(flow(2));
    await conntrack.create(flow(3, "10.5.1.9"));
    await conntrack.create({ ...flow(4, "10.6.0.1"), dnat: { address: "10.5.0.2" } });
    assert.deepEqual(run("delete-to.mjs", "10.5.0.2"), { status: 0, stdout: "3 deleted\n", stderr: "" });
    assert.deepEqual(run("delete-to.mjs", "10.5.0.0/16"), { status: 0, stdout: "1 deleted\n", stderr: "" });
    assert.equal(await conntrack.count(), 0);
    assert.deepEqual(run("delete-to.mjs", "nowhere"), {
      status: 2,
      stdout: "",
      stderr: 'filter.orig.dst: "nowhere" is not an address\n',
    });
    assert.equal(run("delete-to.mjs").status, 2);
  });

  it("follow events into a file, with rotation", async () => {
    const listeners = () =>
      readFileSync("/proc/self/net/netlink", "utf8")
        .split("\n")
        .filter((row) => / 12 +\d+ +0000000[1-9a-f] /.test(row));
    const { child, ended } = start("events-to-file.mjs", "flows.ndjson", "4000");
    await until("it listens", () => listeners().length > 0);
    for (let i = 1; i <= 80; i++) await conntrack.create(flow(i));
    const files = () => ["flows.ndjson.4", "flows.ndjson.3", "flows.ndjson.2", "flows.ndjson.1", "flows.ndjson"];
    const text = (name: string) => {
      try {
        return readFileSync(join(directory, name), "utf8");
      } catch {
        return "";
      }
    };
    await until("the last event", () => text("flows.ndjson").includes('"sport":80,'));
    child.kill("SIGTERM");
    assert.equal(await ended, 0);
    const seen = files().flatMap((name) => {
      const content = text(name);
      assert.ok(content.length > 0 && content.length <= 4000, name);
      return parseLines<FlowEvent>(content);
    });
    // The oldest file is gone, the rest has no gap.
    const ports = seen.map(({ orig }) => orig.sport!);
    assert.deepEqual(
      ports,
      Array.from({ length: ports.length }, (_, i) => 81 - ports.length + i),
    );
    assert.ok(ports.length > 10);
    await conntrack.flush();
  });

  it("a mirror of the table, through losses", async () => {
    await conntrack.flush();
    sysctl("net/netfilter/nf_conntrack_events", 1);
    const { Mirror } = await import(pathToFileURL(join(directory, "mirror.mjs")).href);
    const tight = await Conntrack.open({ receiveBufferBytes: 200_000 });
    const stop = new AbortController();
    const mirror = new Mirror(tight);
    for (let i = 1; i <= 2000; i++) await conntrack.create(flow(i));
    const complete = new Promise<void>((resolve) => {
      mirror.run({ signal: stop.signal, onList: resolve }).catch(() => {});
    });
    // Changes while it lists.
    for (let i = 1; i <= 500; i++) await conntrack.remove(flow(i));
    await complete;
    const producer = spawn(process.execPath, [join(support, "event-producer.js"), "40000", "2"], { stdio: "ignore" });
    const ended = new Promise((resolve) => producer.on("close", resolve));
    for (let i = 1; i <= 200; i++) {
      const { orig, protocol } = flow(1000 + i);
      if (i % 2 === 0) await conntrack.remove({ orig, protocol });
      else await conntrack.change({ orig, protocol }, { mark: i });
      // The reader is late, on and off.
      if (i % 20 === 0) for (const end = Date.now() + 100; Date.now() < end; );
      await sleep(5);
    }
    assert.equal(await ended, 0);
    const facts = ({ id, mark, orig }: Flow) => `${id} ${mark} ${orig.src} ${orig.sport}`;
    const wanted: string[] = [];
    for await (const one of conntrack.list()) wanted.push(facts(one));
    await until("the mirror has caught up", () => {
      const have = Array.from(mirror.flows.values() as Iterable<Flow>, facts).sort();
      return have.join("\n") === wanted.sort().join("\n");
    });
    assert.equal(wanted.length, 1400);
    assert.ok(mirror.lists > 1, `listed ${mirror.lists} times`);
    stop.abort();
    tight.close();
    await conntrack.flush();
  });

  it("the mirror as a program", async () => {
    await conntrack.create(flow(1));
    const { child, ended } = start("mirror.mjs");
    let said = "";
    child.stdout!.setEncoding("utf8").on("data", (text) => {
      said += text;
    });
    await until("it has counted", () => /^1 flows, listed 1 times$/m.test(said));
    child.kill("SIGTERM");
    assert.equal(await ended, 0);
    await conntrack.flush();
  });

  it("metrics for Prometheus", async () => {
    for (let i = 1; i <= 3; i++) await conntrack.create(flow(i));
    await conntrack.create({ ...flow(1), protocol: "tcp", state: "ESTABLISHED" });
    const { child, ended } = start("prometheus.mjs", "0");
    let said = "";
    child.stdout!.setEncoding("utf8").on("data", (text) => {
      said += text;
    });
    const [, port] = (await until("it serves", () => /"port":(\d+)/.exec(said)))!;
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    const body = await response.text();
    child.kill("SIGTERM");
    await ended;
    assert.match(response.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
    for (const line of lines(body))
      assert.match(line, /^(# TYPE \w+ (gauge|counter)|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \d+)$/);
    assert.match(body, /^conntrack_flows\{family="ipv4",protocol="udp",state=""\} 3$/m);
    assert.match(body, /^conntrack_flows\{family="ipv4",protocol="tcp",state="ESTABLISHED"\} [1-9]\d*$/m);
    assert.match(body, /^conntrack_insert_failed_total\{cpu="0"\} 0$/m);
    assert.match(body, /^conntrack_entries \d+$/m);
    assert.match((await ours(["-C"])).stdout, /^\d+\n$/);
  });

  it("Prometheus' takes no more than forty lines", () => {
    assert.ok(lines(readFileSync(join(directory, "prometheus.mjs"), "utf8")).length <= 40);
  });
});
