/** From -o to a formatter. */
import type { ExpectView, FlowView } from "../ctnetlink/view.js";
import { EXPECT_FORMATS, FLOW_FORMATS, type FormatName } from "../format/formats.js";
import type { FormatOptions, Formatter } from "../format/formatter.js";
import type { Command } from "./command.js";
import type { Context } from "./context.js";
import { ProgramNames } from "./programs.js";

function formatName({ output }: Command): FormatName {
  if (output.json) return "json";
  return output.xml ? "xml" : output.save ? "save" : "default";
}

function formatOptions({ name, output, labelMap }: Command, context: Context): FormatOptions {
  const { extended, id, ktimestamp, timestamp } = output;
  const programs = output.json && name === "event" ? new ProgramNames(context) : undefined;
  return {
    extended,
    id,
    ktimestamp,
    timestamp,
    deleting: name === "delete",
    nowMicroseconds: context.nowMicroseconds,
    localTime: context.backend.localTime,
    ...(programs === undefined ? {} : { programName: (portId) => programs.of(portId) }),
    // The names are there where any option asked for labels; the reference shows them then, with -o labels or without.
    ...(labelMap === undefined ? {} : { labels: labelMap }),
  };
}

export function flowFormatter(command: Command, context: Context): Formatter<FlowView> {
  return FLOW_FORMATS[formatName(command)](formatOptions(command, context));
}

export function expectFormatter(command: Command, context: Context): Formatter<ExpectView> {
  return EXPECT_FORMATS[formatName(command)](formatOptions(command, context));
}

/** Where the reference does not close its xml document: a single entry, and the tables that pass. */
export function unclosed<View>({ footer: _, ...formatter }: Formatter<View>): Formatter<View> {
  return formatter;
}

/** What delete and update show: entries alone, without what stands around them in a listing. */
export function bareFlowFormatter(command: Command, context: Context): Formatter<FlowView> {
  const { header: _h, footer: _f, ...formatter } = flowFormatter(command, context);
  return formatter;
}
