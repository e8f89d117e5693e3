/** What the xml formats of flows and expectations share. */
import * as C from "../ctnetlink/constants.js";
import { EVENT_NAMES } from "../ctnetlink/events.js";
import type { MessageView } from "../ctnetlink/view.js";
import { protocolByNumber, textByProtocol } from "../protocol/protocols.js";
import { byKind } from "../protocol/tuples.js";
import { ascii, type ByteWriter } from "../system/byte-writer.js";
import { destinationSlot, sourceSlot, writeAddress } from "./addresses.js";
import { writeForeignXml } from "./text.js";

/** By EventType. */
export const FLOW_OPEN = ["<flow>", ...EVENT_NAMES.map((name) => `<flow type="${name}">`)].map(ascii);
export const FLOW_CLOSE = ascii("</flow>");
const LAYER3_IPV4 = ascii('<layer3 protonum="2" protoname="ipv4">');
const LAYER3_IPV6 = ascii('<layer3 protonum="10" protoname="ipv6">');
export const LAYER3_CLOSE = ascii("</layer3>");
const layer4 = textByProtocol(
  (number, protocol) => `<layer4 protonum="${number}" protoname="${protocol?.name ?? "unknown"}">`,
);
export const LAYER4_CLOSE = ascii("</layer4>");

/** What opens and closes a document with the root element `root`. */
export function documentXml(root: string): { header: Uint8Array; footer: Uint8Array } {
  return { header: ascii(`<?xml version="1.0" encoding="utf-8"?>\n<${root}>\n`), footer: ascii(`</${root}>\n`) };
}

/** An element's tags. */
export interface Element {
  open: Uint8Array;
  close: Uint8Array;
}

export const element = (name: string): Element => ({ open: ascii(`<${name}>`), close: ascii(`</${name}>`) });

const SRC = element("src");
const DST = element("dst");

/** The opening tag of <layer3>. */
export function layer3Open(writer: ByteWriter, view: MessageView): void {
  writer.put(view.family === C.AF_INET6 ? LAYER3_IPV6 : LAYER3_IPV4);
}

/** The opening tag of <layer4>. */
export function layer4Open(writer: ByteWriter, number: number): void {
  writer.put(layer4(number));
}

function addressXml(writer: ByteWriter, view: MessageView, { open, close }: Element, slot: number): void {
  if (slot === 0) return;
  writer.put(open);
  writeAddress(writer, view, slot);
  writer.put(close);
}

/** <src>…</src><dst>…</dst> of the tuple at `base`. */
export function addressesXml(writer: ByteWriter, view: MessageView, base: number): void {
  addressXml(writer, view, SRC, sourceSlot(view, base));
  addressXml(writer, view, DST, destinationSlot(view, base));
}

/** The reference's xml has ports and keys, but nothing of ICMP. */
const FIELDS = byKind((fields, kind) =>
  kind === "icmp" || kind === "icmpv6" ? [] : fields.map(({ name, slot }) => ({ tags: element(name), slot })),
);
const HEX = ascii("0x");
const ZERO = 0x30;

/** Ports or keys of protocol `number` in the tuple at `base`. The reference shows an absent one as 0. */
export function tupleXml(writer: ByteWriter, view: MessageView, base: number, number: number): void {
  const protocol = protocolByNumber(number);
  if (protocol === undefined) return;
  const { kind } = protocol;
  for (const { tags, slot } of FIELDS[kind]) {
    writer.put(tags.open);
    if (kind === "keys") writer.put(HEX);
    if (!view.has(base + slot)) writer.byte(ZERO);
    else if (kind === "keys") view.putHex(writer, base + slot);
    else view.putDecimal(writer, base + slot, 2);
    writer.put(tags.close);
  }
}

/** An element that holds a number of 2 or 4 bytes, where the kernel sent it. */
export function numberXml(writer: ByteWriter, view: MessageView, tags: Element, slot: number, bytes: 2 | 4): void {
  if (!view.has(slot)) return;
  writer.put(tags.open);
  view.putDecimal(writer, slot, bytes);
  writer.put(tags.close);
}

/** An element that holds text from outside, where the kernel sent it. */
export function foreignXml(writer: ByteWriter, view: MessageView, tags: Element, slot: number): void {
  if (!view.has(slot)) return;
  writer.put(tags.open);
  writeForeignXml(writer, view.text(slot));
  writer.put(tags.close);
}
