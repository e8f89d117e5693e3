/** The backend of the executable: the binding src/native/quickjs-calls.c. */
import * as native from "native";
import { backendOf } from "./calls.js";
import type { Backend } from "./socket.js";

export function quickjsBackend(): Backend {
  return backendOf(native);
}
