/** Real output of every kind: each line against the schema, and beside the default format of the same entries. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Expectation } from "../../src/library/expectation.js";
import type { CpuStats, ExpectationEvent, FlowEvent } from "../../src/library/options.js";
import { cliCases } from "../support/cases.js";
import { freshNetwork, ours, oursAsProcess, program } from "../support/command.js";
import { expectationText, flowText, type Line, parseLines } from "../support/json.js";
import { CLIENT, type Lab, lab, nft, noLab, ROUTER, SERVER, sysctl } from "../support/lab.js";
import { type Listener, listen } from "../support/listener.js";
import { lacks } from "../support/process.js";
import { loadTable } from "../support/table.js";
import { lines, mask, PREFIX } from "../support/text.js";
import { until } from "../support/wait.js";

const words = (line: string) => line.split(" ");

/** Runs a command, with JSON on stdout and nothing new on stderr. */
async function json<Entry>(line: string, status = 0): Promise<{ entries: Entry[]; stderr: string }> {
  const outcome = await ours(words(line));
  assert.equal(outcome.status, status, outcome.stderr);
  return { entries: parseLines<Entry>(outcome.stdout), stderr: outcome.stderr };
}

/** Asserts that `-L -o json` says what `-L -o extended,id` says; where a second has passed between the two, both are asked again. */
async function agreeWithText(more = ""): Promise<Line[]> {
  const labels = more.includes("labelmap");
  for (let tries = 5; ; tries--) {
    const text = await ours(words(`-L -o extended,id${labels ? ",labels" : ""}${more}`));
    const now = Math.floor(Date.now() / 1000);
    const { entries } = await json<Line>(`-L -o json${more}`);
    const got = entries.map((flow) => flowText(flow, now, labels)).sort();
    const want = lines(text.stdout).sort();
    if (tries === 1) assert.deepEqual(got, want);
    if (got.join("\n") === want.join("\n")) return entries;
  }
}

const LINES = cliCases.setup["mix"]!;

describe("-o json on a table of every protocol", () => {
  before(async () => {
    freshNetwork();
    await loadTable(LINES);
  });

  it("lists what the default format lists", async () => {
    const flows = await agreeWithText();
    assert.equal(flows.length, LINES.length);
    assert.ok(new Set(flows.map(({ protocol }) => protocol!.number)).size >= 8);
    assert.ok(flows.every(({ id }) => id !== undefined));
  });

  it("keeps the summary on stderr", async () => {
    const { stderr } = await json("-L -o json");
    assert.equal(stderr, `${PREFIX}${LINES.length} flow entries have been shown.\n`);
  });

  it("prints nothing where nothing is found", async () => {
    const { entries, stderr } = await json("-L -s 9.9.9.9 -o json");
    assert.deepEqual(entries, []);
    assert.equal(stderr, `${PREFIX}0 flow entries have been shown.\n`);
    assert.deepEqual((await json("-D -s 9.9.9.9 -o json", 1)).entries, []);
  });

  it("gets one", async () => {
    const { entries } = await json<Line>("-G -s 10.0.0.1 -d 192.0.2.1 -p tcp --sport 40001 --dport 443 -o json");
    assert.deepEqual(
      entries.map(({ orig, state }) => [orig.sport, state]),
      [[40001, "ESTABLISHED"]],
    );
  });

  it("counts", async () => {
    assert.deepEqual((await json("-C -o json")).entries, [{ table: "conntrack", entries: LINES.length }]);
    assert.deepEqual((await json("-C expect -o json")).entries, [{ table: "expect", entries: 0 }]);
  });

  it("shows the statistics of each CPU", async () => {
    for (const [line, counter] of [
      ["-S", "insert_failed"],
      ["-S expect", "expect_new"],
    ] as const) {
      const { entries } = await json<CpuStats>(`${line} -o json`);
      const text = lines((await ours(words(line))).stdout);
      assert.equal(entries.length, text.length);
      for (const [i, stats] of entries.entries()) {
        assert.equal(typeof stats[counter], "number");
        assert.deepEqual(
          Object.keys(stats),
          Array.from(text[i]!.matchAll(/(\w+)=/g), ([, name]) => name),
        );
      }
    }
  });

  it("shows what it updates, creates and deletes", async () => {
    const updated = await json<Line>("-U -p gre -m 9 -o json");
    assert.deepEqual(
      updated.entries.map(({ mark, orig }) => [mark, orig.srckey, orig.dstkey]),
      [[9, 16, 32]],
    );
    assert.equal(updated.stderr, `${PREFIX}1 flow entries have been updated.\n`);
    const create = "-s 10.9.0.1 -d 10.9.0.2 -p udp --sport 1 --dport 2 -t 600 -w 9 -o json";
    const created = await json<Line>(`-I ${create}`);
    assert.equal(created.stderr, `${PREFIX}1 flow entries have been created.\n`);
    assert.deepEqual(
      created.entries.map(({ zone, orig }) => [zone, orig.src]),
      [[9, "10.9.0.1"]],
    );
    assert.deepEqual((await json(`-I ${create}`, 1)).entries, []);
    const added = await json<Line>(`-A ${create}`);
    assert.equal(added.entries[0]!.id, created.entries[0]!.id);
    const deleted = await json<Line>("-D -w 9 -o json");
    assert.equal(deleted.entries[0]!.id, created.entries[0]!.id);
    assert.equal(deleted.stderr, `${PREFIX}1 flow entries have been deleted.\n`);
  });

  it("creates by every line of the recorded cases", async () => {
    freshNetwork();
    for (const line of LINES) {
      const { entries } = await json<Line>(`${line} -o json`);
      assert.equal(entries.length, 1, line);
    }
    await agreeWithText();
  });

  it("goes through a pipe as NDJSON", () => {
    const { stdout } = oursAsProcess(["-L", "-o", "json"]);
    assert.equal(parseLines(stdout).length, LINES.length);
  });
});

const RULES = `table inet n {
  ct helper ftp { type "ftp" protocol tcp; }
  chain raw { type filter hook prerouting priority raw; udp dport 5353 ct zone set 7; udp dport 5354 ct original zone set 8; }
  chain pre { type filter hook prerouting priority filter; tcp dport 21 ct helper set "ftp"; udp dport 53 ct label set 2; }
  chain to_server { type nat hook prerouting priority dstnat; ip daddr ${ROUTER} udp dport 8080 dnat ip to ${SERVER}:53; }
  chain to_router { type nat hook postrouting priority srcnat; udp dport 54 snat ip to 10.0.2.1:4000-4010; ip saddr ${CLIENT} icmp type echo-request masquerade; }
}`;

describe("-o json on real traffic", { skip: noLab || lacks("ping") }, () => {
  let scene: Lab;
  let directory: string;
  let events: Listener;
  let expectEvents: Listener;
  before(async () => {
    freshNetwork();
    scene = await lab();
    directory = mkdtempSync(join(tmpdir(), "conntrack-json-"));
    writeFileSync(join(directory, "labels"), "1 one\n2 dns\n");
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    sysctl("net/netfilter/nf_conntrack_timestamp", 1);
    nft(RULES);
    events = await listen(program, ["-E", "-o", "json", "--labelmap", join(directory, "labels")]);
    expectEvents = await listen(program, ["-E", "expect", "-o", "json"]);
    const { client, server } = scene;
    for (const port of [53, 54, 5353, 5354]) await server.ask("udpEcho", { host: "0.0.0.0", port });
    await server.ask("ftp", { host: "0.0.0.0", port: 21 });
    for (const [port, host, localPort] of [
      [53, SERVER, 6001],
      [54, SERVER, 6002],
      [5353, SERVER, 6003],
      [5354, SERVER, 6004],
      [8080, ROUTER, 6005],
    ] as const) {
      // Zones split the directions: some answers cannot come back.
      const answer = port < 5000 || port === 8080;
      await client.ask("datagram", { host, port, localPort, text: "hello", answer });
    }
    client.run("ping", "-c", "1", "-W", "2", SERVER);
    await client.ask("connect", { name: "ftp", host: SERVER, port: 21, localPort: 5001 });
    await client.ask("say", { name: "ftp", text: "USER x\r\n", answer: "200 fine" });
    await client.ask("say", { name: "ftp", text: "PASV\r\n", answer: "227 " });
  });
  after(async () => {
    scene?.close();
    if (directory !== undefined) rmSync(directory, { recursive: true });
  });

  it("lists what the default format lists, labels and all", async () => {
    const flows = await agreeWithText(` --labelmap ${directory}/labels`);
    const of = (sport: number) => flows.find(({ orig }) => orig.sport === sport)!;
    assert.deepEqual(of(6001).labels, [{ bit: 2, name: "dns" }]);
    assert.deepEqual(of(6002).nat, { snat: { address: "10.0.2.1", port: of(6002).reply.dport } });
    assert.equal(of(6003).zone, 7);
    assert.equal(of(6004).orig.zone, 8);
    assert.deepEqual(of(6005).nat, { dnat: { address: SERVER, port: 53 } });
    assert.equal(of(5001).helper, "ftp");
    assert.ok(flows.some(({ nat, orig }) => orig.icmp !== undefined && nat?.snat?.id !== undefined));
    assert.ok(flows.every(({ timestamp, orig }) => timestamp !== undefined && Number(orig.bytes) > 0));
  });

  it("lists expectations", async () => {
    const text = await ours(words("-L expect"));
    const { entries, stderr } = await json<Expectation>("-L expect -o json");
    assert.equal(mask(entries.map(expectationText).join("\n")), mask(text.stdout.trimEnd()));
    assert.equal(stderr, `${PREFIX}1 expectations have been shown.\n`);
  });

  it("creates, gets and deletes expectations", async () => {
    const master = `-s ${CLIENT} -d ${SERVER} -p tcp --sport 5001 --dport 21`;
    const tuple = "--tuple-src 4.4.4.4 --tuple-dst 5.5.5.5 --tuple-port-src 10240 --tuple-port-dst 10241";
    const masks = "--mask-src 255.255.255.0 --mask-dst 255.255.255.255 --mask-port-src 10 --mask-port-dst 300";
    const created = await json<Expectation>(`-I expect ${master} -t 200 ${tuple} ${masks} -o json`);
    assert.equal(created.entries[0]!.expected.dport, 10241);
    const find = "-s 4.4.4.4 -d 5.5.5.5 -p tcp --sport 10240 --dport 10241 --reply-port-src 1 --reply-port-dst 2";
    const got = await json<Expectation>(`-G expect ${find} -o json`);
    assert.equal(got.entries[0]!.id, created.entries[0]!.id);
    // The reference exits 1 when it has deleted an expectation.
    const deleted = await json<Expectation>(`-D expect ${find} -o json`, 1);
    assert.equal(deleted.entries[0]!.id, created.entries[0]!.id);
    assert.equal(deleted.stderr, `${PREFIX}0 expectations have been shown.\n`);
    assert.deepEqual((await json(`-D expect ${find} -o json`, 1)).entries, []);
  });

  it("shows events, with their time and the program that brought them about", async () => {
    const deleted = oursAsProcess(["-D", "-p", "udp", "-o", "json"]);
    await until("the events", () => lines(events.stdout()).filter((line) => line.includes('"destroy"')).length >= 5);
    const { stdout, stderr, status } = await events.end("SIGINT");
    assert.equal(status, 0);
    const shown = parseLines<FlowEvent>(stdout);
    assert.match(stderr, new RegExp(` ${shown.length} flow events have been shown\\.\n$`));
    assert.ok(
      shown.every(({ event, time }) => event !== undefined && Math.abs(Date.parse(time) - Date.now()) < 60_000),
    );
    const destroyed = shown.filter(({ event }) => event === "destroy");
    assert.deepEqual(
      destroyed.map(({ id }) => id).toSorted(),
      parseLines<Line>(deleted.stdout)
        .map(({ id }) => id)
        .toSorted(),
    );
    for (const { portid, timestamp } of destroyed) {
      assert.equal(typeof portid, "number");
      assert.equal(typeof timestamp!.stop, "string");
    }
    const fresh = shown.filter(({ event }) => event === "new");
    assert.ok(fresh.length >= 7 && fresh.every(({ portid }) => portid === undefined));
    assert.ok(shown.some(({ event }) => event === "update"));
  });

  it("shows events of expectations", async () => {
    await until("both", () => lines(expectEvents.stdout()).length >= 2);
    const { stdout } = await expectEvents.end("SIGINT");
    const shown = parseLines<ExpectationEvent>(stdout);
    assert.deepEqual([...new Set(shown.map(({ event }) => event))].toSorted(), ["destroy", "new"]);
    assert.ok(shown.some(({ expected }) => expected.dport === 10241));
  });
});

describe("-o json of events that a program brings about", () => {
  it("names the program while it runs", async () => {
    freshNetwork();
    sysctl("net/netfilter/nf_conntrack_events", 1);
    const events = await listen(program, ["-E", "-o", "json"]);
    // This process makes the entry, and is there to be found.
    await json(`-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2 -t 9 -o json`);
    await until("the event", () => events.stdout() !== "");
    const { stdout } = await events.end("SIGTERM");
    const [event] = parseLines<FlowEvent>(stdout);
    assert.equal(event!.event, "new");
    assert.equal(typeof event!.portid, "number");
    if (event!.progname !== undefined) assert.equal(event!.progname, "node");
  });
});
