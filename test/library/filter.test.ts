/** The library's filters become what the command's options become. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseCommandLine } from "../../src/cli/parse.js";
import type { ListFlows } from "../../src/command/command.js";
import { type Filter, readFilter } from "../../src/library/filter.js";
import type { FlowFilter } from "../../src/match/filter.js";
import { UsageError } from "../../src/system/errors.js";
import { testContext } from "../cli/context.js";

const LABELS = new Map([
  ["one", 1],
  ["two", 2],
]);
const read = (filter: Filter) => readFilter(filter, (name) => LABELS.get(name));

/** What a filter says, without what it does not say. */
function said(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || Array.isArray(value)) return value;
  const members = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .map(([name, one]) => [name, said(one)] as const)
    .filter(([name, one]) => !(["orig", "reply"].includes(name) && Object.keys(one as object).length === 0));
  return Object.fromEntries(members);
}

function commandFilter(words: string): FlowFilter {
  const files = { "/etc/xtables/connlabel.conf": "1 one\n2 two\n" };
  return (parseCommandLine(`-L ${words}`.trim().split(" "), testContext(files)) as ListFlows).filter;
}

const SAME: readonly (readonly [Filter, string])[] = [
  [{}, ""],
  [{ family: "ipv6" }, "-f ipv6"],
  [{ protocol: "tcp" }, "-p tcp"],
  [{ protocol: 47 }, "-p 47"],
  [{ protocol: { number: 17, name: "udp" } }, "-p udp"],
  [{ protocol: "igmp" }, "-p igmp"],
  [{ orig: { src: "10.0.0.0/8", dst: "192.0.2.1" } }, "-s 10.0.0.0/8 -d 192.0.2.1"],
  [{ orig: { src: "10.0.0.1/32" } }, "-s 10.0.0.1"],
  [{ orig: { src: "2001:db8::/33" } }, "-s 2001:db8::/33"],
  [{ reply: { src: "192.0.2.1", dst: "10.0.0.1" } }, "-r 192.0.2.1 -q 10.0.0.1"],
  [
    { protocol: "udp", orig: { sport: 0, dport: 53 }, reply: { sport: 53 } },
    "-p udp --sport 0 --dport 53 --reply-port-src 53",
  ],
  [{ protocol: "gre", orig: { srckey: 16, dstkey: 32 } }, "-p gre --srckey 0x10 --dstkey 0x20"],
  [
    { protocol: "icmp", orig: { icmp: { type: 8, code: 0, id: 77 } } },
    "-p icmp --icmp-type 8 --icmp-code 0 --icmp-id 77",
  ],
  [{ protocol: "tcp", state: "ESTABLISHED" }, "-p tcp --state ESTABLISHED"],
  [{ state: "COOKIE_WAIT", protocol: "sctp" }, "-p sctp --state COOKIE_WAIT"],
  [{ status: ["ASSURED", "!SEEN_REPLY"] }, "-u ASSURED,UNREPLIED"],
  [{ mark: 5 }, "-m 5"],
  [{ mark: { value: 16, mask: 240 } }, "-m 0x10/0xf0"],
  [{ secmark: 7 }, "-c 7"],
  [{ zone: 0 }, "-w 0"],
  [{ orig: { zone: 3 }, reply: { zone: 4 } }, "--orig-zone 3 --reply-zone 4"],
  [{ snat: true }, "-n"],
  [{ dnat: { address: "10.9.9.9", port: 8080 } }, "-g 10.9.9.9:8080"],
  [{ nat: { address: "2001:db8::1" } }, "-j 2001:db8::1"],
  [{ labels: ["one", 2] }, "-l one,two"],
  [{ protocol: ["tcp", 17, { number: 132 }] }, "-p tcp,udp,sctp"],
  [{ protocol: { not: "tcp" } }, "-p !tcp"],
  [{ protocol: { not: ["tcp", "igmp"] } }, "-p !tcp,2"],
  [{ protocol: "tcp", orig: { dport: [80, { from: 8000, to: 8100 }] } }, "-p tcp --dport 80,8000-8100"],
  [{ protocol: ["tcp", "udp"], reply: { sport: { not: { from: 1, to: 5 } } } }, "-p tcp,udp --reply-port-src !1-5"],
  [{ protocol: "gre", orig: { srckey: [1, 3] } }, "-p gre --srckey 1,3"],
  [
    { protocol: "icmp", orig: { icmp: { type: [8, 13], code: { not: 0 } } } },
    "-p icmp --icmp-type 8,13 --icmp-code !0",
  ],
  [{ protocol: "tcp", state: ["SYN_SENT", "CLOSE_WAIT"] }, "-p tcp --state SYN_SENT,CLOSE_WAIT"],
  [{ protocol: ["tcp"], state: { not: "ESTABLISHED" } }, "-p tcp --state !ESTABLISHED"],
  [{ orig: { src: { not: ["10.0.0.0/8", "192.168.0.0/16"] } } }, "-s !10.0.0.0/8,192.168.0.0/16"],
  [{ orig: { dst: { from: "10.0.0.1", to: "10.0.0.9" } } }, "-d 10.0.0.1-10.0.0.9"],
  [{ reply: { dst: ["::1", { from: "fd::1", to: "fd::9" }] } }, "-q ::1,fd::1-fd::9"],
  [{ mark: [1, { value: 16, mask: 240 }] }, "-m 1,0x10/0xf0"],
  [{ mark: { not: 0 } }, "-m !0"],
  [{ zone: [1, { from: 3, to: 5 }], orig: { zone: { not: 0 } } }, "-w 1,3-5 --orig-zone !0"],
  [{ id: [7, 9] }, "-i 7,9"],
  [{ bytes: { min: 10_000_000n } }, "--bytes 10M-"],
  [{ bytes: [0, { min: 1000, max: 2000n }], packets: { not: { max: 5 } } }, "--bytes 0,1k-2k --packets !-5"],
  [{ age: { min: 3600 }, expires: [{ max: 60 }, 90] }, "--age 1h- --expires -1m,90"],
];

const shown = (filter: unknown) =>
  JSON.stringify(filter, (_, value) => (typeof value === "bigint" ? `${value}n` : value)) ?? "undefined";

describe("a filter is the same as the command's", () => {
  for (const [filter, words] of SAME) {
    it(`${shown(filter)}: ${words || "(no words)"}`, () => {
      const { family, ...rest } = said(commandFilter(words)) as FlowFilter;
      assert.deepEqual(said(read(filter)), { family, ...rest });
    });
  }
});

const WRONG: readonly (readonly [unknown, string])[] = [
  [undefined, "filter: undefined is not a plain object"],
  [null, "filter: null is not a plain object"],
  ["tcp", 'filter: "tcp" is not a plain object'],
  [[], "filter: a list is not a plain object"],
  [{ proto: "tcp" }, "filter.proto: there is no such property"],
  [{ protocol: undefined }, "filter.protocol is undefined: leave it out"],
  [{ orig: { dst: undefined } }, "filter.orig.dst is undefined: leave it out"],
  [{ orig: { address: "::1" } }, "filter.orig.address: there is no such property"],
  [{ family: "inet" }, 'filter.family: "inet" is not "ipv4" or "ipv6"'],
  [{ protocol: 256 }, "filter.protocol: 256 is not a whole number from 0 to 255"],
  [{ protocol: "no such" }, 'filter.protocol: "no such" is not a protocol'],
  [{ orig: { src: "10.0.0.0/33" } }, 'filter.orig.src: "10.0.0.0/33" is not a network'],
  [{ orig: { src: "10.0.0.0/" } }, 'filter.orig.src: "10.0.0.0/" is not a network'],
  [{ orig: { src: "10.0.0.0/8/9" } }, 'filter.orig.src: "10.0.0.0/8/9" is not a network'],
  [{ orig: { src: "localhost" } }, 'filter.orig.src: "localhost" is not an address'],
  [{ orig: { src: 1 } }, "filter.orig.src: 1 is not an address or a network"],
  [{ reply: { src: "10.0.0.0/8" } }, 'filter.reply.src: "10.0.0.0/8" is not an address'],
  [{ orig: { src: "10.0.0.1", dst: "::1" } }, "filter: addresses of both families"],
  [{ family: "ipv4", snat: { address: "::1" } }, "filter: addresses of both families"],
  [{ orig: { sport: 65536 } }, "filter.orig.sport: 65536 is not a whole number from 0 to 65535"],
  [{ orig: { sport: "80" } }, 'filter.orig.sport: "80" is not a whole number from 0 to 65535'],
  [{ orig: { sport: Number.NaN } }, "filter.orig.sport: NaN is not a whole number from 0 to 65535"],
  [{ orig: { icmp: { kind: 1 } } }, "filter.orig.icmp.kind: there is no such property"],
  [{ state: "ESTABLISHED" }, "filter.state needs a protocol beside it"],
  [{ protocol: "udp", state: "ESTABLISHED" }, 'filter.state: "ESTABLISHED" is not a state: it has none'],
  [{ status: [] }, "filter.status is empty: leave it out"],
  [{ status: "ASSURED" }, 'filter.status: "ASSURED" is not a list'],
  [{ mark: -1 }, "filter.mark: -1 is not a whole number from 0 to 4294967295"],
  [{ mark: { value: 1 } }, "filter.mark.mask: undefined is not a whole number from 0 to 4294967295"],
  [{ mark: null }, "filter.mark: null is not a plain object"],
  [{ snat: false }, "filter.snat: false is not a plain object"],
  [{ protocol: [] }, "filter.protocol is empty: leave it out"],
  [{ protocol: { not: [] } }, "filter.protocol.not is empty: leave it out"],
  [{ protocol: { not: undefined } }, "filter.protocol.not is undefined: leave it out"],
  [{ protocol: { not: "tcp", number: 17 } }, "filter.protocol.number: there is no such property"],
  [{ protocol: ["tcp", undefined, "udp"] }, "filter.protocol[1]: undefined is not a whole number from 0 to 255"],
  [{ protocol: new Array(1) }, "filter.protocol[0]: undefined is not a whole number from 0 to 255"],
  [{ protocol: [["tcp"]] }, "filter.protocol[0]: a list is not a whole number from 0 to 255"],
  [{ protocol: { not: { not: "tcp" } } }, "filter.protocol.not.number: undefined is not a whole number from 0 to 255"],
  [{ protocol: ["tcp", "udp"], state: "ESTABLISHED" }, "filter.state needs a single protocol beside it"],
  [{ protocol: { not: "tcp" }, state: "ESTABLISHED" }, "filter.state needs a single protocol beside it"],
  [{ orig: { dport: [] } }, "filter.orig.dport is empty: leave it out"],
  [{ orig: { dport: "80,443" } }, 'filter.orig.dport: "80,443" is not a whole number from 0 to 65535'],
  [{ orig: { dport: {} } }, "filter.orig.dport.from: undefined is not a whole number from 0 to 65535"],
  [{ orig: { dport: { from: 80 } } }, "filter.orig.dport.to: undefined is not a whole number from 0 to 65535"],
  [{ orig: { dport: { from: 81, to: 80 } } }, "filter.orig.dport: it ends before it begins"],
  [{ orig: { dport: [80, { from: 1, until: 2 }] } }, "filter.orig.dport[1].until: there is no such property"],
  [{ orig: { dport: new Set([80]) } }, "filter.orig.dport: [object Set] is not a plain object"],
  [{ orig: { src: ["10.0.0.1", "::1"] } }, "filter.orig.src: addresses of both families"],
  [{ orig: { src: { from: "10.0.0.1", to: "::1" } } }, "filter.orig.src: addresses of both families"],
  [{ orig: { src: { from: "10.0.0.9", to: "10.0.0.1" } } }, "filter.orig.src: it ends before it begins"],
  [{ orig: { src: "10.0.0.1,10.0.0.2" } }, 'filter.orig.src: "10.0.0.1,10.0.0.2" is not an address'],
  [{ reply: { src: ["10.0.0.0/8"] } }, 'filter.reply.src[0]: "10.0.0.0/8" is not an address'],
  [{ mark: [] }, "filter.mark is empty: leave it out"],
  [{ bytes: {} }, "filter.bytes is empty: leave it out"],
  [{ bytes: { min: -1 } }, "filter.bytes.min: -1 is not a whole number from 0 to 9007199254740991"],
  [
    { bytes: { min: 2n ** 53n } },
    "filter.bytes.min: 9007199254740992 is not a whole number from 0 to 9007199254740991",
  ],
  [{ bytes: { min: 2, max: 1 } }, "filter.bytes: it ends before it begins"],
  [{ bytes: "1k" }, 'filter.bytes: "1k" is not a whole number from 0 to 9007199254740991'],
  [{ labels: ["three"] }, 'filter.labels[0]: "three" is not a label of connlabel.conf'],
];

describe("a filter that cannot be meant is refused", () => {
  for (const [filter, message] of WRONG) {
    it(shown(filter), () => {
      assert.throws(
        () => read(filter as Filter),
        (error) => error instanceof UsageError && error.code === "CONNTRACK_USAGE" && error.message === message,
      );
    });
  }
});
