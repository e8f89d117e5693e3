/**
 * The fields of a flow by which groups are made and entries are sorted: one row each. A field writes a flow's value into a key
 * and reads it out of a key again.
 *
 * The first byte of a field tells whether the flow has the value. The bytes behind it sort as the values do: numbers by size,
 * names by the alphabet, addresses by their bytes with IPv4 first.
 */
import * as C from "../ctnetlink/constants.js";
import { hasLabel } from "../ctnetlink/labels.js";
import { flagNames, STATUS_NAMES } from "../ctnetlink/names.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import { destinationSlot, isIpv4Slot, sourceSlot } from "../format/addresses.js";
import { readU16BE, readU32BE } from "../netlink/attributes.js";
import {
  isDestinationPortTranslated,
  isDestinationTranslated,
  isSourcePortTranslated,
  isSourceTranslated,
} from "../protocol/nat.js";
import { PROTOCOLS, protocolByNumber } from "../protocol/protocols.js";
import { ByteWriter } from "../system/byte-writer.js";
import { prefixMask } from "../system/inet.js";
import type { LabelMap } from "../system/labelmap.js";
import { parseDecimal } from "../system/numbers.js";
import { fromUtf8, withoutControls } from "../system/text.js";
import type { KeyWriter } from "./key.js";
import type { FIELD_NAMES } from "./names.js";

/** A value as the json format has it: null where the flow has none. */
export type FieldValue =
  | string
  | number
  | null
  | readonly string[]
  | { readonly number: number; readonly name?: string | undefined }
  | readonly { readonly bit: number; readonly name?: string | undefined }[];

export interface Field {
  /** As --group-by takes it, e.g. "src/24". */
  readonly name: string;
  /** The name without its length, e.g. "src": the json format's. */
  readonly base: string;
  /** Of its column, e.g. "SRC/24". */
  readonly heading: string;
  /** How many bytes it takes in a key. */
  readonly width: number;
  /** Numbers begin with the largest, text with A, unless somebody asks for the contrary. Addresses count as text. */
  readonly order: "number" | "text";
  /** Writes `width` bytes. */
  write(key: KeyWriter, view: FlowView): void;
  /** The value in a key, at `at`. Labels without a map have no names. */
  value(bytes: Uint8Array, at: number, labels?: LabelMap): FieldValue;
}

/** The first byte of every field. In either direction of sorting, entries without the value come last. */
export const PRESENT = 0;
export const ABSENT = 0xff;

/** A field behind its first byte. */
interface Row {
  readonly order: Field["order"];
  /** Without the first byte. */
  readonly width: number;
  /** Writes first byte and value, and returns true; or returns false and writes nothing where the flow has none. */
  write(key: KeyWriter, view: FlowView): boolean;
  /** Reads the value behind the first byte. */
  value(bytes: Uint8Array, at: number, labels: LabelMap | undefined): FieldValue;
}

function field(name: string, base: string, { order, width, write, value }: Row): Field {
  return {
    name,
    base,
    heading: name.toUpperCase(),
    width: width + 1,
    order,
    write(key, view) {
      if (write(key, view)) return;
      key.byte(ABSENT);
      key.zeros(width);
    },
    value: (bytes, at, labels) => (bytes[at] === ABSENT ? null : value(bytes, at + 1, labels)),
  };
}

/** The number in a slot; `bytes` is how long it is. */
function number(slot: number, bytes: 2 | 4): Row {
  return {
    order: "number",
    width: bytes,
    write(key, view) {
      if (!view.has(slot)) return false;
      key.byte(PRESENT);
      key.copy(view, slot, bytes);
      return true;
    },
    value: bytes === 2 ? readU16BE : readU32BE,
  };
}

/** A port of the tuple at `base`: GRE's keys lie in the same place and are no ports. */
function port(base: number, slot: number): Row {
  const { write, ...row } = number(base + slot, 2);
  return { ...row, write: (key, view) => hasPorts(view) && write(key, view) };
}

function hasPorts(view: FlowView): boolean {
  return view.has(S.ORIG + S.T_PROTO_NUM) && protocolByNumber(view.u8(S.ORIG + S.T_PROTO_NUM))?.kind === "ports";
}

/** Addresses are grouped by these lengths, both of them whole unless one was asked for. */
interface Lengths {
  readonly v4: number;
  readonly v6: number;
}
const WHOLE: Lengths = { v4: 32, v6: 128 };
/** IPv6 where the length is meant for IPv4: the network of one link. */
const V6_LINK = 64;

function lengthsOf(length: number): Lengths {
  return length <= WHOLE.v4 ? { v4: length, v6: V6_LINK } : { v4: WHOLE.v4, v6: length };
}

const V4 = 4;
const V6 = 6;

let scratch: ByteWriter | undefined;

function addressText(bytes: Uint8Array, at: number, lengths: Lengths): string {
  const writer = (scratch ??= new ByteWriter(64));
  writer.clear();
  const v4 = bytes[at] === V4;
  if (v4) writer.ipv4(bytes, at + 1);
  else writer.ipv6(bytes, at + 1);
  const text = fromUtf8(writer.written());
  if (v4) return lengths.v4 === WHOLE.v4 ? text : `${text}/${lengths.v4}`;
  return lengths.v6 === WHOLE.v6 ? text : `${text}/${lengths.v6}`;
}

/** The family, then 16 bytes. `find` gives the slot, or 0 where there is no address. */
function address(find: (view: FlowView) => number, lengths: Lengths): Row {
  const mask4 = prefixMask(lengths.v4, 4);
  const mask6 = prefixMask(lengths.v6, 16);
  return {
    order: "text",
    width: 17,
    write(key, view) {
      const slot = find(view);
      if (slot === 0) return false;
      key.byte(PRESENT);
      if (isIpv4Slot(slot)) {
        key.byte(V4);
        if (lengths.v4 === WHOLE.v4) key.copy(view, slot, 4);
        else key.masked(view, slot, mask4);
        key.zeros(12);
      } else {
        key.byte(V6);
        if (lengths.v6 === WHOLE.v6) key.copy(view, slot, 16);
        else key.masked(view, slot, mask6);
      }
      return true;
    },
    value: (bytes, at) => addressText(bytes, at, lengths),
  };
}

const hasSourceNat = (view: FlowView) => isSourceTranslated(view) || isSourcePortTranslated(view);
const hasDestinationNat = (view: FlowView) => isDestinationTranslated(view) || isDestinationPortTranslated(view);

/** Where each address field finds its slot. What a translation made of an address is in the reply. */
type AddressName = "src" | "dst" | "reply-src" | "reply-dst" | "snat" | "dnat";
const ADDRESSES: Readonly<Record<AddressName, (view: FlowView) => number>> = {
  src: (view) => sourceSlot(view, S.ORIG),
  dst: (view) => destinationSlot(view, S.ORIG),
  "reply-src": (view) => sourceSlot(view, S.REPLY),
  "reply-dst": (view) => destinationSlot(view, S.REPLY),
  snat: (view) => (hasSourceNat(view) ? destinationSlot(view, S.REPLY) : 0),
  dnat: (view) => (hasDestinationNat(view) ? sourceSlot(view, S.REPLY) : 0),
};

const family: Row = {
  order: "text",
  width: 1,
  write(key, view) {
    key.byte(PRESENT);
    key.byte(view.family);
    return true;
  },
  value: (bytes, at) => (bytes[at] === C.AF_INET6 ? "ipv6" : "ipv4"),
};

/** Protocol numbers by the order of their names; those without a name follow. */
function protocolRanks(): { rank: Uint8Array; number: Uint8Array } {
  const named = [...PROTOCOLS].sort((a, b) => (a.name < b.name ? -1 : 1)).map((protocol) => protocol.number);
  const number = new Uint8Array(256);
  const rank = new Uint8Array(256);
  let next = 0;
  for (const one of named) number[next++] = one;
  for (let one = 0; one < 256; one++) if (!named.includes(one)) number[next++] = one;
  for (let at = 0; at < 256; at++) rank[number[at]!] = at;
  return { rank, number };
}

function protocol(): Row {
  const { rank, number } = protocolRanks();
  const slot = S.ORIG + S.T_PROTO_NUM;
  return {
    order: "text",
    width: 1,
    write(key, view) {
      if (!view.has(slot)) return false;
      key.byte(PRESENT);
      key.lookup(view, slot, rank);
      return true;
    },
    value(bytes, at) {
      const found = number[bytes[at]!]!;
      return { number: found, name: protocolByNumber(found)?.name };
    },
  };
}

/** One numbering for the states of all protocols: states of the same name are the same. */
function state(): Row {
  const rows = PROTOCOLS.flatMap(({ protoinfo }) => (protoinfo === undefined ? [] : [protoinfo]));
  const names = [...new Set(rows.flatMap(({ states }) => states))].sort();
  const slots = rows.map(({ stateSlot, states }) => {
    const table = new Uint8Array(256);
    // A number without a name is NONE, as in the other formats.
    for (let one = 0; one < 256; one++) table[one] = names.indexOf(states[one] ?? states[0]!);
    return { slot: stateSlot, table };
  });
  return {
    order: "text",
    width: 1,
    write(key, view) {
      for (const { slot, table } of slots) {
        if (!view.has(slot)) continue;
        key.byte(PRESENT);
        key.lookup(view, slot, table);
        return true;
      }
      return false;
    },
    value: (bytes, at) => names[bytes[at]!]!,
  };
}

/** In the order of their text. */
const NAT_VALUES: readonly (readonly string[])[] = [[], ["dnat"], ["snat"], ["snat", "dnat"]];

const nat: Row = {
  order: "text",
  width: 1,
  write(key, view) {
    key.byte(PRESENT);
    key.byte((hasSourceNat(view) ? 2 : 0) + (hasDestinationNat(view) ? 1 : 0));
    return true;
  },
  value: (bytes, at) => NAT_VALUES[bytes[at]!]!,
};

/** A flow of which the kernel names no zone is in zone 0. */
const zone: Row = {
  order: "number",
  width: 2,
  write(key, view) {
    key.byte(PRESENT);
    if (view.has(S.TOP + C.CTA_ZONE)) key.copy(view, S.TOP + C.CTA_ZONE, 2);
    else key.zeros(2);
    return true;
  },
  value: readU16BE,
};

/** LABEL_BITS as bytes. */
const LABEL_BYTES = 16;

/** A flow without labels has an empty set of them. */
const label: Row = {
  order: "text",
  width: LABEL_BYTES,
  write(key, view) {
    const slot = S.TOP + C.CTA_LABELS;
    const length = view.has(slot) ? Math.min(view.payloadLength(slot), LABEL_BYTES) : 0;
    key.byte(PRESENT);
    if (length > 0) key.copy(view, slot, length);
    key.zeros(LABEL_BYTES - length);
    return true;
  },
  value(bytes, at, map) {
    const bits = bytes.subarray(at, at + LABEL_BYTES);
    const found: { bit: number; name?: string | undefined }[] = [];
    for (let bit = 0; bit < 8 * LABEL_BYTES; bit++) if (hasLabel(bits, bit)) found.push({ bit, name: map?.names[bit] });
    return found;
  },
};

/** NF_CT_HELPER_NAME_LEN, nf_conntrack_helper.h: with the NUL. */
const HELPER_BYTES = 16;

const helper: Row = {
  order: "text",
  width: HELPER_BYTES,
  write(key, view) {
    const slot = S.HELP + 1;
    if (!view.has(slot)) return false;
    const length = Math.min(view.payloadLength(slot), HELPER_BYTES);
    key.byte(PRESENT);
    key.copy(view, slot, length);
    key.zeros(HELPER_BYTES - length);
    return true;
  },
  value(bytes, at) {
    const name = bytes.subarray(at, at + HELPER_BYTES);
    const nul = name.indexOf(0);
    return fromUtf8(nul < 0 ? name : name.subarray(0, nul));
  },
};

/** Status flags, those of `mask` alone. */
function status(mask = 0xffffffff): Row {
  const slot = S.TOP + C.CTA_STATUS;
  const bytes = Uint8Array.of(mask >>> 24, mask >>> 16, mask >>> 8, mask);
  return {
    ...number(slot, 4),
    write(key, view) {
      if (!view.has(slot)) return false;
      key.byte(PRESENT);
      key.masked(view, slot, bytes);
      return true;
    },
    value: (from, at) => flagNames(readU32BE(from, at), STATUS_NAMES),
  };
}

/** The fields without a length, each made when somebody asks for it. */
const ROWS: Readonly<Record<Exclude<(typeof FIELD_NAMES)[number], AddressName>, () => Row>> = {
  family: () => family,
  protocol,
  state,
  sport: () => port(S.ORIG, S.T_SRC_PORT),
  dport: () => port(S.ORIG, S.T_DST_PORT),
  nat: () => nat,
  mark: () => number(S.TOP + C.CTA_MARK, 4),
  zone: () => zone,
  label: () => label,
  helper: () => helper,
  status: () => status(),
};

/** The field of a name of FIELD_NAMES, an address with or without /LEN; undefined for any other name. */
export function fieldByName(name: string): Field | undefined {
  const slash = name.indexOf("/");
  const base = slash < 0 ? name : name.slice(0, slash);
  if (Object.hasOwn(ADDRESSES, base)) {
    const length = slash < 0 ? undefined : parseDecimal(name.slice(slash + 1), WHOLE.v6);
    if (slash >= 0 && length === undefined) return undefined;
    return field(name, base, address(ADDRESSES[base as AddressName], length === undefined ? WHOLE : lengthsOf(length)));
  }
  return Object.hasOwn(ROWS, name) ? field(name, name, ROWS[name as keyof typeof ROWS]()) : undefined;
}

/** Fields for the diagnosis, which --group-by does not have. */

/** The time until the entry expires, in steps of `seconds`: the value is how many whole steps are left. */
export function expiresField(seconds: number): Field {
  const slot = S.TOP + C.CTA_TIMEOUT;
  return field("expires", "expires", {
    order: "number",
    width: 4,
    write(key, view) {
      if (!view.has(slot)) return false;
      key.byte(PRESENT);
      key.quotient(view, slot, seconds);
      return true;
    },
    value: readU32BE,
  });
}

/** The status, of which only the flags of `mask` (IPS_*) count. */
export function statusField(mask: number): Field {
  return field("status", "status", status(mask));
}

/** A port of the reply direction: with reply-src or reply-dst, what a translation made of an endpoint. */
export function replyPortField(side: "sport" | "dport"): Field {
  const name = `reply-${side}`;
  return field(name, name, port(S.REPLY, side === "sport" ? S.T_SRC_PORT : S.T_DST_PORT));
}

/** A value as the columns of a table show it: "-" where the flow has none. Nothing in it moves a terminal. */
export function valueText(value: FieldValue): string {
  if (value === null) return "-";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return withoutControls(value);
  if ("number" in value) return value.name ?? String(value.number);
  const words = value.map((one) => (typeof one === "string" ? one : (one.name ?? String(one.bit))));
  return words.length === 0 ? "-" : withoutControls(words.join());
}
