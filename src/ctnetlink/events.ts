/** The kinds of events. */
import { NLM_F_CREATE, NLM_F_EXCL } from "../netlink/constants.js";
import { CT_DELETE, EXP_DELETE } from "./constants.js";
import type { MessageView } from "./view.js";

/** Which event an entry comes with; EVENT_NONE for the answer to a request. */
export const EVENT_NONE = 0;
export const EVENT_NEW = 1;
export const EVENT_UPDATE = 2;
export const EVENT_DESTROY = 3;
export type EventType = typeof EVENT_NONE | typeof EVENT_NEW | typeof EVENT_UPDATE | typeof EVENT_DESTROY;

/** In the order of the multicast groups: EventType n has the name n - 1. */
export const EVENT_NAMES = ["new", "update", "destroy"] as const;

/** The bit of an event in a mask of events. */
export function eventBit(name: (typeof EVENT_NAMES)[number]): number {
  return 1 << EVENT_NAMES.indexOf(name);
}

export const ALL_EVENTS = eventBit("new") | eventBit("update") | eventBit("destroy");

/** Which event a message reports. The kernel marks a new entry by the flags that would create it. */
export function eventType({ type, flags }: MessageView): Exclude<EventType, typeof EVENT_NONE> {
  if (type === CT_DELETE || type === EXP_DELETE) return EVENT_DESTROY;
  return (flags & (NLM_F_CREATE | NLM_F_EXCL)) !== 0 ? EVENT_NEW : EVENT_UPDATE;
}
