/** Readers of values: a word in, what it means out, or UsageError in the reference's words. */

import * as C from "../ctnetlink/constants.js";
import { DCCP_ROLES } from "../ctnetlink/names.js";
import type { MaskedMark } from "../match/conditions.js";
import type { NatFilter, StatusCondition } from "../match/filter.js";
import { PROTOCOLS, type Protocol, type ProtoinfoRow } from "../protocol/protocols.js";
import { UsageError } from "../system/errors.js";
import { parseAddress, prefixMask } from "../system/inet.js";
import { parseDecimal, parseUnsigned, U32_MAX } from "../system/numbers.js";
import { servicePort } from "../system/service-names.js";
import { COLOR_CHOICES, type ColorChoice, type OutputWords } from "./arguments.js";
import type { Draft } from "./draft.js";
import { EVENT_WORDS, EXACT_OUTPUT_WORDS, type Names, OUTPUT_WORDS, STATUS_WORDS } from "./list-words.js";

/** A whole decimal number, 0 to `max`, of what `what` calls it. */
export function readDecimal(text: string, what: string, max: number): number {
  return parseDecimal(text, max) ?? invalid(what, text);
}

function fail(message: string): never {
  throw new UsageError(message);
}

export function invalid(what: string, text: string): never {
  return fail(`Invalid ${what} \`${text}'`);
}

/** A GRE key: decimal, 0x hexadecimal or 0 octal. */
export function readKey(text: string): number {
  return parseUnsigned(text, 0xffff) ?? invalid("GRE key", text);
}

/** What setsockopt(2) takes, an int: a larger size counts as the largest. */
const MOST_BUFFER_BYTES = 0x7fffffff;

export function readBufferSize(text: string): number {
  return Math.min(readDecimal(text, "buffer size", Number.POSITIVE_INFINITY), MOST_BUFFER_BYTES);
}

/** A number, or the name of a service: of all the protocols, where there are several. */
export function parsePort({ files }: Draft, text: string, protocols: readonly Protocol[]): number | undefined {
  const number = parseDecimal(text, 0xffff);
  if (number !== undefined) return number;
  const [first, ...others] = protocols.map(({ name }) => servicePort(files.services(), text, name));
  return others.every((port) => port === first) ? first : undefined;
}

/** --color: auto where nothing is attached. */
export function readColor(text = "auto"): ColorChoice {
  return COLOR_CHOICES.find((choice) => choice === text) ?? invalid("colour choice", text);
}

/** --limit: 1 or more. */
export function readLimit(text: string): number {
  return parseDecimal(text, U32_MAX) || invalid("limit", text);
}

export function readRounds(text: string): number {
  return parseDecimal(text, U32_MAX) || invalid("rounds", text);
}

const LONGEST_INTERVAL_SECONDS = 86400;

/** Seconds, with a fraction or without. */
export function readInterval(text: string): number {
  const seconds = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  return seconds <= LONGEST_INTERVAL_SECONDS ? seconds : invalid("interval", text);
}

/** A number in any of C's bases. `letter` is the option as the message shows it. */
export function readNumber(text: string, letter: string, max: number): number {
  return parseUnsigned(text, max) ?? unexpected(text, letter);
}

export function unexpected(text: string, letter: string): never {
  throw new UsageError(`unexpected value '${text}' with -${letter} option`, 1);
}

/** VALUE[/MASK]; nothing behind the slash is mask 0. */
export function parseMark(text: string): MaskedMark | undefined {
  const slash = text.indexOf("/");
  const value = parseUnsigned(slash < 0 ? text : text.slice(0, slash), U32_MAX);
  const mask = slash < 0 ? U32_MAX : parseUnsigned(text.slice(slash + 1) || "0", U32_MAX);
  return value === undefined || mask === undefined ? undefined : { value, mask };
}

export function readMark(text: string): MaskedMark {
  return parseMark(text) ?? unexpected(text, "m");
}

export function readFamily(draft: Draft, text: string): void {
  if (text.startsWith("ipv4")) setFamily(draft, C.AF_INET);
  else if (text.startsWith("ipv6")) setFamily(draft, C.AF_INET6);
  else unsupported(text);
}

/** Makes the family of an address that of the command. */
export function useFamily(draft: Draft, address: Uint8Array): void {
  setFamily(draft, address.length === 4 ? C.AF_INET : C.AF_INET6);
}

/** All that a command names must be of one family. */
function setFamily({ low }: Draft, family: number): void {
  if (low.family !== C.AF_UNSPEC && low.family !== family) throw new UsageError("mismatched address family");
  low.family = family;
}

export function unsupported(text: string): never {
  throw new UsageError(`\`${text}' unsupported protocol`);
}

/** A protocol's number by our name for it, by number, or by what /etc/protocols calls it. */
export function parseProtocol(draft: Draft, text: string): number | undefined {
  const name = text.toLowerCase();
  return (
    PROTOCOLS.find((protocol) => protocol.name === name)?.number ??
    parseUnsigned(text, 0xff) ??
    draft.files.protocolNumber(text)
  );
}

export function readProtocol(draft: Draft, text: string): number {
  return parseProtocol(draft, text) ?? unsupported(text);
}

/** An address alone. `option` is the long name of the option. */
export function readAddress(draft: Draft, text: string, option: string): Uint8Array {
  const { address, length } = readNetwork(draft, text);
  if (length !== undefined) refuseLength(option);
  return address;
}

/** Refuses ADDRESS/LENGTH. `option` is the long name of the option. */
export function refuseLength(option: string): never {
  throw new UsageError(`CIDR notation unavailable for \`--${option}'`);
}

interface Network {
  address: Uint8Array;
  /** What stands behind the slash. */
  length: string | undefined;
}

function readNetwork(draft: Draft, text: string): Network {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash)) ?? invalid("IP address", text);
  useFamily(draft, address);
  return { address, length: slash < 0 ? undefined : text.slice(slash + 1) };
}

/** ADDRESS[/LEN]; the mask is undefined for a whole address, written with its full length or without one. */
export function readMaskedAddress(draft: Draft, text: string): { address: Uint8Array; mask: Uint8Array | undefined } {
  const { address, length } = readNetwork(draft, text);
  return { address, mask: length === undefined ? undefined : readLength(length, address) };
}

/** The mask of so many bits, as text; undefined for all of an address. */
export function readLength(text: string, address: Uint8Array): Uint8Array | undefined {
  const bits = 8 * address.length;
  const count = parseDecimal(text.replace(/^\+/, ""), bits);
  if (count === undefined) throw new UsageError("Invalid netmask");
  return count === bits ? undefined : prefixMask(count, address.length);
}

/** [ADDRESS][:PORT], [V6]:PORT, or an IPv6 address alone. `option` is the long name of the option. */
export function readNat(draft: Draft, text: string, option: string): NatFilter {
  const [address, port] = splitNat(text);
  if (port === "") throw new UsageError("No port specified after `:'");
  const number = port === undefined ? undefined : readDecimal(port, "port", 0xffff);
  return {
    address: readAddress(draft, address, option),
    ...(number === undefined ? {} : { port: number }),
  };
}

function splitNat(text: string): [address: string, port: string | undefined] {
  if (text.startsWith("[")) {
    const close = text.indexOf("]");
    if (close < 0) throw new UsageError("No closing ']' around IPv6 address");
    if (close === 1) throw new UsageError("No IPv6 address specified");
    return text[close + 1] === ":" ? [text.slice(1, close), text.slice(close + 2)] : [text, undefined];
  }
  const colon = text.indexOf(":");
  // A second colon makes all of it an IPv6 address.
  if (colon < 0 || text.includes(":", colon + 1)) return [text, undefined];
  return [text.slice(0, colon), text.slice(colon + 1)];
}

/** These are told apart before all others, in every list of parameters. */
const IGNORED = [
  ["SRC_NAT", "--src-nat"],
  ["DST_NAT", "--dst-nat"],
] as const;

/** Warns about the words that count as nothing; returns whether `word`, in capitals, is one. */
function isIgnored(draft: Draft, word: string): boolean {
  const found = IGNORED.find(([name]) => name.startsWith(word));
  if (found === undefined) return false;
  draft.context.warn(`WARNING: ignoring ${found[0]}, use ${found[1]} instead`);
  return true;
}

/**
 * Reads a comma list; each word that means something goes to `use`. Where one means nothing, the message shows the list
 * from there on. Status lists alone know `!` and UNREPLIED. Names that are `exact` count only in full.
 */
function readList<Value>(
  draft: Draft,
  text: string,
  names: Names<Value>,
  use: (value: Value, negated: boolean, capitals: string) => void,
  { status = false, exact = [] }: { status?: boolean; exact?: Names<Value> } = {},
): void {
  for (let rest = text; ; ) {
    const negated = status && rest.startsWith("!");
    if (negated) rest = rest.slice(1);
    const comma = rest.indexOf(",");
    const word = comma < 0 ? rest : rest.slice(0, comma);
    // Nine letters, in this case, and whatever follows them.
    const unreplied = status && !negated && word.startsWith("UNREPLIED");
    const capitals = unreplied ? "SEEN_REPLY" : word.toUpperCase();
    if (word === "" || !isIgnored(draft, capitals)) {
      const found =
        word === ""
          ? undefined
          : (exact.find(([name]) => name === capitals) ?? names.find(([name]) => name.startsWith(capitals)));
      if (found === undefined) throw new UsageError(`Bad parameter \`${rest}'`);
      use(found[1], negated || unreplied, capitals);
    }
    if (comma < 0) return;
    rest = rest.slice(comma + 1);
  }
}

/** -u, added to what earlier ones said. */
export function readStatus(draft: Draft, text: string): StatusCondition {
  const status = draft.low.values.status ?? { set: 0, clear: 0, unset: false };
  const use = (bit: number, negated: boolean, capitals: string) => {
    if (negated) status.clear |= bit;
    else status.set |= bit;
    // To the reference UNSET says nothing. Ours takes it as a filter, but only in full: `-u u` still says nothing.
    if (capitals === "UNSET" && !negated) status.unset = true;
  };
  readList(draft, text, STATUS_WORDS, use, { status: true });
  return status;
}

/** -e, added to what earlier ones said. */
export function readEventMask(draft: Draft, text: string): void {
  draft.low.eventMask ??= 0;
  readList(draft, text, EVENT_WORDS, (bits) => {
    draft.low.eventMask! |= bits;
  });
}

/** -o, added to what earlier ones said. */
export function readOutput(draft: Draft, text: string): void {
  const { output } = draft.low;
  const use = (name: keyof OutputWords) => {
    output[name] = true;
  };
  readList(draft, text, OUTPUT_WORDS, use, { exact: EXACT_OUTPUT_WORDS });
  // The reference lets userspace stand beside save, which does not show it.
  const { userspace: _, ...others } = output;
  if (output.save && Object.values(others).filter(Boolean).length > 1) {
    throw new UsageError("cannot combine save output with any other output type, use -o save only", 1);
  }
  if (output.table && Object.values(output).filter(Boolean).length > 1) {
    throw new UsageError("cannot combine table output with any other output type, use -o table only");
  }
  if (output.json && output.xml) throw new UsageError("cannot combine json output with xml output, use one of them", 1);
}

/** All names that --state takes for a protocol. */
export function stateWords({ protoinfo }: Protocol): readonly string[] {
  const { states = [], stateAliases = {} }: Partial<ProtoinfoRow> = protoinfo ?? {};
  return [...states, ...Object.keys(stateAliases)];
}

/** --state: exact names of the protocol. */
export function parseState({ protoinfo }: Protocol, text: string): number | undefined {
  const { states = [], stateAliases = {} }: Partial<ProtoinfoRow> = protoinfo ?? {};
  const number = states.indexOf(text);
  if (number >= 0) return number;
  return Object.hasOwn(stateAliases, text) ? stateAliases[text] : undefined;
}

/** The reference begins DCCP's message with a capital. */
export function unknownState({ name }: Protocol, text: string): never {
  return fail(`${name === "dccp" ? "Unknown" : "unknown"} ${name.toUpperCase()} state \`${text}'`);
}

/** --role: 0 client, 1 server; the word may be any beginning of either, even an empty one. */
export function readRole(text: string): number {
  const role = DCCP_ROLES.findIndex((name) => name.startsWith(text.toLowerCase()));
  return role >= 0 ? role : fail(`Unknown DCCP role \`${text}'`);
}
