/** The xml format of expectations. */
import * as C from "../ctnetlink/constants.js";
import { EXPECT_FLAG_NAMES } from "../ctnetlink/names.js";
import * as S from "../ctnetlink/slots.js";
import type { ExpectView } from "../ctnetlink/view.js";
import { ascii } from "../system/byte-writer.js";
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
const FLAGS = EXPECT_FLAG_NAMES.map((name) => ascii(`<${name.toLowerCase()}/>`));

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
      X.layer4Open(writer, view.protonum(S.EXPECTED) ?? 0);
      for (const { tags, base } of TUPLES) {
        writer.put(tags.open);
        X.tupleXml(writer, view, base, view.protonum(base) ?? 0);
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
        for (let bit = 0; bit < FLAGS.length; bit++) if ((flags & (1 << bit)) !== 0) writer.put(FLAGS[bit]!);
      }
      writer.put(META.close);
      writer.put(X.FLOW_CLOSE);
    },
  };
}
