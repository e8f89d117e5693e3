/** Ours and the reference on the same table. */
import assert from "node:assert/strict";
import { ours } from "./command.js";
import type { Outcome } from "./process.js";
import { reference } from "./reference.js";
import { asVersion149 } from "./text.js";

const TRIES = 5;

function as149({ status, stdout, stderr }: Outcome): Outcome {
  return { status, stdout: asVersion149(stdout), stderr: asVersion149(stderr) };
}

function same(a: Outcome, b: Outcome): boolean {
  return a.status === b.status && a.stdout === b.stdout && a.stderr === b.stderr;
}

export interface AgreeOptions {
  /** What of an outcome is compared; everything where absent. */
  tweak?: (outcome: Outcome) => Outcome;
  /** How ours is run; in this process where absent. */
  run?: (argv: readonly string[]) => Outcome | Promise<Outcome>;
}

/**
 * Asserts that ours prints byte for byte what the reference prints, and ends alike. Nothing is masked: where a second has
 * passed between the two, timeouts differ, so both are asked again. Returns what they agree on.
 */
export async function agree(argv: readonly string[], options: AgreeOptions = {}): Promise<Outcome> {
  const { tweak = (outcome) => outcome, run = ours } = options;
  let got!: Outcome;
  let want!: Outcome;
  for (let i = 0; i < TRIES; i++) {
    want = tweak(as149(reference(argv)));
    got = tweak(await run(argv));
    if (same(got, want)) return got;
  }
  assert.deepEqual(got, want, `conntrack ${argv.join(" ")}`);
  return got;
}
