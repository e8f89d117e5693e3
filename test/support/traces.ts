/** Traces against the long way: the same messages done by TypeScript alone, and by whatever traces it leaves. */
import * as C from "../../src/ctnetlink/constants.js";
import * as S from "../../src/ctnetlink/slots.js";
import { FlowView } from "../../src/ctnetlink/view.js";
import { napiBackend } from "../../src/netlink/backend/napi.js";
import type { TraceEngine } from "../../src/netlink/backend/traces.js";
import type { ByteWriter } from "../../src/system/byte-writer.js";
import type { Written } from "../../src/trace/recorder.js";
import { Repeater, type TracedOutput } from "../../src/trace/repeater.js";
import type { Random } from "./random.js";

/** What is done with a message: it decides, and writes. */
export type Work<To = ByteWriter> = (writer: To, view: FlowView, nowMicroseconds: () => number) => void;

/** A writer of bytes or of messages. */
type Writer = Written & { clear(): void };

export const SEQUENCE = 7;
const LENGTH_AT = 0;
const SEQUENCE_AT = 8;

/** A message as the kernel sends it in a dump: with the sequence number of the request. */
export function numbered(message: Uint8Array): Uint8Array {
  const copy = message.slice();
  new DataView(copy.buffer).setUint32(SEQUENCE_AT, SEQUENCE, true);
  return copy;
}

/** Messages one behind the other, as a datagram has them. */
export function datagram(messages: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(messages.reduce((sum, { length }) => sum + ((length + 3) & ~3), 0));
  let at = 0;
  for (const message of messages) {
    bytes.set(message, at);
    at += (message.length + 3) & ~3;
  }
  return bytes;
}

/** Flips bits and changes bytes of a few attributes, now and then of a header, and leaves the message's length as it is. */
export function mutate(random: Random, original: Uint8Array): Uint8Array {
  const message = original.slice();
  for (let changes = random.below(4); changes > 0; changes--) {
    const at = random.once(50) ? LENGTH_AT + 4 + random.below(16) : 20 + random.below(message.length - 20);
    message[at] = random.once(4) ? random.below(256) : message[at]! ^ (1 << random.below(8));
  }
  return message;
}

/** The fields that a table of many flows has many values of, and those whose values are few: their highest one. */
const VARIED: readonly (readonly [slot: number, most: number])[] = [
  ...[S.ORIG, S.REPLY, S.MASTER].flatMap((base) =>
    [S.T_V4_SRC, S.T_V4_DST, S.T_V6_SRC, S.T_V6_DST, S.T_SRC_PORT, S.T_DST_PORT, S.T_ICMP_ID, S.T_ICMPV6_ID].map(
      (slot) => [base + slot, 255] as const,
    ),
  ),
  ...[C.CTA_TIMEOUT, C.CTA_MARK, C.CTA_USE, C.CTA_ID, C.CTA_ZONE].map((type) => [S.TOP + type, 255] as const),
  ...[1, 2].flatMap((type) => [S.COUNTERS_ORIG, S.COUNTERS_REPLY].map((base) => [base + type, 255] as const)),
  [S.TIMESTAMP + 1, 255],
  [S.TCP + C.CTA_PROTOINFO_TCP_STATE, 9],
  [S.SCTP + C.CTA_PROTOINFO_SCTP_STATE, 9],
];

/** A message as of another flow: laid out as it was, with other values, and with some other flags of the status. */
export function vary(random: Random, original: Uint8Array): Uint8Array {
  const message = original.slice();
  const view = new FlowView();
  view.read(message, 0, message.length);
  for (const [slot, most] of VARIED) {
    if (!view.has(slot)) continue;
    const payload = view.bytes(slot);
    for (let i = 0; i < payload.length; i++) payload[i] = random.below(most + 1);
  }
  const status = S.TOP + C.CTA_STATUS;
  if (view.has(status)) view.bytes(status).set([random.below(256), random.below(256)], 2);
  return message;
}

/** Does messages by traces of `work`, and tells what they wrote. */
export class Traced<To extends Writer = ByteWriter> {
  readonly #writer: To;
  readonly #output: TracedOutput;
  readonly #engine: TraceEngine;
  readonly #work: Work<To>;
  readonly repeater: Repeater;

  constructor(work: Work<To>, clock: () => number, writer: To, engine: TraceEngine = napiBackend().traces!()!) {
    this.#engine = engine;
    this.#work = work;
    this.#writer = writer;
    this.#output = { writer, count: 0, makeRoom() {}, flush() {} };
    this.repeater = new Repeater(this.#engine, clock).into(this.#output);
  }

  /** Does a message, and records it where no trace fits: what it wrote, and whether a trace did it. */
  do(message: Uint8Array): { text: string; traced: boolean; count: number } {
    const before = this.#output.count;
    const traced = this.skim(message);
    if (traced !== undefined) return { text: traced, traced: true, count: this.#output.count - before };
    this.#writer.clear();
    this.repeater.record(message, 0, message.length, (view) =>
      this.#work(this.#writer, view, this.repeater.nowMicroseconds),
    );
    return { text: latin1(this.#writer), traced: false, count: 0 };
  }

  /** The same by traces alone; undefined where none fits. */
  skim(message: Uint8Array): string | undefined {
    this.#writer.clear();
    const at = this.repeater.run(message, 0, message.length, SEQUENCE);
    return at === 0 ? undefined : latin1(this.#writer);
  }
}

/** The long way. */
export class Plain<To extends Writer = ByteWriter> {
  readonly #writer: To;
  readonly #view = new FlowView();
  readonly #work: Work<To>;
  readonly #clock: () => number;

  constructor(work: Work<To>, clock: () => number, writer: To) {
    this.#work = work;
    this.#clock = clock;
    this.#writer = writer;
  }

  do(message: Uint8Array): string {
    this.#writer.clear();
    this.#view.read(message, 0, message.length);
    this.#work(this.#writer, this.#view, this.#clock);
    return latin1(this.#writer);
  }
}

const latin1 = ({ buffer, length }: Written): string => Buffer.from(buffer.subarray(0, length)).toString("latin1");
