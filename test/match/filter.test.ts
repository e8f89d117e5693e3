/** Filters by user space, on messages that the kernel sent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as C from "../../src/ctnetlink/constants.js";
import { FlowView } from "../../src/ctnetlink/view.js";
import { compileFilter } from "../../src/match/filter.js";
import { MessageWriter } from "../../src/netlink/message.js";
import { type ExactFilter, exactFilter } from "../support/exact-filter.js";
import { bytesOf, wireFixture } from "../support/wire.js";

const TABLE = wireFixture("flows-mix").messages;
const v4 = (...bytes: number[]) => Uint8Array.from(bytes);
const v6 = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

/** How the reference shows the entries that match, up to the marks at the end. */
function matching(filter: ExactFilter): string[] {
  const matches = compileFilter(exactFilter(filter)) ?? (() => true);
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

for (const [name, filter, lines] of rows) {
  test(`filter by ${name}`, () => {
    assert.deepEqual(
      matching(filter),
      TABLE.map((message) => message.default).filter((line) => lines.test(line)),
    );
  });
}

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
