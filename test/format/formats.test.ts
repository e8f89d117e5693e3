import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as C from "../../src/ctnetlink/constants.js";
import { EVENT_DESTROY, EVENT_NEW, EVENT_NONE, EVENT_UPDATE, type EventType } from "../../src/ctnetlink/events.js";
import { ExpectView, FlowView } from "../../src/ctnetlink/view.js";
import { EXPECT_FORMATS, FLOW_FORMATS, type FormatName } from "../../src/format/formats.js";
import type { FormatOptions, Formatter } from "../../src/format/formatter.js";
import { MessageWriter } from "../../src/netlink/message.js";
import { ByteWriter } from "../../src/system/byte-writer.js";
import { utcTime } from "../support/clock.js";
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

function formatted<View extends FlowView | ExpectView>(
  formatter: Formatter<View>,
  view: View,
  message: Uint8Array,
  event: EventType = EVENT_NONE,
): string {
  view.read(message, 0, message.length);
  const writer = new ByteWriter();
  formatter.entry(writer, view, event);
  return Buffer.from(writer.written()).toString();
}

describe("flows print as the reference printed them", () => {
  for (const name of FLOW_FIXTURES) {
    const { messages, nowSeconds } = wireFixture(name);
    const at = { ...PLAIN, nowMicroseconds: () => nowSeconds * 1e6 };
    const columns: [keyof (typeof messages)[0], FormatName, FormatOptions][] = [
      ["default", "default", at],
      ["extended", "default", { ...at, extended: true, id: true }],
      ["xml", "xml", at],
      ["save", "save", at],
    ];
    for (const [column, format, options] of columns) {
      test(`${name}, ${column}`, () => {
        for (const message of messages) {
          assert.equal(formatted(FLOW_FORMATS[format](options), new FlowView(), bytesOf(message)), message[column]);
        }
      });
    }
  }
});

test("expectations print as the reference printed them", () => {
  for (const message of wireFixture("expectations").messages) {
    const bytes = bytesOf(message);
    assert.equal(formatted(EXPECT_FORMATS.default(PLAIN), new ExpectView(), bytes), message.default);
    assert.equal(formatted(EXPECT_FORMATS.xml(PLAIN), new ExpectView(), bytes), message.xml);
  }
});

test("of an offloaded flow the first of HW_OFFLOAD, OFFLOAD and ASSURED shows", () => {
  const writer = new MessageWriter();
  const shown = (status: number) => {
    writer.clear();
    writer.begin(C.CT_NEW, 0, 0, C.AF_INET);
    writer.u32(C.CTA_STATUS, status);
    writer.end();
    return formatted(FLOW_FORMATS.default(PLAIN), new FlowView(), writer.buffer.slice(0, writer.length));
  };
  const both = C.IPS_SEEN_REPLY | C.IPS_ASSURED;
  assert.match(shown(both), /^(?!.*OFFLOAD).*\[ASSURED\]$/);
  assert.match(shown(both | C.IPS_OFFLOAD), /^[^[]*\[OFFLOAD\]$/);
  assert.match(shown(both | C.IPS_OFFLOAD | C.IPS_HW_OFFLOAD), /^[^[]*\[HW_OFFLOAD\]$/);
});

test("events begin with their name, in the terms of each format", () => {
  const [message] = wireFixture("flows-mix").messages;
  const bytes = bytesOf(message!);
  const begin = (format: FormatName, event: EventType) =>
    formatted(FLOW_FORMATS[format](PLAIN), new FlowView(), bytes, event).slice(0, 24);
  assert.match(begin("default", EVENT_NEW), /^ {4}\[NEW\] \w/);
  assert.match(begin("default", EVENT_UPDATE), /^ \[UPDATE\] \w/);
  assert.match(begin("default", EVENT_DESTROY), /^\[DESTROY\] \w/);
  assert.match(begin("xml", EVENT_NEW), /^<flow type="new"><meta/);
  assert.match(begin("xml", EVENT_DESTROY), /^<flow type="destroy"><me/);
  assert.match(begin("save", EVENT_NEW), /^-A /);
  assert.match(begin("save", EVENT_UPDATE), /^-U /);
  assert.match(begin("save", EVENT_DESTROY), /^-D /);
});

test("timestamp puts the clock before an event's line, and nothing before a listing's", () => {
  const [message] = wireFixture("flows-mix").messages;
  const formatter = FLOW_FORMATS.default({ ...PLAIN, timestamp: true });
  assert.match(
    formatted(formatter, new FlowView(), bytesOf(message!), EVENT_NEW),
    /^\[1795456789\.012345\]\t {4}\[NEW\] /,
  );
  assert.doesNotMatch(formatted(formatter, new FlowView(), bytesOf(message!)), /^\[/);
});

test("ktimestamp shows the start as ctime(3) does", () => {
  const { messages } = wireFixture("flows-traffic");
  const formatter = FLOW_FORMATS.default({ ...PLAIN, ktimestamp: true });
  assert.match(
    formatted(formatter, new FlowView(), bytesOf(messages[0]!)),
    / delta-time=\d+ \[start=(Sun|Mon|Tue|Wed|Thu|Fri|Sat) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\] /,
  );
});
