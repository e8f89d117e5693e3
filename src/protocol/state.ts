/** The state of a flow's connection, in what CTA_PROTOINFO holds. */
import type { Protoinfo, ProtoinfoValues } from "../ctnetlink/encode.js";
import type { MessageView } from "../ctnetlink/view.js";
import { ascii } from "../system/byte-writer.js";
import { PROTOCOLS, protocolByNumber } from "./protocols.js";

/** Of each protocol that has states: the slot of the state, and the names of states by number. */
const STATES = PROTOCOLS.flatMap(({ protoinfo }) => {
  if (protoinfo === undefined) return [];
  const { stateSlot, states, xmlStates = states } = protoinfo;
  return [{ slot: stateSlot, names: states.map(ascii), xmlNames: xmlStates.map(ascii) }];
});

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

/** The state to send for a flow of protocol `protonum`; undefined where nothing is said of it, or the protocol has none. */
export function protoinfoToSend(
  protonum: number | undefined,
  { state, origVtag, replyVtag, role }: ProtoinfoValues,
): Protoinfo | undefined {
  if (state === undefined && origVtag === undefined && replyVtag === undefined && role === undefined) return undefined;
  const encoder = protocolByNumber(protonum ?? 0)?.protoinfo;
  return encoder && { encoder, values: { state, origVtag, replyVtag, role } };
}
