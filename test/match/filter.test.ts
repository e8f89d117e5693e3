/** Filters by user space, on messages that the kernel sent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as C from "../../src/ctnetlink/constants.js";
import { FlowView } from "../../src/ctnetlink/view.js";
import type { NumberCondition } from "../../src/match/conditions.js";
import { compileFilter, type FlowFilter } from "../../src/match/filter.js";
import { MessageWriter } from "../../src/netlink/message.js";
import { type ExactFilter, exactFilter } from "../support/exact-filter.js";
import { bytesOf, wireFixture } from "../support/wire.js";

const TABLE = wireFixture("flows-mix").messages;
const v4 = (...bytes: number[]) => Uint8Array.from(bytes);
const v6 = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

/** How the reference shows the entries that match, up to the marks at the end. */
function matching(filter: FlowFilter): string[] {
  const matches = compileFilter(filter) ?? (() => true);
  const view = new FlowView();
  return TABLE.filter((message) => {
    const bytes = bytesOf(message);
    view.read(bytes, 0, bytes.length);
    return matches(view);
  }).map((message) => message.default);
}

/** What a pattern finds in the reference's own lines must be what the filter finds in the messages. */
const rows: readonly (readonly [name: string, filter: ExactFilter, lines: RegExp])[] = [
  ["nothing", {}, /./],
  ["a family", { family: C.AF_INET6 }, / src=2001:/],
  ["a protocol", { protonum: 17 }, /^udp /],
  ["a source", { orig: { src: v4(10, 0, 0, 1) } }, /^\S+ +\d+ \d+ [^=]*src=10\.0\.0\.1 /],
  [
    "an IPv6 source",
    { orig: { src: v6("20010db8000000000000000000000001") } },
    /^tcp .* src=2001:db8::1 dst=2001:db8::2 /,
  ],
  [
    "a network",
    { orig: { src: v4(10, 0, 0, 99) }, srcMask: v4(255, 255, 255, 0) },
    /^\D+\d+ \d+ [^=]*src=10\.0\.0\.\d /,
  ],
  ["a network of length 0", { orig: { src: v4(1, 2, 3, 4) }, srcMask: v4(0, 0, 0, 0) }, / src=\d+\.\d+\.\d+\.\d+ /],
  [
    "a destination's network",
    { orig: { dst: v4(192, 0, 2, 0) }, dstMask: v4(255, 255, 255, 0) },
    /^[^=]*src=\S+ dst=192\.0\.2\./,
  ],
  ["a reply address", { reply: { src: v4(10, 9, 9, 9) } }, / src=10\.9\.9\.9 /],
  ["ports", { orig: { sport: 40001, dport: 443 } }, / sport=40001 dport=443 /],
  ["a reply port", { reply: { sport: 53 } }, / sport=53 dport=\d+ (\[|mark)/],
  ["GRE keys", { orig: { sport: 16, dport: 32 } }, / srckey=0x10 /],
  ["ICMP", { protonum: 1, orig: { icmpType: 8, icmpCode: 0, icmpId: 77 } }, /^icmp .* id=77 /],
  ["ICMPv6", { protonum: 58, orig: { icmpType: 128 } }, /^icmpv6 /],
  ["a TCP state", { protonum: 6, state: 7 }, / TIME_WAIT /],
  ["an SCTP state", { protonum: 132, state: 4 }, /^sctp .* ESTABLISHED /],
  ["verification tags", { origVtag: 11, replyVtag: 22 }, /^sctp /],
  ["status set", { status: { set: C.IPS_ASSURED, clear: 0, unset: false } }, /\[ASSURED\]/],
  ["status clear", { status: { set: 0, clear: C.IPS_SEEN_REPLY, unset: false } }, /\[UNREPLIED\]/],
  [
    "status set and clear",
    { status: { set: C.IPS_SEEN_REPLY, clear: C.IPS_ASSURED, unset: false } },
    /^(?!.*\[(UNREPLIED|ASSURED)\])/,
  ],
  ["UNSET", { status: { set: 0, clear: 0, unset: true } }, /\[UNREPLIED\]/],
  ["a mark", { mark: { value: 1, mask: 0xffffffff } }, / mark=1 /],
  ["mark bits", { mark: { value: 0x10, mask: 0x10 } }, / mark=(16|255) /],
  ["a high mark bit", { mark: { value: 0x80000000, mask: 0x80000000 } }, /never/],
  ["a zone", { zone: 7 }, / zone=7 /],
  ["zone 0", { zone: 0 }, /^(?!.* zone=7 )/],
  ["an original zone", { orig: { zone: 3 } }, / zone-orig=3 /],
  ["a reply zone", { reply: { zone: 4 } }, / zone-reply=4 /],
  ["original zone 0", { orig: { zone: 0 } }, /^(?!.* zone-orig=)/],
  ["a secmark, which none has", { secmark: 0 }, /never/],
  ["labels, which none has", { labels: [0] }, /never/],
  ["source translation", { srcNat: {} }, /203\.0\.113\.2 /],
  ["source translation to", { srcNat: { address: v4(198, 51, 100, 1), port: 2001 } }, / dst=198\.51\.100\.1 /],
  ["source translation to another port", { srcNat: { port: 2002 } }, /never/],
  ["destination translation", { dstNat: {} }, /203\.0\.113\.1 /],
  ["destination translation to", { dstNat: { address: v4(10, 9, 9, 9), port: 8080 } }, / src=10\.9\.9\.9 /],
  ["any translation", { anyNat: {} }, /203\.0\.113\./],
  ["both translations", { srcNat: {}, dstNat: {} }, /never/],
];

const shownBy = (lines: RegExp) => TABLE.map((message) => message.default).filter((line) => lines.test(line));

for (const [name, filter, lines] of rows) {
  test(`filter by ${name}`, () => assert.deepEqual(matching(exactFilter(filter)), shownBy(lines)));
}

/** Numbers and ranges of them; with NOT in front, none of them may be. */
function numbers(...items: readonly (typeof NOT | number | readonly [from: number, to: number])[]): NumberCondition {
  return {
    not: items[0] === NOT,
    items: items.flatMap((item) => {
      if (item === NOT) return [];
      const [from, to] = typeof item === "number" ? [item, item] : item;
      return { from, to };
    }),
  };
}
const NOT = "not";
const ADDRESS_10_0_0 = { address: v4(10, 0, 0, 0), mask: v4(255, 255, 255, 0) };
const ADDRESS_10_0_6_2_TO_10_0_8_1 = { from: v4(10, 0, 6, 2), to: v4(10, 0, 8, 1) };
const v6Range = (from: string, to: string) => ({ from: v6(`20010db8${from}`), to: v6(`20010db8${to}`) });
const ALL_ONES = 0xffffffff;

/** Conditions that more than one value meets, and conditions that say what must not be. */
const wideRows: readonly (readonly [name: string, filter: FlowFilter, lines: RegExp])[] = [
  ["two protocols", { protonum: numbers(6, 17) }, /^(tcp|udp) /],
  ["a range of protocols", { protonum: numbers([100, 132], 200) }, /^(sctp |unknown +200 )/],
  ["all protocols but one", { protonum: numbers(NOT, 17) }, /^(?!udp )/],
  ["all protocols but some", { protonum: numbers(NOT, 6, [17, 58]) }, /^(icmp |sctp|udplite|unknown)/],
  [
    "a network or an address",
    { orig: { src: { not: false, items: [ADDRESS_10_0_0, { address: v4(10, 0, 2, 1) }] } } },
    /^\S+ +\d+ \d+ [^=]*src=10\.0\.(0\.\d|2\.1) /,
  ],
  [
    "a range of addresses, its ends included",
    { orig: { src: { not: false, items: [ADDRESS_10_0_6_2_TO_10_0_8_1] } } },
    /^\S+ +\d+ \d+ [^=]*src=10\.0\.(6\.2|7\.\d|8\.1) /,
  ],
  [
    "a source outside of a network, of the network's family",
    { orig: { src: { not: true, items: [ADDRESS_10_0_0] } } },
    /^\S+ +\d+ \d+ [^=]*src=10\.0\.[1-9]/,
  ],
  [
    "a source outside of a network and of a range",
    { orig: { src: { not: true, items: [ADDRESS_10_0_0, ADDRESS_10_0_6_2_TO_10_0_8_1] } } },
    /^\S+ +\d+ \d+ [^=]*src=10\.0\.([1-5]\.|6\.1|8\.2)/,
  ],
  [
    "a range of IPv6 addresses",
    { orig: { src: { not: false, items: [v6Range("000000000000000000000002", "000000000000000000000003")] } } },
    / src=2001:db8::3 dst=2001:db8::2 .*UNREPLIED/,
  ],
  [
    "an IPv6 address that must not be",
    { orig: { src: { not: true, items: [{ address: v6("20010db8000000000000000000000001") }] } } },
    / src=2001:db8::[34] dst=2001:db8::2 .*UNREPLIED/,
  ],
  [
    "a reply to one of two addresses",
    { reply: { dst: { not: false, items: [{ address: v4(10, 0, 0, 1) }, { address: v4(198, 51, 100, 1) }] } } },
    / src=.* src=\S+ dst=(10\.0\.0\.1|198\.51\.100\.1) /,
  ],
  [
    "some ports",
    { orig: { dport: numbers(22, 53, [443, 500]) } },
    /^[^=]*src=\S+ dst=\S+ sport=\d+ dport=(22|53|443) /,
  ],
  [
    "a port that must not be, where there are ports",
    { protonum: numbers(6, 17), orig: { dport: numbers(NOT, 53, [400, 500]) } },
    /^(tcp|udp) ((?! dport=).)* dport=(?!53 |443 )/,
  ],
  ["a range of reply ports", { reply: { sport: numbers([50, 80]) } }, / src=.* src=.* sport=(53|71|73|75|80) /],
  ["types of ICMP and ICMPv6", { orig: { icmpType: numbers([0, 8], 128) } }, /^icmp/],
  ["an ICMP type that must not be", { orig: { icmpType: numbers(NOT, 8) } }, /^icmpv6 /],
  ["an ICMP code that none has", { orig: { icmpCode: numbers(1, [3, 9]) } }, /never/],
  ["an ICMP code that must not be", { orig: { icmpCode: numbers(NOT, 1) } }, /^icmp/],
  ["an ICMP id that must not be", { orig: { icmpId: numbers(NOT, 9) } }, /^icmp /],
  ["some TCP states", { protonum: numbers(6), state: numbers(1, [6, 8]) }, / (SYN_SENT|TIME_WAIT) /],
  ["all TCP states but some", { protonum: numbers(6), state: numbers(NOT, 1, 7) }, /^tcp .* ESTABLISHED /],
  [
    "some marks",
    {
      mark: {
        not: false,
        items: [
          { value: 1, mask: ALL_ONES },
          { value: 0x10, mask: 0x10 },
        ],
      },
    },
    / mark=(1|16|255) /,
  ],
  ["a mark that must not be", { mark: { not: true, items: [{ value: 0, mask: ALL_ONES }] } }, / mark=[1-9]/],
  ["a range of zones", { zone: numbers([1, 7]) }, / zone=7 /],
  ["any zone but 0", { zone: numbers(NOT, 0) }, / zone=7 /],
  ["an original zone that must not be", { orig: { zone: numbers(NOT, 3) } }, /^(?!.* zone-orig=)/],
  ["a reply zone or none", { reply: { zone: numbers(0, 4) } }, /./],
  ["verification tags", { origVtag: numbers([10, 12]), replyVtag: numbers(NOT, 21) }, /^sctp /],
  ["a verification tag that must not be", { replyVtag: numbers(NOT, 22) }, /never/],
];

for (const [name, filter, lines] of wideRows) {
  test(`filter by ${name}`, () => assert.deepEqual(matching(filter), shownBy(lines)));
}

/** One message with an attribute of 32 bits. */
function flowWith(attribute: number, value: number): FlowView {
  const writer = new MessageWriter();
  writer.begin(C.CT_NEW, 0, 0, C.AF_INET);
  writer.u32(attribute, value);
  writer.end();
  const view = new FlowView();
  view.read(writer.buffer.slice(0, writer.length), 0, writer.length);
  return view;
}

for (const [field, attribute] of [
  ["secmark", C.CTA_SECMARK],
  ["id", C.CTA_ID],
  ["timeoutSeconds", C.CTA_TIMEOUT],
] as const) {
  test(`filter by ${field}: one value, several, a range, what must not be`, () => {
    const flow = flowWith(attribute, 300);
    const other = flowWith(attribute, 5);
    const without = flowWith(C.CTA_USE, 300);
    for (const condition of [
      numbers(300),
      numbers(7, 300),
      numbers([250, 300]),
      numbers(NOT, 5),
      numbers(NOT, [0, 299]),
    ]) {
      const matches = compileFilter({ [field]: condition })!;
      assert.deepEqual(
        [matches(flow), matches(other), matches(without)],
        [true, false, false],
        JSON.stringify(condition),
      );
    }
  });
}

test("filter by labels: all of them must be set", () => {
  const labelled = flowWith(C.CTA_LABELS, 0x05000000);
  const matches = (...labels: number[]) => compileFilter({ labels })!(labelled);
  assert.deepEqual([matches(0), matches(2, 0), matches(1), matches(0, 1)], [true, true, false, false]);
});

test("every field that is given must be there: an event without a mark matches no mark", () => {
  const writer = new MessageWriter();
  writer.begin(C.CT_NEW, 0, 0, C.AF_INET);
  writer.end();
  const view = new FlowView();
  view.read(writer.buffer, 0, writer.length);
  assert.equal(compileFilter(exactFilter({ mark: { value: 0, mask: 0xffffffff } }))!(view), false);
  assert.equal(compileFilter(exactFilter({ status: { set: 0, clear: 2, unset: false } }))!(view), false);
  assert.equal(compileFilter(exactFilter({ protonum: 0 }))!(view), false);
  assert.equal(compileFilter(exactFilter({ zone: 0 }))!(view), true);
});
