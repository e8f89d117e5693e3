import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as C from "../../src/ctnetlink/constants.js";
import { encodeTuple } from "../../src/ctnetlink/encode.js";
import { EVENT_DESTROY, EVENT_NONE, type EVENT_UPDATE } from "../../src/ctnetlink/events.js";
import { labelBytes } from "../../src/ctnetlink/labels.js";
import { ExpectView, FlowView } from "../../src/ctnetlink/view.js";
import { EXPECT_FORMATS, FLOW_FORMATS } from "../../src/format/formats.js";
import type { FormatOptions, Formatter } from "../../src/format/formatter.js";
import { jsonString, toJson } from "../../src/format/json.js";
import { rfc3339 } from "../../src/format/time.js";
import { type Expectation, readExpectation } from "../../src/library/expectation.js";
import { type Flow, readFlow } from "../../src/library/flow.js";
import type { FlowEvent } from "../../src/library/options.js";
import { LITTLE_ENDIAN } from "../../src/netlink/attributes.js";
import { MessageWriter } from "../../src/netlink/message.js";
import { ByteWriter } from "../../src/system/byte-writer.js";
import { parseLabelMap } from "../../src/system/labelmap.js";
import { utcTime } from "../support/clock.js";
import { expectationText, flowText, type Line, parseLines } from "../support/json.js";
import { random } from "../support/random.js";
import { bytesOf, FLOW_FIXTURES, wireFixture } from "../support/wire.js";

const PLAIN: FormatOptions = {
  localTime: utcTime,
  extended: false,
  id: false,
  ktimestamp: false,
  timestamp: false,
  deleting: false,
  nowMicroseconds: () => 1_795_456_789_012_345,
};

function line<View extends FlowView | ExpectView>(
  formatter: Formatter<View>,
  view: View,
  message: Uint8Array,
  event: typeof EVENT_NONE | typeof EVENT_UPDATE | typeof EVENT_DESTROY = EVENT_NONE,
): string {
  view.read(message, 0, message.length);
  const writer = new ByteWriter();
  formatter.entry(writer, view, event);
  return `${Buffer.from(writer.written())}\n`;
}

describe("flows say in JSON what the default format says", () => {
  for (const name of FLOW_FIXTURES) {
    test(name, () => {
      const { messages, nowSeconds } = wireFixture(name);
      for (const message of messages) {
        const [flow] = parseLines<Line>(line(FLOW_FORMATS.json(PLAIN), new FlowView(), bytesOf(message)));
        assert.equal(flowText(flow!, nowSeconds), message.extended);
      }
    });
  }
});

test("expectations say in JSON what the default format says", () => {
  for (const message of wireFixture("expectations").messages) {
    const [expectation] = parseLines<Expectation>(line(EXPECT_FORMATS.json(PLAIN), new ExpectView(), bytesOf(message)));
    assert.equal(expectationText(expectation!), message.default);
  }
});

test("a translation is spelt out", () => {
  const flows = wireFixture("flows-mix").messages.map(
    (message) => parseLines<Line>(line(FLOW_FORMATS.json(PLAIN), new FlowView(), bytesOf(message)))[0]!,
  );
  assert.deepEqual(
    flows.flatMap(({ nat }) => nat ?? []),
    [{ dnat: { address: "10.9.9.9", port: 8080 } }, { snat: { address: "198.51.100.1", port: 2001 } }],
  );
});

test("-o id, timestamp and the like change nothing", () => {
  const [message] = wireFixture("flows-traffic").messages;
  const more = { ...PLAIN, extended: true, id: true, ktimestamp: true, timestamp: true };
  assert.equal(
    line(FLOW_FORMATS.json(more), new FlowView(), bytesOf(message!)),
    line(FLOW_FORMATS.json(PLAIN), new FlowView(), bytesOf(message!)),
  );
});

const LABELS = parseLabelMap("1 one\n2 two words\n127 last\n");
const PROGNAME = Buffer.concat([Buffer.from('a\n"b"\\'), Buffer.of(0xff)]);

interface Odd {
  status: number;
  text: Uint8Array;
  labels: readonly number[];
  flags: number;
}

/** A message with everything that a flow can have. */
function fullFlow({ status, text, labels }: Odd): Uint8Array {
  const writer = new MessageWriter();
  writer.begin(C.CT_NEW, 0, 0, C.AF_INET);
  const protonum = C.IPPROTO_UDP;
  const src = Uint8Array.of(10, 0, 0, 1);
  const dst = Uint8Array.of(192, 0, 2, 1);
  encodeTuple(writer, C.CTA_TUPLE_ORIG, { src, dst, protonum, sport: 1, dport: 65535, zone: 65535 });
  encodeTuple(writer, C.CTA_TUPLE_REPLY, { src: dst, dst: src, protonum, sport: 65535, dport: 2, zone: 0 });
  encodeTuple(writer, C.CTA_TUPLE_MASTER, { src, dst, protonum: C.IPPROTO_TCP, sport: 5, dport: 21 });
  writer.u32(C.CTA_STATUS, status);
  writer.u32(C.CTA_TIMEOUT, 0xffffffff);
  writer.u32(C.CTA_MARK, 0xffffffff);
  for (const type of [C.CTA_COUNTERS_ORIG, C.CTA_COUNTERS_REPLY]) {
    const nest = writer.nestStart(type);
    writer.u64(1, 0xffff_ffff_ffff_ffffn);
    writer.u64(2, 0x20_0000_0000_0001n);
    writer.nestEnd(nest);
  }
  const help = writer.nestStart(C.CTA_HELP);
  writer.bytes(1, Uint8Array.of(...text, 0));
  writer.nestEnd(help);
  const secctx = writer.nestStart(C.CTA_SECCTX);
  writer.bytes(1, Uint8Array.of(...text, 0));
  writer.nestEnd(secctx);
  const times = writer.nestStart(C.CTA_TIMESTAMP);
  writer.u64(1, 1_795_456_789_000_000_001n);
  writer.u64(2, 0xffff_ffff_ffff_ffffn);
  writer.nestEnd(times);
  writer.u32(C.CTA_SECMARK, 7);
  writer.u16(C.CTA_ZONE, 3);
  writer.bytes(C.CTA_LABELS, labelBytes(labels));
  writer.u32(C.CTA_USE, 1);
  writer.u32(C.CTA_ID, 0x80000000);
  writer.u64(C.CTA_TIMESTAMP_EVENT, 1_795_456_789_123_456_789n);
  writer.end();
  const message = writer.buffer.slice(0, writer.length);
  // nlmsg_pid
  new DataView(message.buffer).setUint32(12, 4711, LITTLE_ENDIAN);
  return message;
}

function fullExpectation({ text, flags }: Odd): Uint8Array {
  const writer = new MessageWriter();
  writer.begin(C.EXP_NEW, 0, 0, C.AF_INET6);
  const protonum = C.IPPROTO_UDP;
  const src = new Uint8Array(16).fill(0xfe);
  encodeTuple(writer, C.CTA_EXPECT_TUPLE, { src, dst: new Uint8Array(16), protonum, sport: 0, dport: 5060 });
  encodeTuple(writer, C.CTA_EXPECT_MASK, { src, dst: src, protonum: 0xff, sport: 0, dport: 65535 });
  encodeTuple(writer, C.CTA_EXPECT_MASTER, { src, dst: src, protonum: C.IPPROTO_TCP, sport: 1, dport: 2, zone: 4 });
  writer.u32(C.CTA_EXPECT_TIMEOUT, 5);
  writer.u32(C.CTA_EXPECT_ID, 6);
  writer.bytes(C.CTA_EXPECT_HELP_NAME, Uint8Array.of(...text, 0));
  writer.u16(C.CTA_EXPECT_ZONE, 7);
  writer.u32(C.CTA_EXPECT_FLAGS, flags);
  writer.u32(C.CTA_EXPECT_CLASS, 8);
  writer.end();
  return writer.buffer.slice(0, writer.length);
}

const ODD: Odd = {
  status: 0xffffffff,
  text: Buffer.concat([Buffer.from('x"\\\n\t\x01\x7f\x85é\u2028'), Buffer.of(0xff, 0xc3)]),
  labels: [0, 1, 2, 127],
  flags: 0x80000007,
};

test("everything at once, with the odd bytes that names can have", () => {
  const options = {
    ...PLAIN,
    labels: LABELS,
    programName: ({ portId: port }: { portId: number }) => (port === 4711 ? PROGNAME : undefined),
  };
  const text = line(FLOW_FORMATS.json(options), new FlowView(), fullFlow(ODD), EVENT_DESTROY);
  const [flow] = parseLines<FlowEvent>(text);
  assert.deepEqual(Object.keys(flow!).slice(0, 4), ["event", "time", "portid", "progname"]);
  assert.equal(flow!.event, "destroy");
  assert.equal(flow!.time, "2026-11-23T17:59:49.123456789Z");
  assert.equal(flow!.progname, 'a\n"b"\\\ufffd');
  assert.deepEqual(flow!.labels, [
    { bit: 0 },
    { bit: 1, name: "one" },
    { bit: 2, name: "two words" },
    { bit: 127, name: "last" },
  ]);
  assert.equal(flow!.status!.length, 32);
  assert.equal(flow!.status!.at(-1), "BIT_31");
  assert.equal(flow!.helper, 'x"\\\n\t\x01\x7f\x85é\u2028\ufffd\ufffd');
  assert.equal(flow!.secctx, flow!.helper);
  assert.match(text, /"packets":18446744073709551615,"bytes":9007199254740993/);
  assert.deepEqual(flow!.timestamp!.stop, "2554-07-21T23:34:33.709551615Z");
  assert.deepEqual(flow!.master, {
    protocol: { number: 6, name: "tcp" },
    src: "10.0.0.1",
    dst: "192.0.2.1",
    sport: 5,
    dport: 21,
  });
});

test("text becomes JSON without any character that could reach a terminal", () => {
  for (let code = 0; code < 0x110000; code += code < 0x3000 ? 1 : 997) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const text = `a${String.fromCodePoint(code)}b`;
    assert.equal(JSON.parse(jsonString(text)), text);
  }
  assert.equal(jsonString('\x00\x1f\x7f\x9f\u2028"\\'), '"\\u0000\\u001f\\u007f\\u009f\\u2028\\"\\\\"');
});

test("times have nine decimals", () => {
  assert.equal(rfc3339(0n), "1970-01-01T00:00:00.000000000Z");
  assert.equal(rfc3339(1_795_456_789_012_345_678n), "2026-11-23T17:59:49.012345678Z");
});

test("toJson is at least as quick as JSON.stringify with a replacer", () => {
  const view = new FlowView();
  const flows = wireFixture("flows-traffic").messages.map((message) => {
    const bytes = bytesOf(message);
    view.read(bytes, 0, bytes.length);
    return readFlow(view, LABELS, {});
  });
  const replaced = (flow: Flow) =>
    JSON.stringify(flow, (_, value) => (typeof value === "bigint" ? Number(value) : value));
  const cost = (write: (flow: Flow) => string) => {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 8; round++) {
      const start = process.cpuUsage();
      for (let i = 0; i < 20_000 / flows.length; i++) for (const flow of flows) write(flow);
      best = Math.min(best, process.cpuUsage(start).user);
    }
    return best;
  };
  for (const flow of flows) assert.deepEqual(JSON.parse(toJson(flow)), JSON.parse(replaced(flow)));
  const [ours, theirs] = [cost(toJson), cost(replaced)];
  assert.ok(ours <= theirs, `${ours} µs against ${theirs}`);
});

describe("the library's objects are the same, and print the same bytes", () => {
  const same = (message: Uint8Array) => {
    const view = new FlowView();
    const text = line(FLOW_FORMATS.json({ ...PLAIN, labels: LABELS }), view, message);
    assert.equal(`${toJson(readFlow(view, LABELS, {}))}\n`, text);
    parseLines<Flow>(text);
  };
  const sameExpectation = (message: Uint8Array) => {
    const view = new ExpectView();
    const text = line(EXPECT_FORMATS.json(PLAIN), view, message);
    assert.equal(`${toJson(readExpectation(view, {}))}\n`, text);
    parseLines<Expectation>(text);
  };

  test("fixtures", () => {
    for (const name of FLOW_FIXTURES) for (const message of wireFixture(name).messages) same(bytesOf(message));
    for (const message of wireFixture("expectations").messages) sameExpectation(bytesOf(message));
  });

  test("everything at once, random bytes", () => {
    const { below } = random(7);
    for (let i = 0; i < 500; i++) {
      const odd: Odd = {
        status: below(2 ** 32),
        text: Uint8Array.from({ length: below(40) }, () => 1 + below(255)),
        labels: Array.from({ length: below(5) }, () => below(128)),
        flags: below(2 ** 32),
      };
      same(fullFlow(odd));
      sameExpectation(fullExpectation(odd));
    }
  });

  test("messages with any attribute missing, or cut short", () => {
    const { messages } = wireFixture("flows-traffic");
    for (const message of messages.map(bytesOf)) {
      for (let at = 20; at < message.length; at += 4) {
        const changed = message.slice();
        // A type that nobody knows.
        changed[at + 2] = 31;
        const view = new FlowView();
        try {
          view.read(changed, 0, changed.length);
        } catch {
          continue;
        }
        const text = line(FLOW_FORMATS.json({ ...PLAIN, labels: LABELS }), view, changed);
        assert.equal(`${toJson(readFlow(view, LABELS, {}))}\n`, text);
        JSON.parse(text);
      }
    }
  });
});
