/** Tables of known content. */
import { ours } from "./command.js";
import { installed, reference } from "./reference.js";

/**
 * Loads lines of `-R` into the table of the present namespace: by the reference where it is installed, so that a fault of ours
 * cannot hide itself, else by ours.
 */
export async function loadTable(lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const input = `${lines.join("\n")}\n`;
  const argv = ["-R", "-"];
  const { status, stderr } = installed === undefined ? await ours(argv, input) : reference(argv, input);
  if (status !== 0) throw new Error(`the table could not be loaded: status ${status}: ${stderr}`);
}

/** The table as text, by the reference where it is installed. */
export async function listTable(...options: readonly string[]): Promise<string> {
  const argv = ["-L", ...options];
  const { status, stdout, stderr } = installed === undefined ? await ours(argv) : reference(argv);
  if (status !== 0) throw new Error(`the table could not be listed: status ${status}: ${stderr}`);
  return stdout;
}
