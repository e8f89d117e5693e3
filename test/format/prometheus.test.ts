/** The text format of Prometheus: what a label's value may hold. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { metricLines } from "../../src/format/prometheus.js";

it("escapes quotes, backslashes and newlines in labels", () => {
  const samples = [[{ label: 'a"b\\c\nd' }, 2n ** 63n]] as const;
  assert.deepEqual(metricLines([{ name: "conntrack_x", type: "gauge", help: "What.", samples }]), [
    "# HELP conntrack_x What.",
    "# TYPE conntrack_x gauge",
    'conntrack_x{label="a\\"b\\\\c\\nd"} 9223372036854775808',
  ]);
});
