import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseLabelMap } from "../../src/system/labelmap.js";

/** The map as `bit name` lines. */
function read(text: string): string[] {
  const { names, bits } = parseLabelMap(text);
  for (const [name, bit] of bits) assert.equal(names[bit], name);
  return [...bits].map(([name, bit]) => `${bit} ${name}`);
}

describe("parseLabelMap", () => {
  it("takes numbers in any of C's bases, up to 1023", () => {
    assert.deepEqual(read("0x10 hex\n010 oct\n+3 plus\n1023 edge\n 5 indented\n"), [
      "16 hex",
      "8 oct",
      "3 plus",
      "1023 edge",
      "5 indented",
    ]);
    assert.deepEqual(read("-1 neg\n1024 big\n5x odd\n08 odd\nnone\n7\n8 \n"), []);
  });

  it("takes letters, digits, blanks and dashes as names, without the blanks around them", () => {
    assert.deepEqual(read("1 b c\n2\td\n3   e  \n4 y-z\n5 x\r\n6 7"), ["1 b c", "2 d", "3 e", "4 y-z", "5 x", "6 7"]);
    assert.deepEqual(read('1 a_b\n2 a#b\n3 a # b\n4 a.b\n5 "q"\n6 a,b\n7 é\n# 8 c\n'), []);
  });

  it("passes over a number or a name that was there before", () => {
    assert.deepEqual(read("0 a\n0 b\n1 a\n2 c"), ["0 a", "2 c"]);
  });

  it("does not take the square of a line's blanks as time", () => {
    const started = performance.now();
    const blanks = " ".repeat(100_000);
    assert.deepEqual(read(`1${blanks}!\n2${blanks}b${blanks}\n${blanks}3\n`), ["2 b"]);
    // With one regular expression for the whole line: 2 s for 40,000 blanks, four times that for twice as many.
    assert.ok(performance.now() - started < 5_000);
  });
});
