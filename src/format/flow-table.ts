/** The table format of flows: a line each, for people. What a terminal has no room for is left out, or cut off with a "+". */
import * as C from "../ctnetlink/constants.js";
import { EVENT_NAMES } from "../ctnetlink/events.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import {
  isDestinationPortTranslated,
  isDestinationTranslated,
  isSourcePortTranslated,
  isSourceTranslated,
} from "../protocol/nat.js";
import { protocolByNumber } from "../protocol/protocols.js";
import { stateName } from "../protocol/state.js";
import { ascii, ByteWriter } from "../system/byte-writer.js";
import { fromUtf8 } from "../system/text.js";
import { destinationSlot, isIpv4Slot, sourceSlot, writeAddress } from "./addresses.js";
import type { FormatOptions, Formatter } from "./formatter.js";
import { duration, scaled } from "./human.js";
import { wholeSeconds } from "./time.js";

interface Column {
  readonly heading: string;
  readonly width: number;
  readonly align: "left" | "right";
  /** Columns of a higher number give way first where there is no room; 0 stays. */
  readonly rank: number;
  cell(view: FlowView, options: FormatOptions, event: number): string;
}

const NOTHING = "-";
const scratch = () => new ByteWriter(64);

/** ADDRESS:PORT, [V6]:PORT, or the address alone; `port` is a slot. */
function endpoint(view: FlowView, address: number, port: number): string {
  if (address === 0) return NOTHING;
  const writer = scratch();
  writeAddress(writer, view, address);
  const text = fromUtf8(writer.written());
  const hasPorts = view.has(S.ORIG + S.T_PROTO_NUM) && kindOf(view) === "ports" && view.has(port);
  if (!hasPorts) return text;
  return `${isIpv4Slot(address) ? text : `[${text}]`}:${view.u16(port)}`;
}

const kindOf = (view: FlowView) => protocolByNumber(view.u8(S.ORIG + S.T_PROTO_NUM))?.kind;

function protocol(view: FlowView): string {
  if (!view.has(S.ORIG + S.T_PROTO_NUM)) return NOTHING;
  const number = view.u8(S.ORIG + S.T_PROTO_NUM);
  return protocolByNumber(number)?.name ?? String(number);
}

/** Of a protocol without states: whether it was answered. */
function state(view: FlowView): string {
  const name = stateName(view);
  if (name !== undefined) return fromUtf8(name);
  if (!view.has(S.TOP + C.CTA_STATUS)) return NOTHING;
  const status = view.u32(S.TOP + C.CTA_STATUS);
  if ((status & C.IPS_SEEN_REPLY) === 0) return "UNREPLIED";
  return (status & C.IPS_ASSURED) !== 0 ? "ASSURED" : NOTHING;
}

/** What the reply shows of a translation. */
function nat(view: FlowView): string {
  const parts: string[] = [];
  if (isSourceTranslated(view) || isSourcePortTranslated(view)) {
    parts.push(`src ${endpoint(view, destinationSlot(view, S.REPLY), S.REPLY + S.T_DST_PORT)}`);
  }
  if (isDestinationTranslated(view) || isDestinationPortTranslated(view)) {
    parts.push(`dst ${endpoint(view, sourceSlot(view, S.REPLY), S.REPLY + S.T_SRC_PORT)}`);
  }
  return parts.length === 0 ? NOTHING : parts.join(" ");
}

function bytes(view: FlowView, ...slots: readonly number[]): string {
  if (!slots.every((slot) => view.has(slot))) return NOTHING;
  return scaled(slots.reduce((sum, slot) => sum + view.u64(slot), 0n));
}

function age(view: FlowView, { nowMicroseconds }: FormatOptions): string {
  if (!view.has(S.TIMESTAMP + 1)) return NOTHING;
  const end = view.has(S.TIMESTAMP + 2) ? wholeSeconds(view.u64(S.TIMESTAMP + 2)) : nowMicroseconds() / 1e6;
  return duration(Math.max(0, end - wholeSeconds(view.u64(S.TIMESTAMP + 1))));
}

const ORIG_BYTES = S.COUNTERS_ORIG + C.CTA_COUNTERS_BYTES;
const REPLY_BYTES = S.COUNTERS_REPLY + C.CTA_COUNTERS_BYTES;

const EVENT: Column = {
  heading: "EVENT",
  width: 7,
  align: "left",
  rank: 0,
  cell: (_view, _options, event) => (event === 0 ? NOTHING : EVENT_NAMES[event - 1]!.toUpperCase()),
};

const COLUMNS: readonly Column[] = [
  { heading: "PROTO", width: 5, align: "left", rank: 0, cell: protocol },
  { heading: "STATE", width: 11, align: "left", rank: 0, cell: state },
  {
    heading: "SOURCE",
    width: 21,
    align: "left",
    rank: 0,
    cell: (view) => endpoint(view, sourceSlot(view, S.ORIG), S.ORIG + S.T_SRC_PORT),
  },
  {
    heading: "DESTINATION",
    width: 21,
    align: "left",
    rank: 0,
    cell: (view) => endpoint(view, destinationSlot(view, S.ORIG), S.ORIG + S.T_DST_PORT),
  },
  { heading: "NAT TO", width: 22, align: "left", rank: 3, cell: nat },
  { heading: "UP", width: 7, align: "right", rank: 6, cell: (view) => bytes(view, ORIG_BYTES) },
  { heading: "DOWN", width: 7, align: "right", rank: 6, cell: (view) => bytes(view, REPLY_BYTES) },
  { heading: "BYTES", width: 7, align: "right", rank: 2, cell: (view) => bytes(view, ORIG_BYTES, REPLY_BYTES) },
  { heading: "AGE", width: 6, align: "right", rank: 5, cell: age },
  {
    heading: "EXPIRES",
    width: 7,
    align: "right",
    rank: 1,
    cell: (view) => (view.has(S.TOP + C.CTA_TIMEOUT) ? duration(view.u32(S.TOP + C.CTA_TIMEOUT)) : NOTHING),
  },
  {
    heading: "MARK",
    width: 4,
    align: "right",
    rank: 4,
    cell: (view) => (view.has(S.TOP + C.CTA_MARK) ? String(view.u32(S.TOP + C.CTA_MARK)) : NOTHING),
  },
];

const LAST_RANK = 6;
/** [IPv6]:PORT at its longest. */
const LONGEST_ENDPOINT = 47;
/** Below that an endpoint says nothing. */
const SHORTEST_ENDPOINT = 9;

const total = (columns: readonly Column[]) => columns.reduce((sum, { width }) => sum + width + 1, -1);

const isEndpoint = ({ heading }: Column) => heading === "SOURCE" || heading === "DESTINATION";

/** The columns that fit; source and destination share what is left over, or what is missing. */
function fitted(all: readonly Column[], room: number): readonly Column[] {
  let chosen = all.filter(({ rank }) => rank === 0);
  for (let rank = 1; rank <= LAST_RANK; rank++) {
    const more = all.filter((column) => column.rank <= rank);
    if (total(more) > room) break;
    chosen = more;
  }
  const each = Math.floor((room - total(chosen)) / 2);
  return chosen.map((column) => {
    if (!isEndpoint(column)) return column;
    return { ...column, width: Math.min(LONGEST_ENDPOINT, Math.max(SHORTEST_ENDPOINT, column.width + each)) };
  });
}

function padded(text: string, width: number, align: Column["align"]): string {
  return align === "left" ? text.padEnd(width) : text.padStart(width);
}

/** In a terminal a cell is cut off; elsewhere its column is wider from then on. */
export function flowTable(options: FormatOptions): Formatter<FlowView> {
  const all = options.events ? [EVENT, ...COLUMNS] : COLUMNS;
  const { columns: room } = options;
  const columns = room === undefined ? all : fitted(all, room);
  const widths = columns.map(({ width }) => width);
  const line = (cells: readonly string[]) => {
    const text = cells.map((cell, i) => padded(cell, widths[i]!, columns[i]!.align)).join(" ");
    return (room === undefined ? text : text.slice(0, room)).trimEnd();
  };
  return {
    suffix: false,
    header: ascii(`${line(columns.map(({ heading }) => heading))}\n`),
    entry(writer, view, event) {
      const cells = columns.map(({ cell }, i) => {
        const text = cell(view, options, event);
        const width = widths[i]!;
        if (text.length <= width) return text;
        if (room !== undefined) return `${text.slice(0, width - 1)}+`;
        widths[i] = text.length;
        return text;
      });
      writer.text(line(cells));
    },
  };
}
