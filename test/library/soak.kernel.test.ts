/**
 * A million flows, one after the other, with flat memory. The kernel's limit of the machine (nf_conntrack_max, which only the
 * initial network namespace can raise) may forbid so many at once: then a smaller table is read as often as it takes.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { openTable } from "../../bench/table.js";
import { Conntrack } from "../../src/index.js";
import { freshNetwork } from "../support/command.js";

const FLOWS = 1_000_000;
/** For whatever else the machine tracks. */
const MARGIN = 50_000;
const limit = Number(readFileSync("/proc/sys/net/netfilter/nf_conntrack_max", "utf8"));
const room = Math.min(FLOWS, process.env["CONNTRACK_TEST_SOAK"] === undefined ? 50_000 : limit - MARGIN);

/** What may come on top for garbage that is not collected yet. */
const ALLOWED_BYTES = 48 << 20;

describe("a million flows", () => {
  let conntrack: Conntrack;
  before(async () => {
    freshNetwork();
    openTable(room).fill();
    conntrack = await Conntrack.open();
  });
  after(() => conntrack.close());

  it(`take no memory: ${room} at a time`, async () => {
    let seen = 0;
    let bytes = 0n;
    let first = 0;
    let most = 0;
    while (seen < FLOWS) {
      for await (const { orig, id } of conntrack.list()) {
        bytes += orig.bytes ?? BigInt(id!);
        if (++seen % 10_000 === 0) {
          const { rss } = process.memoryUsage();
          // What is there after the first few has been compiled and laid out for good.
          if (seen === 50_000) first = rss;
          most = Math.max(most, rss);
        }
        if (seen === FLOWS) break;
      }
    }
    assert.ok(bytes > 0n);
    assert.ok(most - first < ALLOWED_BYTES, `${(most - first) >> 20} MiB more than at first`);
  });
});
