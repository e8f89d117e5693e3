/** How -R tells a person how far it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Io } from "../../../src/cli/io.js";
import { main } from "../../../src/cli/main.js";
import { nodeIo } from "../../../src/cli/node-io.js";
import { backend, freshNetwork } from "../../support/command.js";

const LINES = Array.from(
  { length: 300 },
  (_, i) => `-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport ${i} --dport 9 -t 60\n`,
).join("");

/** What -R of 300 lines writes to stderr, on a clock that moves on by `stepMicros` whenever it is asked. */
async function stderrOf(terminal: boolean, stepMicros: number): Promise<string> {
  freshNetwork();
  const input = Buffer.from(LINES);
  let position = 0;
  let now = 1.7e15;
  let stderr = "";
  const io: Io = {
    ...nodeIo(backend),
    stderrIsTerminal: () => terminal,
    stderr: { write: (bytes) => void (stderr += Buffer.from(bytes).toString()) },
    nowMicroseconds: () => (now += stepMicros),
    open: () => ({
      read: (buffer) => {
        const count = input.copy(buffer, 0, position);
        position += count;
        return count;
      },
      close: () => {},
    }),
  };
  assert.equal(await main(["-R", "-"], io), 0);
  return stderr;
}

test("on a terminal, after a second: lines and rate, and the line is erased at the end", async () => {
  const stderr = await stderrOf(true, 3e5);
  const shown = stderr.split("\r\x1b[2K");
  assert.ok(shown.length > 3, JSON.stringify(stderr));
  assert.equal(shown[0], "");
  assert.equal(shown.at(-1), "");
  for (const line of shown.slice(1, -1)) assert.match(line, /^\d+ of 300 lines, \d+ a second$/);
});

test("nothing where it is done within a second, and nothing where stderr is no terminal", async () => {
  assert.equal(await stderrOf(true, 1), "");
  assert.equal(await stderrOf(false, 3e5), "");
});
