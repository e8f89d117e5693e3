/** Where things are, seen from the compiled tests in build/test. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../", import.meta.url));
export const fixtures = join(root, "test/fixtures");
/** Our command as it is installed. */
export const binary = join(root, "bin/conntrack");
/** Compiled helpers that tests start as processes of their own. */
export const support = fileURLToPath(new URL("./", import.meta.url));
