/** Numbers as the view shows them. What is not known is "…". */
import { grouped } from "../format/human.js";

const UNITS = ["", "k", "M", "G", "T", "P"];

/** Three digits and a unit: 41.2 M, 312 k, 0. */
function threeDigits(value: number): [digits: string, unit: string] {
  let rest = value;
  let unit = 0;
  // What would be shown as 1000 belongs to the next unit.
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit++;
  }
  const decimals = unit === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return [rest.toFixed(decimals), UNITS[unit]!];
}

/** Bytes a second, as bits or as bytes: "41.2 Mb/s", " 902 kB/s", "   0  b/s". */
export function rateText(bytesPerSecond: number | undefined, asBytes: boolean, unknown: string): string {
  if (bytesPerSecond === undefined) return unknown;
  const [digits, unit] = threeDigits(asBytes ? bytesPerSecond : 8 * bytesPerSecond);
  return `${digits} ${unit.padStart(1)}${asBytes ? "B" : "b"}/s`;
}

/** A change a second with its sign: "+88", "-0.4", "+1.20k". */
export function changeText(perSecond: number | undefined, unknown: string): string {
  if (perSecond === undefined) return unknown;
  const size = Math.abs(perSecond);
  const sign = perSecond < 0 ? "-" : "+";
  if (size < 0.05) return "0";
  if (size < 9.95) return `${sign}${size.toFixed(1).replace(/\.0$/, "")}`;
  if (size < 9999.5) return `${sign}${grouped(Math.round(size))}`;
  const [digits, unit] = threeDigits(size);
  return `${sign}${digits}${unit}`;
}

/** A number of flows: exact, or three digits of an estimate with its mark. */
export function countText(flows: number, isEstimate: boolean): string {
  if (!isEstimate) return grouped(Math.round(flows));
  const step = flows < 1000 ? 1 : 10 ** (Math.floor(Math.log10(flows)) - 2);
  return `~${grouped(Math.round(flows / step) * step)}`;
}

export function percentText(share: number, decimals: 0 | 1): string {
  return (100 * share).toFixed(decimals);
}
