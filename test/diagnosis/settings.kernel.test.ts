/** The defaults that the diagnosis knows are those of a new network namespace. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { it } from "node:test";
import { SETTINGS_DIRECTORY, SWITCH_DEFAULTS, TIMEOUT_DEFAULTS } from "../../src/diagnosis/settings.js";

for (const [name, usual] of Object.entries({ ...TIMEOUT_DEFAULTS, ...SWITCH_DEFAULTS })) {
  const path = SETTINGS_DIRECTORY + name;
  it(`nf_conntrack_${name} is ${usual ?? "a number"} by default`, {
    skip: existsSync(path) ? false : `this kernel has no ${path}`,
  }, () => {
    const value = Number.parseInt(readFileSync(path, "utf8"), 10);
    if (usual === undefined) assert.ok(value >= 0);
    else assert.equal(value, usual);
  });
}
