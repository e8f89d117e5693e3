/**
 * `npm run build:prebuilds`: what the npm package carries for each architecture: the addon, and the executable that its
 * `conntrack` runs (bin/launch). Compilers for the others, on Debian: gcc-aarch64-linux-gnu and libc6-dev-arm64-cross, on
 * arm64 gcc-x86-64-linux-gnu and libc6-dev-amd64-cross. `npm pack` runs this too, so that no package leaves without one.
 */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./build.mjs";
import { buildAddon } from "./build-addon.mjs";
import { ARCHITECTURES, buildStandalone } from "./build-standalone.mjs";

/** Where the executable for an architecture lies. Its name is what ps(1) and pidof(8) know a process by. */
export const prebuiltExecutable = (arch) => join(root, `prebuilds/linux-${arch}/conntrack`);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    for (const arch of ARCHITECTURES) {
      // CC names a compiler for this machine.
      const cc = arch === process.arch ? process.env.CC : "";
      console.log(relative(process.cwd(), buildAddon({ arch, cc })));
      console.log(relative(process.cwd(), await buildStandalone(arch, { output: prebuiltExecutable(arch) })));
    }
  } catch (error) {
    console.error(`build-prebuilds: ${error.message}`);
    process.exitCode = 1;
  }
}
