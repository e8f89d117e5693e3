/** The default format of expectations. */
import * as C from "../ctnetlink/constants.js";
import { EXPECT_FLAG_NAMES } from "../ctnetlink/names.js";
import * as S from "../ctnetlink/slots.js";
import type { ExpectView } from "../ctnetlink/view.js";
import { ascii, type ByteWriter } from "../system/byte-writer.js";
import { destinationSlot, sourceSlot, writeAddress } from "./addresses.js";
import type { FormatOptions, Formatter } from "./formatter.js";
import { writeForeign } from "./text.js";
import { EVENT_COLUMN, tupleText } from "./tuple-text.js";

const PROTO = ascii("proto=");
const ZONE = ascii("zone=");
const CLASS = ascii("class=");
const HELPER = ascii("helper=");
const BLANK = 0x20;
const COMMA = 0x2c;

const TUPLES = [
  { base: S.EXPECTED, src: ascii("src="), dst: ascii("dst=") },
  { base: S.MASK, src: ascii("mask-src="), dst: ascii("mask-dst=") },
  { base: S.MASTER, src: ascii("master-src="), dst: ascii("master-dst=") },
];

const FLAGS = EXPECT_FLAG_NAMES.map(ascii);

function address(writer: ByteWriter, view: ExpectView, name: Uint8Array, slot: number): void {
  if (slot === 0) return;
  writer.put(name);
  writeAddress(writer, view, slot);
  writer.byte(BLANK);
}

function flags(writer: ByteWriter, value: number): void {
  let any = false;
  for (let bit = 0; bit < FLAGS.length; bit++) {
    if ((value & (1 << bit)) === 0) continue;
    if (any) writer.byte(COMMA);
    any = true;
    writer.put(FLAGS[bit]!);
  }
  if (any) writer.byte(BLANK);
}

export function expectText(options: FormatOptions): Formatter<ExpectView> {
  return {
    suffix: false,
    entry(writer, view, event) {
      writer.room();
      if (options.timestamp) {
        const micros = options.nowMicroseconds();
        const seconds = Math.floor(micros / 1e6);
        writer.text(`[${String(seconds).padEnd(8)}.${String(micros - seconds * 1e6).padEnd(6)}]\t`);
      }
      writer.put(EVENT_COLUMN[event]!);
      if (view.has(S.TOP + C.CTA_EXPECT_TIMEOUT)) {
        writer.decimal(view.u32(S.TOP + C.CTA_EXPECT_TIMEOUT));
        writer.byte(BLANK);
      }
      const number = view.protonum(S.EXPECTED);
      if (number !== undefined) {
        writer.put(PROTO);
        writer.decimal(number);
        writer.byte(BLANK);
      }
      for (const { base, src, dst } of TUPLES) {
        address(writer, view, src, sourceSlot(view, base));
        address(writer, view, dst, destinationSlot(view, base));
        tupleText(writer, view, base, view.protonum(base) ?? 0);
      }
      if (view.has(S.TOP + C.CTA_EXPECT_ZONE)) {
        writer.put(ZONE);
        writer.decimal(view.u16(S.TOP + C.CTA_EXPECT_ZONE));
        writer.byte(BLANK);
      }
      if (view.has(S.TOP + C.CTA_EXPECT_FLAGS)) flags(writer, view.u32(S.TOP + C.CTA_EXPECT_FLAGS));
      if (view.has(S.TOP + C.CTA_EXPECT_CLASS)) {
        writer.put(CLASS);
        writer.decimal(view.u32(S.TOP + C.CTA_EXPECT_CLASS));
        writer.byte(BLANK);
      }
      if (view.has(S.TOP + C.CTA_EXPECT_HELP_NAME)) {
        writer.put(HELPER);
        writeForeign(writer, view.text(S.TOP + C.CTA_EXPECT_HELP_NAME));
      }
      writer.trimBlank();
    },
  };
}
