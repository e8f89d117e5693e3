/** The legality matrix as it was observed, row by row, against what parseCommandLine accepts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { COMMANDS, type CommandOption } from "../../src/cli/commands.js";
import { OPTION_NAMES, type OptionName } from "../../src/cli/matrix.js";
import { parseCommandLine } from "../../src/cli/parse.js";
import { UsageError } from "../../src/system/errors.js";
import { fixtures } from "../support/paths.js";
import { testContext } from "./context.js";

type Requirement = "required" | "optional" | "pair";
type Row = Readonly<Record<string, Requirement>>;

const matrix = JSON.parse(readFileSync(join(fixtures, "matrix.json"), "utf8")) as {
  commands: Record<string, Row>;
  protocols: Record<string, Record<string, Row>>;
};

/** What ours takes besides: a count takes the filters of a list, and a list takes an id (docs/compatibility.md). */
const WIDENED: Readonly<Record<string, Row>> = {
  list: { id: "optional" },
  count: Object.fromEntries(
    Object.keys({ ...matrix.commands["list"], id: "optional" })
      .filter((name) => name !== "zero" && name !== "output")
      .map((name) => [name, "optional"]),
  ),
  "list dying": { id: "optional" },
  "list unconfirmed": { id: "optional" },
};

/** A value for each option, all of one family. */
const VALUES: Readonly<Record<Exclude<OptionName, "nat-range">, string | undefined>> = {
  src: "1.1.1.1",
  dst: "2.2.2.2",
  "reply-src": "2.2.2.2",
  "reply-dst": "1.1.1.1",
  protonum: "99",
  timeout: "5",
  status: "ASSURED",
  zero: undefined,
  "event-mask": "NEW",
  "tuple-src": "3.3.3.3",
  "tuple-dst": "4.4.4.4",
  "mask-src": "255.0.0.0",
  "mask-dst": "255.0.0.0",
  mark: "1",
  secmark: "1",
  id: "1",
  family: "ipv4",
  "src-nat": undefined,
  "dst-nat": undefined,
  output: "xml",
  "buffer-size": "5",
  "any-nat": undefined,
  zone: "1",
  label: "ten",
  "label-add": "ten",
  "label-del": undefined,
  "orig-zone": "1",
  "reply-zone": "1",
  labelmap: "lm.conf",
};

const NAMES = OPTION_NAMES.filter((name) => name !== "nat-range");

function words(name: string, value: string | undefined): string[] {
  return value === undefined ? [`--${name}`] : [`--${name}=${value}`];
}

const common = (names: readonly string[]) => names.flatMap((name) => words(name, VALUES[name as keyof typeof VALUES]));

/** The message that the words are refused with, or undefined. */
function message(argv: readonly string[]): string | undefined {
  const context = testContext({ "lm.conf": "10 ten", "/etc/xtables/connlabel.conf": "10 ten" });
  try {
    parseCommandLine(argv, context);
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

function commandWords(key: string): string[] {
  const [subject, ...table] = key.split(" ");
  return [`--${COMMANDS[subject as CommandOption].name}`, ...table];
}

/** What the row needs at least; of two pairs, the first. */
function minimum(row: Row): string[] {
  const pairs = Object.keys(row).filter((name) => row[name] === "pair");
  return [...Object.keys(row).filter((name) => row[name] === "required"), ...pairs.slice(0, 2)];
}

function checkRow(
  base: readonly string[],
  row: Row,
  names: readonly string[],
  valued: (names: readonly string[]) => string[],
) {
  const needed = minimum(row);
  assert.equal(message([...base, ...valued(needed)]), undefined);
  for (const name of names) {
    const without = needed.filter((other) => other !== name);
    if (row[name] === undefined) {
      assert.equal(message([...base, ...valued([...needed, name])]), `Illegal option \`--${name}' with this command`);
    } else if (row[name] === "required") {
      const want = `You need to supply the \`--${name}' option for this command`;
      assert.equal(message([...base, ...valued(without)]), want);
    } else {
      // Masks need their address, and counters are zeroed without a filter.
      const also = name === "mask-src" ? ["src"] : name === "mask-dst" ? ["dst"] : [];
      assert.equal(message([...base, ...valued([...new Set([...needed, ...also, name])])]), undefined);
    }
  }
}

describe("matrix.json, common options", () => {
  for (const [key, row] of Object.entries(matrix.commands)) {
    it(key, () => checkRow(commandWords(key), { ...row, ...WIDENED[key] }, NAMES, common));
  }

  it("no command takes no option", () => {
    for (const name of NAMES) assert.equal(message(common([name])), `Illegal option \`--${name}' with this command`);
  });
});

const STATES: Readonly<Record<string, string>> = { tcp: "ESTABLISHED", sctp: "ESTABLISHED", dccp: "OPEN" };

/** All options that some command takes with the protocol. */
function optionsOf(rows: Record<string, Row>): string[] {
  return [...new Set(Object.values(rows).flatMap((row) => Object.keys(row)))];
}

for (const [protocol, rows] of Object.entries(matrix.protocols)) {
  describe(`matrix.json, ${protocol}`, () => {
    const names = optionsOf(rows);
    const valued = (wanted: readonly string[]) =>
      wanted.flatMap((name) => words(name, name === "state" ? STATES[protocol] : name === "role" ? "client" : "1"));
    for (const [key, row] of Object.entries(rows)) {
      // Where a protocol cannot even be named, its options are never looked at.
      if (matrix.commands[key]?.["protonum"] === undefined) continue;
      it(key, () => {
        const needed = minimum(matrix.commands[key]!).filter((name) => name !== "protonum");
        checkRow([...commandWords(key), ...common(needed), "-p", protocol], row, names, valued);
      });
    }
  });
}

describe("the order of checks", () => {
  const cases: readonly (readonly [argv: string, message: string])[] = [
    ["-S -d 1.1.1.1 -s 1.1.1.1", "Illegal option `--src' with this command"],
    ["-S -c 1 -o xml -i 1", "Illegal option `--id' with this command"],
    ["-S --reply-zone 1 --label-del", "Illegal option `--label-del' with this command"],
    ["-I -z -t 5", "You need to supply the `--protonum' option for this command"],
    ["-I -p udp -s 1.1.1.1 -t 5", "you have to specify `--src' and `--dst'"],
    ["-I -p udp -r 1.1.1.1 -t 5", "you have to specify `--reply-src' and `--reply-dst'"],
    ["-I -p udp -s 1.1.1.1 -r 1.1.1.1 -t 5", "you have to specify `--src' and `--dst'"],
    [
      "-I -p udp -t 5 -s 1.1.1.1 -d 1.1.1.1 --reply-port-src 1",
      "you have to specify `--reply-src-port' and `--reply-dst-port'",
    ],
    [
      "-I -p gre -t 5 -s 1.1.1.1 -d 1.1.1.1 --reply-key-src 1",
      "you have to specify `--reply-src-key' and `--reply-dst-key'",
    ],
    [
      "-I -p dccp -t 5 -s 1.1.1.1 -d 1.1.1.1 --state OPEN --role client --reply-port-src 1",
      "you have to specify `--reply-port-src' and `--report-port-dst'",
    ],
    ["-L -p sctp --orig-vtag 1 --tuple-port-src 1", "Illegal option `--tuple-port-src' with this command"],
    ["-L -z -s 1.1.1.1 -p tcp --mask-port-src 1", "Illegal option `--mask-port-src' with this command"],
    ["-L -z -m 1 --mask-src 1.1.1.1", "Can't use -z with filtering parameters"],
    ["-L --mask-dst 1.1.1.1 --mask-src 1.1.1.1", "Can't use --mask-src without --src"],
    ["-L -j -n -b 5", "cannot specify `--src-nat' or `--dst-nat' with `--any-nat'"],
    ["-L -j -n -l bogus", "unknown label 'bogus'"],
    ["-F dying -s bad", "Can't do that command with tables `dying' and `unconfirmed'"],
    ["-L -U expect", "Can't do --update on expectations"],
    ["-L -h expect", "Invalid commands combination"],
  ];
  for (const [argv, want] of cases) it(argv, () => assert.equal(message(argv.split(" ")), want));
});
