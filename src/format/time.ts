/** Times as the reference prints them. */
import { CTA_TIMESTAMP_EVENT } from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView, MessageView } from "../ctnetlink/view.js";
import type { FormatOptions } from "./formatter.js";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const NS_PER_SECOND = 1_000_000_000n;

/** Whole seconds of a time in nanoseconds. */
export function wholeSeconds(ns: bigint): number {
  return Number(ns / NS_PER_SECOND);
}

type Clock = Pick<FormatOptions, "localTime">;

const two = (n: number): string => String(n).padStart(2, "0");

/** ctime(3) without its newline: local time, e.g. "Mon Nov 23 16:12:13 2026". */
export function ctime(seconds: number, { localTime }: Clock): string {
  const t = localTime(seconds);
  if (t === undefined) return String(seconds);
  const clock = `${two(t.hour)}:${two(t.minute)}:${two(t.second)}`;
  return `${DAYS[t.weekday]} ${MONTHS[t.month]} ${String(t.day).padStart(2)} ${clock} ${t.year}`;
}

/** The xml format's <when>: local time; the week's first day is Sunday, with number 1. */
export function whenXml(seconds: number, { localTime }: Clock): string {
  const t = localTime(seconds);
  if (t === undefined) return "<when></when>";
  return (
    `<when><hour>${t.hour}</hour><min>${two(t.minute)}</min><sec>${two(t.second)}</sec>` +
    `<wday>${t.weekday + 1}</wday><day>${t.day}</day><month>${t.month + 1}</month><year>${t.year}</year></when>`
  );
}

/** Microseconds since 1970 of an event: the kernel's own stamp where it sent one, else the clock's. */
export function eventMicroseconds(view: FlowView, options: FormatOptions): number {
  const slot = S.TOP + CTA_TIMESTAMP_EVENT;
  return view.has(slot) ? Number(view.u64(slot) / 1000n) : options.nowMicroseconds();
}

/** The same in nanoseconds. */
export function eventNanoseconds(view: MessageView, options: Pick<FormatOptions, "nowMicroseconds">): bigint {
  const slot = S.TOP + CTA_TIMESTAMP_EVENT;
  return view.has(slot) ? view.u64(slot) : 1000n * BigInt(options.nowMicroseconds());
}

/** RFC 3339 in UTC with all nine decimals, e.g. "2026-11-23T16:12:13.012345678Z": it sorts as text, and nothing is rounded. */
export function rfc3339(ns: bigint): string {
  const date = new Date(wholeSeconds(ns) * 1000).toISOString().slice(0, 19);
  return `${date}.${String(ns % NS_PER_SECOND).padStart(9, "0")}Z`;
}
