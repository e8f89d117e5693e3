/** The options that come with a protocol: long names alone. */

import * as C from "../ctnetlink/constants.js";
import type { TupleFields } from "../ctnetlink/encode.js";
import { DCCP_ROLES } from "../ctnetlink/names.js";
import { exactNumber, type NumberCondition } from "../match/conditions.js";
import { type OptionGroup, type Protocol, protocolByNumber } from "../protocol/protocols.js";
import { UsageError } from "../system/errors.js";
import { U32_MAX } from "../system/numbers.js";
import type { Draft, Legality, ProtocolOption, ProtocolOptions, Use, Word } from "./draft.js";
import * as L from "./list-readers.js";
import { checkOptions, type PairNames, type Rules } from "./matrix.js";
import { type OneOrList, oneOrList } from "./one-or-list.js";
import {
  invalid,
  parsePort,
  parseState,
  readDecimal,
  readKey,
  readProtocol,
  readRole,
  stateWords,
  unknownState,
} from "./value-readers.js";

/** The columns of LEGALITY. */
const USES: readonly Use[] = ["filter", "update", "create", "get", "create expect", "find expect"];

/** By command, with " expect" for expectations. Other commands take none of these options. */
const USE_OF: Readonly<Record<string, Use>> = {
  list: "filter",
  count: "filter",
  diagnose: "filter",
  top: "filter",
  delete: "filter",
  event: "filter",
  update: "update",
  create: "create",
  add: "create",
  get: "get",
  "create expect": "create expect",
  "delete expect": "find expect",
  "get expect": "find expect",
};

const O = "optional";
const P = "one of two pairs";
const R = "required";
const X = "illegal";

/** By the columns of USES. */
const LEGALITY: Readonly<Record<Legality, readonly (typeof O | typeof P | typeof R | typeof X)[]>> = {
  original: [O, O, P, P, R, R],
  reply: [O, O, P, P, X, R],
  replyKey: [O, O, P, P, R, R],
  expected: [X, X, X, X, R, X],
  state: [O, O, R, O, X, X],
  vtag: [X, O, R, O, R, X],
  role: [X, X, R, X, R, X],
  icmp: [O, O, R, R, X, X],
  icmpId: [O, O, O, O, X, X],
};

type TupleName = "orig" | "reply" | "expectTuple" | "expectMask";
type NumberField = Exclude<keyof TupleFields, "src" | "dst" | "zone">;

interface NumberReader {
  one(draft: Draft, text: string, protocols: readonly Protocol[]): number;
  /** Absent where the option takes one value whatever the command. */
  list?(draft: Draft, text: string, protocols: readonly Protocol[]): NumberCondition;
}

/** An option for a number of a tuple. */
function number(
  names: ProtocolOption["names"],
  legality: Legality,
  help: string,
  [tuple, field]: readonly [TupleName, NumberField],
  argumentName: string,
  { one: readOne, list: readList }: NumberReader,
): ProtocolOption {
  return {
    names,
    legality,
    help,
    argumentName,
    read: (draft, text, protocols) => {
      const { values, lists } = draft.low;
      const read = () => readOne(draft, text, protocols);
      if (readList === undefined || tuple === "expectTuple" || tuple === "expectMask") {
        values[tuple][field] = read();
        return;
      }
      const { one, list } = oneOrList(draft, read, () => readList(draft, text, protocols));
      values[tuple][field] = one;
      lists[tuple][field] = list;
    },
  };
}

type Place = readonly [TupleName, "sport" | "dport"];

const port = (legality: Legality, help: string, place: Place, ...names: ProtocolOption["names"]) =>
  number(names, legality, help, place, "port", {
    one: (draft, text, protocols) => parsePort(draft, text, protocols) ?? invalid("port", text),
    list: L.readPorts,
  });

const PORTS = [
  port("original", "source port", ["orig", "sport"], "sport", "orig-port-src"),
  port("original", "destination port", ["orig", "dport"], "dport", "orig-port-dst"),
  port("reply", "source port of the reply", ["reply", "sport"], "reply-port-src"),
  port("reply", "destination port of the reply", ["reply", "dport"], "reply-port-dst"),
  port("expected", "mask of the expected source port", ["expectMask", "sport"], "mask-port-src"),
  port("expected", "mask of the expected destination port", ["expectMask", "dport"], "mask-port-dst"),
];

const EXPECTED_PORTS = [
  port("expected", "expected source port", ["expectTuple", "sport"], "tuple-port-src"),
  port("expected", "expected destination port", ["expectTuple", "dport"], "tuple-port-dst"),
];

const key = (legality: Legality, help: string, place: Place, ...names: ProtocolOption["names"]) =>
  number(names, legality, help, place, "key", {
    one: (_, text) => readKey(text),
    list: (_, text) => L.readKeys(text),
  });

const KEYS = [
  key("original", "source key", ["orig", "sport"], "srckey", "orig-key-src"),
  key("original", "destination key", ["orig", "dport"], "dstkey", "orig-key-dst"),
  key("replyKey", "source key of the reply", ["reply", "sport"], "reply-key-src"),
  key("replyKey", "destination key of the reply", ["reply", "dport"], "reply-key-dst"),
  key("expected", "mask of the expected source key", ["expectMask", "sport"], "mask-key-src"),
  key("expected", "mask of the expected destination key", ["expectMask", "dport"], "mask-key-dst"),
  key("expected", "expected source key", ["expectTuple", "sport"], "tuple-key-src"),
  key("expected", "expected destination key", ["expectTuple", "dport"], "tuple-key-dst"),
];

/** ICMP and ICMPv6 differ in their names alone. */
function icmp(prefix: string, title: string): readonly ProtocolOption[] {
  const option = (legality: Legality, field: NumberField, what: string, max: number, note = "") =>
    number([`${prefix}-${what}`], legality, `${title} ${what}${note}`, ["orig", field], what, {
      one: (_, text) => readDecimal(text, `${title} ${what}`, max),
      list: (_, text) => L.readDecimals(text, `${title} ${what}`, max),
    });
  return [
    option("icmp", "icmpType", "type", 0xff),
    option("icmp", "icmpCode", "code", 0xff),
    option("icmpId", "icmpId", "id", 0xffff, "; -I, -A and -G take 0 where it is absent"),
  ];
}

/** Each protocol has states of its own, so an option of its own. */
const state = (): ProtocolOption => ({
  names: ["state"],
  argumentName: "state",
  legality: "state",
  help: "state of the connection, e.g. ESTABLISHED",
  proposal: (protocol) => ({ kind: "words", words: stateWords(protocol) }),
  read: (draft, text, [protocol]) => {
    const { one, list } = oneOrList(
      draft,
      () => parseState(protocol, text) ?? unknownState(protocol, text),
      () => L.readStates(protocol, text),
      true,
    );
    draft.low.values.state = one;
    draft.low.lists.state = list;
  },
});

const vtag = (name: string, field: "origVtag" | "replyVtag", help: string): ProtocolOption => ({
  names: [name],
  argumentName: "tag",
  legality: "vtag",
  help,
  read: ({ low }, text) => {
    low.values[field] = readDecimal(text, "verification tag", U32_MAX);
  },
});

const VTAGS = [
  vtag("orig-vtag", "origVtag", "verification tag of the original direction"),
  vtag("reply-vtag", "replyVtag", "verification tag of the reply direction"),
];

const ROLE: ProtocolOption = {
  names: ["role"],
  argumentName: "role",
  legality: "role",
  help: "client or server: which of them the original direction comes from",
  proposal: () => ({ kind: "words", words: DCCP_ROLES }),
  read: ({ low }, text) => {
    low.values.role = readRole(text);
  },
};

/** The options of each group in src/protocol/protocols.ts. A group without a row does not compile. */
const GROUPS: Readonly<Record<Exclude<OptionGroup, "state">, readonly ProtocolOption[]>> = {
  ports: PORTS,
  expectedPorts: EXPECTED_PORTS,
  keys: KEYS,
  icmp: icmp("icmp", "ICMP"),
  icmpv6: icmp("icmpv6", "ICMPv6"),
  vtags: VTAGS,
  role: [ROLE],
};

const PORT_PAIRS: PairNames = { original: ["sport", "dport"], reply: ["reply-src-port", "reply-dst-port"] };
/** The reference's own slip of the pen. */
const DCCP_PAIRS: PairNames = { ...PORT_PAIRS, reply: ["reply-port-src", "report-port-dst"] };
const KEY_PAIRS: PairNames = { original: ["srckey", "dstkey"], reply: ["reply-src-key", "reply-dst-key"] };

function pairNamesOf({ number, kind }: Protocol): PairNames | undefined {
  if (number === C.IPPROTO_DCCP) return DCCP_PAIRS;
  return kind === "ports" ? PORT_PAIRS : kind === "keys" ? KEY_PAIRS : undefined;
}

const compiled = new Map<number, ProtocolOptions>();

/** The options of a protocol number; undefined for a protocol that has none. */
export function protocolOptions(number: number): ProtocolOptions | undefined {
  const known = compiled.get(number);
  if (known !== undefined) return known;
  const protocol = protocolByNumber(number);
  if (protocol === undefined) return undefined;
  const options = protocol.options.flatMap((group) => (group === "state" ? [state()] : GROUPS[group]));
  const result = compile([protocol], options);
  compiled.set(number, result);
  return result;
}

/** One protocol, or a list where the command filters. */
export function readOneOrMoreProtocols(draft: Draft, text: string): OneOrList<number, NumberCondition> {
  const { one, list } = oneOrList(
    draft,
    () => readProtocol(draft, text),
    () => L.readProtocols(draft, text),
  );
  const only = exactNumber(list);
  return only === undefined ? { one, list } : { one: only, list: undefined };
}

/** The options that all protocols of a list have; undefined where one has none, or where the list is what must not be. */
export function optionsInCommon({ items, not }: NumberCondition): ProtocolOptions | undefined {
  if (not) return undefined;
  const numbers = items.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
  const all = numbers.map(protocolOptions);
  const [first, ...others] = all.filter((one) => one !== undefined);
  if (first === undefined || others.length + 1 < all.length) return undefined;
  // Each protocol has an option --state of its own, so it is none of them.
  const options = first.options.filter((option) => others.every((other) => other.options.includes(option)));
  return compile([first.protocol, ...others.map(({ protocol }) => protocol)], options);
}

function compile(protocols: readonly [Protocol, ...Protocol[]], options: readonly ProtocolOption[]): ProtocolOptions {
  const [protocol] = protocols;
  const words = new Map<string, Word>();
  for (const [index, option] of options.entries()) {
    const word: Word = {
      argument: "required",
      filter: `--${option.names[0]}`,
      apply: (draft, value) => {
        option.read(draft, value!, protocols);
        draft.protocolGiven |= 1 << index;
      },
    };
    for (const name of option.names) words.set(name, word);
  }
  const rules = Object.fromEntries(USES.map((use, column) => [use, compileRules(options, column)])) as Record<
    Use,
    Rules
  >;
  return {
    protocol,
    options,
    words,
    rules,
    pairNames: pairNamesOf(protocol),
    names: options.map(({ names }) => names[0]),
  };
}

function compileRules(options: readonly ProtocolOption[], column: number): Rules {
  const bits = (wanted: (option: ProtocolOption) => boolean) =>
    options.reduce((sum, option, index) => (wanted(option) ? sum | (1 << index) : sum), 0);
  const requirement = ({ legality }: ProtocolOption) => LEGALITY[legality][column];
  const pair = bits((option) => requirement(option) === P);
  const original = bits(({ legality }) => legality === "original");
  return {
    required: bits((option) => requirement(option) === R),
    allowed: bits((option) => requirement(option) !== X),
    ...(pair === 0 ? {} : { pairs: { original, reply: pair & ~original } }),
  };
}

/** Makes `next` the protocol of the command. Options that an earlier one took must be options of this one too. */
export function useProtocol(draft: Draft, next: ProtocolOptions | undefined): void {
  const { protocol, protocolGiven } = draft;
  draft.protocol = next;
  if (protocol === undefined || protocol === next) return;
  draft.protocolGiven = 0;
  for (const [index, option] of protocol.options.entries()) {
    if ((protocolGiven & (1 << index)) === 0) continue;
    const at = next === undefined ? -1 : next.options.indexOf(option);
    if (at < 0) throw new UsageError(`unknown option \`--${option.names[0]}'`);
    draft.protocolGiven |= 1 << at;
  }
}

const NONE_ALLOWED: Rules = { required: 0, allowed: 0 };

/** Throws UsageError for options of the protocol that the command does not take, or that it lacks. */
export function checkProtocolOptions({ protocol, protocolGiven, subject, low }: Draft): void {
  if (protocol === undefined) return;
  const use = USE_OF[low.table === "expect" ? `${subject} expect` : subject];
  const rules = use === undefined ? NONE_ALLOWED : protocol.rules[use];
  checkOptions(rules, protocolGiven, protocol.names, protocol.pairNames);
}
