import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const name = `prebuilds/linux-${process.arch}/netlink.node`;

/** Loads the backend from a copy of the package that has nothing but its compiled modules, and `addon` as its addon. */
async function loadFrom(root: string, addon?: string): Promise<void> {
  for (const directory of ["src/netlink", "src/system"]) {
    const compiled = fileURLToPath(new URL(`../../../${directory}`, import.meta.url));
    cpSync(compiled, join(root, "build", directory), { recursive: true });
  }
  writeFileSync(join(root, "package.json"), '{ "type": "module" }');
  if (addon !== undefined) {
    mkdirSync(join(root, name, ".."), { recursive: true });
    writeFileSync(join(root, name), addon);
  }
  const { napiBackend } = await import(pathToFileURL(join(root, "build/src/netlink/backend/napi.js")).href);
  napiBackend();
}

test("an addon that is missing or broken is one error that names the build command", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "conntrack-napi-"));
  t.after(() => rmSync(directory, { recursive: true }));

  await assert.rejects(loadFrom(join(directory, "missing")), {
    name: "BackendError",
    code: "CONNTRACK_BACKEND",
    message: `${name} is missing: run "npm run build" in the package's directory`,
  });

  const broken = join(directory, "broken");
  await assert.rejects(loadFrom(broken, "no ELF file"), (error: Error) => {
    assert.equal(error.message, `cannot load ${join(broken, name)}: run "npm run build" in the package's directory`);
    assert.match(String(error.cause), /netlink\.node/);
    return true;
  });
});
