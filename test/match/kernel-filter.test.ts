/** What the kernel is asked to filter by: single exact values, and nothing that it could understand as more or as less. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AF_INET, AF_INET6, AF_UNSPEC } from "../../src/ctnetlink/constants.js";
import { exactly, inNetwork, markedWith, type NumberCondition } from "../../src/match/conditions.js";
import type { FlowFilter } from "../../src/match/filter.js";
import { kernelFilter } from "../../src/match/kernel-filter.js";

const A = Uint8Array.of(10, 0, 0, 1);
const B = Uint8Array.of(10, 0, 0, 2);
const A6 = new Uint8Array(16).fill(1);
const TCP = exactly(6);
const ALL_ONES = 0xffffffff;

const anyOf = (...values: number[]): NumberCondition => ({
  not: false,
  items: values.map((value) => ({ from: value, to: value })),
});
const not = <Condition extends { not: boolean }>(condition: Condition): Condition => ({ ...condition, not: true });
const range = (from: number, to: number): NumberCondition => ({ not: false, items: [{ from, to }] });
const addresses = (...items: Uint8Array[]) => ({ not: false, items: items.map((address) => ({ address })) });

const marks = (...items: [value: number, mask: number][]) => ({
  not: false,
  items: items.map(([value, mask]) => ({ value, mask })),
});
const marked = (value: number, mask: number) => ({ family: AF_UNSPEC, mark: { value, mask } });

/** The request without what it does not say. */
function request(filter: FlowFilter): unknown {
  return JSON.parse(
    JSON.stringify(kernelFilter(filter), (_, value) => (value instanceof Uint8Array ? [...value] : value)),
  );
}

const rows: readonly (readonly [name: string, filter: FlowFilter, request: object])[] = [
  ["nothing", {}, { family: AF_UNSPEC }],
  ["an address", { orig: { src: inNetwork(A) } }, { family: AF_INET, orig: { src: [...A] } }],
  [
    "an address with all bits of a mask",
    { reply: { dst: inNetwork(A, Uint8Array.of(255, 255, 255, 255)) } },
    { family: AF_INET, reply: { dst: [...A] } },
  ],
  ["a network", { orig: { src: inNetwork(A, Uint8Array.of(255, 0, 0, 0)) } }, { family: AF_INET }],
  ["two addresses", { orig: { src: addresses(A, B) } }, { family: AF_INET }],
  ["a range of addresses", { orig: { src: { not: false, items: [{ from: A, to: B }] } } }, { family: AF_INET }],
  ["an address that must not be", { orig: { src: not(inNetwork(A)) } }, { family: AF_INET }],
  [
    "an IPv6 address, which Linux 6.18 compares the wrong way round",
    { orig: { src: inNetwork(A6) } },
    { family: AF_INET6 },
  ],
  ["a protocol without a family", { protonum: TCP }, { family: AF_UNSPEC }],
  ["a protocol", { family: AF_INET, protonum: TCP }, { family: AF_INET, orig: { protonum: 6 } }],
  ["two protocols", { family: AF_INET, protonum: anyOf(6, 17) }, { family: AF_INET }],
  ["a protocol that must not be", { family: AF_INET, protonum: not(TCP) }, { family: AF_INET }],
  [
    "ports",
    { family: AF_INET, protonum: TCP, orig: { sport: exactly(1), dport: exactly(2) }, reply: { dport: exactly(1) } },
    { family: AF_INET, orig: { protonum: 6, sport: 1, dport: 2 }, reply: { protonum: 6, dport: 1 } },
  ],
  [
    "ports without a protocol, or with several",
    { family: AF_INET, protonum: anyOf(6, 17), orig: { dport: exactly(2) } },
    { family: AF_INET },
  ],
  [
    "several ports, a range, a port that must not be",
    {
      family: AF_INET,
      protonum: TCP,
      orig: { sport: anyOf(1, 2), dport: range(1, 2) },
      reply: { sport: not(exactly(1)) },
    },
    { family: AF_INET, orig: { protonum: 6 }, reply: { protonum: 6 } },
  ],
  [
    "a range of one port",
    { family: AF_INET, protonum: TCP, orig: { dport: range(80, 80) } },
    { family: AF_INET, orig: { protonum: 6, dport: 80 } },
  ],
  [
    "GRE's keys, which the kernel is not known to compare",
    { family: AF_INET, protonum: exactly(47), orig: { sport: exactly(1) } },
    { family: AF_INET, orig: { protonum: 47 } },
  ],
  [
    "ICMP",
    { family: AF_INET, protonum: exactly(1), orig: { icmpType: exactly(8), icmpCode: exactly(0), icmpId: exactly(7) } },
    { family: AF_INET, orig: { protonum: 1, icmpType: 8, icmpCode: 0, icmpId: 7 } },
  ],
  [
    "ICMP types, and what must not be",
    {
      family: AF_INET,
      protonum: exactly(1),
      orig: { icmpType: anyOf(8, 13), icmpCode: not(exactly(0)), icmpId: range(1, 9) },
    },
    { family: AF_INET, orig: { protonum: 1 } },
  ],
  ["a mark", { mark: markedWith(1, 0xff) }, { family: AF_UNSPEC, mark: { value: 1, mask: 0xff } }],
  ["a mark that must not be", { mark: not(markedWith(1, 0xff)) }, { family: AF_UNSPEC }],
  ["a mark of one bit that must not be", { mark: not(markedWith(0, 0x10)) }, marked(0x10, 0x10)],
  ["another", { mark: not(markedWith(0x80000000, 0x80000000)) }, marked(0, 0x80000000)],
  ["bits of which none may be", { mark: not(marks([1, 1], [0, 4], [8, 0xff])) }, marked(4, 5)],
  ["what all marks of a list have in common", { mark: marks([0x12, 0xff], [0x1010, 0xfff0]) }, marked(0x10, 0xf0)],
  ["a list of exact marks", { mark: marks([5, ALL_ONES], [7, ALL_ONES]) }, marked(5, 0xfffffffd)],
  ["a bit that may be either way", { mark: marks([0, 1], [1, 1]) }, { family: AF_UNSPEC }],
  ["a mark that cannot be", { mark: not(markedWith(3, 1)) }, { family: AF_UNSPEC }],
  [
    "two marks",
    { mark: { not: false, items: [markedWith(1, 0xff), markedWith(2, ALL_ONES)].flatMap(({ items }) => items) } },
    marked(0, 0xfc),
  ],
  ["a zone", { zone: exactly(7) }, { family: AF_UNSPEC, zone: 7 }],
  ["zone 0, which the kernel takes for any", { zone: exactly(0) }, { family: AF_UNSPEC }],
  ["zones", { zone: range(1, 7) }, { family: AF_UNSPEC }],
  ["a zone that must not be", { zone: not(exactly(7)) }, { family: AF_UNSPEC }],
  ["the zone of a direction", { family: AF_INET, reply: { zone: exactly(7) } }, { family: AF_INET }],
  ["status bits", { status: { set: 4, clear: 2, unset: false } }, { family: AF_UNSPEC, status: { value: 4, mask: 6 } }],
  [
    "state, id, secmark and timeout",
    { state: exactly(3), id: exactly(1), secmark: exactly(1), timeoutSeconds: exactly(1) },
    { family: AF_UNSPEC },
  ],
];

for (const [name, filter, want] of rows) {
  test(`the kernel is asked for ${name}`, () => assert.deepEqual(request(filter), want));
}
