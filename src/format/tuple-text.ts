/** What the default formats of flows and expectations share. */
import { EVENT_NAMES } from "../ctnetlink/events.js";
import type { MessageView } from "../ctnetlink/view.js";
import { protocolByNumber } from "../protocol/protocols.js";
import { byKind } from "../protocol/tuples.js";
import { ascii, type ByteWriter } from "../system/byte-writer.js";

const BLANK = 0x20;
const ZERO = 0x30;

/** By EventType: the name right-aligned in 9 columns, then a blank. */
export const EVENT_COLUMN = ["", ...EVENT_NAMES.map((name) => `${`[${name.toUpperCase()}]`.padStart(9)} `)].map(ascii);

const FIELDS = byKind((fields, kind) =>
  fields.map(({ name, slot, bytes }) => ({
    before: ascii(kind === "keys" ? `${name}=0x` : `${name}=`),
    slot,
    bytes,
    hexadecimal: kind === "keys",
  })),
);

/** The fields of protocol `number` in the tuple at `base`, e.g. "sport=1 dport=2 ". The reference shows an absent field as 0. */
export function tupleText(writer: ByteWriter, view: MessageView, base: number, number: number): void {
  const protocol = protocolByNumber(number);
  if (protocol === undefined) return;
  for (const { before, slot, bytes, hexadecimal } of FIELDS[protocol.kind]) {
    writer.put(before);
    if (!view.has(base + slot)) writer.byte(ZERO);
    else if (hexadecimal) view.putHex(writer, base + slot);
    else view.putDecimal(writer, base + slot, bytes);
    writer.byte(BLANK);
  }
}
