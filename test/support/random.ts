/** Random choices that a seed repeats. */

export interface Random {
  /** 0 … below - 1. */
  below(limit: number): number;
  pick<T>(from: readonly T[]): T;
  /** True once in `often`. */
  once(often: number): boolean;
  /** Some of them, in random order. */
  some<T>(from: readonly T[], count: number): T[];
}

/** mulberry32. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    pick: (from) => from[below(from.length)]!,
    once: (often) => below(often) === 0,
    some: (from, count) => {
      const left = [...from];
      return Array.from({ length: Math.min(count, left.length) }, () => left.splice(below(left.length), 1)[0]!);
    },
  };
}

/** CONNTRACK_TEST_SEED, or another one every time; a test that uses it says which. */
export const seed = Number(process.env["CONNTRACK_TEST_SEED"] ?? Date.now() % 1_000_000_000);
