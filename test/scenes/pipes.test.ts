/** Output that nobody reads, that does not fit, or that goes nowhere. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { freshNetwork, ours, program } from "../support/command.js";
import { type Outcome, spawnCommand } from "../support/process.js";
import { installed } from "../support/reference.js";
import { SHELL_FUNCTIONS } from "../support/shell.js";
import { loadTable } from "../support/table.js";
import { asVersion149, lines } from "../support/text.js";

const SIGPIPE = 128 + 13;
const SIGXFSZ = 128 + 25;

/** bash -c, with $CT as our command; its status is the one of the left side of a pipe. */
function shell(script: string): Outcome {
  const outcome = spawnCommand("bash", ["-c", SHELL_FUNCTIONS + script], { env: { ...process.env, CT: program } });
  return { ...outcome, stderr: asVersion149(outcome.stderr) };
}

function flows(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport ${index + 1} --dport 9 -t 3000`,
  );
}

// 3 entries fit in any buffer; 2,000 are more than a pipe holds.
for (const count of [3, 2000]) {
  describe(`${count} entries`, () => {
    before(async () => {
      freshNetwork();
      await loadTable(flows(count));
    });

    it("go to head -1, which ends the command", () => {
      const { stdout, stderr } = shell("$CT -L | head -1; exit $PIPESTATUS");
      assert.equal(lines(stdout).length, 1);
      // A long list is cut short by SIGPIPE, quietly.
      if (count > 1000) assert.equal(stderr, "");
    });

    it("end the command by SIGPIPE when the reader is gone", () => {
      const { status, stdout } = shell("(sleep 0.2; exec $CT -L) | true; exit $PIPESTATUS");
      assert.equal(status, SIGPIPE);
      assert.equal(stdout, "");
    });

    it("fail loudly on a full disk", () => {
      const { status, stderr } = shell("$CT -L >/dev/full");
      assert.match(stderr, /^conntrack v1\.4\.9 \(conntrack-tools\): .*No space left on device\n$/);
      assert.equal(status, 1);
    });

    // Node ignores SIGXFSZ.
    if (count > 1000) {
      it("end the command by SIGXFSZ where the file may not grow", () => {
        const { status } = shell("f=$(mktemp); (ulimit -f 1; exec $CT -L >$f); status=$?; rm $f; exit $status");
        assert.equal(status, SIGXFSZ);
      });
    }

    it("go nowhere where stdout is closed", () => {
      const { status, stderr } = shell("$CT -L >&-");
      assert.equal(stderr, `conntrack v1.4.9 (conntrack-tools): ${count} flow entries have been shown.\n`);
      assert.equal(status, 0);
    });

    it("all arrive through a slow pipe", () => {
      const { status, stdout } = shell("$CT -L -o id | (sleep 0.3; cat); exit $PIPESTATUS");
      assert.equal(lines(stdout).length, count);
      assert.equal(status, 0);
    });

    it("all arrive through a pipe that does not block", () => {
      // node makes its own end of the pipe non-blocking; both ends share that flag when the writer inherits it from node.
      const reader = "process.stdin.pipe(process.stdout)";
      const { status, stdout } = shell(`$CT -L -o xml | '${process.execPath}' -e '${reader}'; exit $PIPESTATUS`);
      assert.equal(lines(stdout).length, count + 3);
      assert.equal(status, 0);
    });

    it("are deleted though nobody reads", async () => {
      shell("(sleep 0.2; exec $CT -D) | true");
      assert.equal((await ours(["-C"])).stdout, "0\n");
    });
  });
}

describe("small outputs on a full disk", () => {
  for (const words of ["-C", "-S", "-V", "-h"]) {
    it(`conntrack ${words}`, () => {
      const { status, stderr } = shell(`$CT ${words} >/dev/full`);
      assert.match(stderr, /No space left on device\n$/);
      assert.equal(status, 1);
    });
  }
});

describe("messages", () => {
  const CREATE = "-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 9 -t 3000";

  it("that do not fit on the disk make no success a failure", () => {
    freshNetwork();
    for (const words of [CREATE, "-L", "-U -m 3 -f ipv4", "-L -o xml", "-D -s 1.1.1.1", "-F"]) {
      assert.equal(shell(`$CT ${words} 2>/dev/full`).status, 0, words);
    }
  });

  it("that do not fit on the disk leave a failure its status", () => {
    freshNetwork();
    assert.equal(shell("$CT -D -s 1.1.1.1 2>/dev/full").status, 1);
    assert.equal(shell("$CT -X 2>/dev/full").status, 2);
  });

  it("end the command by SIGPIPE when their reader is gone", () => {
    freshNetwork();
    for (const words of [CREATE, CREATE, "-L", "-X", "-L -p foo", "-R /nonexistent"]) {
      assert.equal(
        shell(`(sleep 0.2; exec $CT ${words} 2>&1 >/dev/null) | true; exit $PIPESTATUS`).status,
        SIGPIPE,
        words,
      );
    }
    // The first one was created all the same.
    assert.match(shell("$CT -C").stdout, /^1\n$/);
  });
});

describe("events into a pipe", () => {
  it("end with their reader", () => {
    freshNetwork();
    const make = (host: string) =>
      `'${installed?.path ?? program}' -I -s 9.1.1.${host} -d 2.2.2.2 -p udp --sport 1 --dport 9 -t 300 2>/dev/null`;
    const { status, stdout } = shell(
      // Apart from each other, or all come in one write.
      `(command timeout 60 $CT -E | head -1) & listening $!; SECONDS=0
      for n in 1 2 3 4 5 6 7 8 9; do kill -0 $! || break; ${make("$n")}; sleep 0.3; done
      wait; [ $SECONDS -lt 30 ]`,
    );
    assert.match(stdout, /^ {4}\[NEW\] udp .*src=9\.1\.1\.1 /);
    assert.equal(status, 0, "the command did not notice that its reader is gone");
  });
});
