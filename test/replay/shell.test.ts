/**
 * Every snippet of shell.json, each in a fresh network namespace and a directory with its files: plain commands in this
 * process, the rest by bash, where `conntrack` is ours as users run it.
 */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ShellCase, shellCases } from "../support/cases.js";
import { freshNetwork, ours, program } from "../support/command.js";
import { commandName } from "../support/command-name.js";
import { type Outcome, spawnCommand } from "../support/process.js";
import { installed } from "../support/reference.js";
import { SHELL_FUNCTIONS } from "../support/shell.js";
import { shellWords } from "../support/shell-words.js";
import { listTable, loadTable } from "../support/table.js";
import { lines, mask, maskStatsFigures, sortEntries } from "../support/text.js";
import { assertLoadFileStderr, type Deviation, shellDeviation } from "./deviations.js";

/** The argument vector of a snippet that is one plain `conntrack …`, but not -E, which waits for a signal. */
function plainArgv({ cmd }: ShellCase): string[] | undefined {
  const words = shellWords(cmd.replace(/^timeout -s INT 1 /, ""));
  return words?.[0] === "conntrack" && commandName(words.slice(1)) !== "event" ? words.slice(1) : undefined;
}

function skip(recorded: ShellCase): string | false {
  const uncalled = recorded.cmd.includes("$ORC") && installed === undefined;
  return uncalled ? "no conntrack of conntrack-tools is installed" : false;
}

/** The recorded wait is long enough for a C program that starts on an idle machine. */
function patient(cmd: string): string {
  return SHELL_FUNCTIONS + cmd.replace("& sleep .3;", "& listening $!;");
}

function expected(recorded: ShellCase): Deviation {
  const deviation = shellDeviation(recorded);
  if (deviation !== undefined) return deviation;
  assert.equal(recorded.deviation, undefined, "a deviation without an expectation of its own in deviations.ts");
  const { rc, out, err, post, flags } = recorded;
  return { status: Number(rc), stdout: out!, stderr: err, ...(flags.includes("P") ? { table: lines(post!) } : {}) };
}

describe("shell.json", () => {
  let work: string;
  let home: string;
  before(() => {
    home = process.cwd();
    work = mkdtempSync(join(tmpdir(), "conntrack-replay-"));
    for (const [name, content] of Object.entries(shellCases.files)) writeFileSync(join(work, name), content);
    mkdirSync(join(work, ".bin"));
    writeFileSync(join(work, ".bin/conntrack"), `#!/bin/sh\nexec '${program}' "$@"\n`);
    chmodSync(join(work, ".bin/conntrack"), 0o755);
    process.chdir(work);
  });
  after(() => {
    process.chdir(home);
    rmSync(work, { recursive: true, force: true });
  });

  function bash(cmd: string): Outcome {
    const env = { ...process.env, PATH: `${join(work, ".bin")}:${process.env["PATH"]}`, ORC: installed?.path };
    return spawnCommand("bash", ["-c", patient(cmd)], { env });
  }

  for (const recorded of shellCases.cases) {
    it(`${recorded.section}: ${recorded.cmd}`, { skip: skip(recorded) }, async () => {
      freshNetwork();
      if (recorded.flags.includes("F")) await loadTable(lines(shellCases.fixture));
      const argv = plainArgv(recorded);
      const { status, stdout, stderr } = argv === undefined ? bash(recorded.cmd) : await ours(argv);
      const want = expected(recorded);
      const gotErr = mask(stderr).replaceAll(work, "W");
      if (want.stderr instanceof RegExp) assert.match(gotErr, want.stderr);
      else if (/conntrack -R -/.test(recorded.cmd)) assertLoadFileStderr(gotErr, want.stderr);
      else assert.equal(gotErr, mask(want.stderr));
      if (want.stdout === "(our words)") assert.notEqual(stdout, "");
      else if (want.stdout !== "(any)") {
        assert.equal(sortEntries(maskStatsFigures(stdout)), sortEntries(maskStatsFigures(want.stdout)));
      }
      assert.equal(status, want.status);
      if (want.table !== undefined) {
        const table = await listTable("-o", "extended");
        assert.deepEqual(lines(mask(table)).sort(), lines(mask(want.table.join("\n"))).sort());
      }
    });
  }
});
