/** The two backends, asked the same. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { napiBackend } from "../../src/netlink/backend/napi.js";
import { probe } from "../support/backend-probe.js";
import { spawnCommand } from "../support/process.js";
import { noStandalone, standalone } from "../support/standalone.js";

it("the backends of Node and of the standalone executable answer alike", { skip: noStandalone }, () => {
  const script = fileURLToPath(new URL("probe-bun.js", import.meta.url));
  const env = { ...process.env, BUN_BE_BUN: "1" };
  const { status, stdout, stderr } = spawnCommand(standalone, [script], { env });
  assert.equal(stderr, "");
  assert.equal(status, 0);
  const want = probe(napiBackend(), (signal) => process.kill(process.pid, signal));
  assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(want)));
  assert.equal(want["away"], 0);
});
