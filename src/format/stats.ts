/** The lines of -S. */
import type { CpuStats } from "../ctnetlink/stats.js";
import { toJson } from "./json.js";

/** `cpu=0   <TAB>found=1 … `: callers split it at blanks, and the one at the end stays. */
export function statsLine({ cpu, counters }: CpuStats): string {
  return `cpu=${String(cpu).padEnd(4)}\t${counters.map(({ name, value }) => `${name}=${value} `).join("")}\n`;
}

/** The counters of a CPU as members of one object, beside the CPU's number. */
export function statsObject({ cpu, counters }: CpuStats): { cpu: number; [counter: string]: number } {
  return Object.assign({ cpu }, ...counters.map(({ name, value }) => ({ [name]: value })));
}

/** The json format's line for -S. */
export function statsJson(stats: CpuStats): string {
  return `${toJson(statsObject(stats))}\n`;
}

/** The json format's line for -C. */
export function countJson(table: string, entries: number): string {
  return `${toJson({ table, entries })}\n`;
}

/** /proc/net/stat/nf_conntrack: a line of names, then a line of hexadecimal numbers for each CPU. */
export function parseProcStats(text: string): CpuStats[] {
  const [names = [], ...rows] = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.trim().split(/\s+/));
  return rows.map((row, cpu) => ({
    cpu,
    counters: names.map((name, i) => ({ name, value: Number.parseInt(row[i] ?? "0", 16) })),
  }));
}
