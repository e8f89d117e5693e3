/** The state of a flow's connection, in what CTA_PROTOINFO holds. */
import type { Protoinfo, ProtoinfoValues } from "../ctnetlink/encode.js";
import type { MessageView } from "../ctnetlink/view.js";
import { ascii, type ByteWriter } from "../system/byte-writer.js";
import { PROTOCOLS, protocolByNumber } from "./protocols.js";

/** Of each protocol that has states: the slot of the state, and the names of states by number. */
const STATES = PROTOCOLS.flatMap(({ protoinfo }) => {
  if (protoinfo === undefined) return [];
  const { stateSlot, states, xmlStates = states } = protoinfo;
  return [{ slot: stateSlot, names: states.map(ascii), xmlNames: xmlStates.map(ascii) }];
});

/** The row of the state that a flow has. */
function stateOf(view: MessageView) {
  for (const state of STATES) if (view.has(state.slot)) return state;
  return undefined;
}

/** The slot of the state, 0 for a flow that has none. */
export function stateSlot(view: MessageView): number {
  return stateOf(view)?.slot ?? 0;
}

export const hasState = (view: MessageView): boolean => stateSlot(view) !== 0;

/** The state's number, or undefined for a flow that has none. */
export function stateNumber(view: MessageView): number | undefined {
  const slot = stateSlot(view);
  return slot === 0 ? undefined : view.u8(slot);
}

/** Writes the state's name; a number that has none is called NONE. */
export function putState(writer: ByteWriter, view: MessageView): void {
  const state = stateOf(view);
  if (state !== undefined) view.putName(writer, state.slot, state.names);
}

/** Writes the name that the xml format shows. */
export function putStateXml(writer: ByteWriter, view: MessageView): void {
  const state = stateOf(view);
  if (state !== undefined) view.putName(writer, state.slot, state.xmlNames);
}

/** The state's name; a number that has none is called NONE. */
export function stateName(view: MessageView): Uint8Array | undefined {
  const state = stateOf(view);
  return state && (state.names[view.u8(state.slot)] ?? state.names[0]);
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
