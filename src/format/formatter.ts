/** What every output format is: a way to write one entry, and what stands around all of them. */
import { ascii, type ByteWriter } from "../system/byte-writer.js";
import type { LabelMap } from "../system/labelmap.js";
import type { LocalTime } from "../system/local-time.js";

/** Which event an entry comes with; NONE for the answer to a request. */
export const EVENT_NONE = 0;
export const EVENT_NEW = 1;
export const EVENT_UPDATE = 2;
export const EVENT_DESTROY = 3;
export type EventType = typeof EVENT_NONE | typeof EVENT_NEW | typeof EVENT_UPDATE | typeof EVENT_DESTROY;

/** By EventType: the name right-aligned in 9 columns, then a blank. */
export const EVENT_NAMES = ["", "    [NEW] ", " [UPDATE] ", "[DESTROY] "].map(ascii);

export interface Formatter<View> {
  /** Written before the first entry; nothing at all where there are no entries. */
  readonly header?: Uint8Array;
  /** Written after the last entry, where there was one. */
  readonly footer?: Uint8Array;
  /** Whether events carry the " [USERSPACE] …" suffix. */
  readonly suffix: boolean;
  /** Writes one entry without its newline. */
  entry(writer: ByteWriter, view: View, event: EventType): void;
}

export interface FormatOptions {
  /** Layer 3 in front of each line. */
  extended: boolean;
  id: boolean;
  /** The entry's start and stop times. */
  ktimestamp: boolean;
  /** The time of the event, or of the listing. */
  timestamp: boolean;
  /** The names of labels, where labels are to be shown. */
  labels?: LabelMap;
  /** Whether the entries are those that a delete command removed: the save format begins them with -D. */
  deleting: boolean;
  /** The name of the program that owns a netlink port id, for the formats that put it inside the entry. */
  programName?(portId: number): Uint8Array | undefined;
  /** The time of day in microseconds since 1970. */
  nowMicroseconds(): number;
  /** localtime_r(3). */
  localTime(seconds: number): LocalTime | undefined;
}
