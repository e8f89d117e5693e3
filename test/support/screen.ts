/** A terminal with a shell in it, by tmux: keys go in, and what the screen shows comes out. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lacks, must, spawnCommand } from "./process.js";

/** A reason to skip where there is no terminal to be had, else false. */
export const noScreen = lacks("tmux", "bash", "stty");

const PATIENCE_MS = 30_000;
const POLL_MS = 50;

export class Screen {
  readonly #directory = mkdtempSync(join(tmpdir(), "conntrack-screen-"));
  readonly #pidFile = join(this.#directory, "pid");

  /** @param locale what LC_ALL says to the programs in it */
  constructor(columns: number, rows: number, locale = "C.UTF-8") {
    this.#tmux("new-session", "-d", "-x", String(columns), "-y", String(rows), `LC_ALL=${locale} PS1='> ' bash --norc`);
    this.#tmux("set-option", "-g", "status", "off");
  }

  /** tmux on a server of its own, for a terminal that knows every character. */
  #tmux(...words: string[]): string {
    return must("tmux", "-u", "-f", "/dev/null", "-S", join(this.#directory, "socket"), ...words);
  }

  /** Types text as it is. */
  type(text: string): void {
    this.#tmux("send-keys", "-l", "--", text);
  }

  /** Presses keys by tmux's names of them: Enter, Down, C-z. */
  press(...keys: string[]): void {
    this.#tmux("send-keys", ...keys);
  }

  /** Has the shell run a line. */
  run(line: string): void {
    this.type(line);
    this.press("Enter");
  }

  /** Has the shell run a program in the foreground, whose process is known then. */
  runKnown(line: string): void {
    this.run(`sh -c 'echo $$ >${this.#pidFile}; exec ${line}'`);
  }

  /** The process of `runKnown`, once the program has begun. */
  get pid(): number {
    return Number(readFileSync(this.#pidFile, "utf8"));
  }

  resize(columns: number, rows: number): void {
    this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  text(): string {
    return this.#tmux("capture-pane", "-p");
  }

  /** Waits until the screen shows this; returns all of it. */
  async until(expected: RegExp): Promise<string> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const text = this.text();
      if (expected.test(text)) return text;
      if (Date.now() > end) throw new Error(`the screen does not show ${expected}:\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Hangs up, if the terminal is still there. */
  close(): void {
    spawnCommand("tmux", ["-S", join(this.#directory, "socket"), "kill-server"]);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
