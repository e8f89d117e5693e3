/** The names of a flow's labels. */
import * as C from "../ctnetlink/constants.js";
import { hasLabel } from "../ctnetlink/labels.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import type { LabelMap } from "../system/labelmap.js";

/** By the order of their bits, without those that have no name; undefined for a flow without labels. */
export function labelNames(view: FlowView, map: LabelMap): string[] | undefined {
  if (!view.has(S.TOP + C.CTA_LABELS)) return undefined;
  const bits = view.bytes(S.TOP + C.CTA_LABELS);
  return map.names.filter((name, bit): name is string => name !== undefined && hasLabel(bits, bit));
}
