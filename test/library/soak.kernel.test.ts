/**
 * A million flows, one after the other, with flat memory. The kernel's limit of the machine (nf_conntrack_max, which only the
 * initial network namespace can raise) may forbid so many at once: then a smaller table is read as often as it takes.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openTable } from "../../bench/table.js";
import { Conntrack } from "../../src/index.js";
import { freshNetwork } from "../support/command.js";

const FLOWS = 1_000_000;
/** For whatever else the machine tracks. */
const MARGIN = 50_000;
const limit = Number(readFileSync("/proc/sys/net/netfilter/nf_conntrack_max", "utf8"));
const room = Math.min(FLOWS, process.env["CONNTRACK_TEST_SOAK"] === undefined ? 50_000 : limit - MARGIN);

/** What may come on top once garbage is collected: less than nine bytes a flow. */
const ALLOWED_HELD_BYTES = 8 << 20;
/** What may come on top with garbage, and with what the allocators keep for later. A million flows as objects take much more. */
const ALLOWED_BYTES = 128 << 20;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What JavaScript holds, and what it knows to be held outside of its heap. */
function heldBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe("a million flows", () => {
  let conntrack: Conntrack;
  before(async () => {
    freshNetwork();
    openTable(room).fill();
    conntrack = await Conntrack.open();
  });
  after(() => conntrack.close());

  it(`take no memory: ${room} at a time`, async (t) => {
    let seen = 0;
    let bytes = 0n;
    let first = 0;
    let held = 0;
    let most = 0;
    while (seen < FLOWS) {
      for await (const { orig, id } of conntrack.list()) {
        bytes += orig.bytes ?? BigInt(id!);
        if (++seen % 10_000 === 0) {
          const { rss } = process.memoryUsage();
          // What is there after the first few has been compiled and laid out for good.
          if (seen === 50_000) {
            first = rss;
            held = heldBytes();
          }
          most = Math.max(most, rss);
        }
        if (seen === FLOWS) {
          held = heldBytes() - held;
          break;
        }
      }
    }
    assert.ok(bytes > 0n);
    t.diagnostic(`${held} bytes held, ${most - first} bytes of memory more than at first`);
    assert.ok(held < ALLOWED_HELD_BYTES, `${held} bytes more are held than at first`);
    assert.ok(most - first < ALLOWED_BYTES, `${(most - first) >> 20} MiB more than at first`);
  });
});
