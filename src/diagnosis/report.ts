/** The diagnosis as text: sections with a label in front, at most 80 columns wide where names allow it. */
import { grouped, percent, scaled } from "../format/human.js";
import { NAT_PORTS } from "./collect.js";
import { counter, type Facts, type FlowFacts, NO_FLOWS, type Share, setting } from "./facts.js";
import { type Finding, hashLoad, idleHour, isFull, NEARLY_FULL, timeText, usage } from "./findings.js";
import { SETTINGS_PREFIX, tcpTimeoutName } from "./settings.js";

const LABEL_WIDTH = 11;
/** Of the report, unless somebody has less room. */
export const REPORT_WIDTH = 80;
/** Shares below one percent are not worth a word. */
const SHOWN_SHARE = 0.01;
const GAP = "   ";
/** " 1,234,567  52.5 %" */
const FIGURES_WIDTH = 19;

/** Words and how far they are apart, in lines that fit. */
function wrap(parts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + GAP.length + part.length <= width) lines[lines.length - 1] += GAP + part;
    else lines.push(part);
  }
  return lines;
}

/** A sentence in lines that fit. */
function fold(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** "115 MB". */
const bytesText = (bytes: number): string => scaled(bytes, 3).replace(/[A-Z]?$/, (unit) => ` ${unit}B`);

/** A label, then lines below one another. `verdict` stands at the right end of the first one. */
function section(label: string, lines: readonly string[], verdict = "", width = REPORT_WIDTH): string[] {
  const [first = "", ...rest] = lines;
  const room = width - LABEL_WIDTH - verdict.length - 1;
  const folded = verdict === "" ? lines : [...fold(first, room), ...rest];
  return folded.map((line, i) => {
    const text = (i === 0 ? label : "").padEnd(LABEL_WIDTH) + line;
    return i === 0 && verdict !== "" ? `${text.padEnd(width - verdict.length - 1)} ${verdict}` : text;
  });
}

const signed = (perSecond: number): string => {
  const rounded = Math.round(perSecond);
  return `${rounded < 0 ? "-" : "+"}${grouped(Math.abs(rounded))}/s`;
};

/** "drop 12, +3/s since boot": what a counter says, where it says anything. */
function counterText(facts: Facts, name: string, meaning: string): string[] {
  const { total, perSecond = 0 } = counter(facts, name);
  if (total === 0) return [];
  return [`${name} ${grouped(total)} since boot${perSecond === 0 ? "" : `, ${signed(perSecond)}`}: ${meaning}`];
}

function tableSection(facts: Facts, width: number): string[] {
  const { from, entries, limit, entriesPerSecond } = facts;
  if (from !== undefined) {
    return section("Table", [`${grouped(entries)} entries in ${from === "-" ? "standard input" : from}`]);
  }
  const of = limit ? ` of ${grouped(limit)} entries (${percent(entries, limit)} %)` : " entries, without a limit";
  const growth = entriesPerSecond === undefined ? "" : `, ${signed(entriesPerSecond)}`;
  const verdict = isFull(facts) ? "FULL" : usage(facts) >= NEARLY_FULL ? "NEARLY FULL" : "ok";
  const toFull =
    limit && entriesPerSecond !== undefined && entriesPerSecond >= 1 && entries < limit
      ? [`full in about ${timeText(Math.ceil((limit - entries) / entriesPerSecond))} at this rate`]
      : [];
  return section(
    "Table",
    [
      grouped(entries) + of + growth,
      ...toFull,
      ...counterText(facts, "drop", "packets thrown away"),
      ...counterText(facts, "early_drop", "unassured entries evicted"),
      ...counterText(facts, "insert_failed", "an equal entry was there"),
    ],
    verdict,
    width,
  );
}

function hashSection(facts: Facts, findings: readonly Finding[], width: number): string[] {
  const load = hashLoad(facts);
  if (load === undefined) return [];
  const { total } = counter(facts, "chaintoolong");
  return section(
    "Hash",
    [
      `${grouped(facts.buckets!)} buckets, load ${load.toFixed(1)} (each entry is hashed twice)`,
      ...(total === 0 ? [] : counterText(facts, "chaintoolong", "refused, the chain was too long")),
    ],
    findings.some(({ id }) => id === "hash") ? "LONG" : "ok",
    width,
  );
}

const shareText = (shares: readonly Share[], of: number): string[] =>
  shares
    .filter(({ name, flows }) => name !== "-" && flows >= SHOWN_SHARE * of)
    .map(({ name, flows }) => `${name} ${percent(flows, of, 0)} %`);

function whoSection(facts: FlowFacts, width: number): string[] {
  const { flows, protocols, states, unreplied, unassured, offloaded, sources, destinations, ports } = facts;
  if (flows === 0) return section("Who", ["no entries"]);
  const part = (count: number) => `${percent(count, flows, 0)} %`;
  const large = <One extends Share>(all: readonly One[]) =>
    all.filter(({ flows: count }) => count >= SHOWN_SHARE * flows);
  const [from, to] = [large(sources), large(destinations)];
  const longest = Math.max(15, ...[...from, ...to].map(({ name }) => name.length));
  // A name that is longer has its figures below it.
  const nameWidth = Math.min(longest, width - LABEL_WIDTH - FIGURES_WIDTH);
  const talker = (name: string, count: number, more: string) =>
    wrap(
      [
        `${name.padEnd(nameWidth)} ${grouped(count).padStart(10)} ${percent(count, flows).padStart(5)} %`,
        ...(more === "" ? [] : [more]),
      ],
      width - LABEL_WIDTH,
    ).map((line, i) => (i === 0 ? line : GAP + line));
  const talkers = (lines: string[]) => (lines.length === 0 ? ["none has 1 % of the entries"] : lines);
  const rest = (unreplied: number, of: number) =>
    unreplied >= of / 2 ? `${percent(unreplied, of, 0)} % unreplied` : "";
  const indent = "  ";
  return [
    ...section("Who", [
      ...wrap(shareText(protocols, flows), width - LABEL_WIDTH),
      ...wrap(shareText(states, flows), width - LABEL_WIDTH),
      ...wrap(
        [`unreplied ${part(unreplied)}`, `unassured ${part(unassured)}`, `offloaded ${part(offloaded)}`],
        width - LABEL_WIDTH,
      ),
    ]),
    ...section(
      `${indent}from`,
      talkers(
        from.flatMap(({ name, flows: count, unreplied, mostly }) => {
          const main =
            mostly !== undefined && mostly.flows >= count / 2
              ? `${percent(mostly.flows, count, 0)} % to ${mostly.name}`
              : "";
          return talker(name, count, main || rest(unreplied, count));
        }),
      ),
    ),
    ...section(
      `${indent}to`,
      talkers(to.flatMap(({ name, flows: count, unreplied }) => talker(name, count, rest(unreplied, count)))),
    ),
    ...section(
      `${indent}ports`,
      ports.map(
        ({ address, destination, flows: count }) =>
          `${address} towards ${destination}: ${grouped(count)} of ${grouped(NAT_PORTS)} taken by SNAT`,
      ),
    ),
  ];
}

function idleSection(facts: Facts): string[] {
  const { idle, limit } = facts;
  if (idle === undefined) return [];
  const { timeoutSeconds, longerThan, unknown } = idle;
  const usual = setting(facts, "tcp_timeout_established")?.default;
  const hour = idleHour(facts);
  const kernels = usual === timeoutSeconds ? ", the kernel's default" : "";
  if (unknown === 0 && longerThan.every(({ flows }) => flows === 0)) {
    return section("Idle", ["no assured, established TCP for more than 5 min"]);
  }
  return section("Idle", [
    "assured, established TCP by the time without a packet:",
    longerThan.map(({ seconds, flows }) => `> ${timeText(seconds)}  ${grouped(flows)}`).join(GAP) +
      (unknown === 0 ? "" : `${GAP}not known  ${grouped(unknown)}`),
    `tcp_timeout_established = ${timeoutSeconds} (${timeText(timeoutSeconds)}${kernels})`,
    ...(hour === undefined || hour.flows === 0
      ? []
      : [
          `with 3600 there would be ${grouped(hour.left)} entries now${limit ? ` (${percent(hour.left, limit)} % of the limit)` : ""}`,
        ]),
  ]);
}

/** ": 15,718 entries": how many TCP entries have the state that a timeout is of. */
function entriesOf(name: string, states: readonly Share[]): string {
  const state = states.find((one) => tcpTimeoutName(one.name) === name);
  return state === undefined ? "" : `: ${grouped(state.flows)} entries`;
}

function settingsSection({ settings, states = [] }: Facts): string[] {
  const plain = (name: string) => name.slice(SETTINGS_PREFIX.length);
  const changed = settings.filter(({ value, default: usual }) => usual !== undefined && value !== usual);
  const lines = changed.map(
    ({ name, value, default: usual }) =>
      `${plain(name)} = ${value} (the kernel's default is ${usual})${entriesOf(plain(name), states)}`,
  );
  return settings.length === 0
    ? []
    : section("Settings", lines.length === 0 ? ["all timeouts and switches are the kernel's defaults"] : lines);
}

function memorySection({ memory: { entryBytes, bucketBytes } }: Facts): string[] {
  const parts = [
    ...(entryBytes === undefined ? [] : [`about ${bytesText(entryBytes)} of entries`]),
    ...(bucketBytes === undefined ? [] : [`${bytesText(bucketBytes)} of buckets`]),
  ];
  return parts.length === 0 ? [] : section("Memory", [`${parts.join(", ")} (all network namespaces)`]);
}

function helpSection(findings: readonly Finding[], width: number): string[] {
  if (findings.length === 0) return ["", "Nothing to mend."];
  const lines = findings.flatMap(({ title, text, commands }, i) => [
    ...fold(`${i + 1}. ${title}: ${text}`, width - 5).map((line, j) => `${j === 0 ? "  " : "     "}${line}`),
    ...commands.map((command) => `       ${command}`),
  ]);
  return ["", "What helps, in this order", ...lines];
}

/** The report, line by line. Some lines are longer than the width: those of names, of commands, and of gaps. */
export function reportLines(facts: Facts, findings: readonly Finding[], width = REPORT_WIDTH): string[] {
  return [
    ...tableSection(facts, width),
    ...hashSection(facts, findings, width),
    ...(facts.flows === undefined ? [] : whoSection({ ...NO_FLOWS, ...facts }, width)),
    ...idleSection(facts),
    ...settingsSection(facts),
    ...memorySection(facts),
    ...facts.gaps.map((gap) => `Not known: ${gap}`),
    ...helpSection(findings, width),
  ];
}
