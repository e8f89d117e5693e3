/** Lists, ranges and negations as values of filters: what they mean, where they go, and how they are refused. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseCommandLine, parseLoadFileLine } from "../../src/cli/parse.js";
import type { FlowFilter } from "../../src/match/filter.js";
import { UsageError } from "../../src/system/errors.js";
import { testContext } from "./context.js";

/** The words of a line; quotes hold none together here. */
const words = (line: string) => line.split(" ").map((word) => (word === "''" ? "" : word));

function filter(line: string): FlowFilter {
  const command = parseCommandLine(words(line), testContext());
  assert.ok("filter" in command && command.filter !== undefined, line);
  return command.filter;
}

/** The message that the words are refused with, and the exit status; undefined where they are accepted. */
function refusal(line: string, parse: (words: readonly string[]) => unknown = commandLine) {
  try {
    parse(words(line));
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return [error.message, error.exitCode];
    throw error;
  }
}
const commandLine = (argv: readonly string[]) => parseCommandLine(argv, testContext());
const loadFileLine = (argv: readonly string[]) => parseLoadFileLine(argv, testContext());

const set = (...items: (number | readonly [number, number])[]) => ({
  items: items.map((item) => (typeof item === "number" ? { from: item, to: item } : { from: item[0], to: item[1] })),
  not: false,
});
const none = (...items: Parameters<typeof set>) => ({ ...set(...items), not: true });
const v4 = (...bytes: number[]) => Uint8Array.from(bytes);

describe("lists of numbers", () => {
  const rows: readonly (readonly [line: string, part: (filter: FlowFilter) => unknown, want: unknown])[] = [
    ["-L -p tcp,udp", (f) => f.protonum, set(6, 17)],
    ["-L -p 17,tcp,6", (f) => f.protonum, set(6, 17)],
    ["-L -p tcp,6", (f) => f.protonum, set(6)],
    ["-L -p !tcp", (f) => f.protonum, none(6)],
    ["-L -p TCP,ipv6-icmp,99", (f) => f.protonum, set(6, 58, 99)],
    ["-D -p tcp --dport 80,443,8000-8100", (f) => f.orig?.dport, set(80, 443, [8000, 8100])],
    ["-D -p tcp --dport 443,80,81", (f) => f.orig?.dport, set([80, 81], 443)],
    ["-D -p tcp --dport http,domain", (f) => f.orig?.dport, set(53, 80)],
    ["-D -p tcp --sport 1024-", (f) => f.orig?.sport, set([1024, 65535])],
    ["-D -p tcp --sport !80", (f) => f.orig?.sport, none(80)],
    ["-D -p tcp --reply-port-src 1,3 --reply-port-dst !5-9", (f) => f.reply?.sport, set(1, 3)],
    ["-D -p tcp --reply-port-src 1,3 --reply-port-dst !5-9", (f) => f.reply?.dport, none([5, 9])],
    ["-L -p tcp,udp --dport domain", (f) => f.orig?.dport, set(53)],
    ["-L --dport 53,80 -p tcp,udp", (f) => f.orig?.dport, set(53, 80)],
    ["--sport 53,80 -p udp --dump", (f) => f.orig?.sport, set(53, 80)],
    ["-L -p tcp --state SYN_SENT,CLOSE_WAIT", (f) => f.state, set(1, 5)],
    ["-L -p tcp --state !ESTABLISHED", (f) => f.state, none(3)],
    ["-L -p tcp,6 --state ESTABLISHED,LISTEN", (f) => f.state, set(3, 9)],
    ["-L -w 1,3-5", (f) => f.zone, set(1, [3, 5])],
    ["-L --orig-zone 0x10-0x20 --reply-zone !0", (f) => [f.orig?.zone, f.reply?.zone], [set([16, 32]), none(0)]],
    ["-L -p icmp --icmp-type 0,8 --icmp-code !0-3", (f) => f.orig?.icmpType, set(0, 8)],
    ["-L -p icmpv6 --icmpv6-type 128-129", (f) => f.orig?.icmpType, set([128, 129])],
    ["-L -p gre --srckey 0x10-0x1f --dstkey 1,2", (f) => f.orig?.sport, set([16, 31])],
    ["-D -i 7,9", (f) => f.id, set(7, 9)],
    ["-L -i !7", (f) => f.id, none(7)],
    ["-L -i 7", (f) => f.id, set(7)],
    ["-U -p tcp,udp --dport 1,2 -m 7", (f) => f.orig?.dport, set([1, 2])],
    ["-E -p tcp --dport 80,443", (f) => f.orig?.dport, set(80, 443)],
    ["-C -p tcp --dport 80,443", (f) => f.orig?.dport, set(80, 443)],
    ["-L --age 90,1h30m-2d,-5s", (f) => f.ageSeconds, set([0, 5], 90, [5400, 172_800])],
    ["-L --expires 5m-", (f) => f.expiresSeconds, set([300, Number.POSITIVE_INFINITY])],
    // The last one counts, whether it is a list or not.
    ["-L -p tcp --dport 1,3 --dport 5", (f) => f.orig?.dport, set(5)],
    ["-L -p tcp --dport 5 --dport 1,3", (f) => f.orig?.dport, set(1, 3)],
    ["-L -p tcp,udp -p tcp --state CLOSE", (f) => f.protonum, set(6)],
    ["-L -p tcp -p !udp", (f) => f.protonum, none(17)],
    ["-L -w 5 -w 1,3", (f) => f.zone, set(1, 3)],
    ["-L -w 1,3 -w 5", (f) => f.zone, set(5)],
  ];
  for (const [line, part, want] of rows) it(line, () => assert.deepEqual(part(filter(line)), want));
});

describe("lists of addresses and marks", () => {
  const rows: readonly (readonly [line: string, part: (filter: FlowFilter) => unknown, want: unknown])[] = [
    [
      "-L -s !10.0.0.0/8,192.168.0.0/16",
      (f) => f.orig?.src,
      {
        items: [
          { from: v4(10, 0, 0, 0), to: v4(10, 255, 255, 255) },
          { from: v4(192, 168, 0, 0), to: v4(192, 168, 255, 255) },
        ],
        not: true,
      },
    ],
    [
      "-D -d 10.0.0.5,10.0.0.1-10.0.0.9",
      (f) => f.orig?.dst,
      { items: [{ from: v4(10, 0, 0, 1), to: v4(10, 0, 0, 9) }], not: false },
    ],
    [
      "-L -s !10.0.0.0/8",
      (f) => f.orig?.src,
      { items: [{ address: v4(10, 0, 0, 0), mask: v4(255, 0, 0, 0) }], not: true },
    ],
    ["-L -s 10.0.0.0/8 -s !1.2.3.4", (f) => f.orig?.src, { items: [{ address: v4(1, 2, 3, 4) }], not: true }],
    [
      "-L -r 1.1.1.1,1.1.1.3",
      (f) => f.reply?.src,
      {
        items: [
          { from: v4(1, 1, 1, 1), to: v4(1, 1, 1, 1) },
          { from: v4(1, 1, 1, 3), to: v4(1, 1, 1, 3) },
        ],
        not: false,
      },
    ],
    ["-L -q !1.1.1.1", (f) => f.reply?.dst, { items: [{ address: v4(1, 1, 1, 1) }], not: true }],
    ["-L -q fd::1-fd::2", (f) => f.family, 10],
    [
      "-L -m 1,0x10/0xf0",
      (f) => f.mark,
      {
        items: [
          { value: 1, mask: 0xffffffff },
          { value: 0x10, mask: 0xf0 },
        ],
        not: false,
      },
    ],
    ["-D -m !0", (f) => f.mark, { items: [{ value: 0, mask: 0xffffffff }], not: true }],
  ];
  for (const [line, part, want] of rows) it(line, () => assert.deepEqual(part(filter(line)), want));
});

describe("refused, and nothing done", () => {
  const rows: readonly (readonly [line: string, message: string, status?: number])[] = [
    ["-D -p tcp --dport 80,", "Invalid port `80,'"],
    ["-D -p tcp --dport ,80", "Invalid port `,80'"],
    ["-D -p tcp --dport 80,,81", "Invalid port `80,,81'"],
    ["-D -p tcp --dport !", "Invalid port `!'"],
    ["-D -p tcp --dport -", "Invalid port `-'"],
    ["-D -p tcp --dport -80", "Invalid port `-80'"],
    ["-D -p tcp --dport 80-90-100", "Invalid port `80-90-100'"],
    ["-D -p tcp --dport 80-65536", "Invalid port `80-65536'"],
    ["-D -p tcp --dport 80, 443", "Invalid port `80,'"],
    ["-D -p tcp --dport 8100-8000", "Invalid range `8100-8000'"],
    ["-D -p tcp --dport 80,!443", "only a whole list can be negated: `80,!443'"],
    ["-D -p tcp --dport !!80", "only a whole list can be negated: `!!80'"],
    ["-D -s ''", "Invalid IP address `'"],
    ["-D -s !", "Invalid IP address `!'"],
    ["-D -s 1.1.1.1,", "Invalid IP address `1.1.1.1,'"],
    ["-D -s 1.1.1.1-", "Invalid IP address `1.1.1.1-'"],
    ["-D -s 1.1.1.0/24-1.1.2.0/24", "Invalid netmask"],
    ["-D -s 1.1.1.1,2.2.2.2/33", "Invalid netmask"],
    ["-D -s 1.1.1.9-1.1.1.1", "Invalid range `1.1.1.9-1.1.1.1'"],
    ["-D -s 1.1.1.1,fd::1", "mismatched address family"],
    ["-D -s 1.1.1.1-fd::1", "mismatched address family"],
    ["-D -f ipv6 -s 1.1.1.1,1.1.1.2", "mismatched address family"],
    ["-D -s 1.1.1.1,1.1.1.2 -d fd::1", "mismatched address family"],
    ["-D -r 1.1.1.0/24,2.2.2.2", "CIDR notation unavailable for `--reply-src'"],
    ["-D -s 1.1.1.1,2.2.2.2 --mask-src 255.0.0.0", "Can't use --mask-src with a list"],
    ["-D -d !1.1.1.1 --mask-dst 255.0.0.0", "Can't use --mask-dst with a list"],
    ["-D -p tcp,foo", "`tcp,foo' unsupported protocol"],
    ["-D -p tcp,", "`tcp,' unsupported protocol"],
    ["-D -p !tcp --dport 5", "unknown option `--dport'"],
    ["-D -p tcp,icmp --dport 5", "unknown option `--dport'"],
    ["-D -p tcp,99 --dport 5", "unknown option `--dport'"],
    ["-D -p tcp,sctp --state ESTABLISHED", "unknown option `--state'"],
    ["-D -p tcp --state ESTABLISHED,", "unknown TCP state `ESTABLISHED,'"],
    ["-D -p tcp --state established", "unknown TCP state `established'"],
    ["-L -p tcp,udp --dport shell,nonsense", "Invalid port `shell,nonsense'"],
    ["-D -m 1,", "unexpected value '1,' with -m option", 1],
    ["-D -m 1-5", "unexpected value '1-5' with -m option", 1],
    ["-D -w 1,65536", "unexpected value '1,65536' with -w option", 1],
    ["-D -w 5-1", "Invalid range `5-1'"],
    ["-D -i 1-5", "unexpected value '1-5' with -i option", 1],
    ["-D -p icmp --icmp-type 8,256", "Invalid ICMP type `8,256'"],
    ["-D -p gre --srckey 1,65536", "Invalid GRE key `1,65536'"],
    ["-L --age 1h30", "Invalid range `1h30'"],
    ["-L --age 5s3m", "Invalid range `5s3m'"],
    ["-L --age s", "Invalid range `s'"],
    ["-L --expires 99999999999999999999", "Invalid range `99999999999999999999'"],
    ["-L -z --age 5", "Can't use -z with filtering parameters"],
    // One value where a value is written, and on expectations: the reference's messages.
    ["-I -s 1.1.1.1,2.2.2.2 -d 3.3.3.3 -p tcp", "Invalid IP address `1.1.1.1,2.2.2.2'"],
    ["-s 1.1.1.1,2.2.2.2 -d 3.3.3.3 -p tcp -A", "Invalid IP address `1.1.1.1,2.2.2.2'"],
    ["-G -p tcp --sport 1,2", "Invalid port `1,2'"],
    ["-U -m 1,2", "unexpected value '1,2' with -m option", 1],
    ["-U -p tcp --state LISTEN,CLOSE", "unknown TCP state `LISTEN,CLOSE'"],
    ["-D expect -s 1.1.1.1,2.2.2.2", "Invalid IP address `1.1.1.1,2.2.2.2'"],
    ["-s 1.1.1.1,2.2.2.2 -D expect", "Invalid IP address `1.1.1.1,2.2.2.2'"],
    ["-s 1.1.1.1,2.2.2.2", "Invalid IP address `1.1.1.1,2.2.2.2'"],
    ["-h -p tcp,udp", "`tcp,udp' unsupported protocol"],
    ["-L -f ipv4,!ipv6 -n !1.1.1.1 -t 5", "Illegal option `--timeout' with this command"],
    // A `!` of its own: the reference deletes what must stay.
    ["-D ! -s 10.0.0.0/8", "a `!' goes into the value, as in -s '!10.0.0.0/8'"],
    ["-D -s 10.0.0.0/8 !", "a `!' goes into the value, as in -s '!10.0.0.0/8'"],
    ["-U ! -s 10.0.0.0/8 -m 1", "a `!' goes into the value, as in -s '!10.0.0.0/8'"],
    ["-D -- !", "a `!' goes into the value, as in -s '!10.0.0.0/8'"],
    ["-D foo ! -s 10.0.0.0/8", "unknown type `foo'"],
  ];
  for (const [line, message, status = 2] of rows) {
    it(line, () => assert.deepEqual(refusal(line), [message, status]));
  }

  it("a lone `!` behind the word that ends the options, for POSIX", () => {
    const context = testContext(undefined, true);
    assert.throws(
      () => parseCommandLine(["-D", "-p", "tcp", "foo", "!", "-s", "1.1.1.1"], context),
      /goes into the value/,
    );
  });

  it("but a lone `!` that the other commands ignore stays ignored", () => {
    assert.equal(refusal("-L ! -s 10.0.0.0/8"), undefined);
    assert.equal(refusal("-E !"), undefined);
  });
});

describe("lines of load-files", () => {
  it("take lists in -D and in the filters of -U", () => {
    assert.equal(refusal("-D -p tcp --dport 80,443 -s !10.0.0.0/8", loadFileLine), undefined);
    assert.equal(refusal("-U -p tcp,udp -d 1.1.1.1-1.1.1.9 -m 1", loadFileLine), undefined);
  });
  const rows: readonly (readonly [line: string, message: string])[] = [
    ["-I -s 1.1.1.1,2.2.2.2 -d 3.3.3.3 -p tcp", "Invalid IP address `1.1.1.1,2.2.2.2'"],
    ["-D -s 1.1.1.1 --bytes 5", "Illegal option `--bytes' with this command"],
    ["-D ! -s 1.1.1.1", "a `!' goes into the value, as in -s '!10.0.0.0/8'"],
  ];
  for (const [line, message] of rows) it(line, () => assert.deepEqual(refusal(line, loadFileLine), [message, 2]));
});

it("a list of 10,000 items is read in no time", () => {
  const items = Array.from({ length: 10_000 }, (_, i) => `10.${(i * 7) % 256}.${i % 251}.${(i * 3) % 256}`).join(",");
  const started = process.cpuUsage();
  const { orig } = filter(`-L -s ${items} -p tcp --dport ${Array.from({ length: 10_000 }, (_, i) => 3 * i).join(",")}`);
  const { user } = process.cpuUsage(started);
  assert.equal(orig?.dport?.items.length, 10_000);
  assert.ok(user < 2e6, `${user} µs`);
});
