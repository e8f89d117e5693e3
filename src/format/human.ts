/** Numbers for people: tables and the diagnosis, not the formats that programs read. */

/** With a comma for each thousand: 1234567 is "1,234,567". */
export function grouped(value: number | bigint): string {
  // Most groups are small, and expressions are slow on QuickJS.
  if (value > -1000 && value < 1000) return String(value);
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

const UNITS = ["", "k", "M", "G", "T", "P", "E"];

/**
 * In steps of 1,000 and with one decimal: 517400 is "517.4k", 801000000 "801.0M", 999 "999".
 * `digits` 3 leaves the decimal out from 100 on: 912000 is "912k".
 */
export function scaled(value: number | bigint, digits: 3 | 4 = 4): string {
  let rest = Number(value);
  if (rest < 1000) return String(rest);
  let unit = 0;
  const decimals = () => (digits === 3 && rest >= 99.95 ? 0 : 1);
  // What would be shown as 1000.0 belongs to the next unit.
  while (rest >= (unit === 0 ? 1000 : 1000 - 0.5 / 10 ** decimals()) && unit < UNITS.length - 1) {
    rest /= 1000;
    unit++;
  }
  return rest.toFixed(decimals()) + UNITS[unit];
}

const DAY = 86_400;

/** A time in its two largest units: "58s", "2m58s", "41m", "2h14m", "4d23h". */
export function duration(seconds: number): string {
  const units: [number, string][] = [
    [Math.floor(seconds / DAY), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [Math.floor(seconds) % 60, "s"],
  ];
  const first = units.findIndex(([count]) => count > 0);
  if (first < 0) return "0s";
  const shown = units.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count}${unit}`).join("");
}

/** A share in percent without its sign: one decimal, or none. "0.0" where there is no whole. */
export function percent(part: number | bigint, whole: number | bigint, decimals = 1): string {
  const all = Number(whole);
  return (all === 0 ? 0 : (100 * Number(part)) / all).toFixed(decimals);
}
