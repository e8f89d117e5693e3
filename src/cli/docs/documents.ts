/** The files that are made from the tables: scripts/docs.mjs writes them, a test compares them. */
import { bashCompletion, fishCompletion, zshCompletion } from "./completions.js";
import { manPage } from "./man-page.js";

/** Texts by path in the package. `template` is man/conntrack.8.in, `version` the package's. */
export function documents(template: string, version: string): Record<string, string> {
  return {
    "man/conntrack.8": manPage(template, version),
    // Named as each shell looks for them.
    "completions/conntrack": bashCompletion(),
    "completions/_conntrack": zshCompletion(),
    "completions/conntrack.fish": fishCompletion(),
  };
}
