/** Processes that a test runs to their end. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

export interface Outcome {
  /** The exit status; of a process that a signal ended 128 + its number, as a shell has it. */
  status: number;
  stdout: string;
  stderr: string;
}

export interface SpawnOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  timeoutMs?: number;
}

/**
 * A descriptor that reads `input`: an unlinked file, because node gives children sockets for pipes, and /dev/stdin, which
 * `-R -` opens, cannot be opened anew where it is a socket.
 */
function inputDescriptor(input: string): number {
  const directory = mkdtempSync(join(tmpdir(), "conntrack-input-"));
  try {
    writeFileSync(join(directory, "input"), input);
    return openSync(join(directory, "input"), "r");
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Runs a program to its end. Throws where it cannot be started or does not end in time. */
export function spawnCommand(file: string, argv: readonly string[], options: SpawnOptions = {}): Outcome {
  const { input = "", env = process.env, cwd, timeoutMs = 120_000 } = options;
  const stdin = input === "" ? "ignore" : inputDescriptor(input);
  const result = spawnSync(file, argv, {
    stdio: [stdin, "pipe", "pipe"],
    env,
    ...(cwd === undefined ? {} : { cwd }),
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: 256 << 20,
    encoding: "utf8",
  });
  if (typeof stdin === "number") closeSync(stdin);
  if (result.error !== undefined) throw result.error;
  const status = result.status ?? 128 + constants.signals[result.signal!];
  return { status, stdout: result.stdout, stderr: result.stderr };
}

/** Runs a program that must succeed, as part of setting a scene. Returns its output. */
export function must(file: string, ...argv: readonly string[]): string {
  const { status, stdout, stderr } = spawnCommand(file, argv);
  if (status !== 0) throw new Error(`${file} ${argv.join(" ")}: status ${status}: ${stderr.trim()}`);
  return stdout;
}

/** As `must`, with a text on standard input. */
export function mustRead(input: string, file: string, ...argv: readonly string[]): string {
  const { status, stdout, stderr } = spawnCommand(file, argv, { input });
  if (status !== 0) throw new Error(`${file} ${argv.join(" ")}: status ${status}: ${stderr.trim()}`);
  return stdout;
}

/** A reason to skip where a program is missing, else false. */
export function lacks(...programs: readonly string[]): string | false {
  const missing = programs.filter((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0);
  return missing.length === 0 ? false : `not installed: ${missing.join(", ")}`;
}
