import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EVENT_DESTROY, EVENT_NONE, EVENT_UPDATE } from "../../src/ctnetlink/events.js";
import { FlowView } from "../../src/ctnetlink/view.js";
import { flowTable } from "../../src/format/flow-table.js";
import type { FormatOptions } from "../../src/format/formatter.js";
import { type Flow, readFlow } from "../../src/library/flow.js";
import { ByteWriter } from "../../src/system/byte-writer.js";
import { utcTime } from "../support/clock.js";
import { bytesOf, FLOW_FIXTURES, wireFixture } from "../support/wire.js";

const OPTIONS: FormatOptions = {
  localTime: utcTime,
  extended: false,
  id: false,
  ktimestamp: false,
  timestamp: false,
  deleting: false,
  nowMicroseconds: () => 1_795_456_789_012_345,
};

const messages = FLOW_FIXTURES.flatMap((name) => wireFixture(name).messages.map(bytesOf));

interface Shown {
  heading: string;
  lines: string[];
  flows: Flow[];
}

function show(options: Partial<FormatOptions>, event: typeof EVENT_NONE | typeof EVENT_UPDATE = EVENT_NONE): Shown {
  const formatter = flowTable({ ...OPTIONS, ...options });
  const view = new FlowView();
  const flows: Flow[] = [];
  const lines = messages.map((message) => {
    view.read(message, 0, message.length);
    flows.push(readFlow(view, undefined, {}));
    const writer = new ByteWriter();
    formatter.entry(writer, view, event);
    return Buffer.from(writer.written()).toString();
  });
  return { heading: Buffer.from(formatter.header!).toString(), lines, flows };
}

const PORTS = ["tcp", "udp", "udplite", "sctp", "dccp"];

function endpoint(flow: Flow, address: string, port: number | undefined): string {
  if (!PORTS.includes(flow.protocol.name ?? "")) return address;
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

describe("a table of flows", () => {
  test("has what the JSON has, in full where it is no terminal's", () => {
    const { heading, lines, flows } = show({});
    assert.match(heading, /^PROTO STATE +SOURCE +DESTINATION +NAT TO +UP +DOWN +BYTES +AGE EXPIRES MARK\n$/);
    for (const [i, flow] of flows.entries()) {
      const line = lines[i]!;
      const words = line.split(/ +/);
      assert.equal(words[0], flow.protocol.name ?? String(flow.protocol.number));
      assert.equal(words[2], endpoint(flow, flow.orig.src, flow.orig.sport), line);
      assert.equal(words[3], endpoint(flow, flow.orig.dst, flow.orig.dport), line);
      assert.equal(words.at(-1), String(flow.mark ?? "-"));
      if (flow.state !== undefined) assert.equal(words[1], flow.state);
      else assert.equal(words[1] === "UNREPLIED", !flow.status!.includes("SEEN_REPLY"), line);
      for (const side of ["snat", "dnat"] as const) {
        const address = flow.nat?.[side]?.address;
        const shown = line.includes(` ${side === "snat" ? "src" : "dst"} `);
        assert.equal(shown, address !== undefined, line);
        if (address !== undefined) assert.ok(line.includes(address), line);
      }
    }
    assert.ok(flows.some(({ nat }) => nat?.snat) && flows.some(({ nat }) => nat?.dnat));
    assert.ok(flows.some(({ family, orig }) => family === "ipv6" && orig.sport !== undefined));
  });

  for (const columns of [1, 20, 40, 60, 77, 80, 100, 120, 132, 140, 200, 300]) {
    test(`fits ${columns} columns`, () => {
      const { heading, lines } = show({ columns });
      for (const line of [heading.trimEnd(), ...lines]) assert.ok(line.length <= columns, line);
      if (columns < 60) return;
      // Nothing moves: where a heading begins, a cell begins, and a blank stands before it.
      const source = heading.indexOf("SOURCE");
      const destination = heading.indexOf("DESTINATION");
      for (const line of lines) {
        for (const at of [source, destination]) assert.match(line.slice(at - 1, at + 1), /^ [\da-f[:]$/, line);
      }
    });
  }

  test("leaves out columns before it cuts addresses", () => {
    const at = (columns: number) => show({ columns }).heading.trim().split(/ {1,}/);
    assert.deepEqual(at(61), ["PROTO", "STATE", "SOURCE", "DESTINATION"]);
    assert.deepEqual(at(77), ["PROTO", "STATE", "SOURCE", "DESTINATION", "BYTES", "EXPIRES"]);
    assert.deepEqual(at(100).slice(4), ["NAT", "TO", "BYTES", "EXPIRES"]);
    assert.ok(at(140).includes("UP") && at(140).includes("AGE"));
    assert.ok(show({ columns: 77 }).lines.some((line) => line.includes("+ ")));
    assert.ok(!show({}).lines.some((line) => line.includes("+")));
  });

  test("names events", () => {
    const { heading, lines } = show({ events: true }, EVENT_UPDATE);
    assert.match(heading, /^EVENT +PROTO /);
    for (const line of lines) assert.match(line, /^UPDATE +[a-z\d]+ /);
    assert.ok(EVENT_DESTROY > EVENT_UPDATE);
  });
});
