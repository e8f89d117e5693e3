/**
 * The examples of README.md and docs/guide.md: each block of commands runs in a network namespace of its own, on the table that
 * test/fixtures/documents/gateway makes, and prints what the document shows.
 *
 * A comment in front of a block says what else happens:
 *   before: COMMAND      runs before the block
 *   meanwhile: COMMAND   runs while the first command of the block listens for events; then the listener gets SIGINT
 */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { freshNetwork, program } from "../support/command.js";
import { type CodeBlock, codeBlocks, readDocument } from "../support/markdown.js";
import { fixtures, root } from "../support/paths.js";
import { lacks, type Outcome, spawnCommand } from "../support/process.js";
import { SHELL_FUNCTIONS } from "../support/shell.js";
import { loadTable } from "../support/table.js";
import { lines } from "../support/text.js";

const TABLE = lines(readFileSync(join(fixtures, "documents/gateway"), "utf8")).filter((line) => !/^(?:#|$)/.test(line));

/** A command and what it prints: stdout, then stderr. */
interface Example {
  command: string;
  output: string[];
}

function examples(text: string): Example[] {
  const found: Example[] = [];
  for (const line of lines(text)) {
    const command = /^[#$] (.*)/.exec(line)?.[1];
    if (command !== undefined) found.push({ command, output: [] });
    else if (found.at(-1)!.command.endsWith("\\")) found.at(-1)!.command += `\n${line}`;
    else found.at(-1)!.output.push(line);
  }
  return found;
}

/**
 * What differs from run to run: seconds that are left, ids, times of the day, and the name of a sender, which is known while it runs.
 * Blanks are one, for columns follow the numbers.
 */
function stable(line: string): string {
  return line
    .replace(/^((?:\S+ )?(?:ipv[46] +\d+ +)?(?:tcp|udp|icmp|icmpv6) +\d+ )\d+ /, "$1N ")
    .replace(/(-t |"timeout":|"id":|id=|use=|"use":|"inode":|"pid":)\d+/g, "$1N")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replace(/\b\d\d:\d\d:\d\d\b/g, "TIME")
    .replace(/portid=\S+(?: progname=\S+)?/g, "portid=N")
    .replace(/\b(?:\d+[dhm]\d+[hms]|\d+[hms])(?= )/g, "N")
    .replace(/ +/g, " ")
    .trimEnd();
}

/** Entries come in the order of the kernel's hash, so theirs is not compared; that of every other line is. */
const ENTRY = /^(?:\[\S+ *\] )?(?:(?:ipv[46] +\d+ +)?(?:tcp|udp|icmp|icmpv6) +|-A |\{"family")/;

function comparable(output: readonly string[]): string[] {
  const all = output.map(stable);
  const entries = all.filter((line) => ENTRY.test(line)).sort();
  return all.map((line) => (ENTRY.test(line) ? entries.shift()! : line));
}

/** `…` stands for any lines. */
function assertOutput(actual: readonly string[], shown: readonly string[]): void {
  if (!shown.includes("…")) {
    assert.deepEqual(comparable(actual), comparable(shown));
    return;
  }
  const rest = actual.map(stable);
  for (const line of shown.map(stable)) {
    if (line === "…") continue;
    const at = rest.indexOf(line);
    assert.ok(at >= 0, `not printed: ${line}\nbut:\n${actual.join("\n")}`);
    rest.splice(at, 1);
  }
}

describe("examples of the documents", { skip: lacks("bash", "jq", "ip") }, () => {
  let home: string;
  let bin: string;
  before(() => {
    home = process.cwd();
    // /run is this test file's own: what is in it may be removed.
    assert.ok(!existsSync("/run/netns"), "run by `npm test`, which gives each test file a /run of its own");
    bin = mkdtempSync("/run/guide-");
    writeFileSync(join(bin, "conntrack"), `#!/bin/sh\necho $$ >'${bin}/pid'\nexec '${program}' "$@"\n`);
    chmodSync(join(bin, "conntrack"), 0o755);
  });
  afterEach(() => {
    bash("ip -all netns delete");
  });
  after(() => {
    process.chdir(home);
    rmSync(bin, { recursive: true, force: true });
  });

  function bash(script: string): Outcome {
    const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}`, COLUMNS: "100" };
    return spawnCommand("bash", ["-c", script], { env });
  }

  /** SIGINT comes when the listener has read all events (their bytes wait in the column Rmem until then). */
  const whileListening = (command: string, meanwhile: string) => `${SHELL_FUNCTIONS}
    { ${command}
    } & listening $!
    pid=$(cat '${bin}/pid')
    { ${meanwhile}
    } >/dev/null 2>&1
    until awk '$2 == 12 && $5 > 0 { found = 1 } END { exit found }' /proc/net/netlink; do sleep 0.02; done
    kill -INT $pid
    wait $!`;

  async function setScene(): Promise<void> {
    freshNetwork();
    await loadTable(TABLE);
    process.chdir(mkdtempSync(join(bin, "directory-")));
  }

  function run({ comment, text }: CodeBlock): void {
    const [, what, how = ""] = /^(before|meanwhile): (.*)/.exec(comment) ?? [];
    if (what === "before") assert.equal(bash(how).status, 0, how);
    for (const [index, { command, output }] of examples(text).entries()) {
      const script = what === "meanwhile" && index === 0 ? whileListening(command, how) : command;
      const { stdout, stderr } = bash(script);
      assertOutput([...lines(stdout), ...lines(stderr)], output);
    }
  }

  for (const path of ["README.md", "docs/guide.md"]) {
    const blocks = codeBlocks(readDocument(path));
    for (const block of blocks.filter(({ language }) => language === "console")) {
      it(`${path}:${block.line} ${examples(block.text)[0]!.command}`, async () => {
        await setScene();
        run(block);
      });
    }
    for (const { text, line } of blocks.filter(({ language }) => language === "js")) {
      it(`${path}:${line} runs`, async () => {
        await setScene();
        mkdirSync("node_modules");
        symlinkSync(root, "node_modules/conntrack");
        writeFileSync("example.mjs", text);
        const { status, stdout, stderr } = bash(`"${process.execPath}" example.mjs`);
        assert.equal(stderr, "");
        assert.equal(status, 0);
        assert.notEqual(stdout, "");
      });
    }
  }
});
