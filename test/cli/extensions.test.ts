/** Options that the reference does not have: found by their full names alone, and nothing else changes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { COMMANDS } from "../../src/cli/commands.js";
import { EXTENSION_NAMES, EXTENSIONS } from "../../src/cli/extensions.js";
import { parseCommandLine, parseLoadFileLine } from "../../src/cli/parse.js";
import { UsageError } from "../../src/system/errors.js";
import { testContext } from "./context.js";

/** The message that the words are refused with, or undefined. */
function message(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

const refusal = (...argv: string[]) => message(() => parseCommandLine(argv, testContext()));

/** A value that each extension takes, and what it needs beside itself. */
const VALUES: Readonly<Record<(typeof EXTENSION_NAMES)[number], string | undefined>> = {
  bytes: "1k-",
  packets: "1-5",
  age: "1h30m-",
  expires: "-2d",
  "group-by": "src,dport",
  sort: "src",
  limit: "3",
  color: undefined,
  from: "table.txt",
  explain: undefined,
  interval: "2",
  rounds: "3",
  "dry-run": undefined,
  "ignore-not-found": undefined,
  netns: "blue",
  "all-netns": undefined,
};

const words = (name: (typeof EXTENSION_NAMES)[number]) => [
  VALUES[name] === undefined ? `--${name}` : `--${name}=${VALUES[name]}`,
];

/** What an option needs beside itself. */
const companions = (name: (typeof EXTENSION_NAMES)[number], place: string) => [
  ...(name === "rounds" ? ["--interval=2"] : []),
  ...(place === "stats" && (name === "rounds" || name === "interval") ? ["--explain"] : []),
  ...(place === "list" && (name === "rounds" || name === "interval") ? ["--group-by=src"] : []),
];

describe("extensions", () => {
  for (const name of EXTENSION_NAMES) {
    it(`--${name} is none of the reference's names, nor the beginning of one`, () => {
      for (const row of Object.values(COMMANDS)) assert.ok(row.letter === undefined || !row.name.startsWith(name));
    });

    it(`--${name} counts only in full`, () => {
      for (let length = 3; length < name.length; length++) {
        const beginning = name.slice(0, length);
        assert.notEqual(refusal("-L", `--${beginning}=1`), undefined, beginning);
      }
      assert.equal(refusal("-L", `--${name}x=1`), `unknown option \`--${name}x=1'`);
    });

    it(`--${name} goes with its commands, and is illegal elsewhere`, () => {
      const lines: readonly (readonly [place: string, ...argv: string[]])[] = [
        ["list", "-L"],
        ["list dying", "-L", "dying"],
        ["list unconfirmed", "-L", "unconfirmed"],
        ["list expect", "-L", "expect"],
        ["delete", "-D"],
        ["update", "-U"],
        ["event", "-E"],
        ["event expect", "-E", "expect"],
        ["flush", "-F"],
        ["flush expect", "-F", "expect"],
        ["count", "-C"],
        ["count expect", "-C", "expect"],
        ["stats", "-S"],
        ["diagnose", "--diagnose"],
        ["version", "-V"],
        ["help", "-h"],
      ];
      for (const [place, ...argv] of lines) {
        const { on } = EXTENSIONS[name];
        const legal = on === "everywhere" || (on as readonly string[]).includes(place);
        const wanted = legal ? undefined : `Illegal option \`--${name}' with this command`;
        assert.equal(refusal(...argv, ...words(name), ...companions(name, place)), wanted, place);
      }
    });

    it(`--${name} goes with no line of a load-file`, () => {
      const line = ["-D", "-s", "1.1.1.1", ...words(name)];
      const wanted = `Illegal option \`--${name}' with this command`;
      assert.equal(
        message(() => parseLoadFileLine(line, testContext())),
        wanted,
      );
    });
  }

  it("the reference's own checks come first", () => {
    assert.equal(refusal("-F", "--bytes", "1", "-s", "1.1.1.1"), "Illegal option `--src' with this command");
  });

  it("values are attached or the next word, whatever that looks like", () => {
    assert.equal(refusal("-L", "--bytes=-5"), undefined);
    assert.equal(refusal("-L", "--bytes", "-5"), undefined);
    assert.equal(refusal("-L", "--bytes"), "option `--bytes' requires an argument");
  });
});

describe("ranges of sizes", () => {
  const filter = (text: string) => {
    const command = parseCommandLine(["-L", "--bytes", text], testContext());
    assert.ok(command.name === "list" && command.table !== "expect");
    return command.filter.bytes;
  };
  const good: readonly (readonly [text: string, from: number, to: number])[] = [
    ["0", 0, 0],
    ["5-9", 5, 9],
    ["10k-", 10_000, Number.POSITIVE_INFINITY],
    ["-2Ki", 0, 2048],
    ["1M-1Gi", 1e6, 2 ** 30],
    ["8191Ti", 8191 * 2 ** 40, 8191 * 2 ** 40],
  ];
  for (const [text, from, to] of good) {
    it(text, () => assert.deepEqual(filter(text), { items: [{ from, to }], not: false }));
  }
  it("a list, negated", () => {
    const items = [
      { from: 0, to: 0 },
      { from: 5, to: 6 },
    ];
    assert.deepEqual(filter("!0,5-6"), { items, not: true });
  });
  for (const text of ["", "!", "-", "5-1", "1,", ",1", "1-2-3", "1K", "1 k", "-1k-", "0x5", "1e3", "8192Ti", "+5"]) {
    it(`refused: '${text}'`, () => assert.equal(refusal("-L", "--bytes", text), `Invalid range \`${text}'`));
  }
  it("refused: a negated item", () => {
    assert.equal(refusal("-D", "--bytes", "1,!5"), "only a whole list can be negated: `1,!5'");
  });
});
