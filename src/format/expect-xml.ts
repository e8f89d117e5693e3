/** The xml format of expectations. */
import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import type { ExpectView } from "../ctnetlink/view.js";
import { ascii } from "../system/byte-writer.js";
import { expectProtocol } from "./expect-text.js";
import type { FormatOptions, Formatter } from "./formatter.js";
import { whenXml } from "./time.js";
import * as X from "./xml.js";

const TUPLES = [
  { tags: X.element("expected"), base: S.EXPECTED },
  { tags: X.element("mask"), base: S.MASK },
  { tags: X.element("master"), base: S.MASTER },
];
const META = X.element("meta");
const HELPER_NAME = X.element("helper-name");
const TIMEOUT = X.element("timeout");
const CLASS = X.element("class");
const ZONE = X.element("zone");
const FLAGS = [
  { bit: C.NF_CT_EXPECT_PERMANENT, tag: ascii("<permanent/>") },
  { bit: C.NF_CT_EXPECT_INACTIVE, tag: ascii("<inactive/>") },
  { bit: C.NF_CT_EXPECT_USERSPACE, tag: ascii("<userspace/>") },
];

export function expectXml(options: FormatOptions): Formatter<ExpectView> {
  return {
    ...X.documentXml("expect"),
    suffix: false,
    entry(writer, view, event) {
      writer.room();
      writer.put(X.FLOW_OPEN[event]!);
      X.layer3Open(writer, view);
      for (const { tags, base } of TUPLES) {
        writer.put(tags.open);
        X.addressesXml(writer, view, base);
        writer.put(tags.close);
      }
      writer.put(X.LAYER3_CLOSE);
      X.layer4Open(writer, expectProtocol(view, S.EXPECTED) ?? 0);
      for (const { tags, base } of TUPLES) {
        writer.put(tags.open);
        X.protocolXml(writer, view, base, expectProtocol(view, base) ?? 0);
        writer.put(tags.close);
      }
      writer.put(X.LAYER4_CLOSE);
      writer.put(META.open);
      X.foreignXml(writer, view, HELPER_NAME, S.TOP + C.CTA_EXPECT_HELP_NAME);
      X.numberXml(writer, view, TIMEOUT, S.TOP + C.CTA_EXPECT_TIMEOUT, 4);
      X.numberXml(writer, view, CLASS, S.TOP + C.CTA_EXPECT_CLASS, 4);
      X.numberXml(writer, view, ZONE, S.TOP + C.CTA_EXPECT_ZONE, 2);
      if (options.timestamp) writer.text(whenXml(Math.floor(options.nowMicroseconds() / 1e6), options));
      if (view.has(S.TOP + C.CTA_EXPECT_FLAGS)) {
        const flags = view.u32(S.TOP + C.CTA_EXPECT_FLAGS);
        for (const { bit, tag } of FLAGS) if ((flags & bit) !== 0) writer.put(tag);
      }
      writer.put(META.close);
      writer.put(X.FLOW_CLOSE);
    },
  };
}
