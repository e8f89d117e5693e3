/** The json format of expectations. */
import * as C from "../ctnetlink/constants.js";
import { EXPECT_FLAG_NAMES } from "../ctnetlink/names.js";
import * as S from "../ctnetlink/slots.js";
import type { ExpectView } from "../ctnetlink/view.js";
import type { FormatOptions, Formatter } from "./formatter.js";
import * as J from "./json.js";

const TIMEOUT = J.key("timeout");
const EXPECTED = J.objectKey("expected");
const MASK = J.objectKey("mask");
const MASTER = J.objectKey("master");
const ZONE = J.key("zone");
const CLASS = J.key("class");
const HELPER = J.key("helper");
const ID = J.key("id");

export function expectJson(options: FormatOptions): Formatter<ExpectView> {
  const flags = J.flagTexts("flags", EXPECT_FLAG_NAMES);
  return {
    suffix: false,
    entry(writer, view, event) {
      writer.room();
      J.openObject(writer);
      J.eventJson(writer, view, event, options);
      J.familyJson(writer, view);
      const number = view.protonum(S.EXPECTED);
      if (number !== undefined) J.protocolJson(writer, number);
      J.numberJson(writer, view, TIMEOUT, S.TOP + C.CTA_EXPECT_TIMEOUT, 4);
      writer.put(EXPECTED);
      J.tupleJson(writer, view, S.EXPECTED, number);
      J.closeObject(writer);
      J.comma(writer);
      writer.put(MASK);
      J.tupleJson(writer, view, S.MASK, view.protonum(S.MASK));
      J.closeObject(writer);
      J.comma(writer);
      writer.put(MASTER);
      J.masterJson(writer, view, S.MASTER);
      J.closeObject(writer);
      J.comma(writer);
      J.numberJson(writer, view, ZONE, S.TOP + C.CTA_EXPECT_ZONE, 2);
      J.flagsJson(writer, view, flags, S.TOP + C.CTA_EXPECT_FLAGS);
      J.numberJson(writer, view, CLASS, S.TOP + C.CTA_EXPECT_CLASS, 4);
      J.textJson(writer, view, HELPER, S.TOP + C.CTA_EXPECT_HELP_NAME);
      J.numberJson(writer, view, ID, S.TOP + C.CTA_EXPECT_ID, 4);
      J.closeObject(writer);
    },
  };
}
