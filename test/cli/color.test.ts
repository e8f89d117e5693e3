/** Colours change nothing but colours. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { colored } from "../../src/cli/color.js";
import { FLOW_FORMATS } from "../../src/format/formats.js";
import { toUtf8 } from "../../src/system/text.js";
import { random, seed } from "../support/random.js";
import { FLOW_FIXTURES, wireFixture } from "../support/wire.js";

const ESCAPES = /\u001b\[\d+m/g;

function paint(bytes: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  colored({ write: (part) => void parts.push(part) }).write(bytes);
  return Buffer.concat(parts);
}

const painted = (text: string) => paint(toUtf8(text)).toString();

test("colours what each format has", () => {
  assert.ok(Object.keys(FLOW_FORMATS).length >= 5);
  for (const [line, colours] of [
    ["tcp      6 5 ESTABLISHED src=10.0.0.1 dst=::1 [ASSURED] mark=0 use=1\n", [32, 34, 36, 34, 36, 32, 34, 34]],
    ["    [NEW] udp      17 30 src=1.1.1.1 [UNREPLIED]\n", [32, 34, 36, 31]],
    ['{"state":"SYN_SENT","mark":5,"event":"destroy","helper":"a\\"b"}\n', [34, 31, 34, 35, 34, 31, 34, 32]],
    ['<state>TIME_WAIT</state><meta direction="reply"/>\n', [34, 35, 34, 34, 32]],
    ["-A -t 5 -s 1.1.1.1 --state ESTABLISHED\n", [34, 34, 34, 34, 32]],
    ["SRC/24      FLOWS      %  UNREPLIED\n", [1]],
    ["cpu=0   \tfound=1 insert_failed=2 \n", [34, 34, 34]],
    ["12\n", []],
    ["Table      250,000 of 262,144 entries (95.4 %), +0/s                        FULL\n", [1, 31]],
    ["Hash       262,144 buckets, load 1.9 (each entry is hashed twice)             ok\n", [1, 32]],
    ["           SYN_SENT 90 %   unreplied 91 %\n", [31]],
    ["  from     10.0.0.1           200,000  80.0 %   95 % to 203.0.113.9:443\n", []],
    ["drop    12  +3/s  packets dropped. Should be 0\n", [34, 31]],
    ["insert   3  entries made by programs (conntrack -I, conntrackd)\n", [34]],
    ["other                632   14.5        0 %\n", []],
    ["  1. one source: 10.0.0.1 has 200,000 entries, 80.0 %\n", [1]],
    ["       conntrack -L -s 10.0.0.1 --group-by dst,dport --limit 5\n", [36]],
    ["[blue] udp      17 29 src=10.0.0.1 [UNREPLIED]\n", [34, 36, 31]],
    ["[pid 7 sh] SRC      FLOWS      %  UNREPLIED\n", [1]],
  ] as const) {
    const text = painted(line);
    assert.equal(text.replace(ESCAPES, ""), line);
    // Each colour is ended: 39, or 22 for bold.
    const numbers = Array.from(text.matchAll(/\u001b\[(\d+)m/g), ([, number]) => Number(number));
    assert.deepEqual(
      numbers.filter((_, i) => i % 2 === 0),
      colours,
      JSON.stringify(text),
    );
    assert.ok(numbers.every((number, i) => i % 2 === 0 || number === 39 || number === 22));
  }
});

describe("without the escapes the bytes are the same", () => {
  for (const name of FLOW_FIXTURES) {
    for (const format of ["default", "extended", "xml", "save"] as const) {
      test(`${format} of ${name}`, () => {
        const lines = wireFixture(name).messages.flatMap((message) => message[format] ?? []);
        const text = lines.map((line) => `${line}\n`).join("");
        assert.notEqual(painted(text), text);
        assert.equal(painted(text).replace(ESCAPES, ""), text);
      });
    }
  }

  test(`whatever the bytes are (seed ${seed})`, () => {
    const { below, pick } = random(seed);
    const beginnings = ["", "{", "<", "-A ", "src="];
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.concat([
        Buffer.from(pick(beginnings)),
        Uint8Array.from({ length: below(60) }, () => {
          const byte = below(256);
          return byte === 0x1b ? 0x1c : byte;
        }),
      ]);
      const stripped = Buffer.from(paint(bytes).toString("latin1").replace(ESCAPES, ""), "latin1");
      assert.deepEqual(stripped, bytes);
    }
  });
});
