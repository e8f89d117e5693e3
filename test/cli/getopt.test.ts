import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Argument, Getopt, type OptionSpec } from "../../src/cli/getopt.js";
import { UsageError } from "../../src/system/errors.js";

interface Spec extends OptionSpec {
  name: string;
}

const SPECS: Readonly<Record<string, { argument: Argument; letter: string; ignoresAttached?: true }>> = {
  flag: { argument: "none", letter: "f" },
  value: { argument: "required", letter: "v" },
  maybe: { argument: "optional", letter: "m" },
  table: { argument: "long-or-word", letter: "T" },
  count: { argument: "long-or-word", letter: "C", ignoresAttached: true },
  word: { argument: "word", letter: "W" },
};

const specs: readonly Spec[] = Object.entries(SPECS).map(([name, spec]) => ({ name, ...spec }));

function read(words: readonly string[], posixlyCorrect = false): string[] {
  const getopt = new Getopt<Spec>(
    ["prog", ...words],
    {
      letter: (code) => specs.find(({ name }) => SPECS[name]!.letter.charCodeAt(0) === code),
      name: (text) => specs.find(({ name }) => name === text),
    },
    posixlyCorrect,
  );
  const found: string[] = [];
  for (let spec = getopt.next(); spec !== undefined; spec = getopt.next()) {
    found.push(getopt.value === undefined ? spec.name : `${spec.name}=${getopt.value}`);
  }
  return found;
}

function refuses(words: readonly string[], message: string): void {
  assert.throws(() => read(words), new UsageError(message));
}

describe("getopt", () => {
  const cases: readonly (readonly [words: string, found: string])[] = [
    ["", ""],
    ["-f --flag", "flag flag"],
    ["-ff", "flag flag"],
    ["-v x -vx --value x --value=x", "value=x value=x value=x value=x"],
    ["-v -f --value --flag", "value=-f value=--flag"],
    ["-fvx", "flag value=x"],
    ["-fv x", "flag value=x"],
    ["-v=x", "value==x"],
    ["--value=", "value="],
    ["--value=a=b", "value=a=b"],
    ["-m", "maybe"],
    ["-m x -mx --maybe x --maybe=x", "maybe=x maybe=x maybe=x maybe=x"],
    ["-m -f", "maybe flag"],
    ["-m !x", "maybe"],
    ["-m -", "maybe"],
    ["-fm x", "flag maybe=x"],
    ["-T x", "table=x"],
    ["--table=x", "table=x"],
    ["-Tf", "table flag"],
    ["-Tf x", "table flag"],
    ["-fT x", "flag table=x"],
    ["-Cx", "count"],
    ["-Cx y", "count"],
    ["-C x", "count=x"],
    ["-W x", "word=x"],
    ["-Wf", "word flag"],
    ["a -f b -v x c", "flag value=x"],
    ["-f -- -f", "flag"],
    ["-T -- x", "table"],
    ["- -f", "flag"],
  ];
  for (const [words, found] of cases) {
    it(words || "(no words)", () => assert.equal(read(words.split(" ").filter(Boolean)).join(" "), found));
  }

  it("takes an empty word as a value", () => {
    assert.deepEqual(read(["-m", ""]), ["maybe="]);
    assert.deepEqual(read(["-v", ""]), ["value="]);
    assert.deepEqual(read(["-T", "", "-f"]), ["table=", "flag"]);
  });

  it("stops at the first word that is no option where POSIXLY_CORRECT asks for it", () => {
    assert.deepEqual(read(["-f", "x", "-f"], true), ["flag"]);
    assert.deepEqual(read(["-T", "x", "-f"], true), ["table=x", "flag"]);
  });

  it("names the word at fault as typed", () => {
    refuses(["--bogus"], "unknown option `--bogus'");
    refuses(["--flag=1"], "unknown option `--flag=1'");
    refuses(["--word=1"], "unknown option `--word=1'");
    refuses(["--="], "unknown option `--='");
    refuses(["-x"], "unknown option `-x'");
    refuses(["-fx"], "unknown option `-fx'");
    refuses(["-v"], "option `-v' requires an argument");
    refuses(["-fv"], "option `-fv' requires an argument");
    refuses(["--value"], "option `--value' requires an argument");
    refuses(["a", "--value"], "option `--value' requires an argument");
  });

  it("names the word before, where letters follow the one at fault", () => {
    refuses(["-xf"], "unknown option `prog'");
    refuses(["-f", "-xf"], "unknown option `-f'");
    refuses(["-v", "y", "-xf"], "unknown option `y'");
    refuses(["-fxf"], "unknown option `prog'");
  });

  it("names the last word passed over instead, where there is one", () => {
    refuses(["a", "-xf"], "unknown option `a'");
    refuses(["a", "b", "-f", "-xf"], "unknown option `b'");
    refuses(["a", "-fx"], "unknown option `-fx'");
  });
});
