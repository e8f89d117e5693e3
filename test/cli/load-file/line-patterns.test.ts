/** Lines that are copies of one before must come out as if each had been read by itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LinePatterns } from "../../../src/cli/load-file/line-patterns.js";
import { splitWords } from "../../../src/cli/load-file/words.js";
import { napiBackend } from "../../../src/netlink/backend/napi.js";
import { MessageWriter } from "../../../src/netlink/message.js";
import { UsageError } from "../../../src/system/errors.js";
import { createLine, createMessage } from "../../support/lines.js";
import { random as randomOf, seed } from "../../support/random.js";
import { wireFixture } from "../../support/wire.js";
import { testContext } from "../context.js";

const context = testContext();
const backend = napiBackend();

/** The long way: what a line by itself becomes; undefined for one that is refused. */
function encode(words: readonly string[]): Uint8Array | undefined {
  try {
    return createMessage(createLine(words, context));
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

function learned(lines: readonly string[]): LinePatterns {
  const patterns = new LinePatterns(backend.lines!());
  for (const line of lines) {
    const words = splitWords(line);
    const message = encode(words);
    assert.ok(message, line);
    patterns.learn(line, words, message, encode);
  }
  return patterns;
}

/** The short way; undefined where no pattern fits. */
function copied(patterns: LinePatterns, line: string): Uint8Array | undefined {
  const writer = new MessageWriter();
  const bytes = Buffer.from(`${line}\n\0`);
  const { lines, next } = patterns.write(bytes, 0, bytes.length, writer, 9);
  if (lines === 0) {
    assert.equal(writer.length, 0, "nothing is left of a line that does not fit");
    assert.equal(next, 0);
    return undefined;
  }
  assert.equal(lines, 1);
  assert.equal(next, bytes.length - 1);
  return writer.buffer.slice(0, writer.length);
}

const SAVED = wireFixture("flows-mix").messages.map(({ save }) => save!);
const OTHERS = [
  "-I -s 1.2.3.4 -d 5.6.7.8 -p udp --sport 1 --dport 2 -t 50 -m 7",
  "-I -s fd00::1 -d fd00::2 -p tcp --sport 10 --dport 20 --state SYN_SENT -t 50 -w 3",
  "-A -r 9.9.9.9 -q 8.8.8.8 -p 99 -t 4294967295 -u ASSURED",
  "-I -s 1.2.3.4 -d 5.6.7.8 -p tcp --sport 1 --dport 2 --state ESTABLISHED -t 50 -n 7.7.7.7:99 -g 6.6.6.6",
];

test("a line that was learned comes out the same", () => {
  const lines = [...SAVED, ...OTHERS];
  const patterns = learned(lines);
  for (const line of lines) assert.deepEqual(copied(patterns, line), encode(splitWords(line)), line);
});

test("addresses and numbers of another line like it are its own", () => {
  const patterns = learned(OTHERS);
  for (const line of [
    "-I -s 203.0.113.255 -d 0.0.0.0 -p udp --sport 65535 --dport 0 -t 4294967295 -m 4294967295",
    "-I -s ::1 -d 2001:db8::ff:0 -p tcp --sport 1 --dport 2 --state SYN_SENT -t 1 -w 65535",
  ]) {
    const message = copied(patterns, line);
    assert.ok(message, line);
    assert.deepEqual(message, encode(splitWords(line)), line);
  }
});

test("blanks, quotes and a return are part of what lines have in common", () => {
  const blanks = (src: string) => `  -I\t-s ${src}  -d "5.6.7.8"  -p udp --sport 1 --dport 2 -t 50  \r`;
  const patterns = learned([blanks("1.2.3.4")]);
  assert.deepEqual(copied(patterns, blanks("9.8.7.6")), encode(splitWords(blanks("9.8.7.6"))));
  assert.equal(copied(patterns, blanks("1.2.3.4").trim()), undefined);
  // A word that its line does not hold as it is.
  for (const line of [
    '-I -s 1.2.3.4 -d 5.6.7.8 -p udp --sport 1 --dport 2 -t 5"0"',
    '-I -s 1.2.3.4 -d 5.6.7.8 -p udp --sport 1 --dport 2 -t "5\\0"',
  ]) {
    assert.equal(copied(learned([line]), line), undefined, line);
  }
});

test("what is not plainly such a value is left to the long way", () => {
  const patterns = learned(OTHERS);
  const line = (src: string, sport: string) => `-I -s ${src} -d 5.6.7.8 -p udp --sport ${sport} --dport 2 -t 50 -m 7`;
  for (const [src, sport] of [
    ["1.2.3.256", "1"],
    ["1.2.3", "1"],
    ["1.2.3.04", "1"],
    ["1.2.3.4.5", "1"],
    ["1..3.4", "1"],
    ["1.2.3.", "1"],
    ["0x1.2.3.4", "1"],
    ["1.2.3.0/24", "1"],
    ["fd::1", "1"],
    ['"1.2.3.4"', "1"],
    ["1.2.3.4", "65536"],
    ["1.2.3.4", "01"],
    ["1.2.3.4", "-1"],
    ["1.2.3.4", "http"],
    ["1.2.3.4", "99999999999"],
    // 2^64 + 1
    ["1.2.3.4", "18446744073709551617"],
    ["1.2.3.4", ""],
    ["1.2.3.4", "1\r"],
    ["1.2.3.4é", "1"],
  ] as const) {
    assert.equal(copied(patterns, line(src, sport)), undefined, `${src} ${sport}`);
  }
  assert.equal(copied(patterns, OTHERS[0]!.replace(" ", "  ")), undefined);
  assert.equal(copied(patterns, `${OTHERS[0]} `), undefined);
  assert.equal(copied(patterns, OTHERS[0]!.slice(0, -2)), undefined);
  assert.equal(copied(patterns, ""), undefined);
  assert.equal(copied(patterns, "# -I"), undefined);
  assert.equal(copied(patterns, OTHERS[0]!.replace("udp", "tcp")), undefined);
});

test(`random changes to lines, seed ${seed}`, () => {
  const random = randomOf(seed);
  const lines = [...SAVED, ...OTHERS];
  const patterns = learned(lines);
  const words = [
    "0",
    "1",
    "65535",
    "65536",
    "4294967295",
    "4294967296",
    "007",
    "-1",
    "0x10",
    "tcp",
    "udp",
    "-s",
    "-t",
    "--sport",
    "1.1.1.1",
    "255.255.255.255",
    "256.1.1.1",
    "1.1",
    "::",
    "::1",
    "FD::1",
    "::ffff:1.2.3.4",
    "1.2.3.4:5",
    "NONE",
    "",
  ];
  let short = 0;
  for (let i = 0; i < 20_000; i++) {
    const line = splitWords(random.pick(lines));
    for (let changes = random.below(4); changes > 0; changes--) line[random.below(line.length)] = random.pick(words);
    const text = line.join(" ");
    const message = copied(patterns, text);
    if (message === undefined) continue;
    short++;
    assert.deepEqual(message, encode(splitWords(text)), text);
  }
  assert.ok(short > 5_000, `${short} lines took the short way`);
});
