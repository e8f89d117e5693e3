/** Every command line of cli.json, in this process, each in a fresh network namespace with the table it was recorded on. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CliCase, cliCases } from "../support/cases.js";
import { freshNetwork, ours } from "../support/command.js";
import { listTable, loadTable } from "../support/table.js";
import { lines, mask, maskStats, sortEntries } from "../support/text.js";
import { cliDeviation, type Deviation } from "./deviations.js";

/** What ours must do: as recorded, or as its deviation says. */
function expected(recorded: CliCase): Deviation {
  const { exit, stdout, stderr, tableAfter } = recorded;
  const deviation = cliDeviation(recorded);
  if (deviation !== undefined) return deviation;
  assert.equal(recorded.deviation, undefined, "a deviation without an expectation of its own in deviations.ts");
  return { status: exit, stdout: stdout!, stderr, ...(tableAfter === undefined ? {} : { table: tableAfter }) };
}

for (const group of Object.keys(cliCases.setup)) {
  describe(`cli.json on the table "${group}"`, () => {
    for (const recorded of cliCases.cases.filter((one) => one.group === group)) {
      it(recorded.argv.join(" ") || "(no words)", async () => {
        freshNetwork();
        await loadTable(cliCases.setup[group]!);
        const { status, stdout, stderr } = await ours(recorded.argv);
        const want = expected(recorded);
        assert.equal(mask(stderr), want.stderr);
        if (want.stdout === "(our words)") assert.notEqual(stdout, "");
        else assert.equal(sortEntries(maskStats(stdout)), sortEntries(maskStats(want.stdout)));
        assert.equal(status, want.status);
        if (want.table !== undefined) {
          assert.deepEqual(lines(mask(await listTable("-o", "save"))).sort(), want.table.toSorted());
        }
      });
    }
  });
}
