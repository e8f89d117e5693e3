/** The output formats by what -o says: one row each. */
import type { ExpectView, FlowView } from "../ctnetlink/view.js";
import { expectJson } from "./expect-json.js";
import { expectText } from "./expect-text.js";
import { expectXml } from "./expect-xml.js";
import { flowJson } from "./flow-json.js";
import { flowSave } from "./flow-save.js";
import { flowTable } from "./flow-table.js";
import { flowText } from "./flow-text.js";
import { flowXml } from "./flow-xml.js";
import type { FormatOptions, Formatter } from "./formatter.js";

export type FormatName = "default" | "xml" | "save" | "json" | "table";

export const FLOW_FORMATS: Readonly<Record<FormatName, (options: FormatOptions) => Formatter<FlowView>>> = {
  default: flowText,
  xml: flowXml,
  save: flowSave,
  json: flowJson,
  table: flowTable,
};

/** Expectations have no save format: the reference shows them in the default one. Nor have they a table. */
export const EXPECT_FORMATS: Readonly<Record<FormatName, (options: FormatOptions) => Formatter<ExpectView>>> = {
  default: expectText,
  xml: expectXml,
  save: expectText,
  json: expectJson,
  table: expectText,
};
