/** What reading lines takes from outside. */
import type { LabelMap } from "../system/labelmap.js";
import type { LocalTime } from "../system/local-time.js";

export interface LineContext {
  /** The names of labels; undefined where there is no map. */
  labelMap(): LabelMap | undefined;
  /** localtime_r(3). */
  localTime(seconds: number): LocalTime | undefined;
  /** When the dump was made, as far as is known, in microseconds since 1970: what ages count from. */
  nowMicroseconds(): number;
  /** A line said when the dump was made. */
  setNow(microseconds: number): void;
}
