import assert from "node:assert/strict";
import { test } from "node:test";
import { grouped, percent, scaled } from "../../src/format/human.js";

test("thousands are set apart", () => {
  assert.deepEqual([0, 999, 1000, 162_917, 1_234_567n].map(grouped), ["0", "999", "1,000", "162,917", "1,234,567"]);
});

test("large numbers are scaled", () => {
  assert.equal(scaled(0), "0");
  assert.equal(scaled(999), "999");
  assert.equal(scaled(1000), "1.0k");
  assert.equal(scaled(517_400), "517.4k");
  assert.equal(scaled(801_000_000n), "801.0M");
  assert.equal(scaled(999_949), "999.9k");
  assert.equal(scaled(999_950), "1.0M");
  assert.equal(scaled(0xffffffffffffffffn), "18.4E");
  assert.equal(scaled(8600, 3), "8.6k");
  assert.equal(scaled(912_000, 3), "912k");
  assert.equal(scaled(99_949, 3), "99.9k");
  assert.equal(scaled(99_960, 3), "100k");
  assert.equal(scaled(999_600, 3), "1.0M");
  assert.equal(scaled(61_200_000, 3), "61.2M");
});

test("shares", () => {
  assert.equal(percent(25_812, 199_964), "12.9");
  assert.equal(percent(97n, 100n, 0), "97");
  assert.equal(percent(0, 0), "0.0");
  assert.equal(percent(1, 1), "100.0");
});
