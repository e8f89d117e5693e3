/** The trace engine (src/native/trace.c) under the address and undefined-behaviour sanitizers. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { FLOW_FORMATS } from "../../src/format/formats.js";
import { napiBackend } from "../../src/netlink/backend/napi.js";
import { OPERATIONS, type Trace, type TraceEngine } from "../../src/netlink/backend/traces.js";
import { ByteWriter } from "../../src/system/byte-writer.js";
import { fieldByName } from "../../src/tally/fields.js";
import { GROUP_SUMS } from "../../src/tally/group-rows.js";
import { GroupTable } from "../../src/tally/group-table.js";
import { OLDEST } from "../../src/tally/sums.js";
import { utcTime } from "../support/clock.js";
import { compileSanitized, noCompiler } from "../support/compile.js";
import { must } from "../support/process.js";
import { seed } from "../support/random.js";
import { numbered, Traced, type Work } from "../support/traces.js";
import { bytesOf, FLOW_FIXTURES, wireFixture } from "../support/wire.js";

const ROUNDS = 600;

const directory = mkdtempSync(join(tmpdir(), "trace-fuzz-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const shown = (name: keyof typeof FLOW_FORMATS): Work => {
  return (writer, view, nowMicroseconds) =>
    FLOW_FORMATS[name]({
      extended: false,
      id: false,
      ktimestamp: false,
      timestamp: false,
      deleting: false,
      localTime: utcTime,
      nowMicroseconds,
    }).entry(writer, view, 0);
};

function grouped(): Work {
  const names = ["src", "dst/48", "sport", "protocol", "state", "status", "mark", "zone", "nat", "helper"];
  const table = new GroupTable(
    names.map((name) => fieldByName(name)!),
    [...GROUP_SUMS, OLDEST],
  );
  return (_writer, view) => table.add(view);
}

/** Every trace that the fixtures leave in some formats and in a table of groups, as trace-fuzz.c reads them. */
function recordedTraces(): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const work of [shown("default"), shown("xml"), shown("json"), shown("save"), grouped()]) {
    const engine = napiBackend().traces!()!;
    const recording: TraceEngine = {
      add(trace: Trace) {
        const { mask, pattern, program, constants } = trace;
        const head = Uint32Array.of(pattern.length, program.length, constants.length, 0);
        // Slices, for the recorder uses its memory again.
        pieces.push(new Uint8Array(head.buffer), mask.slice(), pattern.slice());
        pieces.push(new Uint8Array(program.slice().buffer), constants.slice());
        return engine.add(trace);
      },
      drop: () => engine.drop(),
      run: (...request) => engine.run(...request),
    };
    const traced = new Traced(work, () => 1_795_477_000_123_456, new ByteWriter(1 << 20), recording);
    for (const name of FLOW_FIXTURES) {
      for (const message of wireFixture(name).messages) traced.do(numbered(bytesOf(message)));
    }
  }
  return Buffer.concat(pieces);
}

test(`random and recorded traces and messages, seed ${seed}`, { skip: noCompiler }, (t) => {
  const program = join(directory, "trace-fuzz");
  const traces = join(directory, "traces");
  writeFileSync(traces, recordedTraces());
  compileSanitized(program, "test/native/trace-fuzz.c", "src/native/trace.c");
  const text = must(program, String(seed), String(ROUNDS), traces);
  t.diagnostic(text.trim());
  const { done, taken } = /^(?<done>\d+) runs did messages, .* taken: (?<taken>[\d ]+)$/m.exec(text)!.groups!;
  assert.ok(Number(done) > ROUNDS, text);
  const counts = taken!.split(" ").map(Number);
  // An operation that is never run is not tested.
  for (const [name, number] of Object.entries(OPERATIONS)) assert.ok(counts[number]! > 20, `${name}: ${text}`);
});
