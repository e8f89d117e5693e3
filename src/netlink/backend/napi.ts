/** The backend on Node: the N-API addon built from src/native/napi.c. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { BackendError } from "../../system/errors.js";
import { backendOf, type Calls, type ThreadCalls } from "./calls.js";
import type { Backend } from "./socket.js";

/** What napi.c exports. */
export interface Addon extends Calls, ThreadCalls {}

/**
 * From this module to the package's root: out of build/src/netlink/backend/, or out of dist/ when bundled. One place alone:
 * code that root will run is not looked for in directories that others may write to.
 */
const ROOT = import.meta.url.endsWith("/src/netlink/backend/napi.js") ? "../../../../" : "../";

/**
 * Loads the addon that was built for this machine.
 * @throws BackendError where there is none, or node cannot load it.
 */
export function loadAddon(): Addon {
  const name = `prebuilds/linux-${process.arch}/netlink.node`;
  const path = fileURLToPath(new URL(ROOT + name, import.meta.url));
  if (!existsSync(path)) throw new BackendError(`${name} is missing: run "npm run build" in the package's directory`);
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    throw new BackendError(`cannot load ${path}: run "npm run build" in the package's directory`, { cause });
  }
}

/**
 * The backend over the addon.
 * @throws BackendError where the addon is missing or cannot be loaded.
 */
export function napiBackend(): Backend {
  const addon = loadAddon();
  return backendOf(addon, addon);
}
