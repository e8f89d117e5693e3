/** Which event a message tells of. */
import { CT_DELETE, EXP_DELETE } from "../ctnetlink/constants.js";
import type { MessageView } from "../ctnetlink/view.js";
import { NLM_F_CREATE, NLM_F_EXCL } from "../netlink/constants.js";
import { EVENT_DESTROY, EVENT_NEW, EVENT_UPDATE, type EventType } from "./formatter.js";

/** The kernel marks a new entry by the flags that would create it. */
export function eventType({ type, flags }: MessageView): Exclude<EventType, 0> {
  if (type === CT_DELETE || type === EXP_DELETE) return EVENT_DESTROY;
  return (flags & (NLM_F_CREATE | NLM_F_EXCL)) !== 0 ? EVENT_NEW : EVENT_UPDATE;
}
