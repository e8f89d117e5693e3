/** Files in /etc for the test alone: an overlay in its own mount namespace, of which the machine sees nothing. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { must } from "./process.js";

/** Writes files below /etc, e.g. "xtables/connlabel.conf", over what is there. */
export function overlayEtc(files: Readonly<Record<string, string>>): void {
  // A tmpfs of this mount namespace (scripts/test.mjs), so that nothing has to be removed.
  const base = mkdtempSync("/run/etc-");
  const [upper, work] = [join(base, "upper"), join(base, "work")];
  for (const directory of [upper, work]) mkdirSync(directory);
  // Into the upper layer, which is the test's own: an ordinary user may not write into a directory of root's through the overlay.
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(upper, name)), { recursive: true });
    writeFileSync(join(upper, name), content);
  }
  must("mount", "-t", "overlay", "overlay", "-o", `lowerdir=/etc,upperdir=${upper},workdir=${work}`, "/etc");
}
