/** The xml format of flows. */
import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import { hasState, putStateXml } from "../protocol/state.js";
import { ascii, type ByteWriter } from "../system/byte-writer.js";
import type { LabelMap } from "../system/labelmap.js";
import type { FormatOptions, Formatter } from "./formatter.js";
import { labelNames } from "./labels.js";
import { eventMicroseconds, whenXml } from "./time.js";
import * as X from "./xml.js";

const META_ORIGINAL = ascii('<meta direction="original">');
const META_REPLY = ascii('<meta direction="reply">');
const META_INDEPENDENT = ascii('<meta direction="independent">');
const META_CLOSE = ascii("</meta>");
const ZONE = X.element("zone");
const PACKETS = X.element("packets");
const BYTES = X.element("bytes");
const COUNTERS = X.element("counters");
const STATE = X.element("state");
const TIMEOUT = X.element("timeout");
const MARK = X.element("mark");
const LABELS = X.element("labels");
const LABEL = X.element("label");
const SECMARK = X.element("secmark");
const SECCTX = X.element("secctx");
const USE = X.element("use");
const ID = X.element("id");
const ASSURED = ascii("<assured/>");
const UNREPLIED = ascii("<unreplied/>");
const TIMESTAMP = X.element("timestamp");
const START = X.element("start");
const STOP = X.element("stop");
const DELTATIME = X.element("deltatime");
const HELPER = X.element("helper");

function number64(writer: ByteWriter, view: FlowView, { open, close }: X.Element, slot: number): void {
  writer.put(open);
  view.putDecimal(writer, slot, 8);
  writer.put(close);
}

function direction(writer: ByteWriter, view: FlowView, meta: Uint8Array, base: number, counters: number): void {
  writer.put(meta);
  X.layer3Open(writer, view);
  X.addressesXml(writer, view, base);
  writer.put(X.LAYER3_CLOSE);
  const number = view.has(base + S.T_PROTO_NUM) ? view.u8(base + S.T_PROTO_NUM) : 0;
  X.layer4Open(writer, number);
  X.tupleXml(writer, view, base, number);
  writer.put(X.LAYER4_CLOSE);
  X.numberXml(writer, view, ZONE, base + S.T_ZONE, 2);
  if (view.has(S.COUNTERS_ORIG + 1) && view.has(S.COUNTERS_ORIG + 2) && view.has(counters + 1)) {
    writer.put(COUNTERS.open);
    number64(writer, view, PACKETS, counters + 1);
    number64(writer, view, BYTES, counters + 2);
    writer.put(COUNTERS.close);
  }
  writer.put(META_CLOSE);
}

function labels(writer: ByteWriter, view: FlowView, map: LabelMap): void {
  const names = labelNames(view, map);
  if (names === undefined) return;
  writer.put(LABELS.open);
  for (const name of names) {
    writer.put(LABEL.open);
    writer.text(name);
    writer.put(LABEL.close);
  }
  writer.put(LABELS.close);
}

function times(writer: ByteWriter, view: FlowView, options: FormatOptions): void {
  if (!view.has(S.TIMESTAMP + 1)) return;
  const stopped = view.has(S.TIMESTAMP + 2);
  if (options.ktimestamp) {
    writer.put(TIMESTAMP.open);
    number64(writer, view, START, S.TIMESTAMP + 1);
    if (stopped) number64(writer, view, STOP, S.TIMESTAMP + 2);
    writer.put(TIMESTAMP.close);
  }
  writer.put(DELTATIME.open);
  // The span in whole seconds once it is over; until then, the clock's second less the second of the start.
  if (stopped) view.putSpan(writer, S.TIMESTAMP + 1, S.TIMESTAMP + 2, true);
  else view.putAge(writer, S.TIMESTAMP + 1, options.nowMicroseconds);
  writer.put(DELTATIME.close);
}

export function flowXml(options: FormatOptions): Formatter<FlowView> {
  return {
    ...X.documentXml("conntrack"),
    suffix: false,
    entry(writer, view, event) {
      writer.room();
      writer.put(X.FLOW_OPEN[event]!);
      direction(writer, view, META_ORIGINAL, S.ORIG, S.COUNTERS_ORIG);
      direction(writer, view, META_REPLY, S.REPLY, S.COUNTERS_REPLY);
      writer.put(META_INDEPENDENT);
      if (hasState(view)) {
        writer.put(STATE.open);
        putStateXml(writer, view);
        writer.put(STATE.close);
      }
      X.numberXml(writer, view, TIMEOUT, S.TOP + C.CTA_TIMEOUT, 4);
      X.numberXml(writer, view, MARK, S.TOP + C.CTA_MARK, 4);
      if (options.labels !== undefined) labels(writer, view, options.labels);
      X.numberXml(writer, view, SECMARK, S.TOP + C.CTA_SECMARK, 4);
      X.foreignXml(writer, view, SECCTX, S.SECCTX + 1);
      X.numberXml(writer, view, ZONE, S.TOP + C.CTA_ZONE, 2);
      X.numberXml(writer, view, USE, S.TOP + C.CTA_USE, 4);
      X.numberXml(writer, view, ID, S.TOP + C.CTA_ID, 4);
      if (view.has(S.TOP + C.CTA_STATUS)) {
        const status = view.bits(S.TOP + C.CTA_STATUS, C.IPS_ASSURED | C.IPS_SEEN_REPLY);
        if ((status & C.IPS_ASSURED) !== 0) writer.put(ASSURED);
        if ((status & C.IPS_SEEN_REPLY) === 0) writer.put(UNREPLIED);
      }
      times(writer, view, options);
      writer.put(META_CLOSE);
      if (options.timestamp && event !== 0)
        writer.text(whenXml(Math.floor(eventMicroseconds(view, options) / 1e6), options));
      X.foreignXml(writer, view, HELPER, S.HELP + 1);
      writer.put(X.FLOW_CLOSE);
    },
  };
}
