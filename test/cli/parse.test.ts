/** What accepted command lines mean. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Arguments, Values } from "../../src/cli/arguments.js";
import { parseCommandLine, parseLoadFileLine, readArguments } from "../../src/cli/parse.js";
import type { DeleteFlows } from "../../src/command/command.js";
import { AF_INET, AF_INET6, AF_UNSPEC, IPS_ASSURED, IPS_SEEN_REPLY } from "../../src/ctnetlink/constants.js";
import { markedWith } from "../../src/match/conditions.js";
import { UsageError } from "../../src/system/errors.js";
import { testContext } from "./context.js";

const v4 = (...bytes: number[]) => Uint8Array.from(bytes);
const A = v4(1, 1, 1, 1);
const B = v4(2, 2, 2, 2);

function parse(argv: string): Arguments {
  return readArguments(argv.split(" ").filter(Boolean), testContext());
}

/** The values that were given, without the tuples that nothing was said about. */
function said(all: Values): Partial<Values> {
  const given: Partial<Values> = { ...all };
  for (const name of ["orig", "reply", "expectTuple", "expectMask"] as const) {
    const tuple = Object.fromEntries(Object.entries(all[name]).filter(([, value]) => value !== undefined));
    if (Object.keys(tuple).length === 0) delete given[name];
    else given[name] = tuple;
  }
  return given;
}

const values = (argv: string): Partial<Values> => said(parse(argv).values);

function refuses(argv: string, message: string): void {
  assert.throws(() => parse(argv), new UsageError(message));
}

describe("commands and tables", () => {
  const cases: readonly (readonly [argv: string, name: string, table: string])[] = [
    ["-L", "list", "conntrack"],
    ["--dump expect", "list", "expect"],
    ["--dump=expect", "list", "expect"],
    ["-L e", "list", "expect"],
    ["-L u", "list", "unconfirmed"],
    ["-L dy", "list", "dying"],
    ["-L -z expect", "list", "conntrack"],
    ["-Lz expect", "list", "conntrack"],
    ["-C expect", "count", "expect"],
    ["-Cexpect", "count", "conntrack"],
    ["--delete=c -s 1.1.1.1", "delete", "conntrack"],
    ["--flush=expect", "flush", "expect"],
    ["-F", "flush", "conntrack"],
    ["-S expect", "stats", "expect"],
    ["-E", "event", "conntrack"],
    ["-V", "version", "conntrack"],
    ["-h", "help", "conntrack"],
    ["", "help", "conntrack"],
    ["foo", "help", "conntrack"],
    ["-- -L", "help", "conntrack"],
  ];
  for (const [argv, name, table] of cases) {
    it(argv || "(no words)", () => {
      const command = parse(argv);
      assert.deepEqual([command.name, command.table], [name, table]);
    });
  }

  it("an empty word is the beginning of every table, and of expect first", () => {
    assert.equal(readArguments(["-L", ""], testContext()).table, "expect");
  });

  it("-R is a command as the first word with a file behind it, and nothing else is read then", () => {
    const command = (argv: string) => parseCommandLine(argv.split(" "), testContext());
    assert.deepEqual(command("-R - -L"), { name: "load-file", file: "-" });
    assert.deepEqual(command("--load-file -h"), { name: "load-file", file: "-h" });
    refuses("-R", "unknown option `-R'");
    refuses("-L -R f", "unknown option `-R'");
    refuses("-Rf", "unknown option `conntrack'");
  });
});

describe("values of flows", () => {
  const cases: readonly (readonly [argv: string, values: Partial<Values>])[] = [
    ["-L", {}],
    ["-L -s 1.1.1.1 -d 2.2.2.2", { orig: { src: A, dst: B } }],
    ["-L --orig-src 1.1.1.1 --orig-dst=2.2.2.2", { orig: { src: A, dst: B } }],
    ["-L -r1.1.1.1 -q2.2.2.2", { reply: { src: A, dst: B } }],
    ["-L -s 1.1.1.1/24", { orig: { src: A }, srcMask: v4(255, 255, 255, 0) }],
    ["-L -s 1.1.1.1/32", { orig: { src: A } }],
    ["-L -s 1.1.1.1/0", { orig: { src: A }, srcMask: v4(0, 0, 0, 0) }],
    ["-L --mask-src 255.0.0.0 -s 1.1.1.1", { orig: { src: A }, srcMask: v4(255, 0, 0, 0) }],
    ["-L --mask-src 255.0.0.0 -s 1.1.1.1/24", { orig: { src: A }, srcMask: v4(255, 255, 255, 0) }],
    ["-L -s 1.1.1.1/24 --mask-src 255.0.0.0", { orig: { src: A }, srcMask: v4(255, 0, 0, 0) }],
    ["-L -d 1.1.1.1/8 --mask-dst 255.255.0.0 -d 2.2.2.2", { orig: { dst: B }, dstMask: v4(255, 255, 0, 0) }],
    ["-L -p tcp --sport 1 --dport http", { protonum: 6, orig: { sport: 1, dport: 80 } }],
    ["-L -p tcp --orig-port-src 1 --reply-port-dst 2", { protonum: 6, orig: { sport: 1 }, reply: { dport: 2 } }],
    ["-L --sport 1 -p tcp", { protonum: 6, orig: { sport: 1 } }],
    ["-L --spo 1 --state ESTABLISHED -s 1.1.1.1 -p tcp", { protonum: 6, state: 3, orig: { src: A, sport: 1 } }],
    ["-L -p udp -p tcp --sport 1", { protonum: 6, orig: { sport: 1 } }],
    ["-L -p udp --sport 1 -p tcp", { protonum: 6, orig: { sport: 1 } }],
    ["-L -p gre --srckey 0x10 --reply-key-dst 32", { protonum: 47, orig: { sport: 16 }, reply: { dport: 32 } }],
    ["-L -p icmp --icmp-type 8 --icmp-id 5", { protonum: 1, orig: { icmpType: 8, icmpId: 5 } }],
    ["-L -p 58 --icmpv6-code 1", { protonum: 58, orig: { icmpCode: 1 } }],
    ["-L -p sctp --state HEARTBEAT_ACKED", { protonum: 132, state: 9 }],
    ["-U -p sctp --orig-vtag 1 --reply-vtag 4294967295", { protonum: 132, origVtag: 1, replyVtag: 0xffffffff }],
    ["-D -t 5 -i 7", { timeoutSeconds: 5, id: 7 }],
    ["-L -m 0x10/0xf0", { mark: { value: 16, mask: 0xf0 } }],
    ["-L -m 5", { mark: { value: 5, mask: 0xffffffff } }],
    ["-L -m 5/", { mark: { value: 5, mask: 0 } }],
    ["-L -w 7 -c 010", { zone: 7, secmark: 8 }],
    ["-L --orig-zone 1 --reply-zone 2", { orig: { zone: 1 }, reply: { zone: 2 } }],
    ["-L -( 1 -) 2", { orig: { zone: 1 }, reply: { zone: 2 } }],
    ["-L -n 1.1.1.1:80 -g 2.2.2.2", { srcNat: { address: A, port: 80 }, dstNat: { address: B } }],
    ["-L -n1.1.1.1", { srcNat: { address: A } }],
    ["-L --any-nat=1.1.1.1", { anyNat: { address: A } }],
    ["-L -n 1.1.1.1 -n", { srcNat: { address: A } }],
    ["-L -u ASSURED", { status: { set: IPS_ASSURED, clear: 0, unset: false } }],
    ["-L -u a -u !seen", { status: { set: IPS_ASSURED, clear: IPS_SEEN_REPLY, unset: false } }],
    ["-L --labelmap lm.conf -l ten,last -l bit0", { labels: [10, 127, 0] }],
    ["-U --labelmap lm.conf --label-add ten", { labelAdd: [10] }],
    ["-U --labelmap lm.conf --label-del=ten", { labelDel: [10] }],
    ["-U --labelmap lm.conf --label-del ten --label-del", { labelDel: "all" }],
    ["-U --labelmap lm.conf -> ten", { labelDel: [10] }],
  ];
  for (const [argv, want] of cases) it(argv, () => assert.deepEqual(values(argv), want));

  it("no address at all asks whether a flow is translated", () => {
    assert.deepEqual(values("-L -n -g"), { srcNat: {}, dstNat: {} });
    assert.deepEqual(values("-L -j !x"), { anyNat: {} });
  });

  it("the /LEN of an address goes with it", () => {
    assert.deepEqual(values("-D -s 1.1.1.1/8 -s 2.2.2.2"), { orig: { src: B } });
    assert.deepEqual(values("-D -s 1.1.1.1/8 -s 2.2.2.2/32"), { orig: { src: B } });
  });
});

describe("values of expectations", () => {
  it("masks belong to the expected tuple", () => {
    const argv =
      "-I expect -s 1.1.1.1 -d 2.2.2.2 --tuple-src 3.3.3.0/24 --tuple-dst 4.4.4.4 --mask-dst 255.0.0.0 -t 5 -p tcp " +
      "--sport 1 --dport 2 --tuple-port-src 3 --tuple-port-dst 4 --mask-port-src 5 --mask-port-dst 6";
    assert.deepEqual(values(argv), {
      orig: { src: A, dst: B, sport: 1, dport: 2 },
      expectTuple: { src: v4(3, 3, 3, 0), dst: v4(4, 4, 4, 4), sport: 3, dport: 4 },
      expectMask: { src: v4(255, 255, 255, 0), dst: v4(255, 0, 0, 0), sport: 5, dport: 6 },
      protonum: 6,
      timeoutSeconds: 5,
    });
  });
});

describe("what is not about values", () => {
  it("the family is what -f or an address says", () => {
    assert.equal(parse("-L").family, AF_UNSPEC);
    assert.equal(parse("-L -f ipv6").family, AF_INET6);
    assert.equal(parse("-L -s 1.1.1.1").family, AF_INET);
    assert.equal(parse("-L -n ::1").family, AF_INET6);
    refuses("-L -f ipv4 -f ipv6", "mismatched address family");
    refuses("-L --mask-src ffff:: -s 1.1.1.1", "mismatched address family");
  });

  it("output formats add up", () => {
    const { output } = parse("-L -o id,ext -o timestamp");
    assert.deepEqual(
      Object.entries(output).flatMap(([name, on]) => (on ? [name] : [])),
      ["extended", "timestamp", "id"],
    );
  });

  it("events add up", () => {
    assert.equal(parse("-E").eventMask, undefined);
    // A list that names no event: the reference shows none.
    assert.equal(parse("-E -e s").eventMask, 0);
    assert.equal(parse("-E -e NEW -e DESTROY").eventMask, 5);
    assert.equal(parse("-E -e all").eventMask, 7);
  });

  it("-z and -b", () => {
    assert.equal(parse("-L -z").zero, true);
    assert.equal(parse("-E -b 5").bufferSizeBytes, 5);
    assert.equal("bufferSizeBytes" in parse("-E"), false);
  });
});

describe("options of a protocol", () => {
  it("are refused where the protocol has none of that name", () => {
    refuses("-L --sport 1", "unknown option `--sport'");
    refuses("-L --sport 1 -p icmp", "unknown option `--sport'");
    refuses("-L --sport 1 -p bogus", "unknown option `--sport'");
    refuses("-L --sport 1 -- -p tcp", "unknown option `--sport'");
    refuses("-L -p 99 --sport 1", "unknown option `--sport'");
    refuses("-L --bogus 1 -p tcp", "unknown option `--bogus'");
  });

  it("are not carried over to a protocol without them", () => {
    refuses("-L -p tcp --sport 1 -p icmp", "unknown option `--sport'");
    refuses("-L -p tcp --state NONE -p sctp", "unknown option `--state'");
  });

  it("find a -p further on however it is written", () => {
    for (const argv of [
      "-L --sport 1 -ptcp",
      "--sport=1 -Lptcp",
      "-L --sport 1 --dport 2 --pro tcp",
      "--sport 1 -L c --proto=6",
    ]) {
      const { orig, protonum } = parse(argv).values;
      assert.deepEqual([orig.sport, protonum], [1, 6], argv);
    }
  });
});

describe("warnings", () => {
  function warnings(argv: string, files?: Record<string, string>): string[] {
    const context = testContext(files);
    parseCommandLine(argv.split(" "), context);
    return context.warnings;
  }

  it("come in the order of the words", () => {
    assert.deepEqual(warnings("-I -u s -a x -p 99 -s 1.1.1.1 -d 1.1.1.1 -t 5"), [
      "WARNING: ignoring SRC_NAT, use --src-nat instead",
      "WARNING: ignoring -a, deprecated option.",
    ]);
    assert.deepEqual(warnings("-L -o d"), ["WARNING: ignoring DST_NAT, use --dst-nat instead"]);
  });

  it("a label map is read only for labels, and said to be missing or empty", () => {
    const path = "/etc/xtables/connlabel.conf";
    assert.deepEqual(warnings("-L -o labels", {}), ["nfct_labelmap_new: No such file or directory"]);
    assert.deepEqual(warnings("-L -o labels", { [path]: "# nothing\n" }), ["nfct_labelmap_new: Success"]);
    assert.deepEqual(warnings("-L --labelmap nowhere", {}), []);
    assert.equal(parse("-L").labelMap, undefined);
    assert.equal(parse("-L -o labels --labelmap lm.conf").labelMap?.names[10], "ten");
  });
});

describe("lines of a load-file", () => {
  it("share the files that were read", () => {
    const context = testContext();
    for (let i = 0; i < 3; i++) {
      parseLoadFileLine(["-D", "-p", "igmp"], context);
      parseLoadFileLine(["-D", "-p", "tcp", "--sport", "http", "--labelmap", "lm.conf", "-l", "ten"], context);
    }
    assert.deepEqual(context.reads, ["/etc/protocols", "/etc/services", "lm.conf"]);
  });

  it("share nothing else", () => {
    const context = testContext();
    const filter = (words: string[]) => (parseLoadFileLine(words, context) as DeleteFlows).filter;
    assert.deepEqual(filter(["-D", "-p", "tcp", "-m", "5"]).mark, markedWith(5, 0xffffffff));
    assert.deepEqual(filter(["-D"]), { family: 0 });
  });

  it("refuse what a file cannot hold, named as the reference names it", () => {
    const cases: readonly (readonly [line: string, name: string])[] = [
      ["-L", "-L"],
      ["-L dying", "-L"],
      ["-L expect", "-L expect"],
      ["-C", "-C"],
      ["-S expect", "-S expect"],
      ["-V expect", "-V"],
      ["--help", "-h"],
      ["-F expect", "-F expect"],
      ["foo", "unknown"],
    ];
    for (const [line, name] of cases) {
      assert.throws(
        () => parseLoadFileLine(line.split(" "), testContext()),
        new UsageError(`Cannot use command \`${name}' with --load-file`),
      );
    }
    assert.throws(() => parseLoadFileLine(["-R", "f"], testContext()), new UsageError("unknown option `-R'"));
  });
});
