/** `npm run release:files`: what a release consists of, and that it can be checked. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Checkout, copyOfCheckout, noPackage } from "../support/package.js";
import { root } from "../support/paths.js";
import { lacks, must, spawnCommand } from "../support/process.js";
import { noStandalone, standalone } from "../support/standalone.js";

interface Component {
  name: string;
  version: string;
  purl: string;
  hashes?: readonly unknown[];
}

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

describe("the files of a release", { skip: noPackage || noStandalone || lacks("dpkg-deb") }, () => {
  let checkout: Checkout;
  let directory: string;
  before(() => {
    checkout = copyOfCheckout();
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_"));
    // A copy has no git to tell the time of its commit.
    const env = { ...Object.fromEntries(inherited), SOURCE_DATE_EPOCH: "1700000000" };
    const { status, stderr } = spawnCommand(process.execPath, ["scripts/release-files.mjs", process.arch], {
      cwd: checkout.directory,
      env,
      timeoutMs: 300_000,
    });
    assert.equal(stderr, "");
    assert.equal(status, 0);
    directory = join(checkout.directory, "build/release");
  });
  after(() => checkout.remove());

  it("are all there", () => {
    assert.deepEqual(readdirSync(directory).sort(), [
      "SHA256SUMS",
      `conntrack-${version}.tgz`,
      `conntrack-linux-${process.arch}`,
      `conntrack-ts_${version}-1_${process.arch === "x64" ? "amd64" : process.arch}.deb`,
      "sbom.cdx.json",
    ]);
  });

  it("have the hashes that SHA256SUMS says", () => {
    const checked = must("sh", "-c", `cd '${directory}' && sha256sum --strict -c SHA256SUMS`);
    assert.equal(checked.split("\n").filter((line) => line.endsWith(": OK")).length, 4);
  });

  it("come out the same from another directory", () => {
    const other = copyOfCheckout();
    try {
      must("sh", "-c", `cd '${other.directory}' && '${process.execPath}' scripts/build-standalone.mjs ${process.arch}`);
      const name = `conntrack-linux-${process.arch}`;
      must("cmp", join(directory, name), join(other.directory, "build", name));
    } finally {
      other.remove();
    }
  });

  it("run", () => {
    assert.equal(
      must(join(directory, `conntrack-linux-${process.arch}`), "-V"),
      "conntrack v1.4.9 (conntrack-tools)\n",
    );
  });

  it("have an SBOM of every package, with versions and hashes", () => {
    const sbom = JSON.parse(readFileSync(join(directory, "sbom.cdx.json"), "utf8")) as {
      bomFormat: string;
      components: Component[];
    };
    assert.equal(sbom.bomFormat, "CycloneDX");
    const names = sbom.components.map(({ name }) => name);
    for (const name of ["commander", "esbuild", "typescript", "node-api-headers"])
      assert.ok(names.includes(name), name);
    assert.ok(names.includes("quickjs-ng"));
    for (const component of sbom.components) {
      assert.match(component.purl, /^pkg:(npm|github)\//, component.name);
      assert.match(component.version, /^\d/, component.name);
      assert.notEqual(component.hashes?.length ?? 0, 0, component.name);
    }
  });
});

it("the Containerfile copies all that its build needs", { skip: noStandalone }, (t) => {
  const directory = mkdtempSync(join(tmpdir(), "conntrack-container-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const text = readFileSync(join(root, "Containerfile"), "utf8");
  for (const [, sources] of text.matchAll(/^COPY (?!--from)(.*) \S+$/gm)) {
    for (const source of sources!.split(" ")) cpSync(join(root, source), join(directory, source), { recursive: true });
  }
  // npm ci, without the registry.
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
  const { status, stderr } = spawnCommand(process.execPath, ["scripts/build-standalone.mjs"], { cwd: directory });
  assert.equal(stderr, "");
  assert.equal(status, 0);
  assert.match(must(join(directory, standalone.slice(root.length)), "--help"), /^Usage: /);
});
