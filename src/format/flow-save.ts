/** The save format: each flow as a command line that makes it again (`conntrack -R`). */

import * as C from "../ctnetlink/constants.js";
import { EVENT_DESTROY, EVENT_UPDATE } from "../ctnetlink/events.js";
import { type FlagTexts, flagRows } from "../ctnetlink/fields.js";
import { DCCP_ROLES, STATUS_NAMES, type StatusName } from "../ctnetlink/names.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import { isDestinationTranslated, isSourceTranslated } from "../protocol/nat.js";
import { protocolByNumber, textByProtocol } from "../protocol/protocols.js";
import { hasState, putState } from "../protocol/state.js";
import type { TupleKind } from "../protocol/tuples.js";
import { ascii, type ByteWriter } from "../system/byte-writer.js";
import { destinationSlot, sourceSlot, writeAddress } from "./addresses.js";
import type { FormatOptions, Formatter } from "./formatter.js";

const ADD = ascii("-A");
const UPDATE = ascii("-U");
const DELETE = ascii("-D");
const TIMEOUT = ascii(" -t ");
const STATUS = ascii(" -u ");
/** The reference saves no other flags. */
const SAVED_STATUS: readonly StatusName[] = ["EXPECTED", "SEEN_REPLY", "ASSURED", "FIXED_TIMEOUT"];
const STATUS_FLAGS: FlagTexts = {
  first: ascii(""),
  between: ascii(","),
  none: ascii("UNSET"),
  rows: flagRows(STATUS_NAMES.map((name) => (SAVED_STATUS.includes(name) ? name : undefined))),
};
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
const ROLES = DCCP_ROLES.map(ascii);

interface TupleOption {
  before: Uint8Array;
  slot: number;
  bytes: 1 | 2;
}

const tupleOption = (name: string, slot: number, bytes: 1 | 2 = 2): TupleOption => ({
  before: ascii(` --${name} `),
  slot,
  bytes,
});

/** What a protocol has besides addresses, as options. Of ICMP's fields the original direction's are enough. */
const TUPLE_OPTIONS: Readonly<Record<TupleKind, readonly TupleOption[]>> = {
  ports: [
    tupleOption("sport", S.ORIG + S.T_SRC_PORT),
    tupleOption("dport", S.ORIG + S.T_DST_PORT),
    tupleOption("reply-port-src", S.REPLY + S.T_SRC_PORT),
    tupleOption("reply-port-dst", S.REPLY + S.T_DST_PORT),
  ],
  keys: [
    tupleOption("srckey", S.ORIG + S.T_SRC_PORT),
    tupleOption("dstkey", S.ORIG + S.T_DST_PORT),
    tupleOption("reply-key-src", S.REPLY + S.T_SRC_PORT),
    tupleOption("reply-key-dst", S.REPLY + S.T_DST_PORT),
  ],
  icmp: [
    tupleOption("icmp-type", S.ORIG + S.T_ICMP_TYPE, 1),
    tupleOption("icmp-code", S.ORIG + S.T_ICMP_CODE, 1),
    tupleOption("icmp-id", S.ORIG + S.T_ICMP_ID),
  ],
  icmpv6: [
    tupleOption("icmpv6-type", S.ORIG + S.T_ICMPV6_TYPE, 1),
    tupleOption("icmpv6-code", S.ORIG + S.T_ICMPV6_CODE, 1),
    tupleOption("icmpv6-id", S.ORIG + S.T_ICMPV6_ID),
  ],
};

function number(writer: ByteWriter, view: FlowView, option: Uint8Array, slot: number, bytes: 1 | 2 | 4): void {
  if (!view.has(slot)) return;
  writer.put(option);
  view.putDecimal(writer, slot, bytes);
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
  view.putHostDecimal(writer, slot);
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
        view.putFlags(writer, S.TOP + C.CTA_STATUS, STATUS_FLAGS);
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
      for (const { before, slot, bytes } of TUPLE_OPTIONS[protocol.kind]) number(writer, view, before, slot, bytes);
      if (hasState(view)) {
        writer.put(STATE);
        putState(writer, view);
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
