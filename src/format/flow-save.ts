/** The save format: each flow as a command line that makes it again (`conntrack -R`). */

import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import { readU32Host } from "../netlink/attributes.js";
import { isDestinationTranslated, isSourceTranslated } from "../protocol/nat.js";
import { protocolByNumber, textByProtocol } from "../protocol/protocols.js";
import { stateName } from "../protocol/state.js";
import { TUPLE_FORMATS } from "../protocol/tuples.js";
import { ascii, type ByteWriter } from "../system/byte-writer.js";
import { destinationSlot, sourceSlot, writeAddress } from "./addresses.js";
import { EVENT_DESTROY, EVENT_UPDATE, type FormatOptions, type Formatter } from "./formatter.js";

const ADD = ascii("-A");
const UPDATE = ascii("-U");
const DELETE = ascii("-D");
const TIMEOUT = ascii(" -t ");
const STATUS = ascii(" -u ");
const UNSET = ascii("UNSET");
const STATUS_FLAGS = [
  { bit: C.IPS_EXPECTED, name: ascii("EXPECTED") },
  { bit: C.IPS_SEEN_REPLY, name: ascii("SEEN_REPLY") },
  { bit: C.IPS_ASSURED, name: ascii("ASSURED") },
  { bit: C.IPS_FIXED_TIMEOUT, name: ascii("FIXED_TIMEOUT") },
];
const SECMARK = ascii(" -c ");
const ZONE = ascii(" -w ");
const ORIG_ZONE = ascii(" --orig-zone ");
const REPLY_ZONE = ascii(" --reply-zone ");
const SRC = ascii(" -s ");
const DST = ascii(" -d ");
const REPLY_SRC = ascii(" -r ");
const REPLY_DST = ascii(" -q ");
const SRC_NAT = ascii(" -n ");
const DST_NAT = ascii(" -g ");
const PROTO = ascii(" -p ");
/** By protocol number: the name of a known protocol, else the number. */
const protocolName = textByProtocol((number, protocol) => protocol?.name ?? String(number));
const STATE = ascii(" --state ");
const ORIG_VTAG = ascii(" --orig-vtag ");
const REPLY_VTAG = ascii(" --reply-vtag ");
const ROLE = ascii(" --role ");
const ROLES = [ascii("client"), ascii("server")];
const COMMA = 0x2c;

function statusFlags(writer: ByteWriter, status: number): void {
  let first = true;
  for (const { bit, name } of STATUS_FLAGS) {
    if ((status & bit) === 0) continue;
    if (!first) writer.byte(COMMA);
    first = false;
    writer.put(name);
  }
  if (first) writer.put(UNSET);
}

function number(writer: ByteWriter, view: FlowView, option: Uint8Array, slot: number, bytes: 2 | 4): void {
  if (!view.has(slot)) return;
  writer.put(option);
  writer.decimal(bytes === 2 ? view.u16(slot) : view.u32(slot));
}

function address(writer: ByteWriter, view: FlowView, option: Uint8Array, slot: number): void {
  if (slot === 0) return;
  writer.put(option);
  writeAddress(writer, view, slot);
}

/** The reference prints SCTP's tags in host byte order, and takes them so: they read as what a user gave. */
function vtag(writer: ByteWriter, view: FlowView, option: Uint8Array, slot: number): void {
  if (!view.has(slot)) return;
  writer.put(option);
  writer.decimal(readU32Host(view.buffer, view.offset(slot)));
}

export function flowSave({ deleting }: Pick<FormatOptions, "deleting">): Formatter<FlowView> {
  return {
    suffix: true,
    entry(writer, view, event) {
      writer.room();
      writer.put(deleting || event === EVENT_DESTROY ? DELETE : event === EVENT_UPDATE ? UPDATE : ADD);
      number(writer, view, TIMEOUT, S.TOP + C.CTA_TIMEOUT, 4);
      if (view.has(S.TOP + C.CTA_STATUS)) {
        writer.put(STATUS);
        statusFlags(writer, view.u32(S.TOP + C.CTA_STATUS));
      }
      number(writer, view, SECMARK, S.TOP + C.CTA_SECMARK, 4);
      number(writer, view, ZONE, S.TOP + C.CTA_ZONE, 2);
      number(writer, view, ORIG_ZONE, S.ORIG + S.T_ZONE, 2);
      number(writer, view, REPLY_ZONE, S.REPLY + S.T_ZONE, 2);
      address(writer, view, SRC, sourceSlot(view, S.ORIG));
      address(writer, view, DST, destinationSlot(view, S.ORIG));
      address(writer, view, isDestinationTranslated(view) ? DST_NAT : REPLY_SRC, sourceSlot(view, S.REPLY));
      address(writer, view, isSourceTranslated(view) ? SRC_NAT : REPLY_DST, destinationSlot(view, S.REPLY));
      if (!view.has(S.ORIG + S.T_PROTO_NUM)) return;
      const protonum = view.u8(S.ORIG + S.T_PROTO_NUM);
      writer.put(PROTO);
      writer.put(protocolName(protonum));
      const protocol = protocolByNumber(protonum);
      if (protocol === undefined) return;
      TUPLE_FORMATS[protocol.kind].save(writer, view);
      const state = stateName(view);
      if (state !== undefined) {
        writer.put(STATE);
        writer.put(state);
      }
      vtag(writer, view, ORIG_VTAG, S.SCTP + C.CTA_PROTOINFO_SCTP_VTAG_ORIGINAL);
      vtag(writer, view, REPLY_VTAG, S.SCTP + C.CTA_PROTOINFO_SCTP_VTAG_REPLY);
      const role = S.DCCP + C.CTA_PROTOINFO_DCCP_ROLE;
      if (view.has(role) && ROLES[view.u8(role)] !== undefined) {
        writer.put(ROLE);
        writer.put(ROLES[view.u8(role)]!);
      }
    },
  };
}
