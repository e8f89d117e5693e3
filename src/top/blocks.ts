/** The view without a terminal: the same table as plain text, or a line of JSON a row, once or a few times. */
import { EVENT_NONE } from "../ctnetlink/events.js";
import { FlowView } from "../ctnetlink/view.js";
import type { Formatter } from "../format/formatter.js";
import { toJson } from "../format/json.js";
import { rfc3339 } from "../format/time.js";
import { ByteWriter } from "../system/byte-writer.js";
import type { LabelMap } from "../system/labelmap.js";
import { fromUtf8, toUtf8 } from "../system/text.js";
import { draw, ROWS_OF_FULL_HEADER, withMarks } from "./draw.js";
import type { Frequent } from "./frequent.js";
import type { Picture } from "./picture.js";
import { type FlowRow, flowRows, type GroupRow, groupRows } from "./rows.js";
import type { ViewState } from "./state.js";
import { plainText } from "./text.js";

/** Rows of a block without --limit. */
const USUAL_ROWS = 20;
const USUAL_COLUMNS = 140;
/** What the screen has besides rows: the header, the heading, the line of others, a gap, the keys. */
const OTHER_LINES = 11;

/** What the screen would show, without the keys. */
export function blockText(
  picture: Picture,
  state: ViewState,
  columns: number | undefined,
  unicode: boolean,
): Uint8Array {
  const limit = state.limit ?? USUAL_ROWS;
  const size = {
    columns: Math.max(60, columns ?? USUAL_COLUMNS),
    rows: Math.max(limit + OTHER_LINES, ROWS_OF_FULL_HEADER),
  };
  const { lines } = draw(picture, state, size, withMarks({ unicode }));
  const texts = lines.slice(0, -1).map((line) => plainText(line).trimEnd());
  const table = texts.slice(0, texts.findLastIndex((text) => text !== "") + 1);
  return toUtf8(`${table.join("\n")}\n\n`);
}

/** Three decimals: rates are estimates. */
const rounded = (value: number | undefined) => (value === undefined ? undefined : Math.round(value * 1000) / 1000);

/**
 * A line a row, the largest first: a flow or a group as -L -o json has it, with the time and what changes a second.
 * @param flows writes a flow as -L -o json does
 */
export function blockJson(
  picture: Picture,
  state: ViewState,
  flows: Formatter<FlowView>,
  labels: LabelMap | undefined,
): Uint8Array {
  const time = rfc3339(1000n * BigInt(Math.floor(picture.nowMicros)));
  const limit = state.limit ?? USUAL_ROWS;
  const lines = state.showsFlows
    ? flowRows(picture, state.reverse, 0, limit).map((row) => flowLine(time, row, flows))
    : groupRows(picture, state.groupSort, state.reverse, limit, { labels })
        .rows(0, limit)
        .map((row) => groupLine(time, row, state));
  return toUtf8(lines.map((line) => `${line}\n`).join(""));
}

function flowLine(time: string, { message, up, down }: FlowRow, flows: Formatter<FlowView>): string {
  const view = new FlowView();
  view.read(message, 0, message.length);
  const writer = new ByteWriter(1 << 12);
  flows.entry(writer, view, EVENT_NONE);
  const rates = { orig_bytes: rounded(up), reply_bytes: rounded(down) };
  return `${toJson({ time, rates }).slice(0, -1)},${fromUtf8(writer.written()).slice(1)}`;
}

function frequentValues({ destination, source, state }: Frequent): unknown {
  const [dst, dport] = destination ?? [];
  const values = {
    src: source?.[0] ?? undefined,
    dst: dst ?? undefined,
    dport: dport ?? undefined,
    state: state?.[0] ?? undefined,
  };
  return Object.values(values).some((value) => value !== undefined) ? values : undefined;
}

const groupLine = (time: string, row: GroupRow, { by }: ViewState): string =>
  toJson({
    time,
    rates: {
      flows: rounded(row.change),
      new: rounded(row.fresh),
      gone: rounded(row.gone),
      orig_bytes: rounded(row.up),
      reply_bytes: rounded(row.down),
    },
    group: Object.fromEntries(by.map(({ base }, i) => [base, row.values[i] ?? undefined])),
    flows: Math.round(row.flows),
    unreplied: Math.round(row.flows * row.unreplied),
    bytes: row.bytes,
    most_frequent: frequentValues(row.frequent),
    oldest: typeof row.oldest === "bigint" ? rfc3339(row.oldest) : undefined,
  });
