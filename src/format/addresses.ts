/** Writing a tuple's addresses. */
import * as S from "../ctnetlink/slots.js";
import type { MessageView } from "../ctnetlink/view.js";
import type { ByteWriter } from "../system/byte-writer.js";

/** The slot that holds the source address of the tuple at `base`, IPv4 or IPv6; 0 where neither was sent. */
export function sourceSlot(view: MessageView, base: number): number {
  if (view.has(base + S.T_V4_SRC)) return base + S.T_V4_SRC;
  return view.has(base + S.T_V6_SRC) ? base + S.T_V6_SRC : 0;
}

/** The same for the destination address. */
export function destinationSlot(view: MessageView, base: number): number {
  if (view.has(base + S.T_V4_DST)) return base + S.T_V4_DST;
  return view.has(base + S.T_V6_DST) ? base + S.T_V6_DST : 0;
}

/** Whether a slot that the functions above found holds an IPv4 address. */
export function isIpv4Slot(slot: number): boolean {
  return slot % S.TUPLE_SLOTS <= S.T_V4_DST;
}

/** Writes the address in a slot that the functions above found. */
export function writeAddress(writer: ByteWriter, view: MessageView, slot: number): void {
  if (isIpv4Slot(slot)) view.putIpv4(writer, slot);
  else view.putIpv6(writer, slot);
}
