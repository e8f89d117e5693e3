import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { splitWords } from "../../../src/cli/load-file/words.js";
import { UsageError } from "../../../src/system/errors.js";

describe("splitWords", () => {
  const cases: readonly (readonly [line: string, words: readonly string[]])[] = [
    ["", []],
    ["\n", []],
    ["\r\n", []],
    ["   ", []],
    ["  \t \r\n", []],
    ["# -L\n", []],
    [" \t# -L\n", []],
    ["-D\n", ["-D"]],
    ["-D", ["-D"]],
    ["-D\r\n", ["-D"]],
    ["  -D \t -s\t1.1.1.1  \n", ["-D", "-s", "1.1.1.1"]],
    ["-D # x\n", ["-D", "#", "x"]],
    ["a\rb\vc\n", ["a\rb\vc"]],
    ['"a b" c\n', ["a b", "c"]],
    ['a"b c"\n', ["ab c"]],
    ['"a"b\n', ["a", "b"]],
    ['""\n', [""]],
    ['a "" b\n', ["a", "", "b"]],
    ['"a\\"b\\\\c\\d"\n', ['a"b\\cd']],
    ["a\\b\n", ["a\\b"]],
    ['a\\"b c"\n', ["a\\b c"]],
    ["'a b'\n", ["'a", "b'"]],
    // What a missing quote holds is everything, the end of the line included.
    ['"a b\n', ["a b\n"]],
    ['"a b', ["a b"]],
    ['"a b\\\n', ["a b\n"]],
    ['"\n', ["\n"]],
  ];
  for (const [line, words] of cases) it(JSON.stringify(line), () => assert.deepEqual(splitWords(line), words));

  it("takes words of 1023 bytes, however they are written", () => {
    for (const word of ["x".repeat(1023), "é".repeat(511)]) {
      assert.deepEqual(splitWords(`-D ${word}\n`), ["-D", word]);
      assert.deepEqual(splitWords(`-D "${word}"\n`), ["-D", word]);
    }
    for (const word of ["x".repeat(1024), "é".repeat(512)]) {
      assert.throws(() => splitWords(`-D ${word}\n`), new UsageError("Parameter too long!"));
      assert.throws(() => splitWords(`-D "${word}"\n`), new UsageError("Parameter too long!"));
    }
  });

  it("takes 255 words", () => {
    assert.equal(splitWords("x ".repeat(255)).length, 255);
    assert.throws(() => splitWords("x ".repeat(256)), new UsageError("too many arguments"));
  });
});
