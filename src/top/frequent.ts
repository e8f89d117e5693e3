/** What the flows of a group have most often: where they go to, or come from, and their state. */
import type { FlowView } from "../ctnetlink/view.js";
import { type Field, type FieldValue, fieldByName } from "../tally/fields.js";
import { GroupTable } from "../tally/group-table.js";
import { FLOWS } from "../tally/sums.js";

/** What is counted, by the fields that make it up. */
const TRAITS = { destination: ["dst", "dport"], source: ["src"], state: ["state"] } as const;
export type Trait = keyof typeof TRAITS;

/**
 * So many pairs of a group and a value are counted at most, the first of a pass. Its order is that of a keyed hash, so a value
 * that many flows of a large group have is among them.
 */
const MOST_PAIRS = 16_384;

/** What the fields of a group do not say: the source where they have the destination. */
function traitsOf(by: readonly Field[]): Trait[] {
  const says = (name: string) => by.some(({ base }) => base === name);
  const traits: Trait[] = [];
  if (!says("dst")) traits.push("destination");
  else if (!says("src")) traits.push("source");
  if (!says("state")) traits.push("state");
  return traits;
}

/** Of a group, the values of the fields of each trait. */
export type Frequent = Readonly<Partial<Record<Trait, readonly FieldValue[]>>>;

/** Counts the flows of each group by their traits. */
export class Traits {
  readonly #tables: readonly { trait: Trait; table: GroupTable }[];
  readonly #width: number;
  /** What was asked for last, as the screen is drawn more often than the table is read. */
  #asked = "";
  #found: readonly Frequent[] = [];

  constructor(by: readonly Field[]) {
    this.#width = by.reduce((sum, { width }) => sum + width, 0);
    this.#tables = traitsOf(by).map((trait) => {
      const fields = [...by, ...TRAITS[trait].map((name) => fieldByName(name)!)];
      return { trait, table: new GroupTable(fields, [FLOWS], { most: MOST_PAIRS }) };
    });
  }

  add(view: FlowView): void {
    for (const { table } of this.#tables) table.add(view);
  }

  /** What is counted. */
  get traits(): readonly Trait[] {
    return this.#tables.map(({ trait }) => trait);
  }

  /** What the flows of each of some groups have most often. */
  find(groups: GroupTable, rows: readonly number[]): readonly Frequent[] {
    const keys = rows.map((row) =>
      groups.keyBytes.subarray(groups.keyOffset(row), groups.keyOffset(row) + this.#width),
    );
    const asked = keys.join(" ");
    if (asked === this.#asked) return this.#found;
    const found: Partial<Record<Trait, readonly FieldValue[]>>[] = rows.map(() => ({}));
    for (const { trait, table } of this.#tables) {
      const { length } = TRAITS[trait];
      const first = table.fields.length - length;
      for (const [i, row] of mostFrequent(table, keys).entries()) {
        if (row >= 0) found[i]![trait] = Array.from({ length }, (_, index) => table.value(row, first + index));
      }
    }
    this.#asked = asked;
    this.#found = found;
    return found;
  }
}

/**
 * For each of some keys, the row with most flows whose key begins with it; -1 where there is none. Of equal ones the first by
 * its key, so that it is the same from pass to pass.
 */
function mostFrequent(table: GroupTable, keys: readonly Uint8Array[]): number[] {
  const found = keys.map(() => -1);
  const bytes = table.keyBytes;
  const isLike = (key: Uint8Array, at: number) => key.every((byte, i) => bytes[at + i] === byte);
  const width = keys[0]?.length ?? 0;
  const byHash = new Map<number, number[]>();
  for (const [i, key] of keys.entries()) {
    const hash = hashOf(key, 0, width);
    byHash.set(hash, [...(byHash.get(hash) ?? []), i]);
  }
  for (let row = 0; row < table.size; row++) {
    const at = table.keyOffset(row);
    const like = byHash.get(hashOf(bytes, at, width));
    if (like === undefined) continue;
    for (const i of like) {
      const most = found[i]!;
      const more = most < 0 ? 1 : table.sum(row, 0) - table.sum(most, 0);
      const isBetter = more > 0 || (more === 0 && table.compareKeys(row, most) < 0);
      if (isBetter && isLike(keys[i]!, at)) found[i] = row;
    }
  }
  return found;
}

/** Tells most keys apart; those that it does not are compared. */
function hashOf(bytes: Uint8Array, from: number, width: number): number {
  let hash = 0;
  for (let at = from; at < from + width; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
  return hash;
}
