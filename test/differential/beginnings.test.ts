/** Every beginning of every long name means to ours what it means to the reference: extensions take none of them. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { COMMANDS, LOAD_FILE } from "../../src/cli/commands.js";
import { longNames, PROTOCOLS_WITH_OPTIONS } from "../../src/cli/docs/catalog.js";
import { EXTENSION_NAMES } from "../../src/cli/extensions.js";
import { OPTION_NAMES } from "../../src/cli/matrix.js";
import { freshNetwork, ours } from "../support/command.js";
import type { Outcome } from "../support/process.js";
import { spawnCommand } from "../support/process.js";
import { installed, noReference } from "../support/reference.js";
import { loadTable } from "../support/table.js";
import { asVersion149 } from "../support/text.js";
import { exclusion } from "./exclusions.js";

const beginnings = (name: string) => Array.from({ length: name.length }, (_, i) => name.slice(0, i + 1));

const COMMAND_ROWS = Object.values(COMMANDS);
const EXTENSIONS = [...EXTENSION_NAMES, ...COMMAND_ROWS.flatMap(({ letter, name }) => (letter ? [] : name))];
/** What the reference has. */
const NAMES = [
  ...COMMAND_ROWS.flatMap(({ letter, name }) => (letter ? name : [])),
  LOAD_FILE.name,
  ...OPTION_NAMES.flatMap(longNames),
  ...PROTOCOLS_WITH_OPTIONS.flatMap(({ options }) => options.flatMap(({ names }) => names)),
];

/** Without the names of extensions themselves, which only ours knows. */
const ALL = [...new Set([...NAMES, ...EXTENSIONS].flatMap(beginnings))]
  .filter((one) => !EXTENSIONS.includes(one))
  .sort();

/** How the end by that signal looks. */
const SIGSEGV = 128 + 11;

/** What the reference does; undefined where it waits or crashes. */
function reference(argv: readonly string[]): Outcome | undefined {
  try {
    const outcome = spawnCommand(installed!.path, argv, { timeoutMs: 2000 });
    if (outcome.status === SIGSEGV) return undefined;
    return { ...outcome, stdout: asVersion149(outcome.stdout), stderr: asVersion149(outcome.stderr) };
  } catch {
    return undefined;
  }
}

/** Timeouts and reference counts may differ between two lists. */
const steady = (text: string) => text.replace(/^(\S+ +\d+) \d+/gm, "$1 T").replace(/use=\d+/g, "use=U");

/** 1.4.7 has no --labelmap, so these are beginnings of nothing there; and it takes a missing secmark for any. */
const EXCLUDED = /--labelm|-L .*--sec?m?a?r?k? /;

async function compare(argv: readonly string[]): Promise<number> {
  const words = argv.join(" ");
  if (exclusion(words) !== undefined || EXCLUDED.test(words)) return 0;
  const want = reference(argv);
  if (want === undefined) return 0;
  const got = await ours(argv);
  // Help is in words of our own.
  const text = (stdout: string) => (/^(Command line interface|Usage)/m.test(stdout) ? "(help)" : steady(stdout));
  assert.deepEqual({ ...got, stdout: text(got.stdout) }, { ...want, stdout: text(want.stdout) }, `conntrack ${words}`);
  return 1;
}

describe("every beginning of every name", { skip: noReference }, () => {
  before(async () => {
    freshNetwork();
    await loadTable([
      "-I -s 0.0.0.1 -d 0.0.0.1 -p tcp --sport 1 --dport 1 --state LISTEN -t 1000 -m 1",
      "-I -s 0.0.0.1 -d 0.0.0.1 -p udp --sport 1 --dport 1 -t 1000",
      "-I -s 0.0.0.1 -d 0.0.0.1 -p gre --srckey 1 --dstkey 1 -t 1000",
      "-I -s 0.0.0.1 -d 0.0.0.2 -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 1 -t 1000",
    ]);
  });

  it(`${ALL.length} of them name the same option or command, or none`, async () => {
    let compared = 0;
    for (const one of ALL) compared += await compare([`--${one}`, "1", "-S"]);
    assert.ok(compared > ALL.length * 0.9, `only ${compared}`);
  });

  for (const { protocol } of PROTOCOLS_WITH_OPTIONS) {
    it(`the same with the options of ${protocol.name}`, async () => {
      let compared = 0;
      // What no beginning of its own options begins with is the same as without a protocol.
      const own = PROTOCOLS_WITH_OPTIONS.find((other) => other.protocol === protocol)!.options.flatMap(
        ({ names }) => names,
      );
      const first = new Set(own.map((name) => name[0]));
      for (const one of ALL.filter((one) => first.has(one[0]))) {
        compared += await compare(["-L", "-p", protocol.name, `--${one}`, "1"]);
      }
      assert.ok(compared > 30, `only ${compared}`);
    });
  }
});
