/**
 * `npm run release:files [-- TARGET…]`: what a release consists of, in build/release: the npm package, the standalone
 * executables (all targets, or those named), an SBOM of what they were made with, and SHA256SUMS of all.
 */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "./build.mjs";
import { BUN_VERSION, buildStandalone, RUNTIMES, TARGETS } from "./build-standalone.mjs";
import { run } from "./npm-package.mjs";

const directory = join(root, "build/release");

/** Bun's runtime is in no lock file, but in the executables. */
function runtimeComponent(target) {
  const { name, integrity } = RUNTIMES[target];
  return {
    "bom-ref": `${name}@${BUN_VERSION}`,
    type: "library",
    name,
    version: BUN_VERSION,
    scope: "required",
    description: `runtime within conntrack-linux-${target}`,
    purl: `pkg:npm/${name.replace("@", "%40")}@${BUN_VERSION}`,
    hashes: [{ alg: "SHA-512", content: Buffer.from(integrity.slice("sha512-".length), "base64").toString("hex") }],
  };
}

function writeSbom(targets) {
  const sbom = JSON.parse(run("npm", ["sbom", "--sbom-format=cyclonedx", "--package-lock-only"], root));
  sbom.components.push(...targets.map(runtimeComponent));
  writeFileSync(join(directory, "sbom.cdx.json"), `${JSON.stringify(sbom, null, 2)}\n`);
}

/** In the form that sha256sum -c reads. */
function writeSums() {
  const lines = readdirSync(directory)
    .sort()
    .map(
      (name) =>
        `${createHash("sha256")
          .update(readFileSync(join(directory, name)))
          .digest("hex")}  ${name}\n`,
    );
  writeFileSync(join(directory, "SHA256SUMS"), lines.join(""));
}

try {
  const words = process.argv.slice(2);
  const targets = words.length > 0 ? words : TARGETS;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  // Which builds everything first: prepack and prepare.
  run("npm", ["pack", "--pack-destination", directory], root);
  for (const target of targets) {
    const file = buildStandalone(target);
    copyFileSync(file, join(directory, basename(file)));
  }
  writeSbom(targets);
  writeSums();
  process.stdout.write(readFileSync(join(directory, "SHA256SUMS")));
} catch (error) {
  console.error(`release-files: ${error.message}`);
  process.exitCode = 1;
}
