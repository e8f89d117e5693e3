/** Single values, by the options that take them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseCommandLine, readArguments } from "../../src/cli/parse.js";
import { UsageError } from "../../src/system/errors.js";
import { testContext } from "./context.js";

/** "ok", or what the words are refused with. */
function message(argv: readonly string[]): string {
  try {
    parseCommandLine(argv, testContext());
    return "ok";
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

function table(title: string, before: readonly string[], cases: Readonly<Record<string, string>>): void {
  describe(title, () => {
    for (const [value, want] of Object.entries(cases)) {
      it(JSON.stringify(value), () => assert.equal(message([...before, value]), want.replace("$", value)));
    }
  });
}

const NOT_AN_ADDRESS = "Invalid IP address `$'";
const NO_PORT = "No port specified after `:'";

table("-s", ["-L", "-s"], {
  "1.2.3": "ok",
  "0x7f.1": "ok",
  "1.2.3.4/24": "ok",
  "1.2.3.4/+24": "ok",
  "1.2.3.4/024": "ok",
  "1.2.3.4/33": "Invalid netmask",
  "1.2.3.4/-1": "Invalid netmask",
  "1.2.3.4/": "Invalid netmask",
  "1.2.3.4/0x18": "Invalid netmask",
  "1.2.3.4/ 24": "Invalid netmask",
  "::1/128": "ok",
  "::1/129": "Invalid netmask",
  "": NOT_AN_ADDRESS,
  "/24": NOT_AN_ADDRESS,
  "bad/99": NOT_AN_ADDRESS,
  " 1.1.1.1": NOT_AN_ADDRESS,
  "1.1.1.1 foo": NOT_AN_ADDRESS,
  "::1%lo": NOT_AN_ADDRESS,
  localhost: NOT_AN_ADDRESS,
});

table("-r", ["-L", "-r"], {
  "1.2.3.4/32": "CIDR notation unavailable for `--reply-src'",
  "1.2.3.4/bad": "CIDR notation unavailable for `--reply-src'",
  "bad/24": NOT_AN_ADDRESS,
});

table("-n", ["-L", "-n"], {
  "1.1.1.1": "ok",
  "1.1.1.1:0": "ok",
  "1.1.1.1:080": "ok",
  "::1": "ok",
  "[::1]:80": "ok",
  "[1.2.3.4]:80": "ok",
  ":": NO_PORT,
  "bad:": NO_PORT,
  "[::1]:": NO_PORT,
  "bad:99999": "Invalid port `99999'",
  "1.1.1.1:-1": "Invalid port `-1'",
  "1.1.1.1: 1": "Invalid port ` 1'",
  "1.1.1.1:http": "Invalid port `http'",
  "[::1]:80:90": "Invalid port `80:90'",
  "1.1.1.1/24:x": "Invalid port `x'",
  "1.1.1.1/24:80": "CIDR notation unavailable for `--src-nat'",
  "[fd::1/64]:80": "CIDR notation unavailable for `--src-nat'",
  ":80": "Invalid IP address `'",
  "[bad]:80": "Invalid IP address `bad'",
  "[::1]": NOT_AN_ADDRESS,
  "[::1]80": NOT_AN_ADDRESS,
  "1.1.1.1:1:2": NOT_AN_ADDRESS,
  "": NOT_AN_ADDRESS,
  "[::1": "No closing ']' around IPv6 address",
  "[]:80": "No IPv6 address specified",
  "[]": "No IPv6 address specified",
});

const UNSUPPORTED = "`$' unsupported protocol";

table("-p", ["-L", "-p"], {
  tcp: "ok",
  TCP: "ok",
  UDPlite: "ok",
  icmpv6: "ok",
  igmp: "ok",
  "IPv6-ICMP": "ok",
  "IPV6-ICMP": UNSUPPORTED,
  "0": "ok",
  "06": "ok",
  "0x6": "ok",
  "255": "ok",
  "256": UNSUPPORTED,
  "-1": UNSUPPORTED,
  "08": UNSUPPORTED,
  "6x": UNSUPPORTED,
  "": UNSUPPORTED,
  tc: UNSUPPORTED,
  " tcp": UNSUPPORTED,
  constructor: UNSUPPORTED,
});

table("-f", ["-L", "-f"], {
  ipv4: "ok",
  ipv6: "ok",
  ipv44: "ok",
  IPv4: UNSUPPORTED,
  ipv: UNSUPPORTED,
  inet: UNSUPPORTED,
});

const UNEXPECTED_MARK = "unexpected value '$' with -m option";

table("-m", ["-L", "-m"], {
  "0": "ok",
  "+5": "ok",
  "010": "ok",
  "0x1/0xff": "ok",
  "4294967295": "ok",
  "5/": "ok",
  "4294967296": UNEXPECTED_MARK,
  "-1": UNEXPECTED_MARK,
  "5x": UNEXPECTED_MARK,
  "5 ": UNEXPECTED_MARK,
  "/1": UNEXPECTED_MARK,
  "5/x": UNEXPECTED_MARK,
  "5/1/1": UNEXPECTED_MARK,
  "0x": UNEXPECTED_MARK,
  "08": UNEXPECTED_MARK,
  "": UNEXPECTED_MARK,
});

table("-w", ["-L", "-w"], { "65535": "ok", "0x10": "ok", "65536": "unexpected value '$' with -w option" });
table("--reply-zone", ["-L", "--reply-zone"], { "65536": "unexpected value '$' with -) option" });
table("-i", ["-D", "-i"], { "4294967295": "ok", abc: "unexpected value '$' with -i option" });
table("-c", ["-L", "-c"], { "4294967295": "ok", "-0": "unexpected value '$' with -c option" });

it("bad values of -m, -w, -c, -i and zones end with status 1", () => {
  for (const option of ["-m", "-w", "-c", "-i", "--orig-zone", "--reply-zone"]) {
    assert.throws(() => parseCommandLine(["-L", option, "x"], testContext()), { exitCode: 1 });
  }
});

const BAD_PORT = "Invalid port `$'";

table("--sport", ["-L", "-p", "udp", "--sport"], {
  "0": "ok",
  "65535": "ok",
  "00080": "ok",
  domain: "ok",
  http: "ok",
  www: "ok",
  HTTP: BAD_PORT,
  "65536": BAD_PORT,
  "-1": BAD_PORT,
  "+1": BAD_PORT,
  "0x10": BAD_PORT,
  "10abc": BAD_PORT,
  " 10": BAD_PORT,
  "1:2": BAD_PORT,
  "": BAD_PORT,
});

it("a service means the port that it has over the protocol", () => {
  const sport = (protocol: string, service: string) =>
    readArguments(["-L", "-p", protocol, "--sport", service], testContext()).values.orig.sport;
  assert.deepEqual([sport("tcp", "syslog"), sport("udp", "cmd"), sport("udp", "domain")], [514, 514, 53]);
});

table("-t", ["-D", "-t"], {
  "0": "ok",
  "4294967295": "ok",
  "4294967296": "Invalid timeout `$'",
  "-1": "Invalid timeout `$'",
  "1e3": "Invalid timeout `$'",
  "10s": "Invalid timeout `$'",
  "": "Invalid timeout `$'",
});

table("-b", ["-E", "-b"], {
  "1": "ok",
  "8088608": "ok",
  // The kernel has a least size of its own, and setsockopt(2) takes an int: more counts as its largest.
  "0": "ok",
  "2147483648": "ok",
  "99999999999999999999": "ok",
  "-1": "Invalid buffer size `$'",
  abc: "Invalid buffer size `$'",
});

table("--srckey", ["-L", "-p", "gre", "--srckey"], {
  "0x10": "ok",
  "65535": "ok",
  "65536": "Invalid GRE key `$'",
  abc: "Invalid GRE key `$'",
  "": "Invalid GRE key `$'",
});

table("--icmp-type", ["-L", "-p", "icmp", "--icmp-type"], {
  "255": "ok",
  "256": "Invalid ICMP type `$'",
  abc: "Invalid ICMP type `$'",
  "-1": "Invalid ICMP type `$'",
});
table("--icmp-code", ["-L", "-p", "icmp", "--icmp-code"], { "255": "ok", "256": "Invalid ICMP code `$'" });
table("--icmpv6-id", ["-L", "-p", "icmpv6", "--icmpv6-id"], { "65535": "ok", "65536": "Invalid ICMPv6 id `$'" });

table("--orig-vtag", ["-U", "-p", "sctp", "--orig-vtag"], {
  "4294967295": "ok",
  "4294967296": "Invalid verification tag `$'",
});

table("--state of tcp", ["-L", "-p", "tcp", "--state"], {
  LISTEN: "ok",
  SYN_SENT2: "ok",
  NONE: "ok",
  established: "unknown TCP state `$'",
  "11": "unknown TCP state `$'",
  toString: "unknown TCP state `$'",
});
table("--state of sctp", ["-L", "-p", "sctp", "--state"], { CLOSED: "ok", LISTEN: "unknown SCTP state `$'" });
table("--state of dccp", ["-L", "-p", "dccp", "--state"], { TIMEWAIT: "ok", open: "Unknown DCCP state `$'" });

table("--role", ["-U", "-p", "dccp", "--role"], {
  SERV: "Illegal option `--role' with this command",
  "": "Illegal option `--role' with this command",
  Clientx: "Unknown DCCP role `$'",
});

const BAD = "Bad parameter `$'";

table("-u", ["-L", "-u"], {
  ASSURED: "ok",
  a: "ok",
  h: "ok",
  "asSURed,!fixed": "ok",
  UNREPLIED: "ok",
  UNREPLIEDxyz: "ok",
  "s,a": "ok",
  "!SRC_NAT": "ok",
  u: "ok",
  "": BAD,
  "0": BAD,
  ",": BAD,
  unreplied: BAD,
  UNREPLIE: BAD,
  "!": "Bad parameter `'",
  "!!ASSURED": "Bad parameter `!ASSURED'",
  "!UNREPLIED": "Bad parameter `UNREPLIED'",
  "ASSURED,": "Bad parameter `'",
  "ASSURED,!": "Bad parameter `'",
  "ASSURED,,a": "Bad parameter `,a'",
  "ASSURED,bogus,a": "Bad parameter `bogus,a'",
  "ASSURED, a": "Bad parameter ` a'",
});

describe("-u as a filter", () => {
  const status = (list: string) => readArguments(["-L", "-u", list], testContext()).values.status;
  it("UNSET in full asks for none of the flags; abbreviated it says nothing", () => {
    assert.deepEqual(status("unset"), { set: 0, clear: 0, unset: true });
    for (const list of ["u", "UNSE", "!UNSET", "SRC_NAT", "!d"]) {
      assert.deepEqual(status(list), { set: 0, clear: 0, unset: false }, list);
    }
  });
});

table("-e", ["-E", "-e"], { new: "ok", "n,u,de": "ok", d: "ok", SRC_NAT: "ok", "!NEW": BAD, UPDATESx: BAD, "": BAD });

table("-o", ["-L", "-o"], {
  sa: "ok",
  "save,save": "ok",
  "save,s": "ok",
  X: "ok",
  "!xml": BAD,
  UNREPLIED: BAD,
  "xml,": "Bad parameter `'",
  ",xml": BAD,
  "save,id": "cannot combine save output with any other output type, use -o save only",
});
