/** What -C and -S do where netlink refuses: show what /proc knows, and say why all the same. */
import { KernelError } from "../system/errors.js";
import type { Context } from "./context.js";

/** Runs `ask`; where the kernel refuses, `fallBack` shows the figures of /proc before the error takes its way. */
export function orFromProc(context: Context, fallBack: (context: Context) => void, ask: () => void): number {
  try {
    ask();
    return 0;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    try {
      fallBack(context);
    } catch {
      // /proc may be absent; then the kernel's refusal is all there is to say.
    }
    throw error;
  }
}
