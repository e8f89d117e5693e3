/** Numbers as words of a command line or a file give them. All of these take the whole word or nothing. */

export const U32_MAX = 0xffffffff;

/** Decimal digits alone, 0 to `max`; leading zeroes mean nothing. Undefined for anything else. */
export function parseDecimal(text: string, max: number): number | undefined {
  if (text.length === 0) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
    if (value > max) return undefined;
  }
  return value;
}

/** What C's base 0 takes without a sign: decimal, 0x hexadecimal, 0 octal. */
const BASE_0 = /^(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/;

/** A C integer constant, 0 to `max`: `10`, `0xa`, `012`. Undefined for anything else. */
export function parseBase0(text: string, max: number): number | undefined {
  if (!BASE_0.test(text)) return undefined;
  const value = /^0[0-7]/.test(text) ? Number.parseInt(text, 8) : Number(text);
  return value <= max ? value : undefined;
}

/** As strtoul(3) with base 0 reads it: blanks and a plus sign may stand in front. Negative numbers are refused. */
export function parseUnsigned(text: string, max: number): number | undefined {
  return parseBase0(text.replace(/^[ \t\n\v\f\r]*\+?/, ""), max);
}
