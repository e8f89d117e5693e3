/** Which command takes which option, and which it needs. */
import type { CommandName, TableName } from "../command/command.js";
import { UsageError } from "../system/errors.js";
import { once } from "../system/once.js";

/** The common options by the names that messages show, in the order in which they are checked. */
export const OPTION_NAMES = [
  "src",
  "dst",
  "reply-src",
  "reply-dst",
  "protonum",
  "timeout",
  "status",
  "zero",
  "event-mask",
  "tuple-src",
  "tuple-dst",
  "mask-src",
  "mask-dst",
  "nat-range",
  "mark",
  "id",
  "family",
  "src-nat",
  "dst-nat",
  "output",
  "secmark",
  "buffer-size",
  "any-nat",
  "zone",
  "label",
  "label-add",
  "label-del",
  "orig-zone",
  "reply-zone",
  "labelmap",
] as const;

export type OptionName = (typeof OPTION_NAMES)[number];

/** One bit for each of the names, the first in bit 0. At most 31 fit. */
export function optionBits(...names: readonly OptionName[]): number {
  return names.reduce((bits, name) => bits | (1 << OPTION_NAMES.indexOf(name)), 0);
}

/** A command on the command line: none at all is one too. */
export type Subject = Exclude<CommandName, "load-file" | "group" | "watch-count" | "explain"> | "none";

/** What a command does with a set of options, as bits. */
export interface Rules {
  readonly required: number;
  readonly allowed: number;
  /** Two pairs of options of which one must be complete. */
  readonly pairs?: { readonly original: number; readonly reply: number };
}

interface Lists {
  required?: readonly OptionName[];
  optional?: readonly OptionName[];
  /** Whether the addresses of the original or of the reply direction are needed. */
  addresses?: boolean;
}

const ORIGINAL = ["src", "dst"] as const;
const REPLY = ["reply-src", "reply-dst"] as const;
const ADDRESSES = [...ORIGINAL, ...REPLY] as const;
const ZONES = ["zone", "orig-zone", "reply-zone"] as const;
/** What picks flows out of the table, whatever is then done with them. */
const PICKS = [
  ...ADDRESSES,
  "protonum",
  "mask-src",
  "mask-dst",
  "mark",
  "family",
  "src-nat",
  "dst-nat",
  "label",
  "labelmap",
  "output",
] as const;

/** The filters of a list. The reference takes no id there, and no filter to count. */
const LIST_FILTERS = [
  ...PICKS.filter((name) => name !== "output"),
  ...ZONES,
  "status",
  "secmark",
  "any-nat",
  "id",
] as const;

/** Made into bits when they are first asked for: a run needs one of them. */
function rules({ required = [], optional = [], addresses = false }: Lists): () => Rules {
  return once(() => {
    const needed = optionBits(...required);
    // nat-range is ignored with a warning, wherever it stands.
    const allowed = needed | optionBits("nat-range", ...optional, ...(addresses ? ADDRESSES : []));
    const pairs = { original: optionBits(...ORIGINAL), reply: optionBits(...REPLY) };
    return { required: needed, allowed, ...(addresses ? { pairs } : {}) };
  });
}

const CREATE = rules({
  required: ["protonum", "timeout"],
  addresses: true,
  optional: ["status", "mark", "src-nat", "dst-nat", "label-add", ...ZONES],
});

const FIND_EXPECTATION = rules({ required: [...ORIGINAL, "protonum"], optional: REPLY });

const ON_FLOWS: Readonly<Record<Subject, () => Rules>> = {
  none: rules({}),
  version: rules({}),
  help: rules({ optional: ["protonum"] }),
  list: rules({ optional: [...LIST_FILTERS, "zero", "output"] }),
  delete: rules({ optional: [...PICKS, ...ZONES, "status", "timeout", "id"] }),
  update: rules({ optional: [...PICKS, "status", "timeout", "id", "label-add", "label-del"] }),
  event: rules({ optional: [...PICKS, ...ZONES, "secmark", "any-nat", "event-mask", "buffer-size"] }),
  get: rules({ required: ["protonum"], addresses: true, optional: ["id", "output", "label"] }),
  create: CREATE,
  add: CREATE,
  flush: rules({ optional: ["family"] }),
  count: rules({ optional: LIST_FILTERS }),
  stats: rules({}),
  diagnose: rules({ optional: [...PICKS, ...ZONES, "status", "secmark", "any-nat"] }),
  top: rules({ optional: LIST_FILTERS }),
};

/** A command that is not here cannot be done on expectations. */
const ON_EXPECTATIONS: Readonly<Partial<Record<Subject, () => Rules>>> = {
  version: rules({}),
  help: rules({ optional: ["protonum"] }),
  list: rules({ optional: ["family", "output"] }),
  create: rules({
    required: [...ORIGINAL, "protonum", "timeout", "tuple-src", "tuple-dst", "mask-src", "mask-dst"],
    optional: [...REPLY, "status"],
  }),
  delete: FIND_EXPECTATION,
  get: FIND_EXPECTATION,
  flush: rules({}),
  event: rules({ optional: ["output"] }),
  count: rules({}),
  stats: rules({}),
};

/** The rules for a command on a table; undefined where the command cannot be done there. */
export function commandRules(subject: Subject, table: TableName): Rules | undefined {
  if (table === "conntrack") return ON_FLOWS[subject]();
  if (table === "expect") return ON_EXPECTATIONS[subject]?.();
  return subject === "list" ? ON_FLOWS.list() : undefined;
}

/** The option names of two pairs, as the message about a missing one shows them. */
export interface PairNames {
  readonly original: readonly [string, string];
  readonly reply: readonly [string, string];
}

export const ADDRESS_PAIRS: PairNames = { original: ORIGINAL, reply: REPLY };

/** Throws UsageError for the first option that is missing or illegal, then for a pair that is not complete. */
export function checkOptions(
  { required, allowed, pairs }: Rules,
  given: number,
  names: readonly string[],
  pairNames: PairNames | undefined,
): void {
  const missing = required & ~given;
  const wrong = missing | (given & ~allowed);
  if (wrong !== 0) {
    const first = wrong & -wrong;
    const name = names[31 - Math.clz32(first)];
    throw new UsageError(
      (missing & first) === 0
        ? `Illegal option \`--${name}' with this command`
        : `You need to supply the \`--${name}' option for this command`,
    );
  }
  if (pairs === undefined || pairNames === undefined) return;
  const { original, reply } = pairs;
  if ((given & original) === original || (given & reply) === reply) return;
  const onlyReply = (given & reply) !== 0 && (given & original) === 0;
  const [a, b] = onlyReply ? pairNames.reply : pairNames.original;
  throw new UsageError(`you have to specify \`--${a}' and \`--${b}'`);
}
