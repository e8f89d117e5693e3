/** Filters of one exact value a field, as tests like to write them. */
import type { TupleFields } from "../../src/ctnetlink/encode.js";
import { exactly, inNetwork, markedWith } from "../../src/match/conditions.js";
import type { FlowFilter, TupleMatch } from "../../src/match/filter.js";

type Numbers = "protonum" | "state" | "origVtag" | "replyVtag" | "timeoutSeconds" | "secmark" | "id" | "zone";

export interface ExactFilter extends Omit<FlowFilter, Numbers | "orig" | "reply" | "mark"> {
  orig?: TupleFields;
  reply?: TupleFields;
  srcMask?: Uint8Array;
  dstMask?: Uint8Array;
  protonum?: number;
  state?: number;
  origVtag?: number;
  replyVtag?: number;
  timeoutSeconds?: number;
  mark?: { value: number; mask: number };
  secmark?: number;
  id?: number;
  zone?: number;
}

function conditions(
  fields: TupleFields,
  masks: { src?: Uint8Array | undefined; dst?: Uint8Array | undefined },
): TupleMatch {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [
        name,
        typeof value === "number" ? exactly(value) : inNetwork(value as Uint8Array, masks[name as "src" | "dst"]),
      ]),
  );
}

export function exactFilter({ orig, reply, srcMask, dstMask, mark, ...rest }: ExactFilter): FlowFilter {
  const filter = Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [
      name,
      typeof value === "number" && name !== "family" ? exactly(value) : value,
    ]),
  ) as FlowFilter;
  if (orig !== undefined) filter.orig = conditions(orig, { src: srcMask, dst: dstMask });
  if (reply !== undefined) filter.reply = conditions(reply, {});
  if (mark !== undefined) filter.mark = markedWith(mark.value, mark.mask);
  return filter;
}
