/** The words that the lists of -u, -e and -o take. */
import { ALL_EVENTS, eventBit } from "../ctnetlink/events.js";
import { type StatusName, statusBit } from "../ctnetlink/names.js";
import type { OutputWords } from "./arguments.js";

/** The names that a list of parameters may hold: a word means the first that it is a beginning of, in any case. */
export type Names<Value> = readonly (readonly [name: string, value: Value])[];

const flag = (name: StatusName) => [name, statusBit(name)] as const;

export const STATUS_WORDS: Names<number> = [
  flag("ASSURED"),
  flag("SEEN_REPLY"),
  ["UNSET", 0],
  flag("FIXED_TIMEOUT"),
  flag("EXPECTED"),
  flag("OFFLOAD"),
  flag("HW_OFFLOAD"),
];

export const EVENT_WORDS: Names<number> = [
  ["ALL", ALL_EVENTS],
  ["NEW", eventBit("new")],
  ["UPDATES", eventBit("update")],
  ["DESTROY", eventBit("destroy")],
];

export const OUTPUT_WORDS = (
  ["xml", "extended", "timestamp", "id", "ktimestamp", "labels", "userspace", "save", "json"] as const
).map((name) => [name.toUpperCase(), name] as const) satisfies Names<keyof OutputWords>;

/** Words of -o that the reference does not have: they count only in full, in upper or lower case. */
export const EXACT_OUTPUT_WORDS: Names<keyof OutputWords> = [
  ["TABLE", "table"],
  ["PROMETHEUS", "prometheus"],
];
