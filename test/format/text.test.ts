import assert from "node:assert/strict";
import { test } from "node:test";
import { parseProcStats, statsLine } from "../../src/format/stats.js";
import { writeForeign, writeForeignXml } from "../../src/format/text.js";
import { ctime, whenXml, wholeSeconds } from "../../src/format/time.js";
import { ByteWriter } from "../../src/system/byte-writer.js";
import { utcTime } from "../support/clock.js";

function written(write: (writer: ByteWriter, bytes: Uint8Array) => void, text: string | Uint8Array): string {
  const writer = new ByteWriter(16);
  write(writer, typeof text === "string" ? Buffer.from(text) : text);
  return Buffer.from(writer.written()).toString();
}

test("control characters of others never reach the output", () => {
  const hostile = "a\x1b[2J\r\n\x07\x00\x7fb\u009b31mc";
  assert.equal(written(writeForeign, hostile), "a?[2J?????b?31mc");
  assert.equal(written(writeForeign, Uint8Array.of(0x61, 0x9b, 0x62)), "a\ufffdb");
  assert.doesNotMatch(written(writeForeignXml, hostile), /\p{Cc}/u);
});

test("other text passes as it is, in any language and at any length", () => {
  for (const text of ["ftp", "grün", "日本", "x".repeat(20_000)]) assert.equal(written(writeForeign, text), text);
});

test("xml is escaped", () => {
  assert.equal(written(writeForeignXml, `<a & "b">`), "&lt;a &amp; &quot;b&quot;&gt;");
});

test("times are local, in ctime(3)'s form and in xml's elements", () => {
  const seconds = Date.UTC(2026, 10, 3, 4, 5, 6) / 1000;
  assert.equal(ctime(seconds, { localTime: utcTime }), "Tue Nov  3 04:05:06 2026");
  assert.equal(
    whenXml(seconds, { localTime: utcTime }),
    "<when><hour>4</hour><min>05</min><sec>06</sec><wday>3</wday><day>3</day><month>11</month><year>2026</year></when>",
  );
});

test("whole seconds are exact where a double would not be", () => {
  assert.equal(wholeSeconds(1_795_451_118_999_999_999n), 1_795_451_118);
  assert.equal(wholeSeconds(1_795_451_119_000_000_000n), 1_795_451_119);
});

test("/proc/net/stat/nf_conntrack reads as the reference shows it", () => {
  const text = "entries  clashres found\n00000001  00000000 000000ff\n0000000a  00000002 00000000\n";
  assert.deepEqual(parseProcStats(text).map(statsLine), [
    "cpu=0   \tentries=1 clashres=0 found=255 \n",
    "cpu=1   \tentries=10 clashres=2 found=0 \n",
  ]);
});
