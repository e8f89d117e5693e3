/** How a protocol's part of a tuple is written: one row a kind. */

import * as S from "../ctnetlink/slots.js";
import type { MessageView } from "../ctnetlink/view.js";
import { ascii, type ByteWriter } from "../system/byte-writer.js";

/** What a protocol has where TCP has ports. */
export type TupleKind = "ports" | "keys" | "icmp" | "icmpv6" | "none";

export interface TupleFormat {
  /** The default format, e.g. "sport=1 dport=2 ". */
  text(writer: ByteWriter, view: MessageView, base: number): void;
  /** What stands inside the xml format's <layer4>. */
  xml(writer: ByteWriter, view: MessageView, base: number): void;
  /** The save format's options, each with a blank in front. */
  save(writer: ByteWriter, view: MessageView): void;
  /** The json format's members, each with a comma behind; those that the kernel did not send are left out. */
  json(writer: ByteWriter, view: MessageView, base: number): void;
  /** The same as properties of an object. */
  object(into: TupleFields, view: MessageView, base: number): void;
}

/** What the protocols have besides addresses. */
export interface TupleFields {
  sport?: number;
  dport?: number;
  srckey?: number;
  dstkey?: number;
  icmp?: IcmpFields;
}

export interface IcmpFields {
  type?: number;
  code?: number;
  id?: number;
}

type Write = (writer: ByteWriter, value: number) => void;
const decimal: Write = (writer, value) => writer.decimal(value);
const hexadecimal: Write = (writer, value) => {
  writer.byte(0x30);
  writer.byte(0x78);
  writer.hex16(value);
};

const BLANK = ascii(" ");
const COMMA = 0x2c;
const BRACE_CLOSE = 0x7d;

/** A 16-bit field with what goes around it. The kernel's generic tracker sends no ports; the reference then shows 0. */
interface Field {
  slot: number;
  before: Uint8Array;
  after: Uint8Array;
  write: Write;
}

function pair(first: string, second: string, write: Write) {
  const field = (slot: number, before: string, after: Uint8Array): Field => ({
    slot,
    before: ascii(before),
    after,
    write,
  });
  const text = [field(S.T_SRC_PORT, `${first}=`, BLANK), field(S.T_DST_PORT, `${second}=`, BLANK)];
  const xml = [
    field(S.T_SRC_PORT, `<${first}>`, ascii(`</${first}>`)),
    field(S.T_DST_PORT, `<${second}>`, ascii(`</${second}>`)),
  ];
  const all = (fields: readonly Field[]) => (writer: ByteWriter, view: MessageView, base: number) => {
    for (const { slot, before, after, write } of fields) {
      writer.put(before);
      write(writer, view.has(base + slot) ? view.u16(base + slot) : 0);
      writer.put(after);
    }
  };
  return { text: all(text), xml: all(xml) };
}

/** Save fields: the option and the slot, wide or one byte; those that the kernel did not send are left out. */
function saved(rows: readonly (readonly [option: string, slot: number, bytes: 1 | 2])[]) {
  const fields = rows.map(([option, slot, bytes]) => ({ before: ascii(` ${option} `), slot, bytes }));
  return (writer: ByteWriter, view: MessageView) => {
    for (const { before, slot, bytes } of fields) {
      if (!view.has(slot)) continue;
      writer.put(before);
      writer.decimal(bytes === 1 ? view.u8(slot) : view.u16(slot));
    }
  };
}

/** Members of a JSON object, and properties of a plain one, by slot within the tuple. */
function members<Name extends string>(rows: readonly (readonly [name: Name, slot: number, bytes: 1 | 2])[]) {
  const fields = rows.map(([name, slot, bytes]) => ({ name, before: ascii(`"${name}":`), slot, bytes }));
  return {
    json(writer: ByteWriter, view: MessageView, base: number) {
      for (const { before, slot, bytes } of fields) {
        if (!view.has(base + slot)) continue;
        writer.put(before);
        writer.decimal(bytes === 1 ? view.u8(base + slot) : view.u16(base + slot));
        writer.byte(COMMA);
      }
    },
    object(into: { [name in Name]?: number }, view: MessageView, base: number) {
      for (const { name, slot, bytes } of fields) {
        if (view.has(base + slot)) into[name] = bytes === 1 ? view.u8(base + slot) : view.u16(base + slot);
      }
    },
  };
}

function icmp(type: number, code: number, id: number, name: string): TupleFormat {
  const TYPE = ascii("type=");
  const CODE = ascii(" code=");
  const ID = ascii(" id=");
  const ICMP = ascii('"icmp":{');
  const fields = members([
    ["type", type, 1],
    ["code", code, 1],
    ["id", id, 2],
  ]);
  return {
    text(writer, view, base) {
      writer.put(TYPE);
      writer.decimal(view.has(base + type) ? view.u8(base + type) : 0);
      writer.put(CODE);
      writer.decimal(view.has(base + code) ? view.u8(base + code) : 0);
      writer.put(ID);
      writer.decimal(view.has(base + id) ? view.u16(base + id) : 0);
      writer.put(BLANK);
    },
    xml() {},
    save: saved([
      [`--${name}-type`, S.ORIG + type, 1],
      [`--${name}-code`, S.ORIG + code, 1],
      [`--${name}-id`, S.ORIG + id, 2],
    ]),
    json(writer, view, base) {
      const start = writer.length;
      writer.put(ICMP);
      const empty = writer.length;
      fields.json(writer, view, base);
      if (writer.length === empty) {
        writer.length = start;
        return;
      }
      // The comma behind the last member makes room for the brace.
      writer.length--;
      writer.byte(BRACE_CLOSE);
      writer.byte(COMMA);
    },
    object(into, view, base) {
      const values: IcmpFields = {};
      fields.object(values, view, base);
      if (Object.keys(values).length > 0) into.icmp = values;
    },
  };
}

export const TUPLE_FORMATS: Readonly<Record<TupleKind, TupleFormat>> = {
  ports: {
    ...pair("sport", "dport", decimal),
    save: saved([
      ["--sport", S.ORIG + S.T_SRC_PORT, 2],
      ["--dport", S.ORIG + S.T_DST_PORT, 2],
      ["--reply-port-src", S.REPLY + S.T_SRC_PORT, 2],
      ["--reply-port-dst", S.REPLY + S.T_DST_PORT, 2],
    ]),
    ...members([
      ["sport", S.T_SRC_PORT, 2],
      ["dport", S.T_DST_PORT, 2],
    ]),
  },
  keys: {
    ...pair("srckey", "dstkey", hexadecimal),
    save: saved([
      ["--srckey", S.ORIG + S.T_SRC_PORT, 2],
      ["--dstkey", S.ORIG + S.T_DST_PORT, 2],
      ["--reply-key-src", S.REPLY + S.T_SRC_PORT, 2],
      ["--reply-key-dst", S.REPLY + S.T_DST_PORT, 2],
    ]),
    ...members([
      ["srckey", S.T_SRC_PORT, 2],
      ["dstkey", S.T_DST_PORT, 2],
    ]),
  },
  icmp: icmp(S.T_ICMP_TYPE, S.T_ICMP_CODE, S.T_ICMP_ID, "icmp"),
  icmpv6: icmp(S.T_ICMPV6_TYPE, S.T_ICMPV6_CODE, S.T_ICMPV6_ID, "icmpv6"),
  none: { text() {}, xml() {}, save() {}, json() {}, object() {} },
};
