/** Whether a flow is translated, judged by its status and by whether the reply really differs. */
import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";

/** Whether two fields of the same kind are both there and differ. */
function differ(view: FlowView, a: number, b: number, length: number): boolean {
  return view.has(a) && view.has(b) && !view.isSame(a, b, length);
}

/** Whether the status allows that the flow is translated: the bit is set, or the kernel sent no status. */
function mayBe(view: FlowView, done: number): boolean {
  const slot = S.TOP + C.CTA_STATUS;
  return !view.has(slot) || view.bits(slot, done) !== 0;
}

/** The source address differs from the reply's destination. */
export function isSourceTranslated(view: FlowView): boolean {
  return (
    mayBe(view, C.IPS_SRC_NAT_DONE) &&
    (differ(view, S.ORIG + S.T_V4_SRC, S.REPLY + S.T_V4_DST, 4) ||
      differ(view, S.ORIG + S.T_V6_SRC, S.REPLY + S.T_V6_DST, 16))
  );
}

/** The destination address differs from the reply's source. */
export function isDestinationTranslated(view: FlowView): boolean {
  return (
    mayBe(view, C.IPS_DST_NAT_DONE) &&
    (differ(view, S.ORIG + S.T_V4_DST, S.REPLY + S.T_V4_SRC, 4) ||
      differ(view, S.ORIG + S.T_V6_DST, S.REPLY + S.T_V6_SRC, 16))
  );
}

/** The source port (or GRE key, or ICMP id) differs from the reply's destination port. */
export function isSourcePortTranslated(view: FlowView): boolean {
  return (
    mayBe(view, C.IPS_SRC_NAT_DONE) &&
    (differ(view, S.ORIG + S.T_SRC_PORT, S.REPLY + S.T_DST_PORT, 2) ||
      differ(view, S.ORIG + S.T_ICMP_ID, S.REPLY + S.T_ICMP_ID, 2) ||
      differ(view, S.ORIG + S.T_ICMPV6_ID, S.REPLY + S.T_ICMPV6_ID, 2))
  );
}

/** The destination port differs from the reply's source port. */
export function isDestinationPortTranslated(view: FlowView): boolean {
  return mayBe(view, C.IPS_DST_NAT_DONE) && differ(view, S.ORIG + S.T_DST_PORT, S.REPLY + S.T_SRC_PORT, 2);
}
