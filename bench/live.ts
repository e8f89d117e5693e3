/** Rows of the kind "live": the view on a terminal, looked at for a while without keys, then with keys. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sysctl } from "../test/support/lab.js";
import { type Run, start } from "./measure.js";
import { openTable, type Table } from "./table.js";

export interface LiveFigures {
  /** Share of one CPU while no key is pressed, from the start on, and once the first full pass has ended. */
  cpuPercent: number;
  laterCpuPercent: number;
  /** The same while keys are pressed. */
  keysCpuPercent: number;
  /** When the first full pass has ended, from the start on. */
  firstPassMs: number;
  /** From each key to the next bytes on the terminal. */
  answersMs: number[];
  /** Peak memory above that with a table of FEW entries, by the entry. */
  bytesPerEntry: number;
}

/** bench/terminal.c, compiled by scripts/bench.mjs. */
const TERMINAL = fileURLToPath(new URL("./terminal", import.meta.url));

/** A table whose entries take next to nothing of the view's memory. */
const FEW = 1000;

/** What is done at the terminal. */
interface Visit {
  quietMs: number;
  pitchMs: number;
  keys: string;
}

/** Rows up and down, columns to sort by, the other way around; a full pass, and keys in it; another grouping, and back. */
const KEYS = "jk<>rrajkrrjkgjkGajk";

const SHORT: Visit = { quietMs: 2000, pitchMs: 100, keys: KEYS };
const LONG: Visit = { quietMs: 30_000, pitchMs: 300, keys: KEYS.repeat(3) };
const OPENING: Visit = { quietMs: 1000, pitchMs: 100, keys: "jk" };

/** What bench/terminal.c has written, but for the memory; undefined where no full pass has ended before the first key. */
function figuresOf(text: string): Omit<LiveFigures, "bytesPerEntry"> | undefined {
  const lines = text
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
  const moment = (name: string) => {
    const [, wall, cpu] = lines.find(([first]) => first === name) ?? [];
    return { wallMs: Number(wall) / 1000, cpuMs: Number(cpu) / 1000 };
  };
  const [full, quiet, keys] = [moment("full"), moment("quiet"), moment("keys")];
  if (!(full.wallMs < quiet.wallMs)) return undefined;
  const share = (from: typeof full, to: typeof full) => (100 * (to.cpuMs - from.cpuMs)) / (to.wallMs - from.wallMs);
  return {
    cpuPercent: share({ wallMs: 0, cpuMs: 0 }, quiet),
    laterCpuPercent: share(full, quiet),
    keysCpuPercent: share(quiet, keys),
    firstPassMs: full.wallMs,
    answersMs: lines.filter(([first]) => first === "key").map(([, answer]) => Number(answer) / 1000),
  };
}

async function make(command: readonly string[], { quietMs, pitchMs, keys }: Visit, path: string) {
  const stdout = openSync(path, "w");
  const run = await start([TERMINAL, String(quietMs), String(pitchMs), keys, ...command], stdout).ended;
  closeSync(stdout);
  return { run, figures: figuresOf(readFileSync(path, "utf8")) };
}

/**
 * Looks at a view of the table, which is made for it, with accounting. `path` is a file to write to.
 * Returns the figures, or why there are none.
 */
export async function look(
  command: readonly string[],
  table: Table,
  isShort: boolean,
  path: string,
): Promise<(Run & { live: LiveFigures }) | string> {
  sysctl("net/netfilter/nf_conntrack_acct", 1);
  table.flush();
  openTable(FEW).fill();
  const opening = await make(command, OPENING, path);
  table.flush();
  table.fill();
  const { run, figures } = await make(command, isShort ? SHORT : LONG, path);
  if (run.status !== 0) return `status ${run.status}: ${run.stderr.trim().split("\n").at(-1)}`;
  if (figures === undefined) return "no full pass ended before the first key";
  const bytesPerEntry = (1024 * (run.peakKib - opening.run.peakKib)) / table.entries;
  return { ...run, live: { ...figures, bytesPerEntry } };
}
