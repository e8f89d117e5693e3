/** A row as options that pick its flows: for the filter, and for the command that would delete them. */
import * as S from "../ctnetlink/slots.js";
import { FlowView } from "../ctnetlink/view.js";
import { PROTOCOLS, protocolByNumber } from "../protocol/protocols.js";
import type { Field, FieldValue } from "../tally/fields.js";

/** Whether a filter's words already name a protocol. */
const namesProtocol = (filter: string): boolean => /(?:^|\s)(?:-p|--protonum[ =])/.test(filter);

const withPorts = PROTOCOLS.filter(({ kind }) => kind === "ports").map(({ name }) => name);

/** The protocols that have a state of this name. */
const withState = (state: string) =>
  PROTOCOLS.filter(({ protoinfo }) => protoinfo?.states.includes(state) ?? false).map(({ name }) => name);

const ADDRESS_OPTIONS: Readonly<Record<string, string>> = {
  src: "-s",
  dst: "-d",
  "reply-src": "-r",
  "reply-dst": "-q",
  snat: "-n",
  dnat: "-g",
};

/** -r, -q, -n and -g take no network. */
const takesNetwork = (name: string): boolean => name === "src" || name === "dst";

/** A word as a filter's text has it. Names of labels may hold blanks, and nothing else that would need care. */
const filterWord = (word: string): string => (word.includes(" ") ? `"${word}"` : word);

/**
 * The options that a group's values are, to stand behind `filter`; undefined where there are none for one of them: no option
 * says that a flow lacks something, nor which helper it has.
 */
export function groupOptions(
  fields: readonly Field[],
  values: readonly FieldValue[],
  filter: string,
): string | undefined {
  const words: string[] = [];
  /** What -p must say for the other options, the most exact last. */
  let protocols: readonly string[] | undefined;
  for (let i = 0; i < fields.length; i++) {
    const { base } = fields[i]!;
    const value = values[i]!;
    if (value === null) return undefined;
    const address = ADDRESS_OPTIONS[base];
    if (address !== undefined) {
      if (String(value).includes("/") && !takesNetwork(base)) return undefined;
      words.push(address, String(value));
    } else if (base === "sport" || base === "dport") {
      words.push(`--${base}`, String(value));
      protocols ??= withPorts;
    } else if (base === "state") {
      words.push("--state", String(value));
      protocols = withState(String(value)).slice(0, 1);
    } else if (base === "protocol" && typeof value === "object" && "number" in value) {
      protocols = [value.name ?? String(value.number)];
    } else if (base === "family") {
      words.push("-f", String(value));
    } else if (base === "mark") {
      words.push("-m", String(value));
    } else if (base === "zone") {
      words.push("-w", String(value));
    } else if (base === "label" && Array.isArray(value)) {
      const names = (value as readonly { bit: number; name?: string }[]).map(({ name }) => name);
      if (names.length === 0 || names.includes(undefined)) return undefined;
      words.push("-l", names.join());
    } else return undefined;
  }
  if (protocols !== undefined && !namesProtocol(filter)) words.unshift("-p", protocols.join());
  return words.map(filterWord).join(" ");
}

/** The options that pick one flow: its original tuple. */
export function flowOptions(message: Uint8Array, src: string, dst: string): string {
  const view = new FlowView();
  view.read(message, 0, message.length);
  const number = view.has(S.ORIG + S.T_PROTO_NUM) ? view.u8(S.ORIG + S.T_PROTO_NUM) : 0;
  const protocol = protocolByNumber(number);
  const words = ["-p", protocol?.name ?? String(number), "-s", addressOf(src), "-d", addressOf(dst)];
  if (protocol?.kind === "ports") {
    if (view.has(S.ORIG + S.T_SRC_PORT)) words.push("--sport", String(view.u16(S.ORIG + S.T_SRC_PORT)));
    if (view.has(S.ORIG + S.T_DST_PORT)) words.push("--dport", String(view.u16(S.ORIG + S.T_DST_PORT)));
  }
  return words.map(filterWord).join(" ");
}

/** `[ADDRESS]:PORT`, `ADDRESS:PORT` or an address alone, without the port. */
function addressOf(endpoint: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(endpoint)?.[1];
  if (bracketed !== undefined) return bracketed;
  const colon = endpoint.indexOf(":");
  return colon >= 0 && colon === endpoint.lastIndexOf(":") ? endpoint.slice(0, colon) : endpoint;
}
