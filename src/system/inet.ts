/**
 * Addresses as text, the way inet_aton(3) and inet_pton(3) take them; bytes in network order.
 * The npm package ip-address is the tests' oracle and not used here: it takes scopes and prefix lengths too, needs 5 µs
 * an address (load-file reads millions) and 5 ms of every start.
 */
import { parseBase0, parseDecimal } from "./numbers.js";

const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;

/** Up to four parts, the last of which fills what is left: `1.2.3.4`, `1.2.3`, `0x7f.1`, `16909060`. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let start = 0;
  for (let i = 0; i < 4; i++) {
    const dot = text.indexOf(".", start);
    const isLast = dot < 0;
    const part = parsePart(isLast ? text.slice(start) : text.slice(start, dot), isLast ? 256 ** (4 - i) - 1 : 0xff);
    if (part === undefined) return undefined;
    if (!isLast) {
      bytes[i] = part;
      start = dot + 1;
      continue;
    }
    for (let at = 3, rest = part; at >= i; at--) {
      bytes[at] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    return bytes;
  }
  return undefined;
}

/** Most parts are plain decimal; one with a leading zero is octal or hexadecimal. */
function parsePart(part: string, max: number): number | undefined {
  return part.charCodeAt(0) === ZERO ? parseBase0(part, max) : parseDecimal(part, max);
}

/** RFC 4291 text, with a dotted tail or without; no scope. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(16);
  let length = 0;
  /** Where `::` stands. */
  let gap = -1;
  let i = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return undefined;
    gap = 0;
    i = 2;
  }
  while (i < text.length) {
    const start = i;
    let group = 0;
    for (let digit: number; i < text.length && (digit = hexDigit(text.charCodeAt(i))) >= 0; i++) {
      group = group * 16 + digit;
    }
    if (text.charCodeAt(i) === DOT) {
      const tail = parseQuad(text.slice(start));
      if (tail === undefined || length > 12) return undefined;
      bytes.set(tail, length);
      length += 4;
      break;
    }
    if (i === start || i > start + 4 || length === 16) return undefined;
    bytes[length++] = group >> 8;
    bytes[length++] = group & 0xff;
    if (i === text.length) break;
    if (text.charCodeAt(i++) !== COLON) return undefined;
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0) return undefined;
      gap = length;
      i++;
    } else if (i === text.length) {
      return undefined;
    }
  }
  if (gap < 0) return length === 16 ? bytes : undefined;
  // A gap stands for one group at least.
  if (length > 14) return undefined;
  const after = length - gap;
  bytes.copyWithin(16 - after, gap, length);
  bytes.fill(0, gap, 16 - after);
  return bytes;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

/** Four decimal numbers without leading zeroes: what inet_pton(3) takes at the end of an IPv6 address. */
function parseQuad(text: string): Uint8Array | undefined {
  return /^(?:(?:0|[1-9]\d*)\.){3}(?:0|[1-9]\d{0,2})$/.test(text) ? parseIpv4(text) : undefined;
}

/** An address of either family; a colon makes it IPv6. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** The network mask with `length` leading ones, `size` bytes long. */
export function prefixMask(length: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => 0xff & ~(0xff >> Math.max(0, Math.min(8, length - 8 * i))));
}
