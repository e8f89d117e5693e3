/** The standalone executable, where `npm run build:standalone` has made it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./paths.js";

const name = `build/conntrack-linux-${process.arch}`;

export const standalone = join(root, name);

/** A reason to skip where it is missing, else false. */
export const noStandalone = existsSync(standalone) ? false : `no ${name}: npm run build:standalone`;
