/** A load-file must mean the same, line by line, whether lines are copied from those before them or read by themselves. */
import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { type LinePlan, LineReader } from "../../../src/cli/load-file/load-file.js";
import { splitWords } from "../../../src/cli/load-file/words.js";
import { parseLoadFileLine } from "../../../src/cli/parse.js";
import { napiBackend } from "../../../src/netlink/backend/napi.js";
import { MessageWriter, messageEnd } from "../../../src/netlink/message.js";
import { UsageError } from "../../../src/system/errors.js";
import { decodeText } from "../../../src/system/text.js";
import { createMessage, isCreate } from "../../support/lines.js";
import { type Random, random as randomOf, seed } from "../../support/random.js";
import { type TestContext, testContext } from "../context.js";

interface Outcome {
  /** A line's number, and the message or the command that it became. */
  steps: string[];
  warnings: readonly string[];
  /** What was refused, and in which line. */
  error?: string;
}

/** Tells messages that were copied from those that were encoded. */
class WatchedWriter extends MessageWriter {
  encoded = false;
  override begin(...parameters: Parameters<MessageWriter["begin"]>): number {
    this.encoded = true;
    return super.begin(...parameters);
  }
}

const backend = napiBackend();
/** Entries to a batch. */
const BATCH = 5;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** Reads a file as -R does; `pieceBytes` is how much a read returns at most. */
function read(file: Uint8Array, context: TestContext, pieceBytes = () => 1 << 20): Outcome & { copied: number } {
  const steps: string[] = [];
  let copied = 0;
  let at = 0;
  const writer = new WatchedWriter(64);
  let held = 0;
  const plan: LinePlan = {
    writer,
    get room() {
      return BATCH - held;
    },
    entriesWritten(count, line) {
      if (count === 0) return;
      assert.ok(count <= BATCH - held, `${count} entries`);
      held += count;
      if (!writer.encoded) copied += count;
      writer.encoded = false;
      for (let i = 0; i < count; i++) {
        const end = messageEnd(writer.buffer, at, writer.length);
        steps.push(`${line + i} ${hex(writer.buffer.subarray(at, end))}`);
        at = end;
      }
      assert.equal(at, writer.length);
      if (held < BATCH) return;
      writer.clear();
      held = at = 0;
    },
    addCommand(command, line) {
      steps.push(`${line} ${JSON.stringify(command)}`);
    },
  };
  const reader = new LineReader(plan, context, backend.lines!());
  const outcome = { steps, warnings: context.warnings };
  let position = 0;
  try {
    reader.read({
      read(buffer) {
        const piece = file.subarray(position, position + Math.min(buffer.length, pieceBytes()));
        buffer.set(piece);
        position += piece.length;
        return piece.length;
      },
    });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { ...outcome, error: `${reader.lines} ${error.message}`, copied };
  }
  return { ...outcome, copied };
}

/** Where each line of a file ends. */
function linesOf(file: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < file.length; ) {
    const newline = file.indexOf("\n", start);
    const end = newline < 0 ? file.length : newline + 1;
    lines.push(file.subarray(start, end));
    start = end;
  }
  return lines;
}

/** The same with every line read by itself. */
function readSlowly(lines: readonly Buffer[], context = testContext()): Outcome {
  const steps: string[] = [];
  const outcome = { steps, warnings: context.warnings };
  for (const [index, bytes] of lines.entries()) {
    try {
      const words = splitWords(decodeText(bytes));
      if (words.length === 0) continue;
      const command = parseLoadFileLine(words, context);
      if (isCreate(command)) {
        steps.push(`${index + 1} ${hex(createMessage(command))}`);
      } else {
        steps.push(`${index + 1} ${JSON.stringify(command)}`);
      }
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return { ...outcome, error: `${index + 1} ${error.message}` };
    }
  }
  return outcome;
}

/** Asserts that a file means what its lines mean; returns how many of them were copied. */
function check(file: Buffer, pieceBytes?: () => number, files?: Readonly<Record<string, string>>): number {
  const { copied, ...outcome } = read(file, testContext(files), pieceBytes);
  assert.deepEqual(outcome, readSlowly(linesOf(file), testContext(files)), JSON.stringify(file.toString("latin1")));
  return copied;
}

const UDP = "-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2 -t 10";
const SCTP = "-I -s 1.1.1.1 -d 2.2.2.2 -p sctp --sport 1 --dport 2 --state ESTABLISHED -t 10";

describe("a line like one before it", () => {
  it("has its verification tags in host byte order, though that of the first read the same both ways", () => {
    for (const tag of [0, 0xffff0000 + 0xffff, 0x01020201, 0x5a5a5a5a]) {
      check(Buffer.from(`${SCTP} --orig-vtag ${tag} --reply-vtag ${tag}\n${SCTP} --orig-vtag 258 --reply-vtag 259\n`));
    }
  });

  it("is copied, tags aside", () => {
    assert.equal(check(Buffer.from(`${UDP}\n${UDP.replaceAll("1.1.1.1", "3.4.5.6")}\n`)), 1);
    assert.equal(check(Buffer.from(`${SCTP} --orig-vtag 0 --reply-vtag 0\n`.repeat(2))), 1);
  });

  it("keeps its zone, though the first one had it in quotes", () => {
    check(Buffer.from(`${UDP} "x -w 5"\n${UDP} x -w 5\n`));
  });

  it("is a comment, though the first one had its # in quotes", () => {
    check(Buffer.from(`"#x" ${UDP}\n#x ${UDP}\n`));
  });

  it("does not hide what comes behind it, though the first one held a NUL or a newline", () => {
    check(Buffer.from(`${UDP} x\0y\n${UDP} x\0y\n${UDP} x\n-F\n`));
    check(Buffer.from(`${UDP} x\0\n${UDP} x\n-F\n`));
    check(Buffer.from(`${UDP} "x\n${UDP} x\n\n-F\n`));
  });

  it("has blanks where the first one had an empty word", () => {
    check(Buffer.from(`${UDP} ""\n${UDP} \n${UDP}  \n`));
  });

  it("warns of its own labelmap, which another line was tried with", () => {
    const labelled = (path: number) => `${UDP} --label-add ssh --labelmap ${path}\n`;
    // Learning from the first line tries the second one's path.
    check(Buffer.from(labelled(1) + labelled((1 ^ 0x5a5b5c5d) >>> 0)), undefined, { 1: "1 ssh" });
  });

  it("is read to its end, though the file ends in it", () => {
    check(Buffer.from(`${UDP}\n${UDP}`));
    check(Buffer.from(`${UDP}\n${UDP}0\n${UDP}`), () => UDP.length + 1);
  });
});

describe("a line that is too long", () => {
  it("is refused before all of it was read: /dev/zero never ends", () => {
    let taken = 0;
    const plan = { writer: new MessageWriter(), room: BATCH, entriesWritten() {}, addCommand() {} };
    const reader = new LineReader(plan, testContext(), backend.lines!());
    const zeros = {
      read(buffer: Uint8Array) {
        buffer.fill(0);
        taken += buffer.length;
        return buffer.length;
      },
    };
    assert.throws(() => reader.read(zeros), new UsageError("Line too long!"));
    assert.equal(reader.lines, 1);
    assert.ok(taken < 1e6, `${taken} bytes`);
  });

  const long = (bytes: number) => Buffer.from(`${UDP}\n${UDP}${" ".repeat(bytes - UDP.length - 1)}\n${UDP}\n`);

  it("has more than 512 KiB, its newline included", () => {
    assert.equal(check(long(1 << 19)), 1);
    const { error, steps } = read(long((1 << 19) + 1), testContext());
    assert.equal(error, "2 Line too long!");
    assert.equal(steps.length, 1);
  });

  it("is no line whose words are as many and as long as they may be", () => {
    const word = `"${"\\x".repeat(1023)}"`;
    const words = UDP.split(" ");
    const { error, steps } = read(
      Buffer.from(`${[...words, ...Array.from({ length: 255 - words.length }, () => word)].join(" ")}\r\n`),
      testContext(),
    );
    assert.equal(error, undefined);
    assert.equal(steps.length, 1);
  });
});

test("many short reads of a long line take no longer than one", () => {
  const started = performance.now();
  check(Buffer.from(`${UDP}${" ".repeat(400_000)}\n`), () => 1);
  // Going through what is held at each of them takes minutes.
  assert.ok(performance.now() - started < 10_000);
});

type Kind = "v4" | "v6" | "u16" | "u32" | "tag" | "mark" | "zone" | "key" | "protocol" | "status" | "word";

interface Group {
  names: readonly string[];
  kind?: Kind;
  value?: string;
}

const one = (names: string, kind?: Kind, value?: string): Group => ({
  names: names.split(" "),
  ...(kind && { kind }),
  ...(value && { value }),
});
const TUPLE = (kind: "v4" | "v6") => [one("-s --src --orig-src", kind), one("-d --dst --orig-dst", kind)];
const PORTS = [one("--sport --orig-port-src", "u16"), one("--dport --orig-port-dst", "u16")];
const TIMEOUT = one("-t --timeout", "u32");
const TCP_STATE = one("--state", "word", "ESTABLISHED");
const protocol = (value: string) => one("-p --protonum --proto", "protocol", value);

/** Commands as options with values, from which lines are made. */
const COMMANDS: readonly (readonly Group[])[] = [
  [one("-I --create"), ...TUPLE("v4"), protocol("udp"), ...PORTS, TIMEOUT],
  [one("-I"), ...TUPLE("v6"), protocol("17"), ...PORTS, TIMEOUT, one("-m", "mark")],
  [
    one("-A --add", undefined),
    TIMEOUT,
    one("-u", "status"),
    ...TUPLE("v4"),
    one("-r --reply-src", "v4"),
    one("-q --reply-dst", "v4"),
    protocol("tcp"),
    ...PORTS,
    one("--reply-port-src", "u16"),
    one("--reply-port-dst", "u16"),
    TCP_STATE,
  ],
  [one("-I"), ...TUPLE("v6"), protocol("tcp"), ...PORTS, TCP_STATE, TIMEOUT, one("-w --zone", "zone")],
  [
    one("-A"),
    ...TUPLE("v4"),
    protocol("sctp"),
    ...PORTS,
    one("--state", "word", "CLOSED"),
    one("--orig-vtag", "tag"),
    one("--reply-vtag", "tag"),
    TIMEOUT,
  ],
  [
    one("-I"),
    ...TUPLE("v4"),
    protocol("icmp"),
    one("--icmp-type", "word", "8"),
    one("--icmp-code", "word", "0"),
    one("--icmp-id", "u16"),
    TIMEOUT,
  ],
  [
    one("-I"),
    ...TUPLE("v6"),
    protocol("icmpv6"),
    one("--icmpv6-type", "word", "128"),
    one("--icmpv6-code", "word", "0"),
    one("--icmpv6-id", "u16"),
    TIMEOUT,
  ],
  [one("-I"), ...TUPLE("v4"), protocol("gre"), one("--srckey --orig-key-src", "key"), one("--dstkey", "key"), TIMEOUT],
  [
    one("-I"),
    ...TUPLE("v4"),
    protocol("dccp"),
    ...PORTS,
    one("--state", "word", "OPEN"),
    one("--role", "word", "client"),
    TIMEOUT,
  ],
  [one("-I"), ...TUPLE("v4"), protocol("99"), TIMEOUT, one("-( --orig-zone", "zone"), one("-) --reply-zone", "zone")],
  [
    one("-I"),
    ...TUPLE("v4"),
    protocol("udp"),
    ...PORTS,
    TIMEOUT,
    one("-n --src-nat", "v4"),
    one("-g", "word", "9.9.9.9:99"),
  ],
  [
    one("-I"),
    one("-r", "v6"),
    one("-q", "v6"),
    protocol("udp"),
    one("--reply-port-src", "u16"),
    one("--reply-port-dst", "u16"),
    TIMEOUT,
  ],
  [one("-D"), one("-s", "v4")],
  [one("-U --update"), one("-p", "protocol", "udp"), one("-m --mark", "mark")],
  [one("-F --flush")],
];
/** What any of them may have besides. */
const MORE: readonly Group[] = [
  one("-m --mark", "mark"),
  one("-w", "zone"),
  one("-u --status", "status"),
  one("-f --family", "word", "ipv4"),
  one("-t", "u32"),
  one("-n", "v4"),
  one("-( --orig-zone", "zone"),
  one("--label-add -<", "word", "ssh"),
  one("-a", "word", "x"),
  one("-c", "u32"),
  one("-i", "u32"),
];
const PROTOCOL_WORDS: Readonly<Record<string, readonly string[]>> = {
  tcp: ["tcp", "TCP", "6", "0x6", "06"],
  udp: ["udp", "17", "Udp", "0x11", "021"],
  sctp: ["sctp", "132"],
  icmp: ["icmp", "1"],
  icmpv6: ["icmpv6", "58", "ipv6-icmp"],
  gre: ["gre", "47"],
  dccp: ["dccp", "33"],
  99: ["99", "0", "255", "igmp", "esp"],
};
/** Numbers whose bytes read the same both ways. */
const PALINDROMES = ["0", "16843009", "1515870810", "4294967295", "4278190335"];
/** Those on either side of a limit, and those that are written in another way. */
const U16 = ["0", "1", "257", "23130", "65535", "65536", "007", "010", "08", "0x10", "+1", "-1"];
const U32 = [...U16, ...PALINDROMES, "4294967296", "99999999999"];
const V4 = [
  "0.0.0.0",
  "255.255.255.255",
  "90.91.92.93",
  "1.2",
  "010.1.1.1",
  "0x7f.1",
  "1.2.3.4/32",
  "1.2.3.256",
  "1.2.3.4.",
];
const V6 = [
  "::",
  "::1",
  "1::",
  "fd00::1",
  "FD00::A",
  "::ffff:1.2.3.4",
  "1:2:3:4:5:6:7:8",
  "0:0:0:0:0:0:0:0",
  "fd00:0::0001",
  "1::2::3",
  "fd00::1/128",
  "12345::",
];

function newValue(random: Random, kind: Kind, old: string | undefined): string {
  const plain = !random.once(10);
  const hextet = () => random.below(0x10000).toString(16);
  switch (kind) {
    case "v4":
      return plain ? Array.from({ length: 4 }, () => random.below(256)).join(".") : random.pick(V4);
    case "v6": {
      if (!plain) return random.pick(V6);
      const groups = Array.from({ length: 1 + random.below(6) }, hextet);
      return random.once(2) ? `${groups.join(":")}::${hextet()}` : Array.from({ length: 8 }, hextet).join(":");
    }
    case "zone":
    case "u16":
      return plain ? String(random.below(0x10000)) : random.pick(kind === "u16" ? [...U16, "http", "domain"] : U16);
    case "key":
      return plain ? String(random.below(0x10000)) : random.pick([...U16, `0x${hextet()}`]);
    case "u32":
      return plain ? String(random.below(0x1_0000_0000)) : random.pick(U32);
    case "tag":
      return random.once(2) ? random.pick(PALINDROMES) : String(random.below(0x1_0000_0000));
    case "mark":
      return plain ? String(random.below(0x1_0000_0000)) : random.pick([...U32, "5/0xff", "7/", "0x7/7", "1/2/3"]);
    case "protocol": {
      const same = Object.values(PROTOCOL_WORDS).find((words) => words.includes(old ?? ""));
      return random.pick(same !== undefined && plain ? same : Object.values(PROTOCOL_WORDS).flat());
    }
    case "status":
      return random.pick([
        "ASSURED",
        "SEEN_REPLY,ASSURED",
        "SEEN_REPLY",
        "ass",
        "UNSET",
        "!ASSURED",
        "SRC_NAT",
        "EXPECTED",
      ]);
    case "word":
      return old ?? "";
  }
}

/** The words of a command, each option written in one of its ways. */
function write(random: Random, groups: readonly Group[]): string[] {
  return groups.flatMap(({ names, value }) => {
    let name = random.once(4) ? random.pick(names) : names[0]!;
    const long = name.startsWith("--");
    if (long && random.once(8)) name = name.slice(0, 4 + random.below(name.length - 3));
    if (value === undefined) return [name];
    if (random.once(12)) return [long ? `${name}=${value}` : `${name}${value}`];
    return [name, value];
  });
}

/** Another command like it. */
function changed(random: Random, command: readonly Group[]): Group[] {
  const revalue = (group: Group): Group =>
    group.kind === undefined ? group : { ...group, value: newValue(random, group.kind, group.value) };
  let groups = command.map((group) => {
    const often = group.kind === "protocol" || group.kind === "status" ? 6 : 2;
    return group.value === undefined || random.once(often) ? revalue(group) : group;
  });
  if (random.once(12)) groups = random.some(groups, groups.length);
  if (random.once(8)) groups.splice(random.below(groups.length + 1), 0, revalue(random.pick(groups)));
  if (random.once(8)) groups.splice(random.below(groups.length + 1), 0, revalue(random.pick(MORE)));
  if (random.once(25) && groups.length > 1) groups.splice(random.below(groups.length), 1);
  return groups;
}

const INSERTED = [
  "\0",
  "\r",
  "\t",
  "\x1b",
  "\x7f",
  " ",
  "  ",
  '"',
  '"',
  "\\",
  "#",
  "é",
  "\ufeff",
  "\u00a0",
  "0",
  "x",
  "\xff",
  "\x85",
];
const EXTRA_WORDS = [
  "x",
  '""',
  "--",
  '"x -w 5"',
  '"x -t 7"',
  '"x\t-w\t5"',
  '"x\\"" -w 5 "\\""',
  "#",
  '"#"',
  '"a\\"b"',
  '"',
  "-",
  "'a b'",
  "x\0",
  "\0",
  '"\\',
];

/** The words of a line with a blank between them. */
function canonical(text: string): string {
  try {
    return splitWords(`${text}\n`).join(" ");
  } catch {
    return text;
  }
}

/** Other text for a line: quotes, blanks and bytes that are not to be seen in a plain one. */
function mangled(random: Random, text: string): string {
  const words = text.split(" ");
  const at = random.below(words.length);
  const index = random.below(text.length + 1);
  switch (random.below(11)) {
    case 0:
      words[at] = `"${words[at]}"`;
      return words.join(" ");
    case 1:
      words.splice(at, 2, `"${words.slice(at, at + 2).join(" ")}"`);
      return words.join(" ");
    case 2:
      words.splice(random.once(2) ? words.length : at, 0, random.pick(EXTRA_WORDS));
      return words.join(" ");
    case 3:
      return text.slice(0, index) + random.pick(INSERTED) + text.slice(index);
    case 4:
      return text.replaceAll('"', "");
    case 5:
      return random.pick(['"#x" ', "#x ", "# ", " ", "\t", '"#" ', "x ", '"" ']) + text;
    case 6:
      return text + random.pick(["\r", " ", "\t", " \r", "\r\r", '"', "\0", ' "']);
    case 7:
      return words.join(random.pick(["  ", "\t", " \t "]));
    case 8:
      return text.replace(/^(?:"#x"|#x|#|x) /, "");
    case 9:
      return text.replaceAll("\0", "");
    default:
      return text.slice(0, index) + text.slice(index + 1);
  }
}

/** A line that may be like those before it. */
function randomText(random: Random, commands: (readonly Group[])[], texts: readonly string[]): string {
  const command = changed(random, random.pick(commands));
  if (random.once(4)) commands.push(command);
  let text = texts.length > 0 && random.once(2) ? random.pick(texts) : write(random, command).join(" ");
  // What a pattern is for: the same text with other numbers, one of which may be odd.
  if (random.once(2)) text = text.replace(/\d+/g, (digits) => (random.once(3) ? String(random.below(300)) : digits));
  if (random.once(4)) {
    const odd = random.below(6);
    let index = 0;
    text = text.replace(/(?<= )\d+(?= |$)/g, (digits) => (index++ === odd ? random.pick(U32) : digits));
  }
  // What a pattern must not take for it: the words without what held them together.
  if (/["\t]/.test(text) && random.once(3)) text = canonical(text);
  for (let changes = random.once(3) ? 1 + random.below(2) : 0; changes > 0; changes--) text = mangled(random, text);
  return text;
}

/** A file of lines that are much alike. Only the last one may be refused: nothing behind it would be read. */
function randomFile(random: Random): Buffer {
  const commands: (readonly Group[])[] = random.some(COMMANDS, 1 + random.below(3));
  const texts: string[] = [];
  const accepted: Buffer[] = [];
  const refused: Buffer[] = [];
  for (let count = 4 + random.below(40); count > 0; count--) {
    const text = randomText(random, commands, texts);
    const bytes = Buffer.from(`${text}\n`, random.once(20) ? "latin1" : "utf8");
    const isRefused = linesOf(bytes).some((line) => readSlowly([line]).error !== undefined);
    (isRefused ? refused : accepted).push(bytes);
    if (!isRefused) texts.push(text);
  }
  if (refused.length > 0 && random.once(2)) accepted.push(random.pick(refused));
  const file = Buffer.concat(accepted);
  return random.once(5) ? file.subarray(0, -1) : file;
}

const FILES = 2_000;

test(`${FILES} random files, CONNTRACK_TEST_SEED=${seed}`, (t) => {
  const random = randomOf(seed);
  let [copied, lines, refused] = [0, 0, 0];
  for (let index = 0; index < FILES; index++) {
    const file = randomFile(random);
    const most = random.pick([1, 7, 64, 300, 1 << 20]);
    copied += check(file, () => 1 + random.below(most));
    lines += linesOf(file).length;
    if (readSlowly(linesOf(file)).error !== undefined) refused++;
  }
  t.diagnostic(`${lines} lines, ${copied} copied; ${refused} files refused`);
  // Else there was little to compare.
  assert.ok(copied > lines / 10, `${copied} of ${lines} lines were copied`);
  assert.ok(refused > FILES / 10, `${refused} files were refused`);
});
