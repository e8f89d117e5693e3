/** Local time, as localtime_r(3) has it. */

/** A moment as a clock on the wall shows it: the members of struct tm(3type), with the year in full. */
export interface LocalTime {
  second: number;
  minute: number;
  hour: number;
  /** Day of the month, from 1. */
  day: number;
  /** From 0, January. */
  month: number;
  year: number;
  /** From 0, Sunday. */
  weekday: number;
}

/** The first members of struct tm as LocalTime. */
export function localTimeOf(tm: Int32Array): LocalTime {
  const [second, minute, hour, day, month, year, weekday] = tm as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { second, minute, hour, day, month, year: year + 1900, weekday };
}
