/**
 * `npm run build:prebuilds`: the addon for every architecture that the npm package carries it for. Compilers for the others,
 * on Debian: gcc-aarch64-linux-gnu and libc6-dev-arm64-cross, on arm64 gcc-x86-64-linux-gnu and libc6-dev-amd64-cross.
 * `npm pack` runs this too, so that no package leaves without one of them.
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { buildAddon } from "./build-addon.mjs";

export const ARCHITECTURES = ["x64", "arm64"];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    for (const arch of ARCHITECTURES) {
      // CC names a compiler for this machine.
      const cc = arch === process.arch ? process.env.CC : "";
      console.log(relative(process.cwd(), buildAddon({ arch, cc })));
    }
  } catch (error) {
    console.error(`build-prebuilds: ${error.message}`);
    process.exitCode = 1;
  }
}
