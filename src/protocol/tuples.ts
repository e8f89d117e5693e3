/** What a protocol has in a tuple besides addresses: one row a kind. */
import * as S from "../ctnetlink/slots.js";

/** A field of a tuple: its name, its slot within the tuple, and its length in bytes. */
export interface TupleField<Name extends string = string> {
  readonly name: Name;
  readonly slot: number;
  readonly bytes: 1 | 2;
}

interface TupleRow<Name extends string = string> {
  readonly fields: readonly TupleField<Name>[];
  /** Where the reply shows a translation: the slots that hold the new source and the new destination, 0 for none. */
  readonly translated: { readonly name: "port" | "key" | "id"; readonly snat: number; readonly dnat: number };
}

const icmp = (type: number, code: number, id: number): TupleRow<"type" | "code" | "id"> => ({
  fields: [
    { name: "type", slot: type, bytes: 1 },
    { name: "code", slot: code, bytes: 1 },
    { name: "id", slot: id, bytes: 2 },
  ],
  // Both sides share the id. The kernel translates it as part of the source.
  translated: { name: "id", snat: id, dnat: 0 },
});

export const TUPLES = {
  ports: {
    fields: [
      { name: "sport", slot: S.T_SRC_PORT, bytes: 2 },
      { name: "dport", slot: S.T_DST_PORT, bytes: 2 },
    ],
    translated: { name: "port", snat: S.T_DST_PORT, dnat: S.T_SRC_PORT },
  },
  /** GRE's keys lie where ports lie. */
  keys: {
    fields: [
      { name: "srckey", slot: S.T_SRC_PORT, bytes: 2 },
      { name: "dstkey", slot: S.T_DST_PORT, bytes: 2 },
    ],
    translated: { name: "key", snat: S.T_DST_PORT, dnat: S.T_SRC_PORT },
  },
  icmp: icmp(S.T_ICMP_TYPE, S.T_ICMP_CODE, S.T_ICMP_ID),
  icmpv6: icmp(S.T_ICMPV6_TYPE, S.T_ICMPV6_CODE, S.T_ICMPV6_ID),
} as const satisfies Readonly<Record<string, TupleRow>>;

export type TupleKind = keyof typeof TUPLES;

/** Makes a value for each kind of tuple. */
export function byKind<Value>(
  make: (fields: readonly TupleField[], kind: TupleKind) => Value,
): Readonly<Record<TupleKind, Value>> {
  const values = Object.entries(TUPLES).map(([kind, { fields }]) => [kind, make(fields, kind as TupleKind)]);
  return Object.fromEntries(values) as Record<TupleKind, Value>;
}
