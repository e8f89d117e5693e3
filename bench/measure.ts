/** Running programs and knowing what they took. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** bench/measure.c, compiled by scripts/bench.mjs. */
const MEASURE = fileURLToPath(new URL("./measure", import.meta.url));

/** One run of a program. */
export interface Run {
  wallMs: number;
  userMs: number;
  systemMs: number;
  /** Peak resident memory (ru_maxrss of getrusage(2)). */
  peakKib: number;
  /** The exit status; 128 + N after signal N. */
  status: number;
  stderr: string;
}

export interface Running {
  /** Asks the program to end (SIGTERM). */
  stop(): void;
  ended: Promise<Run>;
}

/** Starts a program. Its stdout goes to the descriptor `stdout`, or to /dev/null. */
export function start([...command]: readonly string[], stdout: number | "ignore" = "ignore"): Running {
  const child = spawn(MEASURE, command, { stdio: ["ignore", stdout, "pipe", "pipe"] });
  const collect = (index: 2 | 3) => {
    const text = { value: "" };
    child.stdio[index]!.on("data", (data: Buffer) => {
      text.value += data.toString();
    });
    return text;
  };
  const stderr = collect(2);
  const result = collect(3);
  const ended = new Promise<Run>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => {
      const [wall, user, system, peakKib, status] = result.value.split(" ").map(Number);
      if (status === undefined) return reject(new Error(`${command.join(" ")}: not measured: ${stderr.value}`));
      const run = { wallMs: wall! / 1000, userMs: user! / 1000, systemMs: system! / 1000, peakKib: peakKib!, status };
      resolve({ ...run, stderr: stderr.value });
    });
  });
  return { stop: () => void child.kill("SIGTERM"), ended };
}
