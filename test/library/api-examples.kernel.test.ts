/** The examples and recipes of docs/api.md, each on the same small table: they run, print what they say, and do what they say. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { Conntrack, type Flow, fromJson, type NewFlow, toJson } from "../../src/index.js";
import { apiExamples } from "../support/api-examples.js";
import { freshNetwork } from "../support/command.js";
import { nft, noLab, sysctl } from "../support/lab.js";
import { root } from "../support/paths.js";
import { must } from "../support/process.js";
import { sleep, until } from "../support/wait.js";

const tcp = (sport: number, dport: number, more: Partial<NewFlow> = {}): NewFlow => ({
  protocol: "tcp",
  timeout: 300,
  state: "ESTABLISHED",
  orig: { src: "10.0.0.1", dst: "192.0.2.1", sport, dport },
  ...more,
});
const udp = (src: string, sport: number, more: Partial<NewFlow> = {}): NewFlow => ({
  protocol: "udp",
  timeout: 300,
  orig: { src, dst: "192.0.2.1", sport, dport: 53 },
  ...more,
});
const HTTPS = tcp(50000, 443);
const SUSPECT = udp("10.0.0.66", 1, { status: ["SEEN_REPLY", "ASSURED"] });
const BAD = udp("198.51.100.7", 2);
const TABLE = [HTTPS, tcp(50000, 21, { helper: "ftp" }), SUSPECT, udp("10.0.0.2", 1), BAD];
/** What the examples call `flows`: two of them are there. */
const FLOWS = [udp("10.0.0.2", 1), udp("10.0.0.3", 1), BAD];

type Effect = (conntrack: Conntrack, flow: (one: NewFlow) => Promise<Flow | undefined>) => Promise<boolean>;

/** What is true afterwards, by the heading. */
const EFFECTS: Readonly<Record<string, Effect>> = {
  createExpectation: async (conntrack) => (await conntrack.count("expect")) === 1,
  removeExpectation: async (conntrack) => (await conntrack.count("expect")) === 0,
  create: async (_, flow) => (await flow(udp("10.0.0.1", 5000)))?.nat?.snat?.address === "198.51.100.7",
  createMany: async (conntrack) => (await conntrack.count()) === TABLE.length + 1,
  remove: async (_, flow) => (await flow(SUSPECT)) === undefined,
  removeMany: async (conntrack) => (await conntrack.count()) === TABLE.length - 2,
  change: async (_, flow) => (await flow(HTTPS))?.mark === 0x10,
  changeMany: async (_, flow) => (await flow(BAD))?.mark === 53 && (await flow(BAD))!.timeout! <= 30,
  update: async (_, flow) => (await flow(HTTPS))!.timeout! > 300,
  delete: async (conntrack, flow) => (await conntrack.count()) === TABLE.length - 1 && (await flow(BAD)) === undefined,
  flush: async (conntrack) => (await conntrack.count()) + (await conntrack.count("expect")) === 0,
};

/** Examples that go on until the tables are closed. */
const ENDLESS = /for await .*\b(events|expectationEvents)\b|new Mirror/;

describe("docs/api.md", { skip: noLab }, () => {
  const examples = apiExamples();
  let other: Conntrack;
  before(async () => {
    freshNetwork();
    must("ip", "netns", "add", "blue");
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    sysctl("net/netfilter/nf_conntrack_events", 1);
    // Has the kernel load the helper, and NAT.
    nft(`table inet n { ct helper ftp { type "ftp" protocol tcp; }; }`);
    nft("table ip nat { chain post { type nat hook postrouting priority 100; }; }");
    other = await Conntrack.open();
  });
  after(() => other?.close());

  it("has an example for every method", () => {
    const methods = Object.getOwnPropertyNames(Conntrack.prototype).filter((name) => name !== "constructor");
    const shown = new Set(examples.map(({ heading }) => heading));
    const missing = ["Conntrack.open", ...methods, "toJson", "fromJson", "Events<Item>", "Events"].filter((name) => {
      return !shown.has(name);
    });
    // The interface has one of its two names.
    assert.equal(missing.length, 1, missing.join());
    assert.match(missing[0]!, /^Events/);
  });

  for (const { heading, name, code } of examples) {
    it(name, async () => {
      await other.flush("expect");
      await other.flush();
      await other.createMany(TABLE);
      const master = { src: "10.0.0.1", dst: "192.0.2.1", sport: 50000, dport: 21 };
      const expected = { src: "192.0.2.1", dst: "10.0.0.1", sport: 0, dport: 40000 };
      const expectation = { protocol: "tcp", timeout: 300, master, expected, mask: { sport: 0 } } as const;
      const isNew = heading === "createExpectation";
      if (!isNew) await other.createExpectation(expectation);

      const shown: string[] = [];
      const show = (...words: unknown[]) =>
        void shown.push(words.map((word) => (typeof word === "object" ? inspect(word) : `${word}`)).join(" "));
      const line = toJson(await other.get(HTTPS));
      const given = {
        Conntrack,
        toJson,
        fromJson,
        conntrack: await Conntrack.open(),
        flows: FLOWS,
        lines: [line],
        line,
        file: { write: show },
        log: show,
        console: { log: show, error: (text: unknown) => assert.fail(`${text}`) },
        signal: new AbortController().signal,
        Mirror: ((await import(pathToFileURL(join(root, "examples/mirror.mjs")).href)) as { Mirror: unknown }).Mirror,
      };
      const body = `return async () => {\n{${code}}\n}`;
      const example = new Function(...Object.keys(given), body)(...Object.values(given)) as () => Promise<void>;
      const running = example();
      try {
        if (ENDLESS.test(code)) {
          await sleep(20);
          await other.create(tcp(9, 9));
          await other.create(udp("10.0.0.9", 9, { snat: { address: "198.51.100.7", port: 40123 } }));
          await other.removeExpectation(expectation);
          await until("it prints", () => shown.length > 0, 10_000);
          process.emit("SIGTERM");
          given.conntrack.close();
        }
        await running;
      } finally {
        given.conntrack.close();
        process.removeAllListeners("SIGTERM");
      }
      if (/\b(console\.log|log|file\.write)\(/.test(code)) assert.ok(shown.length > 0);
      for (const text of shown) assert.doesNotMatch(text, /undefined|NaN/, text);
      const effect = EFFECTS[heading];
      if (effect !== undefined)
        assert.ok(await effect(other, (one) => other.get({ protocol: one.protocol, orig: one.orig })));
    });
  }
});
