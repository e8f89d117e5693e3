/** The view without a terminal: the same table as plain text, or a line of JSON a row, once or a few times. */
import { toJson } from "../format/json.js";
import { rfc3339 } from "../format/time.js";
import type { LabelMap } from "../system/labelmap.js";
import { toUtf8 } from "../system/text.js";
import { draw, ROWS_OF_FULL_HEADER } from "./draw.js";
import type { Picture } from "./picture.js";
import { flowRows, groupRows } from "./rows.js";
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
  const { lines } = draw(picture, state, size, { unicode });
  const texts = lines.slice(0, -1).map((line) => plainText(line).trimEnd());
  const table = texts.slice(0, texts.findLastIndex((text) => text !== "") + 1);
  return toUtf8(`${table.join("\n")}\n\n`);
}

/** Three decimals: rates are estimates. */
const rounded = (value: number | undefined) => (value === undefined ? undefined : Math.round(value * 1000) / 1000);

const rateOf = (value: number | undefined) => (value === undefined ? undefined : { bytesPerSecond: rounded(value) });

/** A line a row, the largest first. */
export function blockJson(picture: Picture, state: ViewState, labels: LabelMap | undefined): Uint8Array {
  const time = rfc3339(1000n * BigInt(Math.floor(picture.nowMicros)));
  const limit = state.limit ?? USUAL_ROWS;
  const rows = state.showsFlows
    ? flowRows(picture, state.reverse, limit).map((row) => ({
        protocol: row.protocol,
        state: row.state === "-" ? undefined : row.state,
        src: row.src,
        dst: row.dst,
        nat: row.nat === "-" ? undefined : row.nat,
        bytes: row.bytes,
        orig: rateOf(row.up),
        reply: rateOf(row.down),
        age: rounded(row.ageSeconds),
        expires: row.expiresSeconds,
        mark: row.mark,
      }))
    : groupRows(picture, state.groupSort, state.reverse, limit, labels).rows.map((row) => ({
        group: Object.fromEntries(state.by.map(({ base }, i) => [base, row.values[i] ?? undefined])),
        flows: Math.round(row.flows),
        unreplied: Math.round(row.flows * row.unreplied),
        flowsPerSecond: rounded(row.change),
        newPerSecond: rounded(row.fresh),
        bytes: row.bytes,
        orig: rateOf(row.up),
        reply: rateOf(row.down),
      }));
  return toUtf8(rows.map((row) => `${toJson({ time, ...row })}\n`).join(""));
}
