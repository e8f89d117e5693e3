/**
 * `npm run test:standalone [-- PATTERN…]`: builds the executable and runs the tests that can test any conntrack against it:
 * the recorded cases, the scenes, and those beside the reference. test/standalone, which is about the executable alone, runs
 * with `npm test`.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./build.mjs";
import { buildStandalone } from "./build-standalone.mjs";

const words = process.argv.slice(2);
const patterns = words.length > 0 ? words : ["replay/", "scenes/", "differential/"];
try {
  const program = await buildStandalone(process.arch);
  console.log(`CONNTRACK_TEST_COMMAND=${program}`);
  const { status } = spawnSync(process.execPath, [join(root, "scripts/test.mjs"), ...patterns], {
    cwd: root,
    env: { ...process.env, CONNTRACK_TEST_COMMAND: program },
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
} catch (error) {
  console.error(`test-standalone: ${error.message}`);
  process.exitCode = 1;
}
