/** Several hundred random legal list command lines on one table, ours beside the reference. */
import { before, describe, it } from "node:test";
import { agree } from "../support/agree.js";
import { type Random, random, seed } from "../support/random.js";
import { noReference } from "../support/reference.js";
import { loadTable } from "../support/table.js";
import { exclusion } from "./exclusions.js";
import { TABLE } from "./table.js";

const COUNT = 400;

/** All values that the table's lines give to an option: near hits are likelier than with made-up ones. */
function valuesOf(pattern: RegExp): string[] {
  const found = TABLE.flatMap((line) => Array.from(line.matchAll(pattern), ([, value]) => value!));
  return [...new Set(found)];
}

const ADDRESSES = valuesOf(/ -[sdrq] (\S+)/g);
const PORTS = [...valuesOf(/-(?:sport|dport|port-src|port-dst) (\d+)/g), "12345"];

interface Choice {
  words: string[];
  /** The family that its addresses have. */
  family?: 4 | 6;
}

function address(r: Random, family: 4 | 6): string {
  return r.pick(ADDRESSES.filter((one) => one.includes(":") === (family === 6)));
}

/** An option and its value, in one of the ways to write them. */
function written(r: Random, short: string | undefined, long: string, value: string): string[] {
  if (short !== undefined && r.once(2)) return r.once(4) ? [short + value] : [short, value];
  return r.once(2) ? [`${long}=${value}`] : [long, value];
}

function network(r: Random, family: 4 | 6, short: string, long: string): Choice {
  const bits = family === 4 ? 32 : 128;
  const prefix = r.once(3) ? `/${r.below(bits + 1)}` : "";
  return { family, words: written(r, short, long, address(r, family) + prefix) };
}

function protocol(r: Random): string[] {
  const ports = ["--sport", "--dport", "--orig-port-src", "--orig-port-dst", "--reply-port-src", "--reply-port-dst"];
  const some = (options: readonly string[], value: () => string, most: number) =>
    r.some(options, r.below(most + 1)).flatMap((option) => written(r, undefined, option, value()));
  const name = r.pick([
    "tcp",
    "TCP",
    "udp",
    "udplite",
    "sctp",
    "icmp",
    "icmpv6",
    "gre",
    "6",
    "17",
    "0x11",
    "99",
    "esp",
    "igmp",
  ]);
  const words = written(r, "-p", r.pick(["--proto", "--protonum"]), name);
  if (/^(tcp|TCP|6|udp|17|0x11|udplite|sctp)$/.test(name)) words.push(...some(ports, () => r.pick(PORTS), 2));
  if (/^(tcp|TCP|6)$/.test(name) && r.once(2)) words.push("--state", r.pick(valuesOf(/tcp .*--state (\S+)/g)));
  if (name === "sctp" && r.once(2)) words.push("--state", r.pick(valuesOf(/sctp .*--state (\S+)/g)));
  if (name === "icmp")
    words.push(...some(["--icmp-type", "--icmp-code", "--icmp-id"], () => r.pick(["0", "8", "13", "77", "255"]), 2));
  if (name === "icmpv6")
    words.push(...some(["--icmpv6-type", "--icmpv6-code", "--icmpv6-id"], () => r.pick(["0", "9", "128", "139"]), 2));
  return words;
}

function nat(r: Random, family: 4 | 6, short: string, long: string): Choice {
  if (r.once(2)) return { words: [r.pick([short, long])] };
  const host = r.pick(
    family === 4 ? ["198.51.100.1", "198.51.100.7", "10.7.0.99", "10.9.9.9"] : ["2001:db8:9::99", "2001:db8:9::77"],
  );
  const port = r.once(2) ? `:${r.pick(["4001", "2001", "8080", "5353", "1"])}` : "";
  return { family, words: [r.pick([short, long]), family === 6 && port !== "" ? `[${host}]${port}` : host + port] };
}

function status(r: Random): string {
  const names = ["ASSURED", "SEEN_REPLY", "FIXED_TIMEOUT", "EXPECTED", "assured", "Seen", "OFFLOAD"];
  const sign = r.once(2) ? "!" : "";
  return r
    .some(names, 1 + r.below(2))
    .map((name) => sign + name)
    .join(",");
}

const NUMBERS = ["0", "1", "3", "4", "7", "0x10", "010", "255", "65535"];

function options(r: Random): string[] {
  const family = r.pick([4, 4, 6] as const);
  const makers: (() => Choice)[] = [
    () => network(r, family, "-s", r.pick(["--src", "--orig-src"])),
    () => network(r, family, "-d", r.pick(["--dst", "--orig-dst"])),
    () => ({ family, words: written(r, "-r", "--reply-src", address(r, family)) }),
    () => ({ family, words: written(r, "-q", "--reply-dst", address(r, family)) }),
    () => ({ words: protocol(r) }),
    () => ({ words: written(r, "-m", "--mark", r.pick(NUMBERS) + (r.once(2) ? `/${r.pick(NUMBERS)}` : "")) }),
    () => ({ words: written(r, "-u", "--status", status(r)) }),
    () => ({ words: written(r, "-w", "--zone", r.pick(NUMBERS)) }),
    () => ({ words: written(r, undefined, "--orig-zone", r.pick(NUMBERS)) }),
    () => ({ words: written(r, undefined, "--reply-zone", r.pick(NUMBERS)) }),
    () => ({ words: ["-f", family === 6 ? "ipv6" : "ipv4"] }),
    () => nat(r, family, "-n", "--src-nat"),
    () => nat(r, family, "-g", "--dst-nat"),
  ];
  const chosen = r.some(makers, r.below(4)).map((make) => make().words);
  const formats = r.once(4)
    ? ["save"]
    : r.some(["xml", "extended", "id", "ktimestamp", "timestamp", "userspace"], 1 + r.below(3));
  if (r.once(2)) chosen.push(written(r, "-o", "--output", formats.join(",")));
  return r.some(chosen, chosen.length).flat();
}

describe(`random lists, CONNTRACK_TEST_SEED=${seed}`, { skip: noReference }, () => {
  before(() => loadTable(TABLE));

  const r = random(seed);
  for (let made = 0; made < COUNT; ) {
    const argv = [r.pick(["-L", "--dump", "--dum", "-L"]), ...options(r)];
    const words = argv.join(" ");
    if (exclusion(words) !== undefined) continue;
    made++;
    it(`${made}: ${words}`, () => agree(argv).then(() => {}));
  }
});
