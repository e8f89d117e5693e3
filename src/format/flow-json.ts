/** The json format of flows: one object a line, with all that the kernel sent. docs/conntrack.schema.json describes it. */
import * as C from "../ctnetlink/constants.js";
import { hasLabel } from "../ctnetlink/labels.js";
import { DCCP_ROLES, STATUS_NAMES } from "../ctnetlink/names.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import {
  isDestinationPortTranslated,
  isDestinationTranslated,
  isSourcePortTranslated,
  isSourceTranslated,
} from "../protocol/nat.js";
import { protocolByNumber } from "../protocol/protocols.js";
import { hasState, putState } from "../protocol/state.js";
import { TUPLES } from "../protocol/tuples.js";
import { ascii, type ByteWriter } from "../system/byte-writer.js";
import type { LabelMap } from "../system/labelmap.js";
import { toUtf8 } from "../system/text.js";
import { destinationSlot, sourceSlot } from "./addresses.js";
import type { FormatOptions, Formatter } from "./formatter.js";
import * as J from "./json.js";

const TIMEOUT = J.key("timeout");
const STATE = ascii('"state":"');
const QUOTE_COMMA = ascii('",');
const ORIG = J.objectKey("orig");
const REPLY = J.objectKey("reply");
const MASTER = J.objectKey("master");
const ZONE = J.key("zone");
const PACKETS = J.key("packets");
const BYTES = J.key("bytes");
const VTAG = J.key("vtag");
const ROLES = DCCP_ROLES.map((role) => J.member("role", role));
const NAT = J.objectKey("nat");
const SNAT = J.objectKey("snat");
const DNAT = J.objectKey("dnat");
const ADDRESS = J.key("address");
const MARK = J.key("mark");
const SECMARK = J.key("secmark");
const SECCTX = J.key("secctx");
const LABELS = J.listKey("labels");
const BIT = J.key("bit");
const NAME = J.key("name");
const TIMESTAMP = J.objectKey("timestamp");
const START = J.key("start");
const STOP = J.key("stop");
const HELPER = J.key("helper");
const USE = J.key("use");
const ID = J.key("id");

const TRANSLATED_KEYS = { port: J.key("port"), key: J.key("key"), id: J.key("id") } as const;

function direction(
  writer: ByteWriter,
  view: FlowView,
  name: Uint8Array,
  base: number,
  number: number | undefined,
  counters: number,
  vtag: number,
): void {
  writer.put(name);
  J.tupleJson(writer, view, base, number);
  J.numberJson(writer, view, ZONE, base + S.T_ZONE, 2);
  if (view.has(vtag)) {
    writer.put(VTAG);
    view.putHostDecimal(writer, vtag);
    J.comma(writer);
  }
  J.number64Json(writer, view, PACKETS, counters + 1);
  J.number64Json(writer, view, BYTES, counters + 2);
  J.closeObject(writer);
  J.comma(writer);
}

function translation(
  writer: ByteWriter,
  view: FlowView,
  name: Uint8Array,
  address: number,
  number: number | undefined,
  side: "snat" | "dnat",
): void {
  writer.put(name);
  J.addressJson(writer, view, ADDRESS, address);
  const kind = number === undefined ? undefined : protocolByNumber(number)?.kind;
  if (kind !== undefined) {
    const { translated } = TUPLES[kind];
    if (translated[side] !== 0)
      J.numberJson(writer, view, TRANSLATED_KEYS[translated.name], S.REPLY + translated[side], 2);
  }
  J.closeObject(writer);
  J.comma(writer);
}

/** What was translated, and to what: the reply shows it. */
function nat(writer: ByteWriter, view: FlowView, number: number | undefined): void {
  const source = isSourceTranslated(view) || isSourcePortTranslated(view);
  const destination = isDestinationTranslated(view) || isDestinationPortTranslated(view);
  if (!source && !destination) return;
  writer.put(NAT);
  if (source) translation(writer, view, SNAT, destinationSlot(view, S.REPLY), number, "snat");
  if (destination) translation(writer, view, DNAT, sourceSlot(view, S.REPLY), number, "dnat");
  J.closeObject(writer);
  J.comma(writer);
}

/** The labels by bit number, with their names where the map has one. */
function labels(writer: ByteWriter, view: FlowView, map: LabelMap | undefined): void {
  if (!view.has(S.TOP + C.CTA_LABELS)) return;
  const bits = view.bytes(S.TOP + C.CTA_LABELS);
  writer.room();
  writer.put(LABELS);
  for (let bit = 0; bit < 8 * bits.length; bit++) {
    if (!hasLabel(bits, bit)) continue;
    J.openObject(writer);
    writer.put(BIT);
    writer.decimal(bit);
    J.comma(writer);
    const name = map?.names[bit];
    if (name !== undefined) {
      writer.put(NAME);
      J.writeText(writer, toUtf8(name));
      J.comma(writer);
    }
    J.closeObject(writer);
    J.comma(writer);
  }
  J.closeList(writer);
  J.comma(writer);
}

function times(writer: ByteWriter, view: FlowView): void {
  if (!view.has(S.TIMESTAMP + 1)) return;
  writer.put(TIMESTAMP);
  J.timeJson(writer, START, view.u64(S.TIMESTAMP + 1));
  if (view.has(S.TIMESTAMP + 2)) J.timeJson(writer, STOP, view.u64(S.TIMESTAMP + 2));
  J.closeObject(writer);
  J.comma(writer);
}

/** The flow that this one was expected by. */
function master(writer: ByteWriter, view: FlowView): void {
  if (!view.has(S.TOP + C.CTA_TUPLE_MASTER)) return;
  writer.put(MASTER);
  J.masterJson(writer, view, S.MASTER);
  J.closeObject(writer);
  J.comma(writer);
}

export function flowJson(options: FormatOptions): Formatter<FlowView> {
  const status = J.flagTexts("status", STATUS_NAMES);
  return {
    suffix: false,
    entry(writer, view, event) {
      writer.room();
      J.openObject(writer);
      J.eventJson(writer, view, event, options);
      J.familyJson(writer, view);
      const number = view.has(S.ORIG + S.T_PROTO_NUM) ? view.u8(S.ORIG + S.T_PROTO_NUM) : undefined;
      if (number !== undefined) J.protocolJson(writer, number);
      J.numberJson(writer, view, TIMEOUT, S.TOP + C.CTA_TIMEOUT, 4);
      if (hasState(view)) {
        writer.put(STATE);
        putState(writer, view);
        writer.put(QUOTE_COMMA);
      }
      if (view.has(S.DCCP + C.CTA_PROTOINFO_DCCP_ROLE)) {
        const role = ROLES[view.u8(S.DCCP + C.CTA_PROTOINFO_DCCP_ROLE)];
        if (role !== undefined) writer.put(role);
      }
      J.flagsJson(writer, view, status, S.TOP + C.CTA_STATUS);
      const { COUNTERS_ORIG, COUNTERS_REPLY, SCTP } = S;
      direction(writer, view, ORIG, S.ORIG, number, COUNTERS_ORIG, SCTP + C.CTA_PROTOINFO_SCTP_VTAG_ORIGINAL);
      direction(writer, view, REPLY, S.REPLY, number, COUNTERS_REPLY, SCTP + C.CTA_PROTOINFO_SCTP_VTAG_REPLY);
      nat(writer, view, number);
      master(writer, view);
      J.numberJson(writer, view, MARK, S.TOP + C.CTA_MARK, 4);
      J.numberJson(writer, view, SECMARK, S.TOP + C.CTA_SECMARK, 4);
      J.textJson(writer, view, SECCTX, S.SECCTX + 1);
      J.numberJson(writer, view, ZONE, S.TOP + C.CTA_ZONE, 2);
      labels(writer, view, options.labels);
      J.textJson(writer, view, HELPER, S.HELP + 1);
      times(writer, view);
      J.numberJson(writer, view, USE, S.TOP + C.CTA_USE, 4);
      J.numberJson(writer, view, ID, S.TOP + C.CTA_ID, 4);
      J.closeObject(writer);
    },
  };
}
