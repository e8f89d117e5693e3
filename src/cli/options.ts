/** The options that every protocol has: one row each. A name without a row does not compile. */
import type { NatFilter } from "../match/filter.js";
import { PROTOCOLS } from "../protocol/protocols.js";
import { UsageError } from "../system/errors.js";
import { U32_MAX } from "../system/numbers.js";
import type { Draft } from "./draft.js";
import { readAddresses, readIds, readMarks, readZones } from "./list-readers.js";
import { EVENT_WORDS, EXACT_OUTPUT_WORDS, OUTPUT_WORDS, STATUS_WORDS } from "./list-words.js";
import type { OptionName } from "./matrix.js";
import { oneOrList } from "./one-or-list.js";
import type { Proposal } from "./proposal.js";
import { optionsInCommon, protocolOptions, readOneOrMoreProtocols, useProtocol } from "./protocol-options.js";
import {
  readAddress,
  readBufferSize,
  readDecimal,
  readEventMask,
  readFamily,
  readMark,
  readMaskedAddress,
  readNat,
  readNumber,
  readOutput,
  readStatus,
} from "./value-readers.js";

interface Row {
  readonly letter: string;
  /** Other long names. */
  readonly synonyms?: readonly string[];
  /** One line, without a full stop. */
  readonly help: string;
  /** What the man page says besides, in whole sentences. */
  readonly about?: string;
  /** What a shell may propose for the value; nothing where it is absent. */
  readonly proposal?: Proposal;
}

interface Flag extends Row {
  readonly argument: "none";
  read(draft: Draft): void;
}

interface Valued extends Row {
  readonly argument: "required";
  readonly argumentName: string;
  read(draft: Draft, text: string): void;
}

interface OptionallyValued extends Row {
  readonly argument: "optional";
  readonly argumentName: string;
  read(draft: Draft, text: string | undefined): void;
}

export type OptionRow = Flag | Valued | OptionallyValued;

/** -n, -g, -j: a second one adds to what the first said. */
function nat(key: "srcNat" | "dstNat" | "anyNat", option: OptionName): OptionallyValued["read"] {
  return (draft, text) => {
    const { values } = draft.low;
    const added: NatFilter = text === undefined ? {} : readNat(draft, text, option);
    values[key] = { ...values[key], ...added };
  };
}

/** An address of the reply direction. */
function replyAddress(side: "src" | "dst"): Valued["read"] {
  const option = `reply-${side}`;
  return (draft, text) => {
    const { one, list } = oneOrList(
      draft,
      () => readAddress(draft, text, option),
      () => readAddresses(draft, text, option, false),
    );
    draft.low.values.reply[side] = one;
    draft.low.lists.reply[side] = list;
  };
}

/** A zone; `letter` is the option as the message shows it. */
function zone(direction: "orig" | "reply" | "both", letter: string): Valued["read"] {
  return (draft, text) => {
    const { values, lists } = draft.low;
    const { one, list } = oneOrList(
      draft,
      () => readNumber(text, letter, 0xffff),
      () => readZones(text, letter),
    );
    if (direction === "both") {
      values.zone = one;
      lists.zone = list;
    } else {
      values[direction].zone = one;
      lists[direction].zone = list;
    }
  };
}

/** ADDRESS[/LEN]: the length sets the same mask as --mask-src or --mask-dst. */
function network(tuple: "orig" | "expectTuple", side: "src" | "dst"): Valued["read"] {
  const key = `${side}Mask` as const;
  return (draft, text) => {
    const { values, lists } = draft.low;
    if (tuple === "expectTuple") {
      const { address, mask } = readMaskedAddress(draft, text);
      values.expectTuple[side] = address;
      if (mask !== undefined) values[key] = mask;
      return;
    }
    const { one, list } = oneOrList(
      draft,
      () => readMaskedAddress(draft, text),
      () => readAddresses(draft, text, side, true),
    );
    lists.orig[side] = list;
    values.orig[side] = one?.address;
    const mask = one?.mask;
    if (mask !== undefined) values[key] = mask;
    // The /LEN of an earlier -s or -d goes with its address: its mask must not widen this one.
    if (mask === undefined && values[key] === draft.lengthMasks[side]) delete values[key];
    draft.lengthMasks[side] = mask;
  };
}

const LABELS: Proposal = { kind: "labels" };

const namesOf = (rows: readonly (readonly [string, unknown])[]) => rows.map(([name]) => name);

export const OPTIONS: Readonly<Record<OptionName, OptionRow>> = {
  src: {
    letter: "s",
    synonyms: ["orig-src"],
    argument: "required",
    argumentName: "ip[/len]",
    help: "source of the original direction, or its network",
    read: network("orig", "src"),
  },
  dst: {
    letter: "d",
    synonyms: ["orig-dst"],
    argument: "required",
    argumentName: "ip[/len]",
    help: "destination of the original direction, or its network",
    read: network("orig", "dst"),
  },
  "reply-src": {
    letter: "r",
    argument: "required",
    argumentName: "ip",
    help: "source of the reply direction",
    read: replyAddress("src"),
  },
  "reply-dst": {
    letter: "q",
    argument: "required",
    argumentName: "ip",
    help: "destination of the reply direction",
    read: replyAddress("dst"),
  },
  protonum: {
    letter: "p",
    argument: "required",
    argumentName: "protocol",
    help: "layer-4 protocol, by name or number; its own options go with it",
    proposal: { kind: "words", words: PROTOCOLS.map(({ name }) => name) },
    read: (draft, text) => {
      const { one, list } = readOneOrMoreProtocols(draft, text);
      const { values, lists } = draft.low;
      values.protonum = one;
      lists.protonum = list;
      useProtocol(draft, list === undefined ? protocolOptions(one!) : optionsInCommon(list));
    },
  },
  timeout: {
    letter: "t",
    argument: "required",
    argumentName: "seconds",
    help: "time until the entry expires",
    read: ({ low }, text) => {
      low.values.timeoutSeconds = readDecimal(text, "timeout", U32_MAX);
    },
  },
  status: {
    letter: "u",
    argument: "required",
    argumentName: "flags",
    help: "comma list of ASSURED, SEEN_REPLY, FIXED_TIMEOUT, EXPECTED, OFFLOAD, HW_OFFLOAD; !FLAG for one that is not set; UNREPLIED, UNSET",
    about:
      "An entry matches if all flags of the list are set, and none of those with an exclamation mark. UNREPLIED is" +
      " !SEEN_REPLY; UNSET is none of EXPECTED, SEEN_REPLY, ASSURED and FIXED_TIMEOUT.",
    proposal: { kind: "list", words: [...namesOf(STATUS_WORDS), "UNREPLIED"] },
    read: (draft, text) => {
      draft.low.values.status = readStatus(draft, text);
    },
  },
  zero: {
    letter: "z",
    argument: "none",
    help: "set the counters to zero while listing",
    about: "The kernel does that to all entries, so it takes no filter.",
    read: ({ low }) => {
      low.zero = true;
    },
  },
  "event-mask": {
    letter: "e",
    argument: "required",
    argumentName: "events",
    help: "comma list of NEW, UPDATES, DESTROY, or ALL",
    about: "Without it, all events are shown.",
    proposal: { kind: "list", words: namesOf(EVENT_WORDS) },
    read: readEventMask,
  },
  "tuple-src": {
    letter: "[",
    argument: "required",
    argumentName: "ip[/len]",
    help: "source that is expected, or its network",
    read: network("expectTuple", "src"),
  },
  "tuple-dst": {
    letter: "]",
    argument: "required",
    argumentName: "ip[/len]",
    help: "destination that is expected, or its network",
    read: network("expectTuple", "dst"),
  },
  "mask-src": {
    letter: "{",
    argument: "required",
    argumentName: "mask",
    help: "network mask of the source",
    read: (draft, text) => {
      draft.low.values.srcMask = readAddress(draft, text, "mask-src");
    },
  },
  "mask-dst": {
    letter: "}",
    argument: "required",
    argumentName: "mask",
    help: "network mask of the destination",
    read: (draft, text) => {
      draft.low.values.dstMask = readAddress(draft, text, "mask-dst");
    },
  },
  "nat-range": {
    letter: "a",
    argument: "required",
    argumentName: "range",
    help: "ignored, with a warning",
    read: ({ context }) => context.warn("WARNING: ignoring -a, deprecated option."),
  },
  mark: {
    letter: "m",
    argument: "required",
    argumentName: "mark[/mask]",
    help: "connection mark",
    about: "A filter compares the bits of MASK. --update makes the mark (old AND NOT MASK) XOR MARK.",
    read: (draft, text) => {
      const { one, list } = oneOrList(
        draft,
        () => readMark(text),
        () => readMarks(text),
        true,
      );
      const { values, lists } = draft.low;
      values.mark = one;
      lists.mark = list;
    },
  },
  id: {
    letter: "i",
    argument: "required",
    argumentName: "id",
    help: "the kernel's id of the entry",
    read: (draft, text) => {
      const { one, list } = oneOrList(
        draft,
        () => readNumber(text, "i", U32_MAX),
        () => readIds(text),
      );
      const { values, lists } = draft.low;
      values.id = one;
      lists.id = list;
    },
  },
  family: {
    letter: "f",
    argument: "required",
    argumentName: "family",
    help: "ipv4 or ipv6",
    proposal: { kind: "words", words: ["ipv4", "ipv6"] },
    read: readFamily,
  },
  "src-nat": {
    letter: "n",
    argument: "optional",
    argumentName: "ip[:port]",
    help: "source translation, and to what",
    about: "Without an address: entries with any source translation.",
    read: nat("srcNat", "src-nat"),
  },
  "dst-nat": {
    letter: "g",
    argument: "optional",
    argumentName: "ip[:port]",
    help: "destination translation, and to what",
    about: "Without an address: entries with any destination translation.",
    read: nat("dstNat", "dst-nat"),
  },
  output: {
    letter: "o",
    argument: "required",
    argumentName: "formats",
    help: "comma list of extended, id, timestamp, ktimestamp, labels, userspace, and xml or json; or save, table or prometheus alone",
    about:
      "prometheus is for -C, -S, --diagnose and -L --group-by with --limit: metrics for node_exporter's textfile collector.",
    proposal: {
      kind: "list",
      words: namesOf([...OUTPUT_WORDS, ...EXACT_OUTPUT_WORDS]).map((name) => name.toLowerCase()),
    },
    read: readOutput,
  },
  secmark: {
    letter: "c",
    argument: "required",
    argumentName: "secmark",
    help: "security mark",
    read: ({ low }, text) => {
      low.values.secmark = readNumber(text, "c", U32_MAX);
    },
  },
  "buffer-size": {
    letter: "b",
    argument: "required",
    argumentName: "bytes",
    help: "size of the receive buffer for events",
    about:
      "Without it, there is room for a burst of some 200,000 events. Sizes above net.core.rmem_max need CAP_NET_ADMIN in the" +
      " machine's own user namespace.",
    read: ({ low }, text) => {
      low.bufferSizeBytes = readBufferSize(text);
    },
  },
  "any-nat": {
    letter: "j",
    argument: "optional",
    argumentName: "ip[:port]",
    help: "source or destination translation, and to what",
    about: "Without an address: entries with any translation. Not together with -n or -g.",
    read: nat("anyNat", "any-nat"),
  },
  zone: {
    letter: "w",
    argument: "required",
    argumentName: "zone",
    help: "zone of both directions",
    read: zone("both", "w"),
  },
  label: {
    letter: "l",
    argument: "required",
    argumentName: "labels",
    help: "comma list of labels; all must be set",
    about: "Names come from the label file.",
    proposal: LABELS,
    read: ({ labels }, names) => {
      labels.push({ field: "labels", names });
    },
  },
  "label-add": {
    letter: "<",
    argument: "required",
    argumentName: "labels",
    help: "comma list of labels to set",
    proposal: LABELS,
    read: (draft, names) => {
      draft.labels.push({ field: "labelAdd", names });
      refuseAddAndDelete(draft);
    },
  },
  "label-del": {
    letter: ">",
    argument: "optional",
    argumentName: "labels",
    help: "comma list of labels to clear; all, if none is named",
    about: "Not together with --label-add.",
    proposal: LABELS,
    read: (draft, names) => {
      draft.labels.push({ field: "labelDel", names });
      refuseAddAndDelete(draft);
    },
  },
  "orig-zone": {
    letter: "(",
    argument: "required",
    argumentName: "zone",
    help: "zone of the original direction",
    read: zone("orig", "("),
  },
  "reply-zone": {
    letter: ")",
    argument: "required",
    argumentName: "zone",
    help: "zone of the reply direction",
    read: zone("reply", ")"),
  },
  labelmap: {
    letter: "M",
    argument: "required",
    argumentName: "path",
    help: "file with the names of labels, instead of /etc/xtables/connlabel.conf",
    proposal: { kind: "file" },
    read: (draft, path) => {
      if (draft.labelMapPath !== undefined) {
        throw new UsageError("option `--labelmap' can only be specified once");
      }
      draft.labelMapPath = path;
    },
  },
};

function refuseAddAndDelete({ labels }: Draft): void {
  if (labels.some(({ field }) => field === "labelAdd") && labels.some(({ field }) => field === "labelDel")) {
    throw new UsageError("cannot use --label-add and --label-del at the same time", 1);
  }
}

export function optionRow(name: OptionName): OptionRow {
  return OPTIONS[name];
}
