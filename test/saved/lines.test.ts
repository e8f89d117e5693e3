/** Lines of saved dumps, and the messages that they become. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EVENT_NONE } from "../../src/ctnetlink/events.js";
import { FlowView } from "../../src/ctnetlink/view.js";
import { FLOW_FORMATS, type FormatName } from "../../src/format/formats.js";
import type { FormatOptions } from "../../src/format/formatter.js";
import type { LineContext } from "../../src/saved/context.js";
import { FlowEncoder } from "../../src/saved/flow.js";
import { readLine } from "../../src/saved/table.js";
import { ByteWriter } from "../../src/system/byte-writer.js";
import { type LabelMap, parseLabelMap } from "../../src/system/labelmap.js";
import { utcTime } from "../support/clock.js";
import { bytesOf, FLOW_FIXTURES, wireFixture } from "../support/wire.js";

const NOW = 1_795_456_789_000_000;
const LABELS = parseLabelMap("0 web\n1 db\n5 two words\n127 last\n");

function context(map: LabelMap | undefined = LABELS) {
  let now = NOW;
  const lines: LineContext = {
    labelMap: () => map,
    localTime: utcTime,
    nowMicroseconds: () => now,
    setNow: (microseconds) => (now = microseconds),
  };
  return lines;
}

const options = (lines: LineContext, more: Partial<FormatOptions>): FormatOptions => ({
  localTime: utcTime,
  extended: false,
  id: false,
  ktimestamp: false,
  timestamp: false,
  deleting: false,
  nowMicroseconds: lines.nowMicroseconds,
  ...more,
});

const encoder = new FlowEncoder();

/** The message of a line. */
function message(line: string, lines = context()): Uint8Array {
  const flow = readLine(line, lines);
  assert.ok(flow !== undefined, line);
  return encoder.encode(flow, 7);
}

function shown(bytes: Uint8Array, format: FormatName, more: Partial<FormatOptions>, lines = context()): string {
  const view = new FlowView();
  view.read(bytes, 0, bytes.length);
  const writer = new ByteWriter();
  FLOW_FORMATS[format](options(lines, more)).entry(writer, view, EVENT_NONE);
  return Buffer.from(writer.written()).toString();
}

/** A line, read and shown again in the same format: twice, because the second time is a copy of the first message. */
function comesBack(line: string, format: FormatName = "default", more: Partial<FormatOptions> = {}): void {
  for (let time = 0; time < 2; time++) {
    const lines = context();
    assert.equal(shown(message(line, lines), format, more, lines), line);
  }
}

describe("what the kernel sent comes back", () => {
  for (const name of FLOW_FIXTURES) {
    test(name, () => {
      const { messages } = wireFixture(name);
      for (const wire of messages) {
        const sent = bytesOf(wire);
        comesBack(wire.default);
        comesBack(wire.extended!, "default", { extended: true, id: true });
        comesBack(shown(sent, "json", {}), "json");
        comesBack(shown(sent, "json", { labels: LABELS }), "json", { labels: LABELS });
        const everything = { extended: true, id: true, ktimestamp: true, labels: LABELS };
        comesBack(shown(sent, "default", everything), "default", everything);
        // Out of JSON all other formats come back too.
        for (const format of ["xml", "save", "default"] as const) {
          assert.equal(shown(message(shown(sent, "json", {})), format, {}), shown(sent, format, {}), format);
        }
      }
    });
  }
});

const TCP = "tcp      6 431999 ESTABLISHED";
const THERE = "src=10.0.0.1 dst=192.0.2.1 sport=40001 dport=443";
const BACK = "src=192.0.2.1 dst=10.0.0.1 sport=443 dport=40001";
const ICMP = "type=8 code=0 id=7";
const ANSWER = "type=0 code=0 id=7";

describe("lines of the default format", () => {
  for (const line of [
    `${TCP} ${THERE} ${BACK} [ASSURED] mark=1 use=1`,
    `${TCP} ${THERE} zone-orig=3 ${BACK} zone-reply=4 mark=0 use=1`,
    `${TCP} ${THERE} packets=18446744073709551615 bytes=9007199254740993 ${BACK} packets=9007199254740991 bytes=0 mark=0 use=1`,
    `${TCP} ${THERE} packets=1 bytes=4294967296 ${BACK} packets=4294967295 bytes=1 mark=4294967295 secmark=7 use=1`,
    `tcp      6 ${THERE} ${BACK} [OFFLOAD] mark=0 use=2`,
    `tcp      6 ${THERE} ${BACK} [HW_OFFLOAD] mark=0 use=2`,
    `tcp      6 10 NONE ${THERE} [UNREPLIED] ${BACK} mark=0 use=1`,
    `sctp     132 10 COOKIE_WAIT ${THERE} [UNREPLIED] ${BACK} mark=0 use=1`,
    `${TCP} ${THERE} ${BACK} [ASSURED] mark=0 secctx=system_u:object_r:unlabeled_t:s0 zone=7 delta-time=17 helper=ftp use=1`,
    `${TCP} src=2001:db8::1 dst=::ffff:1.2.3.4 sport=1 dport=2 src=::ffff:1.2.3.4 dst=2001:db8::1 sport=2 dport=1 mark=0 use=1`,
    `icmp     1 29 src=10.0.0.1 dst=10.0.0.2 ${ICMP} src=10.0.0.2 dst=10.0.0.1 ${ANSWER} mark=0 use=1`,
    `gre      47 29 src=10.0.0.1 dst=10.0.0.2 srckey=0x0 dstkey=0x1f src=10.0.0.2 dst=10.0.0.1 srckey=0x1f dstkey=0x0 mark=0 use=1`,
    "unknown  89 599 src=10.0.0.1 dst=224.0.0.5 [UNREPLIED] src=224.0.0.5 dst=10.0.0.1 mark=0 use=1",
    "unknown  255 599 src=fe80::1 dst=ff02::5 [UNREPLIED] src=ff02::5 dst=fe80::1 mark=0 use=1",
  ]) {
    test(line, () => comesBack(line));
  }
  const line = `${TCP} ${THERE} ${BACK} mark=0`;
  test("ids", () => {
    comesBack(`${line} use=1 id=4294967295`, "default", { id: true });
    comesBack(
      `icmp     1 29 src=10.0.0.1 dst=10.0.0.2 ${ICMP} src=10.0.0.2 dst=10.0.0.1 ${ANSWER} mark=0 use=1 id=9`,
      "default",
      { id: true },
    );
  });
  test("labels, whose names may hold blanks", () => {
    comesBack(`${line} use=1 labels=web,two words,last`, "default", { labels: LABELS });
    comesBack(`${line} use=1 labels`, "default", { labels: LABELS });
  });
  test("times: the age says when the dump was made", () => {
    for (const times of [
      "delta-time=61 [start=Mon Nov  2 16:12:13 2026]",
      "delta-time=3 [start=Mon Nov 23 16:12:13 2026] [stop=Mon Nov 23 16:12:16 2026]",
    ]) {
      comesBack(`${line} ${times} use=1`, "default", { ktimestamp: true });
    }
  });
});

describe("/proc/net/nf_conntrack", () => {
  const rows: readonly (readonly [proc: string, extended: string])[] = [
    [
      `ipv4     2 tcp      6 431999 ESTABLISHED ${THERE} packets=5 bytes=300 ${BACK} packets=4 bytes=200 [ASSURED] mark=0 zone=0 use=2`,
      `ipv4     2 tcp      6 431999 ESTABLISHED ${THERE} packets=5 bytes=300 ${BACK} packets=4 bytes=200 [ASSURED] mark=0 use=2`,
    ],
    [
      "ipv6     10 udp      17 9 src=2001:0db8:0000:0000:0000:0000:0000:0001 dst=2001:0db8:0000:0000:0000:0000:0000:0002 sport=1 dport=2 [UNREPLIED] src=2001:0db8:0000:0000:0000:0000:0000:0002 dst=2001:0db8:0000:0000:0000:0000:0000:0001 sport=2 dport=1 mark=0 zone=3 use=2",
      "ipv6     10 udp      17 9 src=2001:db8::1 dst=2001:db8::2 sport=1 dport=2 [UNREPLIED] src=2001:db8::2 dst=2001:db8::1 sport=2 dport=1 mark=0 zone=3 use=2",
    ],
  ];
  for (const [proc, extended] of rows) {
    test(proc, () => assert.equal(shown(message(proc), "default", { extended: true }), extended));
  }
});

test("a dump without the status shows a translation by its addresses", () => {
  const line = `${TCP} ${THERE} src=10.9.9.9 dst=198.51.100.2 sport=8443 dport=1024 [ASSURED] mark=0 use=1`;
  const { nat, status } = JSON.parse(shown(message(line), "json", {}));
  assert.deepEqual(nat, { snat: { address: "198.51.100.2", port: 1024 }, dnat: { address: "10.9.9.9", port: 8443 } });
  assert.deepEqual(status, "SEEN_REPLY ASSURED CONFIRMED SRC_NAT DST_NAT SRC_NAT_DONE DST_NAT_DONE".split(" "));
  assert.equal(JSON.parse(shown(message(`${TCP} ${THERE} ${BACK} mark=0 use=1`), "json", {})).nat, undefined);
});

test("what stands between entries is passed over, and the name of a namespace in front", () => {
  for (const line of ["", "  ", "\r", "conntrack v1.4.7 (conntrack-tools): 12 flow entries have been shown."]) {
    assert.equal(readLine(line, context()), undefined, line);
  }
  const line = `${TCP} ${THERE} ${BACK} mark=0 use=1`;
  assert.equal(shown(message(`[gw1] ${line}\r`), "default", {}), line);
});

describe("a line that cannot be read says why", () => {
  const json = shown(message(`${TCP} ${THERE} ${BACK} [ASSURED] mark=0 use=1`), "json", {});
  const rows: readonly (readonly [line: string, reason: RegExp])[] = [
    ["hello", /too short/],
    [`    [NEW] ${TCP} ${THERE} ${BACK}`, /an event/],
    [`[DESTROY] ${TCP} ${THERE} ${BACK}`, /an event/],
    [`[1795456789.123456]\t    [NEW] ${TCP} ${THERE} ${BACK}`, /an event/],
    [`${TCP} ${THERE}`, /no `src='/],
    [`${TCP} src=10.0.0.1 dst=192.0.2.1 sport=40001 ${BACK}`, /no `dport='/],
    [`udp      6 10 ESTABLISHED ${THERE} ${BACK}`, /`udp 6'/],
    [`tcp      256 10 ESTABLISHED ${THERE} ${BACK}`, /`256'/],
    [`tcp      6 10 FOO ${THERE} ${BACK}`, /`FOO'/],
    [`tcp      6 -1 ESTABLISHED ${THERE} ${BACK}`, /`-1'/],
    [`tcp      6 0x10 ESTABLISHED ${THERE} ${BACK}`, /`0x10'/],
    [`${TCP} ${THERE.replace("40001", "65536")} ${BACK}`, /`65536'/],
    [`${TCP} ${THERE.replace("10.0.0.1", "10.0.0.256")} ${BACK}`, /`10\.0\.0\.256'/],
    [`${TCP} ${THERE} packets=18446744073709551616 bytes=1 ${BACK}`, /`18446744073709551616'/],
    [`${TCP} ${THERE} packets=1 ${BACK}`, /no `bytes='/],
    [`${TCP} ${THERE} ${BACK} mark=4294967296`, /`4294967296'/],
    [`${TCP} ${THERE} ${BACK} colour=red`, /`colour=red'/],
    [`${TCP} ${THERE} ${BACK} labels=nobody`, /`nobody'/],
    [`${TCP} ${THERE} ${BACK} [start=Mon Nuv 23 16:12:13 2026]`, /Nuv/],
    [json.slice(0, -1), /not a line of JSON/],
    ["{}", /`family'/],
    ['{"group":{"src":"10.0.0.1"},"flows":1}', /`family'/],
    [json.replace("{", '{"event":"new",'), /an event/],
    [json.replace("10.0.0.1", "10.0.0.300"), /10\.0\.0\.300/],
    [json.replace("443", "443000"), /`dport'/],
    [json.replace("443", "4.5"), /`dport'/],
    [json.replace("ESTABLISHED", "ESTABLISHT"), /`state'/],
    [json.replace("ASSURED", "ASURED"), /`status'/],
    [json.replace('"mark":0', '"mark":"0"'), /`mark'/],
    [json.replace('"mark":0', `"mark":0,"secctx":"${"x".repeat(2000)}"`), /too long/],
  ];
  for (const [line, reason] of rows) {
    test(`${line.slice(0, 100)}: ${reason.source}`, () => {
      assert.throws(() => readLine(line, context()), { message: reason });
    });
  }
});
