/** The default format of flows, and extended, which has layer 3 in front. */
import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import { textByProtocol } from "../protocol/protocols.js";
import { hasState, putState } from "../protocol/state.js";
import { ascii, type ByteWriter } from "../system/byte-writer.js";
import type { LabelMap } from "../system/labelmap.js";
import { destinationSlot, sourceSlot, writeAddress } from "./addresses.js";
import type { FormatOptions, Formatter } from "./formatter.js";
import { labelNames } from "./labels.js";
import { writeForeign } from "./text.js";
import { ctime, eventMicroseconds, wholeSeconds } from "./time.js";
import { EVENT_COLUMN, tupleText } from "./tuple-text.js";

const IPV4 = ascii("ipv4     2 ");
const IPV6 = ascii("ipv6     10 ");
/** By protocol number: the name left-aligned in 8 columns, the number. */
const layer4 = textByProtocol((number, protocol) => `${(protocol?.name ?? "unknown").padEnd(8)} ${number} `);

const SRC = ascii("src=");
const DST = ascii("dst=");
const ZONE_ORIG = ascii("zone-orig=");
const ZONE_REPLY = ascii("zone-reply=");
const PACKETS = ascii("packets=");
const BYTES = ascii(" bytes=");
const UNREPLIED = ascii("[UNREPLIED] ");
const HW_OFFLOAD = ascii("[HW_OFFLOAD] ");
const OFFLOAD = ascii("[OFFLOAD] ");
const ASSURED = ascii("[ASSURED] ");
const MARK = ascii("mark=");
const SECMARK = ascii("secmark=");
const SECCTX = ascii("secctx=");
const ZONE = ascii("zone=");
const DELTA_TIME = ascii("delta-time=");
const HELPER = ascii("helper=");
const USE = ascii("use=");
const ID = ascii("id=");
const LABELS = ascii("labels");
const BLANK = 0x20;
const STATUS = S.TOP + C.CTA_STATUS;
/** The first of these flags that is set shows. */
const STATUS_MARKS = [
  { flag: C.IPS_HW_OFFLOAD, mark: HW_OFFLOAD },
  { flag: C.IPS_OFFLOAD, mark: OFFLOAD },
  { flag: C.IPS_ASSURED, mark: ASSURED },
];

function statusMark(writer: ByteWriter, view: FlowView): void {
  for (const { flag, mark } of STATUS_MARKS) {
    if (view.bits(STATUS, flag) === 0) continue;
    writer.put(mark);
    return;
  }
}

function tuple(writer: ByteWriter, view: FlowView, base: number, zoneName: Uint8Array, counters: number): void {
  const source = sourceSlot(view, base);
  if (source !== 0) {
    writer.put(SRC);
    writeAddress(writer, view, source);
    writer.byte(BLANK);
  }
  const destination = destinationSlot(view, base);
  if (destination !== 0) {
    writer.put(DST);
    writeAddress(writer, view, destination);
    writer.byte(BLANK);
  }
  if (view.has(base + S.T_PROTO_NUM)) tupleText(writer, view, base, view.u8(base + S.T_PROTO_NUM));
  number(writer, view, zoneName, base + S.T_ZONE, 2);
  if (view.has(counters + 1) && view.has(counters + 2)) {
    writer.put(PACKETS);
    view.putDecimal(writer, counters + 1, 8);
    writer.put(BYTES);
    view.putDecimal(writer, counters + 2, 8);
    writer.byte(BLANK);
  }
}

/** NAME=N and a blank, where the kernel sent the attribute. */
function number(writer: ByteWriter, view: FlowView, name: Uint8Array, slot: number, bytes: 2 | 4): void {
  if (!view.has(slot)) return;
  writer.put(name);
  view.putDecimal(writer, slot, bytes);
  writer.byte(BLANK);
}

function foreign(writer: ByteWriter, view: FlowView, name: Uint8Array, slot: number): void {
  if (!view.has(slot)) return;
  writer.put(name);
  writeForeign(writer, view.text(slot));
  writer.byte(BLANK);
}

function times(writer: ByteWriter, view: FlowView, options: FormatOptions): void {
  if (!view.has(S.TIMESTAMP + 1)) return;
  const stopped = view.has(S.TIMESTAMP + 2);
  writer.put(DELTA_TIME);
  if (stopped) view.putSpan(writer, S.TIMESTAMP + 1, S.TIMESTAMP + 2, false);
  else view.putAge(writer, S.TIMESTAMP + 1, options.nowMicroseconds);
  writer.byte(BLANK);
  if (!options.ktimestamp) return;
  const start = wholeSeconds(view.u64(S.TIMESTAMP + 1));
  const stop = stopped ? wholeSeconds(view.u64(S.TIMESTAMP + 2)) : undefined;
  writer.text(`[start=${ctime(start, options)}] `);
  if (stop !== undefined) writer.text(`[stop=${ctime(stop, options)}] `);
}

function labels(writer: ByteWriter, view: FlowView, map: LabelMap): void {
  const names = labelNames(view, map);
  if (names === undefined) return;
  // The reference cuts off the last character, so of labels without names nothing but the word is left.
  writer.put(LABELS);
  if (names.length > 0) writer.text(`=${names.join()}`);
  writer.byte(BLANK);
}

/** `[SECONDS.MICROSECONDS]<TAB>`. */
function eventTime(writer: ByteWriter, micros: number): void {
  const seconds = Math.floor(micros / 1e6);
  writer.text(`[${String(seconds).padStart(8, "0")}.${String(micros - seconds * 1e6).padStart(6, "0")}]\t`);
}

export function flowText(options: FormatOptions): Formatter<FlowView> {
  return {
    suffix: true,
    entry(writer, view, event) {
      writer.room();
      if (options.timestamp && event !== 0) eventTime(writer, eventMicroseconds(view, options));
      writer.put(EVENT_COLUMN[event]!);
      if (options.extended) writer.put(view.family === C.AF_INET6 ? IPV6 : IPV4);
      if (view.has(S.ORIG + S.T_PROTO_NUM)) writer.put(layer4(view.u8(S.ORIG + S.T_PROTO_NUM)));
      if (view.has(S.TOP + C.CTA_TIMEOUT)) {
        view.putDecimal(writer, S.TOP + C.CTA_TIMEOUT, 4);
        writer.byte(BLANK);
      }
      if (hasState(view)) {
        putState(writer, view);
        writer.byte(BLANK);
      }
      tuple(writer, view, S.ORIG, ZONE_ORIG, S.COUNTERS_ORIG);
      const hasStatus = view.has(STATUS);
      if (hasStatus && view.bits(STATUS, C.IPS_SEEN_REPLY) === 0) writer.put(UNREPLIED);
      tuple(writer, view, S.REPLY, ZONE_REPLY, S.COUNTERS_REPLY);
      if (hasStatus) statusMark(writer, view);
      number(writer, view, MARK, S.TOP + C.CTA_MARK, 4);
      number(writer, view, SECMARK, S.TOP + C.CTA_SECMARK, 4);
      foreign(writer, view, SECCTX, S.SECCTX + 1);
      number(writer, view, ZONE, S.TOP + C.CTA_ZONE, 2);
      times(writer, view, options);
      foreign(writer, view, HELPER, S.HELP + 1);
      number(writer, view, USE, S.TOP + C.CTA_USE, 4);
      if (options.id) number(writer, view, ID, S.TOP + C.CTA_ID, 4);
      if (options.labels !== undefined) labels(writer, view, options.labels);
      writer.trimBlank();
    },
  };
}
