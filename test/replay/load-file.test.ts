/** Every file of load-file.json by `-R -`, each in a fresh network namespace. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadFileCases } from "../support/cases.js";
import { freshNetwork, ours } from "../support/command.js";
import { listTable } from "../support/table.js";
import { lines, mask } from "../support/text.js";
import { assertLoadFileStderr } from "./deviations.js";

/** The line that each faulty file is refused for. */
const ERROR_LINES: Readonly<Record<string, number>> = {
  "create twice stops at the second": 2,
  "unknown option on line 2: nothing applied": 2,
  "missing option on line 2": 2,
  "stats is refused": 1,
  "expect flush is refused": 1,
  "expect create is refused": 1,
  "bad address on line 3": 3,
};

describe("load-file.json", () => {
  for (const { name, input, argv, exit, stdout, stderr, tableAfter } of loadFileCases.cases) {
    it(name, async () => {
      freshNetwork();
      const outcome = await ours(argv, input);
      assertLoadFileStderr(mask(outcome.stderr), stderr, ERROR_LINES[name]);
      assert.deepEqual(lines(mask(outcome.stdout)).sort(), stdout.toSorted());
      assert.equal(outcome.status, exit);
      assert.deepEqual(lines(mask(await listTable("-o", "save"))).sort(), tableAfter);
    });
  }
});
