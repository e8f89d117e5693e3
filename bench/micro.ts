/** Micro-benchmarks: functions of the hot paths, on messages that the kernel sent for the mixed table. */
import * as C from "../src/ctnetlink/constants.js";
import { encodeFlowDump } from "../src/ctnetlink/encode.js";
import { EVENT_NONE } from "../src/ctnetlink/events.js";
import { FlowView } from "../src/ctnetlink/view.js";
import { FLOW_FORMATS, type FormatName } from "../src/format/formats.js";
import type { FormatOptions } from "../src/format/formatter.js";
import { compileFilter } from "../src/match/filter.js";
import { napiBackend } from "../src/netlink/backend/napi.js";
import { openConnection } from "../src/netlink/connection.js";
import { MessageWriter } from "../src/netlink/message.js";
import { ByteWriter } from "../src/system/byte-writer.js";
import { type ExactFilter, exactFilter } from "../test/support/exact-filter.js";
import { encodeFlow } from "./table.js";

export interface Figure {
  name: string;
  nsPerMessage: number;
}

const ROUND_NS = 100_000_000;

const FORMAT_OPTIONS: FormatOptions = {
  extended: false,
  id: false,
  ktimestamp: false,
  timestamp: false,
  deleting: false,
  nowMicroseconds: () => 0,
  localTime: () => undefined,
};

const FILTERS: Readonly<Record<string, ExactFilter>> = {
  "source address": { orig: { src: Uint8Array.of(198, 51, 100, 1) } },
  "family, protocol, destination port": { family: C.AF_INET, protonum: C.IPPROTO_UDP, orig: { dport: 53 } },
  state: { protonum: C.IPPROTO_TCP, state: 3 },
};

/** The best of `rounds`. `pass` works off `messages` of them. */
function figure(name: string, rounds: number, messages: number, pass: () => void): Figure {
  let best = Number.POSITIVE_INFINITY;
  // The first round is not counted: the functions are compiled in it.
  for (let round = 0; round <= rounds; round++) {
    const start = process.hrtime.bigint();
    let passes = 0;
    let elapsed = 0;
    do {
      pass();
      passes++;
      elapsed = Number(process.hrtime.bigint() - start);
    } while (elapsed < ROUND_NS);
    if (round > 0) best = Math.min(best, elapsed / (passes * messages));
  }
  return { name, nsPerMessage: best };
}

/** The messages of a dump, each in a buffer of its own, as the kernel sent them. */
function capture(): Uint8Array[] {
  const messages: Uint8Array[] = [];
  openConnection(napiBackend()).dump(
    (writer) => encodeFlowDump(writer, C.CT_GET, { family: C.AF_UNSPEC }),
    (buffer, start, end) => {
      messages.push(buffer.slice(start, end));
    },
  );
  return messages;
}

/** Measures with the table of the network namespace that this process is in. */
export function micro(rounds: number): Figure[] {
  const messages = capture();
  const views = messages.map((message) => {
    const view = new FlowView();
    view.read(message, 0, message.length);
    return view;
  });
  const measure = (name: string, pass: () => void) => figure(name, rounds, messages.length, pass);

  const view = new FlowView();
  const decode = measure("decode", () => {
    for (const message of messages) view.read(message, 0, message.length);
  });

  // Results that go somewhere keep the compiler from leaving the calls out.
  const verdicts = new Uint8Array(views.length);
  const match = Object.entries(FILTERS).map(([name, filter]) => {
    const matches = compileFilter(exactFilter(filter))!;
    return measure(`match ${name}`, () => {
      for (let i = 0; i < views.length; i++) verdicts[i] = matches(views[i]!) ? 1 : 0;
    });
  });

  const output = new ByteWriter();
  const format = (Object.keys(FLOW_FORMATS) as FormatName[]).map((name) => {
    const formatter = FLOW_FORMATS[name](FORMAT_OPTIONS);
    return measure(`format ${name}`, () => {
      output.clear();
      for (const each of views) {
        output.room();
        formatter.entry(output, each, EVENT_NONE);
      }
    });
  });

  const writer = new MessageWriter(1 << 20);
  const encode = measure("encode", () => {
    writer.clear();
    for (let i = 0; i < messages.length; i++) encodeFlow(writer, i);
  });
  return [decode, ...match, ...format, encode];
}
