/** Orders of entries and of groups. Whatever they go by becomes bytes that sort the way the entries or groups shall. */
import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";
import { ABSENT, type Field, fieldByName, PRESENT } from "./fields.js";
import type { GroupTable } from "./group-table.js";
import type { KeyWriter } from "./key.js";
import { type ENTRY_SORT_NAMES, GROUP_SORT_NAMES, type Sort } from "./names.js";
import { sortKeys } from "./radix.js";
import * as sums from "./sums.js";

/** How entries are sorted. */
export interface EntryOrder {
  /** How many bytes the key takes: the first tells whether the entry has the value. */
  readonly width: number;
  /** Whether the bytes behind the first are inverted before keys are compared: the largest value then comes first. */
  readonly inverted: boolean;
  /** Writes `width` bytes, not inverted. */
  write(key: KeyWriter, view: FlowView): void;
}

interface EntryKey {
  readonly width: number;
  /** Of a time, the earliest comes first, being the largest age. */
  readonly isTime?: boolean;
  write(key: KeyWriter, view: FlowView): boolean;
}

/** The bytes in `slot`. */
function slotKey(slot: number, bytes: number): EntryKey {
  return {
    width: bytes,
    write(key, view) {
      if (!view.has(slot)) return false;
      key.byte(PRESENT);
      key.copy(view, slot, bytes);
      return true;
    },
  };
}

/** A counter of both directions together. */
function bothDirections(counter: number): EntryKey {
  const orig = S.COUNTERS_ORIG + counter;
  const reply = S.COUNTERS_REPLY + counter;
  return {
    width: 8,
    write(key, view) {
      if (!view.has(orig) || !view.has(reply)) return false;
      key.byte(PRESENT);
      key.sum64(view, orig, reply);
      return true;
    },
  };
}

const ENTRY_KEYS: Readonly<Record<(typeof ENTRY_SORT_NAMES)[number], () => EntryKey>> = {
  unreplied: () => ({
    width: 1,
    write(key, view) {
      if (!view.has(S.TOP + C.CTA_STATUS)) return false;
      key.byte(PRESENT);
      key.byte("counts" in sums.UNREPLIED && sums.UNREPLIED.counts(view) ? 1 : 0);
      return true;
    },
  }),
  packets: () => bothDirections(C.CTA_COUNTERS_PACKETS),
  bytes: () => bothDirections(C.CTA_COUNTERS_BYTES),
  "orig-bytes": () => slotKey(S.COUNTERS_ORIG + C.CTA_COUNTERS_BYTES, 8),
  "reply-bytes": () => slotKey(S.COUNTERS_REPLY + C.CTA_COUNTERS_BYTES, 8),
  age: () => ({ ...slotKey(S.TIMESTAMP + 1, 8), isTime: true }),
  expires: () => slotKey(S.TOP + C.CTA_TIMEOUT, 4),
};

/** The order that --sort asks for; undefined where entries have no such thing. */
export function entryOrder({ key: name, direction }: Sort): EntryOrder | undefined {
  const field = fieldByName(name);
  if (field !== undefined) {
    const { width } = field;
    const descending = direction === undefined ? field.order === "number" : direction === "desc";
    return { width, inverted: descending, write: (key, view) => field.write(key, view) };
  }
  if (!Object.hasOwn(ENTRY_KEYS, name)) return undefined;
  const { width, isTime = false, write } = ENTRY_KEYS[name as keyof typeof ENTRY_KEYS]();
  return {
    width: width + 1,
    inverted: (direction !== "asc") !== isTime,
    write(key, view) {
      if (write(key, view)) return;
      key.byte(ABSENT);
      key.zeros(width);
    },
  };
}

const WORD = 0x100000000;

/** The sums that a sort key of groups adds up. */
const GROUP_KEYS: Readonly<Record<(typeof GROUP_SORT_NAMES)[number], readonly sums.Sum[]>> = {
  flows: [sums.FLOWS],
  unreplied: [sums.UNREPLIED],
  packets: [sums.ORIG_PACKETS, sums.REPLY_PACKETS],
  bytes: [sums.ORIG_BYTES, sums.REPLY_BYTES],
  "orig-bytes": [sums.ORIG_BYTES],
  "reply-bytes": [sums.REPLY_BYTES],
};

/** Which of the fields a sort key names, with its length or without; -1 for none. */
function fieldIndex({ key }: Sort, fields: readonly Field[]): number {
  return fields.findIndex(({ name, base }) => name === key || base === key);
}

/** Whether groups of these fields can be sorted so. */
export function canSortGroups(sort: Sort, fields: readonly Field[]): boolean {
  return fieldIndex(sort, fields) >= 0 || (GROUP_SORT_NAMES as readonly string[]).includes(sort.key);
}

/** The rows of a table, sorted. Equal ones keep the order in which the dump showed them first. */
export function sortGroups(table: GroupTable, sort: Sort): Uint32Array {
  const { key, direction } = sort;
  const index = fieldIndex(sort, table.fields);
  return index < 0
    ? sortBySums(table, GROUP_KEYS[key as keyof typeof GROUP_KEYS], direction !== "asc")
    : sortByField(table, index, direction);
}

function sortByField(table: GroupTable, index: number, direction: Sort["direction"]): Uint32Array {
  const { width, order } = table.fields[index]!;
  const inverted = (direction === undefined ? order === "number" : direction === "desc") ? 0xff : 0;
  const keys = new Uint8Array(width * table.size);
  for (let row = 0; row < table.size; row++) {
    const from = table.keyOffset(row) + table.offsets[index]!;
    keys[row * width] = table.keyBytes[from]!;
    for (let i = 1; i < width; i++) keys[row * width + i] = table.keyBytes[from + i]! ^ inverted;
  }
  return sortKeys(keys, width, table.size);
}

function sortBySums(table: GroupTable, wanted: readonly sums.Sum[], descending: boolean): Uint32Array {
  const indices = wanted.map((sum) => table.sums.indexOf(sum));
  return sortSmallSums(table, indices, descending) ?? sortAnySums(table, indices, descending);
}

/** Each sum and its row in one number, which the engine sorts by itself; undefined where such a number could not be exact. */
function sortSmallSums(table: GroupTable, indices: readonly number[], descending: boolean): Uint32Array | undefined {
  const { size } = table;
  const largest = Math.floor(Number.MAX_SAFE_INTEGER / Math.max(size, 1)) - 1;
  const keys = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    let value = 0;
    for (const index of indices) value += table.sum(row, index);
    if (value > largest) return undefined;
    keys[row] = (descending ? largest - value : value) * size + row;
  }
  keys.sort();
  return Uint32Array.from(keys, (key) => key % size);
}

function sortAnySums(table: GroupTable, indices: readonly number[], descending: boolean): Uint32Array {
  const keys = new Uint8Array(8 * table.size);
  const words = new DataView(keys.buffer);
  const flip = descending ? 0xffffffff : 0;
  for (let row = 0, at = 0; row < table.size; row++, at += 8) {
    let low = 0;
    let high = 0;
    for (const index of indices) {
      low += table.lowWord(row, index);
      high += table.highWord(row, index);
    }
    words.setUint32(at, (high + Math.floor(low / WORD)) ^ flip);
    words.setUint32(at + 4, low ^ flip);
  }
  return sortKeys(keys, 8, table.size);
}
