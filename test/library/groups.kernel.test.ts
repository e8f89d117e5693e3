/** Groups of the library are those of the command. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Conntrack, type Group, type GroupOptions, type ListOptions, toJson, UsageError } from "../../src/index.js";
import { FIELD_NAMES } from "../../src/tally/names.js";
import { TABLE } from "../differential/table.js";
import { freshNetwork, ours } from "../support/command.js";
import { sysctl } from "../support/lab.js";
import { loadTable } from "../support/table.js";
import { lines } from "../support/text.js";

describe("groups", () => {
  let conntrack: Conntrack;
  before(async () => {
    freshNetwork();
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    await loadTable(TABLE);
    conntrack = await Conntrack.open();
  });
  after(() => conntrack?.close());

  async function groups(options: GroupOptions): Promise<Group[]> {
    const all: Group[] = [];
    for await (const group of conntrack.groups(options)) all.push(group);
    return all;
  }

  const command = async (line: string) => lines((await ours(line.split(" "))).stdout);

  for (const name of FIELD_NAMES) {
    it(`by ${name}`, async () => {
      const wanted = await command(`-L -o json --group-by ${name}`);
      assert.ok(wanted.length > 0);
      assert.deepEqual((await groups({ by: [name] })).map(toJson), wanted);
    });
  }

  it("with a filter, an order and a limit", async () => {
    assert.deepEqual(
      (await groups({ by: ["src/16", "dport"], filter: { protocol: "udp" }, sort: "dport:asc", limit: 4 })).map(toJson),
      await command("-L -p udp -o json --group-by src/16,dport --sort dport:asc --limit 4"),
    );
    const [most] = await groups({ by: ["protocol"], sort: "flows", limit: 1 });
    assert.equal(typeof most!.flows, "number");
    assert.equal(most!.bytes, 0n);
  });

  it("ends early where the reader leaves, or the signal does", async () => {
    for await (const { flows } of conntrack.groups({ by: ["src"] })) {
      assert.ok(flows > 0);
      break;
    }
    await assert.rejects(groups({ by: ["src"], signal: AbortSignal.abort(new Error("enough")) }), /enough/);
  });

  it("lists in the order and up to the limit that the command has", async () => {
    for (const [options, line] of [
      [{ sort: "mark" }, "--sort mark"],
      [{ sort: "src:desc", limit: 7 }, "--sort src:desc --limit 7"],
      [{ limit: 5 }, "--limit 5"],
      [{ limit: 1_000_000 }, "--limit 1000000"],
    ] as const) {
      const ids: (number | undefined)[] = [];
      for await (const { id } of conntrack.list({}, options)) ids.push(id);
      const wanted = (await command(`-L -o json ${line}`)).map((text) => JSON.parse(text).id);
      assert.ok(wanted.length > 0);
      assert.deepEqual(ids, wanted, line);
    }
    for (const options of [{ sort: "flows" }, { sort: 1 }, { limit: 0 }, { limit: -1 }, { sort: undefined }]) {
      assert.throws(() => conntrack.list({}, options as ListOptions), UsageError, JSON.stringify(options));
    }
  });

  it("refuses what makes no sense", () => {
    const bad: [unknown, RegExp][] = [
      [{}, /options\.by/],
      [{ by: [] }, /options\.by is empty/],
      [{ by: ["foo"] }, /options\.by\[0\]: "foo" is not a field/],
      [{ by: ["src", "src/24"] }, /"src" is there twice/],
      [{ by: ["src"], sort: "age" }, /options\.sort/],
      [{ by: ["src"], sort: "dport" }, /options\.sort/],
      [{ by: ["src"], sort: "flows:up" }, /options\.sort/],
      [{ by: ["src"], limit: 0 }, /options\.limit/],
      [{ by: ["src"], limit: 1.5 }, /options\.limit/],
      [{ by: ["src"], filter: { proto: 6 } }, /proto/],
      [{ by: ["src"], table: "unconfirmed" }, /options\.table/],
      [{ by: ["src"], order: "flows" }, /order/],
    ];
    for (const [options, message] of bad) {
      assert.throws(
        () => conntrack.groups(options as GroupOptions),
        (error) => error instanceof UsageError && message.test(error.message),
        JSON.stringify(options),
      );
    }
  });
});
