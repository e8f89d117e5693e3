/** Root file systems made by hand: what is named, the libraries of that, /proc or not, and nothing else; read-only. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { must, type Outcome, type SpawnOptions, spawnCommand } from "./process.js";

export interface RootFs {
  /** Runs a program of it, with no environment but a PATH. */
  run(file: string, argv: readonly string[], options?: SpawnOptions): Outcome;
  /** The words that do so. */
  command(file: string, ...argv: readonly string[]): string[];
  directory: string;
  /** All files in it. */
  files: readonly string[];
}

/** The shared libraries of an executable, its interpreter among them. */
function libraries(executable: string): string[] {
  return Array.from(must("ldd", executable).matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm), ([, path]) => path!);
}

/**
 * Makes one in this mount namespace.
 * @param sources executables and other files or directories by their place in it
 */
export function rootFs(
  sources: Readonly<Record<string, string>>,
  executables: readonly string[],
  { proc = true } = {},
): RootFs {
  // A tmpfs of this mount namespace (scripts/test.mjs), so that nothing has to be removed.
  const directory = mkdtempSync("/run/root-");
  const all = new Map(Object.entries(sources));
  for (const path of executables) for (const library of libraries(path)) all.set(library, library);
  for (const [place, source] of all) {
    const target = join(directory, place);
    mkdirSync(dirname(target), { recursive: true });
    if (must("stat", "-Lc", "%F", source).startsWith("directory")) mkdirSync(target);
    else writeFileSync(target, "");
    must("mount", "--bind", source, target);
    must("mount", "-o", "remount,bind,ro", target);
  }
  if (proc) mkdirSync(join(directory, "proc"));
  must("mount", "--bind", directory, directory);
  // The binds above do not come along with the directory that they are in.
  for (const [place, source] of all) must("mount", "--bind", source, join(directory, place));
  if (proc) must("mount", "-t", "proc", "proc", join(directory, "proc"));
  must("mount", "-o", "remount,bind,ro", directory);
  const command = (file: string, ...argv: readonly string[]) => {
    // chroot itself is looked for on the PATH.
    return ["env", "-i", `PATH=${process.env["PATH"]}`, "chroot", directory, file, ...argv];
  };
  return {
    directory,
    files: [...all.keys()],
    command,
    run(file, argv, options = {}) {
      const [program, ...words] = command(file, ...argv);
      return spawnCommand(program!, words, options);
    },
  };
}
