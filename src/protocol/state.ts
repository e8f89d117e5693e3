/** The protocol state of a flow, by the protocol information that the kernel sent. */

import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import type { MessageView } from "../ctnetlink/view.js";
import { ascii } from "../system/byte-writer.js";
import { protocolByNumber } from "./protocols.js";

const names = (number: number) => (protocolByNumber(number)?.states ?? []).map(ascii);
const TCP = names(C.IPPROTO_TCP);
const SCTP = names(C.IPPROTO_SCTP);
const DCCP = names(C.IPPROTO_DCCP);

/** Slot of the state attribute, and the names that go with it, of each protocol that has states. */
const STATES = [
  { slot: S.TCP + C.CTA_PROTOINFO_TCP_STATE, names: TCP, xmlNames: TCP },
  // The reference's xml shows SCTP's numbers with TCP's names; readers of it are used to that.
  { slot: S.SCTP + C.CTA_PROTOINFO_SCTP_STATE, names: SCTP, xmlNames: TCP },
  { slot: S.DCCP + C.CTA_PROTOINFO_DCCP_STATE, names: DCCP, xmlNames: DCCP },
] as const;

/** The state's number, or undefined for a flow that has none. */
export function stateNumber(view: MessageView): number | undefined {
  for (const { slot } of STATES) if (view.has(slot)) return view.u8(slot);
  return undefined;
}

/** The state's name; a number that has none is called NONE. */
export function stateName(view: MessageView): Uint8Array | undefined {
  for (const { slot, names } of STATES) if (view.has(slot)) return names[view.u8(slot)] ?? names[0];
  return undefined;
}

/** The name that the xml format shows. */
export function stateNameXml(view: MessageView): Uint8Array | undefined {
  for (const { slot, xmlNames } of STATES) if (view.has(slot)) return xmlNames[view.u8(slot)] ?? xmlNames[0];
  return undefined;
}
