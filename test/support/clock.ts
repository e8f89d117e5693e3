/** A clock for tests that have no C library: local time is UTC. */
import type { LocalTime } from "../../src/system/local-time.js";

export function utcTime(seconds: number): LocalTime {
  const time = new Date(seconds * 1000);
  return {
    second: time.getUTCSeconds(),
    minute: time.getUTCMinutes(),
    hour: time.getUTCHours(),
    day: time.getUTCDate(),
    month: time.getUTCMonth(),
    year: time.getUTCFullYear(),
    weekday: time.getUTCDay(),
  };
}
