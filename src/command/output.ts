/** From -o to a formatter. */
import type { ExpectView, FlowView } from "../ctnetlink/view.js";
import { EXPECT_FORMATS, FLOW_FORMATS } from "../format/formats.js";
import type { FormatOptions, Formatter } from "../format/formatter.js";
import { parseDecimal, U32_MAX } from "../system/numbers.js";
import type { Repeater } from "../trace/repeater.js";
import type { Output } from "./command.js";
import type { Context } from "./context.js";
import { ProgramNames } from "./programs.js";

/** What a formatter must know beyond -o. */
interface Occasion {
  /** The entries are those that a delete command removed. */
  deleting?: boolean;
  /** The entries come with events. */
  events?: boolean;
  /** Does entries again: its clock is the one to go by. */
  repeater?: Repeater | undefined;
}

function formatOptions(
  { format, show }: Output,
  context: Context,
  { deleting = false, events = false, repeater }: Occasion,
): FormatOptions {
  const programs = format === "json" && events ? new ProgramNames(context) : undefined;
  const columns = format === "table" ? columnsOf(context) : undefined;
  return {
    ...show,
    deleting,
    events,
    ...(columns === undefined ? {} : { columns }),
    nowMicroseconds: (repeater ?? context).nowMicroseconds,
    localTime: context.backend.localTime,
    ...(programs === undefined ? {} : { programName: (view) => programs.ofEvent(view) }),
  };
}

/** How wide a table may be: what COLUMNS says, else the terminal. Undefined in pipes and files. */
function columnsOf({ variable, terminalColumns }: Context): number | undefined {
  return parseDecimal(variable("COLUMNS") ?? "", U32_MAX) || terminalColumns() || undefined;
}

export function flowFormatter(output: Output, context: Context, occasion: Occasion = {}): Formatter<FlowView> {
  return FLOW_FORMATS[output.format](formatOptions(output, context, occasion));
}

export function expectFormatter(output: Output, context: Context, occasion: Occasion = {}): Formatter<ExpectView> {
  return EXPECT_FORMATS[output.format](formatOptions(output, context, occasion));
}

/** Where the reference does not close its xml document: a single entry, and the tables that pass. */
export function unclosed<View>({ footer: _, ...formatter }: Formatter<View>): Formatter<View> {
  return formatter;
}

/** What delete and update show: entries alone, without what stands around them in a listing. */
export function bareFlowFormatter(output: Output, context: Context, occasion: Occasion = {}): Formatter<FlowView> {
  if (output.format === "table") return flowFormatter(output, context, occasion);
  const { header: _h, footer: _f, ...formatter } = flowFormatter(output, context, occasion);
  return formatter;
}
