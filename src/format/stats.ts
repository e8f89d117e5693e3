/** The lines of -S. */
import type { CpuStats } from "../ctnetlink/stats.js";

/** `cpu=0   <TAB>found=1 … `: callers split it at blanks, and the one at the end stays. */
export function statsLine({ cpu, counters }: CpuStats): string {
  return `cpu=${String(cpu).padEnd(4)}\t${counters.map(({ name, value }) => `${name}=${value} `).join("")}\n`;
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
