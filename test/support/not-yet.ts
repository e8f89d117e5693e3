/** What later issues bring. A test that needs one of these is skipped, aloud; to enable it, delete the entry. */
import type { CommandName } from "../../src/command/command.js";

export const NOT_YET: readonly (CommandName | "json")[] = [];

/** A reason to skip for the first of `needed` that is not there yet, else false. scripts/test.mjs knows "not yet:". */
export function notYet(...needed: readonly (CommandName | "json")[]): string | false {
  const missing = needed.find((name) => NOT_YET.includes(name));
  return missing === undefined ? false : `not yet: ${missing} (test/support/not-yet.ts)`;
}
