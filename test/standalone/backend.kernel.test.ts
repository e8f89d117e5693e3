/** The two backends, asked the same. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { it } from "node:test";
import { napiBackend } from "../../src/netlink/backend/napi.js";
import { probe } from "../support/backend-probe.js";
import { root } from "../support/paths.js";
import { noStandalone } from "../support/standalone.js";

it("the backends of Node and of the standalone executable answer alike", { skip: noStandalone }, async (t) => {
  const { buildStandalone } = await import(join(root, "scripts/build-standalone.mjs"));
  const program: string = await buildStandalone(process.arch, {
    entryPoint: "test/standalone/probe-quickjs.ts",
    output: join(mkdtempSync(join(root, "build/probe-")), "probe"),
  });
  t.after(() => rmSync(dirname(program), { recursive: true }));
  const network = openSync("/proc/self/ns/net", "r");
  const nowhere = openSync("/dev/full", "w");
  const options = { stdio: ["ignore", "pipe", "pipe", network, nowhere], encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(program, [], { ...options, stdio: [...options.stdio] });
  assert.equal(stderr, "");
  assert.equal(status, 0);
  const want = probe(napiBackend(), (signal) => process.kill(process.pid, signal), { network, nowhere });
  closeSync(network);
  closeSync(nowhere);
  assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(want)));
  assert.equal(want["away"], 0);
});
