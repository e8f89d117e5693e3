/** --top: the live view on a terminal; without one, blocks of the same table. */

import { checkStatus } from "../match/dump.js";
import { openConnection } from "../netlink/connection.js";
import { blockJson, blockText } from "../top/blocks.js";
import { COLUMNS_OF_TRAITS } from "../top/draw.js";
import { type LiveSurroundings, noteLines, runLive } from "../top/live.js";
import { Reader } from "../top/reader.js";
import { ViewState } from "../top/state.js";
import { Terminal } from "../top/terminal.js";
import type { TopView } from "./command.js";
import { type Context, repeaterOf } from "./context.js";
import { reportParts } from "./diagnose.js";
import { flowFormatter } from "./output.js";
import { sleep } from "./wait.js";

function surroundings(context: Context): LiveSurroundings {
  return {
    connect: () => openConnection(context.backend),
    nowMicroseconds: context.nowMicroseconds,
    localTime: context.backend.localTime,
    repeater: () => repeaterOf(context),
    readFile: context.readFile,
    diagnose: (filter, read) => reportParts(filter, read, context),
  };
}

/** Whether the locale has characters beyond ASCII: POSIX's order of variables. */
function hasUnicode({ variable }: Context): boolean {
  const locale = variable("LC_ALL") || variable("LC_CTYPE") || variable("LANG") || "";
  return /utf-?8/i.test(locale);
}

function hasColor({ color = "auto" }: TopView, { variable }: Context): boolean {
  if (color !== "auto") return color === "always";
  return !variable("NO_COLOR");
}

/** Rates need two looks: the first block comes after an interval. */
function printBlocks(command: TopView, context: Context): number {
  const state = new ViewState(command);
  const { filter, by, intervalSeconds, rounds = 1, isJson, labelMap } = command;
  const reader = new Reader({ filter, by, flowKey: state.flowSort }, intervalSeconds, surroundings(context));
  const unicode = hasUnicode(context);
  const columns = context.terminalColumns() || undefined;
  const labels = labelMap === undefined ? {} : { labels: labelMap };
  const show = { extended: false, id: false, timestamp: false, ktimestamp: false, ...labels };
  const formatter = flowFormatter({ format: "json", show }, context);
  reader.countsTraits = isJson || (columns ?? COLUMNS_OF_TRAITS) >= COLUMNS_OF_TRAITS;
  reader.readAll();
  for (let round = 0; round < rounds; round++) {
    sleep(context, intervalSeconds * 1000);
    reader.readAll();
    const picture = reader.picture();
    context.stdout.write(
      isJson ? blockJson(picture, state, formatter, labelMap) : blockText(picture, state, columns, unicode),
    );
  }
  return 0;
}

export function topView(command: TopView, context: Context): number {
  checkStatus(command.filter);
  const { backend } = context;
  // A dumb terminal would show the escape sequences.
  const isLive = !command.isJson && command.rounds === undefined && context.variable("TERM") !== "dumb";
  if (!isLive || !Terminal.isThere(backend)) return printBlocks(command, context);
  const options = { unicode: hasUnicode(context), color: hasColor(command, context), labels: command.labelMap };
  const { notes, signal, terminal } = runLive(backend, surroundings(context), command, options);
  if (notes.length > 0) context.stdout.write(noteLines(notes));
  if (signal !== 0) terminal.dieOf(signal);
  return 0;
}
