import assert from "node:assert/strict";
import { it } from "node:test";
import { parseBase0, parseDecimal, parseUnsigned, U32_MAX } from "../../src/system/numbers.js";

it("parseDecimal takes digits alone", () => {
  assert.deepEqual(
    ["0", "007", "65535"].map((text) => parseDecimal(text, 65535)),
    [0, 7, 65535],
  );
  for (const text of ["", "-1", "+1", " 1", "1 ", "0x1", "1e3", "65536", "9".repeat(400)]) {
    assert.equal(parseDecimal(text, 65535), undefined, text);
  }
});

it("parseBase0 takes C's integer constants", () => {
  assert.deepEqual(
    ["0", "10", "010", "0x10", "0XfF"].map((text) => parseBase0(text, U32_MAX)),
    [0, 10, 8, 16, 255],
  );
  for (const text of ["", "0x", "08", "+1", " 1", "1x", "0x100000000", "4294967296"]) {
    assert.equal(parseBase0(text, U32_MAX), undefined, text);
  }
});

it("parseUnsigned takes blanks and a plus in front as well", () => {
  assert.deepEqual(
    [" 5", "\t+5", "+0x10"].map((text) => parseUnsigned(text, U32_MAX)),
    [5, 5, 16],
  );
  for (const text of ["", " ", "+", "-5", "- 5", "++5", "+ 5", "5 "]) {
    assert.equal(parseUnsigned(text, U32_MAX), undefined, text);
  }
});
