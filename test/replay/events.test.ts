/** Every recording of events.json: -E as a process, the commands of the case beside it, then the signal. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eventCases } from "../support/cases.js";
import { freshNetwork, ours, program } from "../support/command.js";
import { listen } from "../support/listener.js";
import type { Outcome } from "../support/process.js";
import { installed, reference } from "../support/reference.js";
import { shellWords } from "../support/shell-words.js";
import { asVersion149, lines, mask } from "../support/text.js";
import { sleep, until } from "../support/wait.js";

/** One command of the activity, by the reference where it is installed. */
async function act(command: string): Promise<Outcome> {
  const argv = shellWords(command)!;
  if (installed === undefined) return ours(argv);
  // 1.4.7 cannot update without a family.
  return reference(argv[0] === "-U" && !argv.includes("-f") ? [...argv, "-f", "ipv4"] : argv);
}

/** DESTROY lines of one command come in any order, and so do those of two commands next to each other. */
function destroyedSorted(all: readonly string[]): string[] {
  const isDestroy = (line: string) => /\[DESTROY\]|^-D |type="destroy"/.test(line);
  const sorted = all.filter(isDestroy).sort();
  return all.map((line) => (isDestroy(line) ? sorted.shift()! : line));
}

describe("events.json", () => {
  for (const recorded of eventCases.cases) {
    it(recorded.argv.join(" "), async () => {
      freshNetwork();
      const listener = await listen(program, recorded.argv);
      try {
        if (recorded.exit !== 2) {
          for (const command of recorded.commands) assert.equal((await act(command)).status, 0, command);
          // What is filtered out cannot be waited for.
          const expected = recorded.stdout.filter((line) => line !== "</conntrack>").length;
          await until("the events", () => lines(listener.stdout()).length >= expected).catch(() => {});
          await sleep(50);
        }
      } finally {
        const { status, stdout, stderr } = await listener.end(recorded.signal);
        assert.equal(asVersion149(stderr), recorded.stderr);
        assert.deepEqual(destroyedSorted(lines(mask(stdout))), destroyedSorted(recorded.stdout));
        assert.equal(status, recorded.exit);
      }
    });
  }
});
