/**
 * The executable for arm64, run by qemu-user: what needs no netlink socket, which qemu-user cannot give it. Everything
 * else that it does is the same bytecode and the same C as for x64.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { root } from "../support/paths.js";
import { lacks, must, type Outcome, spawnCommand } from "../support/process.js";
import { noStandalone, standalone } from "../support/standalone.js";
import { PREFIX } from "../support/text.js";

const arm64 = join(root, "build/conntrack-linux-arm64");
const noArm64 = existsSync(arm64)
  ? lacks("qemu-aarch64")
  : "no build/conntrack-linux-arm64: npm run build:standalone -- all";

/** Command lines that end before the kernel is asked. FILE, BAD and LABELS are files that the test makes. */
const LINES = [
  "-V",
  "--version",
  "--help",
  "-h",
  "--help -p tcp",
  "--help -p sctp",
  "",
  "--nonsense",
  "-L -L",
  "-L -p tcp --state NOWHERE",
  "-L -s 1.2.3.4.5",
  "-L -s fd00::1 -f ipv4",
  "-L -o nonsense",
  "-D -m 0x1ffffffff",
  "-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1",
  "-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 99999 --dport 2 -t 10",
  "-E -b abc",
  "-L -l nothing --labelmap LABELS",
  "-R BAD",
  "-R /nowhere",
  "-R LONG",
] as const;

describe("the executable for arm64", { skip: noStandalone || noArm64 }, () => {
  let files: Record<string, string>;
  before(() => {
    const directory = mkdtempSync("/run/arm64-");
    const contents = {
      BAD: "-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2 -t 10\n-I -s nobody\n",
      LONG: `${"-I -p udp ".repeat(60_000)}\n`,
      LABELS: "1 one\n",
    };
    files = Object.fromEntries(Object.keys(contents).map((name) => [name, join(directory, name)]));
    for (const [name, content] of Object.entries(contents)) writeFileSync(files[name]!, content);
  });

  const words = (line: string) =>
    line
      .split(" ")
      .filter((word) => word !== "")
      .map((word) => files[word] ?? word);
  const run = (...argv: readonly string[]): Outcome => spawnCommand("qemu-aarch64", [arm64, ...argv]);

  it("is small and static", { skip: lacks("readelf") }, () => {
    assert.ok(statSync(arm64).size <= 2.5e6, `${statSync(arm64).size} bytes`);
    assert.match(must("readelf", "-h", arm64), /AArch64/);
    assert.doesNotMatch(must("readelf", "-dW", arm64), /NEEDED|R(UN)?PATH/);
    const segments = must("readelf", "-lW", arm64);
    assert.doesNotMatch(segments, /INTERP/);
    assert.match(segments, /GNU_STACK.* RW /);
    assert.match(segments, /GNU_RELRO/);
  });

  for (const line of LINES) {
    it(`says what the one for this machine says: conntrack ${line}`, () => {
      assert.deepEqual(run(...words(line)), spawnCommand(standalone, words(line)));
    });
  }

  it("says why it cannot list", () => {
    const { status, stdout, stderr } = run("-L");
    assert.deepEqual({ status, stdout }, { status: 1, stdout: "" });
    assert.equal(stderr, `${PREFIX}Operation failed: Protocol not supported\n`);
  });
});
