/** What every output format is: a way to write one entry, and what stands around all of them. */
import type { EventType } from "../ctnetlink/events.js";
import type { MessageView } from "../ctnetlink/view.js";
import type { ByteWriter } from "../system/byte-writer.js";
import type { LabelMap } from "../system/labelmap.js";
import type { LocalTime } from "../system/local-time.js";

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
  /** Whether the entries come with events: a table has a column for them. */
  events?: boolean;
  /** How wide the lines of a table may be; as wide as need be where it is absent. */
  columns?: number;
  /** The name of the program that brought an event about, for the formats that put it inside the entry. */
  programName?(view: MessageView): Uint8Array | undefined;
  /** The time of day in microseconds since 1970. */
  nowMicroseconds(): number;
  /** localtime_r(3). */
  localTime(seconds: number): LocalTime | undefined;
}
