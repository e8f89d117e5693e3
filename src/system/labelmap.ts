/** The connlabel map: bit numbers and names (/etc/xtables/connlabel.conf or --labelmap). */
import { parseUnsigned } from "./numbers.js";

export interface LabelMap {
  /** Names by bit number; undefined where a bit has none. */
  readonly names: readonly (string | undefined)[];
  /** Bit numbers by name. */
  readonly bits: ReadonlyMap<string, number>;
}

/** Where the map is, unless --labelmap names another file. */
export const LABEL_MAP_PATH = "/etc/xtables/connlabel.conf";

/** The highest bit that the file may name. The kernel has 128; the file format allows more. */
const LAST_BIT = 1023;

/** `NUMBER name`: the name is of letters, digits, blanks and `-`, without the blanks around it. */
const NAME = /^[A-Za-z0-9 -]+$/;

/** Reads the map. Of two lines with the same number or the same name the first counts; odd lines are passed over. */
export function parseLabelMap(text: string): LabelMap {
  const names: (string | undefined)[] = [];
  const bits = new Map<string, number>();
  for (const line of text.split("\n")) {
    // Split by hand: one regular expression for all of it takes time by the square of the blanks.
    const entry = line.trim();
    const numberEnd = entry.search(/\s/);
    if (numberEnd < 0) continue;
    const name = entry.slice(numberEnd).trimStart();
    if (!NAME.test(name)) continue;
    const bit = parseUnsigned(entry.slice(0, numberEnd), LAST_BIT);
    if (bit === undefined || names[bit] !== undefined || bits.has(name)) continue;
    names[bit] = name;
    bits.set(name, bit);
  }
  return { names, bits };
}
