/** Our command under test: in this process, with captured streams, or as users run it. */
import { readFileSync } from "node:fs";
import type { Io, OpenSource, Sink } from "../../src/cli/io.js";
import { main } from "../../src/cli/main.js";
import { nodeIo } from "../../src/cli/node-io.js";
import { napiBackend } from "../../src/netlink/backend/napi.js";
import { binary } from "./paths.js";
import { type Outcome, type SpawnOptions, spawnCommand } from "./process.js";
import { asVersion149 } from "./text.js";

/**
 * Another program to test in place of ours: the harness is itself tested against the reference
 * (CONNTRACK_TEST_COMMAND=/usr/sbin/conntrack npm test -- replay).
 */
const other = process.env["CONNTRACK_TEST_COMMAND"] || undefined;

/** What runs as `conntrack` where a process is needed. */
export const program = other ?? binary;

export const backend = napiBackend();

function collector(): Sink & { text(): string } {
  const parts: Buffer[] = [];
  return {
    write: (bytes) => {
      parts.push(Buffer.from(bytes));
    },
    text: () => Buffer.concat(parts).toString("utf8"),
  };
}

function sourceOf(bytes: Buffer): OpenSource {
  let position = 0;
  return {
    read: (buffer) => {
      const count = bytes.copy(buffer, 0, position);
      position += count;
      return count;
    },
    close: () => {},
  };
}

/** Runs a command line in this process: nothing of it touches process.* */
export async function ours(argv: readonly string[], input = ""): Promise<Outcome> {
  if (other !== undefined) return oursAsProcess(argv, { input });
  const stdout = collector();
  const stderr = collector();
  // Files and the clock are the machine's; what a run reads and prints is the test's.
  const io: Io = {
    ...nodeIo(backend),
    stdout,
    stderr,
    stderrIsTerminal: () => false,
    terminalColumns: () => undefined,
    variable: () => undefined,
    stdoutIsDevice: () => false,
    open: (path) => sourceOf(path === "-" ? Buffer.from(input) : readFileSync(path)),
  };
  const status = await main(argv, io);
  return { status, stdout: stdout.text(), stderr: stderr.text() };
}

/** Runs bin/conntrack to its end. */
export function oursAsProcess(argv: readonly string[], options: SpawnOptions = {}): Outcome {
  const outcome = spawnCommand(program, argv, options);
  return other === undefined
    ? outcome
    : { ...outcome, stderr: asVersion149(outcome.stderr), stdout: asVersion149(outcome.stdout) };
}

/** Moves this process into a fresh network namespace, with an empty table. */
export function freshNetwork(): void {
  const result = backend.unshareNetwork();
  if (result < 0) throw new Error(`unshare(CLONE_NEWNET): ${backend.strerror(-result)}`);
}
