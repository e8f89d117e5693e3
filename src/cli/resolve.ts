/** From low arguments to a meaning: which command, and what its options say to it. */
import type { Command, GroupFlows, Modes, Output, Repetition, SavedTableFile, TopView } from "../command/command.js";
import { withIcmpId } from "../command/new-flow.js";
import * as C from "../ctnetlink/constants.js";
import type { FlowKey, TupleFields } from "../ctnetlink/encode.js";
import { ALL_EVENTS } from "../ctnetlink/events.js";
import { type AddressCondition, exactly, inNetwork, markedWith } from "../match/conditions.js";
import type { FlowFilter, TupleMatch } from "../match/filter.js";
import type { LabelMap } from "../system/labelmap.js";
import { shellWord } from "../system/shell.js";
import { type Field, fieldByName } from "../tally/fields.js";
import type { FlowSort } from "../top/passes.js";
import type { GroupSort } from "../top/rows.js";
import type { Arguments, Extensions, OutputWords, Values } from "./arguments.js";
import { filterText, shellText } from "./filter-text.js";

const FORMATS = ["json", "xml", "save", "table"] as const satisfies readonly (keyof OutputWords)[];

function outputOf({ output, labelMap }: Arguments): Output {
  const { extended, id, timestamp, ktimestamp } = output;
  return {
    format: FORMATS.find((format) => output[format]) ?? "default",
    // The names are there where any option asked for labels; the reference shows them then, with -o labels or without.
    show: { extended, id, timestamp, ktimestamp, ...(labelMap === undefined ? {} : { labels: labelMap }) },
  };
}

/** A number that a field must be, where an option gave one. */
const number = (value: number | undefined) => (value === undefined ? undefined : exactly(value));

function address(value: Uint8Array | undefined, mask?: Uint8Array): AddressCondition | undefined {
  return value === undefined ? undefined : inNetwork(value, mask);
}

/** What a direction must be; undefined where nothing was said of it. A field has one value, or a list. */
function match(
  tuple: TupleFields,
  lists: TupleMatch,
  srcMask?: Uint8Array,
  dstMask?: Uint8Array,
): TupleMatch | undefined {
  const { src, dst, sport, dport, icmpType, icmpCode, icmpId, zone } = tuple;
  const conditions = {
    src: lists.src ?? address(src, srcMask),
    dst: lists.dst ?? address(dst, dstMask),
    sport: lists.sport ?? number(sport),
    dport: lists.dport ?? number(dport),
    icmpType: lists.icmpType ?? number(icmpType),
    icmpCode: lists.icmpCode ?? number(icmpCode),
    icmpId: lists.icmpId ?? number(icmpId),
    zone: lists.zone ?? number(zone),
  };
  return Object.values(conditions).some((condition) => condition !== undefined) ? conditions : undefined;
}

/** Drops the properties that are undefined. */
function given<Properties extends object>(properties: { [Name in keyof Properties]: Properties[Name] | undefined }) {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)) as Properties;
}

/** The options that pick entries and never say what to change. */
function pickOf({ family, values, lists, extensions }: Arguments): FlowFilter {
  const { orig, reply, srcMask, dstMask, protonum, secmark, id, zone, srcNat, dstNat, anyNat, labels } = values;
  return given<FlowFilter>({
    family,
    orig: match(orig, lists.orig, srcMask, dstMask),
    reply: match(reply, lists.reply),
    protonum: lists.protonum ?? number(protonum),
    secmark: number(secmark),
    id: lists.id ?? number(id),
    zone: lists.zone ?? number(zone),
    srcNat,
    dstNat,
    anyNat,
    labels,
    bytes: extensions.bytes,
    packets: extensions.packets,
    ageSeconds: extensions.age,
    expiresSeconds: extensions.expires,
  });
}

/** All options as a filter. */
export function filterOf(low: Arguments): FlowFilter {
  const { lists, values } = low;
  const { state, origVtag, replyVtag, timeoutSeconds, status, mark } = values;
  return {
    ...pickOf(low),
    ...given<FlowFilter>({
      state: lists.state ?? number(state),
      origVtag: number(origVtag),
      replyVtag: number(replyVtag),
      timeoutSeconds: number(timeoutSeconds),
      status,
      mark: lists.mark ?? (mark && markedWith(mark.value, mark.mask)),
    }),
  };
}

/** The saved table that stands for the kernel's. */
function fromOf({ extensions: { from: path }, savedLabels: labels }: Arguments): { from?: SavedTableFile } {
  return path === undefined ? {} : { from: { path, ...given<{ labels: LabelMap }>({ labels }) } };
}

/** Whether every entry of both families matches. */
const isAll = ({ family, ...conditions }: FlowFilter): boolean => !family && Object.keys(conditions).length === 0;

/** The protocol, its state, and what belongs to the state. */
function stateOf({ protonum, state, role, origVtag, replyVtag }: Values) {
  return given<{ protonum: number; state: number; role: number; origVtag: number; replyVtag: number }>({
    protonum: protonum as number,
    state: state as number,
    role: role as number,
    origVtag: origVtag as number,
    replyVtag: replyVtag as number,
  });
}

function keyOf({ family, values: { orig, reply, protonum } }: Arguments): FlowKey {
  // The legality checks have made sure that one of the two directions is complete.
  const byOrig = orig.src !== undefined && orig.dst !== undefined;
  return {
    family,
    type: byOrig ? C.CTA_TUPLE_ORIG : C.CTA_TUPLE_REPLY,
    tuple: withIcmpId({ ...(byOrig ? orig : reply), protonum }),
  };
}

function groupsOf(low: Arguments, table: GroupFlows["table"], by: readonly Field[]): GroupFlows {
  const { sort = { key: "flows" }, limit } = low.extensions;
  const format = low.output.prometheus ? "prometheus" : low.output.json ? "json" : "table";
  const repetition = repetitionOf(low);
  return {
    name: "group",
    table,
    ...fromOf(low),
    filter: filterOf(low),
    by,
    sort,
    format,
    ...given({ limit, labelMap: low.labelMap, repetition }),
  };
}

/** Between the two samples of --diagnose, unless --interval says otherwise. */
const DIAGNOSIS_SECONDS = 2;

const plainFormat = ({ output }: Arguments) => (output.json ? "json" : "default");
const figureFormat = (low: Arguments) => (low.output.prometheus ? "prometheus" : plainFormat(low));

function repetitionOf({ extensions: { interval, rounds } }: Arguments): Repetition | undefined {
  return interval === undefined
    ? undefined
    : { intervalSeconds: interval, ...(rounds === undefined ? {} : { rounds }) };
}

/** The keys of --sort that are called otherwise in the view. */
const VIEW_SORTS: Readonly<Record<string, GroupSort | FlowSort>> = {
  flows: "flows",
  unreplied: "unreplied",
  bytes: "bytes",
  "orig-bytes": "up",
  "reply-bytes": "down",
  age: "age",
  expires: "expires",
};

/** What the view reads while it is shown. */
export type ViewReaders = Pick<TopView, "readFilter" | "portNames">;

function topOf(low: Arguments, readers: ViewReaders): TopView {
  const { sort, limit, interval = 2, rounds, color, netns, "group-by": by = [fieldByName("src")!] } = low.extensions;
  const key = sort === undefined ? undefined : (VIEW_SORTS[sort.key] ?? "fields");
  return {
    name: "top",
    table: "conntrack",
    filter: filterOf(low),
    filterText: filterText(low.filterWords),
    ...readers,
    // The commands that it shows work where it does.
    shellText: (text) => (netns === undefined ? "" : `--netns ${shellWord(netns)} `) + shellText(text),
    by,
    sort: key,
    // All but names begin with the largest.
    reverse: sort?.direction === (key === "fields" ? "desc" : "asc"),
    intervalSeconds: interval,
    isJson: low.output.json,
    ...given({ limit, rounds, color, labelMap: low.labelMap }),
  };
}

/** How the command is run. */
export function modesOf({ "dry-run": dryRun, netns: network, "all-netns": allNetworks }: Extensions): Modes {
  return given<Modes>({ dryRun, network, allNetworks });
}

/** What the words of a command line mean together. They have passed all checks. */
export function resolve(low: Arguments, readers: ViewReaders): Command {
  return { ...commandOf(low, readers), ...modesOf(low.extensions) };
}

function commandOf(low: Arguments, readers: ViewReaders): Command {
  const { name, table, family, values } = low;
  const { orig, reply, protonum, timeoutSeconds, mark, zone, srcNat, dstNat, labelAdd, labelDel } = values;
  const output = outputOf(low);
  const tolerant = given<{ ignoreNotFound: boolean }>({ ignoreNotFound: low.extensions["ignore-not-found"] });
  const counted = table === "expect" ? "expect" : "conntrack";
  switch (name) {
    case "help":
      return { name, protonum };
    case "version":
      return { name };
    case "list": {
      const { sort, limit, "group-by": by } = low.extensions;
      if (table === "expect") return { name, table, family, ...given({ limit }), output };
      if (by !== undefined) return groupsOf(low, table, by);
      return { name, table, ...fromOf(low), filter: filterOf(low), zero: low.zero, ...given({ sort, limit }), output };
    }
    case "get":
      if (table === "expect") return { name, table, family, tuple: { ...orig, protonum }, ...tolerant, output };
      return { name, table: "conntrack", key: keyOf(low), filter: filterOf(low), ...tolerant, output };
    case "create":
    case "add":
      if (table === "expect" && name === "create") {
        const expectation = {
          master: { ...orig, protonum },
          tuple: { ...values.expectTuple, protonum },
          mask: { ...values.expectMask, protonum },
          timeoutSeconds,
        };
        return { name, table, family, expectation, output };
      }
      return {
        name,
        table: "conntrack",
        flow: {
          // Without any address it is for IPv4, as the reference has it.
          family: family === C.AF_UNSPEC ? C.AF_INET : family,
          orig,
          reply,
          ...stateOf(values),
          ...given({
            timeoutSeconds,
            status: values.status?.set,
            mark: mark?.value,
            zone,
            labels: labelAdd,
            srcNat,
            dstNat,
          }),
        },
        output,
      };
    case "update": {
      // Timeout, mark, status, state and label options say what to change; all others, which entries.
      const changes = {
        ...stateOf(values),
        ...given({ timeoutSeconds, mark, status: values.status?.set, labelAdd, labelDel }),
      };
      return { name, table: "conntrack", filter: pickOf(low), changes, ...tolerant, output };
    }
    case "delete":
      if (table === "expect") return { name, table, family, tuple: { ...orig, protonum }, ...tolerant, output };
      return { name, table: "conntrack", filter: filterOf(low), ...tolerant, output };
    case "flush":
      return table === "expect" ? { name, table } : { name, table: "conntrack", family };
    case "event": {
      const { eventMask = ALL_EVENTS, bufferSizeBytes } = low;
      const events = { name, eventMask, ...given({ bufferSizeBytes }), output } as const;
      return table === "expect" ? { ...events, table } : { ...events, table: "conntrack", filter: filterOf(low) };
    }
    case "count": {
      const filter = filterOf(low);
      const some = isAll(filter) ? {} : { filter };
      const repetition = repetitionOf(low);
      if (repetition !== undefined) {
        return { name: "watch-count", table: "conntrack", ...some, repetition, format: plainFormat(low) };
      }
      return { name, table: counted, ...some, ...fromOf(low), format: figureFormat(low) };
    }
    case "diagnose": {
      const { interval: intervalSeconds = DIAGNOSIS_SECONDS, rounds } = low.extensions;
      const format = figureFormat(low);
      const of = { ...fromOf(low), filter: filterOf(low) };
      return { name, table: "conntrack", ...of, intervalSeconds, ...given({ rounds }), format };
    }
    case "stats":
      if (low.extensions.explain === true) {
        const repetition = repetitionOf(low);
        return {
          name: "explain",
          table: "conntrack",
          ...(repetition === undefined ? {} : { repetition }),
          format: plainFormat(low),
        };
      }
      return { name, table: counted, format: figureFormat(low) };
    case "top":
      return topOf(low, readers);
  }
}
