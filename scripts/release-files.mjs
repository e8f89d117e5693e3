/**
 * `npm run release:files [-- TARGET…]`: what a release consists of, in build/release: the npm package, the standalone
 * executables and a Debian package of each (all targets, or those named), an SBOM of what they were made with, and SHA256SUMS of all.
 */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./build.mjs";
import { prebuiltExecutable } from "./build-prebuilds.mjs";
import { ARCHITECTURES, QUICKJS, QUICKJS_PACKAGE } from "./build-standalone.mjs";
import { debianPackage } from "./debian-package.mjs";
import { run } from "./npm-package.mjs";

const directory = join(root, "build/release");

/** QuickJS is in the executables, and in a package of another name. */
function quickjsComponent(packages) {
  const { version, sha256 } = QUICKJS;
  const carrier = packages.find(({ purl }) => purl.startsWith(`pkg:npm/${QUICKJS_PACKAGE.replace("@", "%40")}@`));
  return {
    "bom-ref": `quickjs-ng@${version}`,
    type: "library",
    name: "quickjs-ng",
    version,
    scope: "required",
    description: `JavaScript engine within conntrack-linux-*, as ${carrier.name} ${carrier.version} carries it`,
    licenses: [{ license: { id: "MIT" } }],
    purl: `pkg:github/quickjs-ng/quickjs@v${version}`,
    // Of its sources, as scripts/build-standalone.mjs checks it.
    hashes: [{ alg: "SHA-256", content: sha256 }],
  };
}

function writeSbom() {
  const sbom = JSON.parse(run("npm", ["sbom", "--sbom-format=cyclonedx", "--package-lock-only"], root));
  sbom.components.push(quickjsComponent(sbom.components));
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
  const targets = words.length > 0 ? words : ARCHITECTURES;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  // Which builds everything first: prepack and prepare.
  run("npm", ["pack", "--pack-destination", directory], root);
  for (const target of targets) {
    const file = join(directory, `conntrack-linux-${target}`);
    copyFileSync(prebuiltExecutable(target), file);
    debianPackage(file, target, directory);
  }
  writeSbom();
  writeSums();
  process.stdout.write(readFileSync(join(directory, "SHA256SUMS")));
} catch (error) {
  console.error(`release-files: ${error.message}`);
  process.exitCode = 1;
}
