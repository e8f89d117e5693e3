/** Values as the formats write them. Each function takes the whole text or throws. */
import { parseIpv4, parseIpv6 } from "../system/inet.js";
import type { LocalTime } from "../system/local-time.js";
import { unreadable } from "./errors.js";
import type { Counter } from "./flow.js";

/** A decimal number without leading zeros, up to `max`. Number and String are cheaper on QuickJS than a loop over digits. */
export function readNumber(text: string, max: number): number {
  const value = Number(text);
  if (!(value >= 0 && value <= max) || String(value) !== text) throw unreadable(text);
  return value;
}

const U64_MAX = 0xffffffffffffffffn;

/** A 64-bit number: exact also where a double is not. */
export function readCounter(text: string): Counter {
  const value = Number(text);
  if (value <= Number.MAX_SAFE_INTEGER && String(value) === text && value >= 0) return value;
  if (!/^[1-9][0-9]{15,19}$/.test(text)) throw unreadable(text);
  const wide = BigInt(text);
  if (wide > U64_MAX) throw unreadable(text);
  return wide;
}

/** A key of GRE: 0x and hexadecimal digits. */
export function readKey(text: string): number {
  if (!/^0x[0-9a-f]{1,4}$/.test(text)) throw unreadable(text);
  return Number(text);
}

const DOTTED_QUAD = /^\d+\.\d+\.\d+\.\d+$/;
/** A table shows the same addresses again and again. Half a million bytes or so. */
const MOST_ADDRESSES = 4096;
let addresses = new Map<string, Uint8Array>();

/** An address as bytes, 4 or 16. They are shared, and must not be written to. */
export function readAddress(text: string): Uint8Array {
  const known = addresses.get(text);
  if (known !== undefined) return known;
  // No format writes the short forms that an option may have, 10.1 for 10.0.0.1: here they are what is left of a longer one.
  const address = text.includes(":") ? parseIpv6(text) : DOTTED_QUAD.test(text) ? parseIpv4(text) : undefined;
  if (address === undefined) throw unreadable(text);
  if (addresses.size === MOST_ADDRESSES) addresses = new Map();
  addresses.set(text, address);
  return address;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const CTIME = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d+)$/;

/** Seconds since 1970 of what ctime(3) prints: a local time. Of a time that comes twice, as summer time ends, the first. */
export function readCtime(text: string, localTime: (seconds: number) => LocalTime | undefined): number {
  const [, month, day, hour, minute, second, year] = CTIME.exec(text) ?? [];
  const at = MONTHS.indexOf(month ?? "");
  if (at < 0) throw unreadable(text);
  const wanted = Date.UTC(Number(year), at, Number(day), Number(hour), Number(minute), Number(second)) / 1000;
  // What the clock showed there, read as UTC, is off by the zone's distance: twice, where that changes on the way.
  let seconds = wanted;
  for (let i = 0; i < 2; i++) {
    const t = localTime(seconds);
    if (t === undefined) throw unreadable(text);
    seconds += wanted - Date.UTC(t.year, t.month, t.day, t.hour, t.minute, t.second) / 1000;
  }
  return seconds;
}

const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/;

/** Nanoseconds since 1970 of what the json format prints. */
export function readRfc3339(text: string): bigint {
  const [, seconds, fraction = ""] = RFC3339.exec(text) ?? [];
  const milliseconds = seconds === undefined ? Number.NaN : Date.parse(`${seconds}Z`);
  if (Number.isNaN(milliseconds)) throw unreadable(text);
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
