/** The recorded command lines as far as words decide: what is refused, in which words, and what is accepted. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { splitWords } from "../../src/cli/load-file/words.js";
import { parseCommandLine, parseLoadFileLine } from "../../src/cli/parse.js";
import { UsageError } from "../../src/system/errors.js";
import { withoutControls } from "../../src/system/text.js";
import { cliDeviation, shellDeviation } from "../replay/deviations.js";
import { cliCases, loadFileCases, shellCases } from "../support/cases.js";
import { refused } from "../support/command-name.js";
import { shellWords } from "../support/shell-words.js";
import { PREFIX, TRY } from "../support/text.js";
import { type TestContext, testContext } from "./context.js";

/** stderr and the exit status of what only reads words; status 0 where they are accepted. */
function outcome(parse: (context: TestContext) => void): { status: number; stderr: string } {
  const context = testContext();
  const stderr = (last: string) => [...context.warnings.map((line) => `${line}\n`), last].join("");
  try {
    parse(context);
    return { status: 0, stderr: stderr("") };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return {
      status: error.exitCode,
      stderr: stderr(`${PREFIX}${withoutControls(error.message)}\n${error.exitCode === 2 ? TRY : ""}`),
    };
  }
}

/** Lines that come from reading words; all others come from what the command then did. */
function warnings(stderr: string): string {
  return stderr.replace(/^(?!WARNING: ignoring|nfct_labelmap_new).*\n?/gm, "");
}

function check(got: { status: number; stderr: string }, status: number, stderr: string | RegExp): void {
  if (stderr instanceof RegExp) assert.match(got.stderr, stderr);
  else if (refused(status, stderr)) assert.deepEqual(got, { status, stderr });
  else assert.deepEqual(got, { status: 0, stderr: warnings(stderr) });
}

/** These are refused by the command, not by its words. */
function isAboutFile(stderr: string | RegExp): boolean {
  return typeof stderr === "string" && stderr.includes("Failed to open file");
}

function parseLoadFile(text: string, context: TestContext): void {
  for (const line of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    const words = splitWords(line);
    if (words.length > 0) parseLoadFileLine(words, context);
  }
}

describe("cli.json", () => {
  for (const recorded of cliCases.cases) {
    const { argv, exit, stderr } = recorded;
    if (isAboutFile(stderr)) continue;
    it(`${recorded.group}: ${argv.join(" ")}`, () => {
      const want = cliDeviation(recorded) ?? { status: exit, stderr };
      check(
        outcome((context) => parseCommandLine(argv, context)),
        want.status,
        want.stderr,
      );
    });
  }
});

/** The words of `conntrack …`, where the snippet is nothing but that. */
function plainCommand(cmd: string): string[] | undefined {
  const words = shellWords(cmd.replace(/^timeout -s INT 1 /, "").replace(/ \| (sed '[^']*'|tail -3)$/, ""));
  return words?.[0] === "conntrack" ? words.slice(1) : undefined;
}

/** What `printf '%s' $'…' | conntrack -R -` feeds in. */
function loadFileInput(cmd: string): string | undefined {
  const [, quoted] = /^printf '%s' \$'((?:[^'\\]|\\.)*)' \| conntrack -R -/.exec(cmd) ?? [];
  const escapes: Record<string, string> = { n: "\n", t: "\t", r: "\r" };
  return quoted?.replace(/\\(.)/g, (_, char: string) => escapes[char] ?? char);
}

describe("shell.json", () => {
  for (const [index, recorded] of shellCases.cases.entries()) {
    const { cmd, rc, err } = recorded;
    const argv = plainCommand(cmd);
    const input = loadFileInput(cmd);
    if (argv === undefined && input === undefined) continue;
    const { status, stderr } = shellDeviation(recorded) ?? { status: Number(rc), stderr: err };
    if (isAboutFile(stderr)) continue;
    it(`${index}: ${cmd}`, () => {
      const got = outcome((context) => {
        if (argv !== undefined) parseCommandLine(argv, context);
        else parseLoadFile(input!, context);
      });
      // A pipe hid the status.
      check(got, typeof stderr === "string" && stderr.endsWith(TRY) ? 2 : status, stderr);
    });
  }
});

describe("load-file.json", () => {
  for (const { name, input, exit, stderr } of loadFileCases.cases) {
    it(name, () => {
      check(
        outcome((context) => parseLoadFile(input, context)),
        exit,
        stderr,
      );
    });
  }
});
