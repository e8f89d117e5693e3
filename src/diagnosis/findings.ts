/** From facts to what is wrong and what helps. Each rule looks at the facts alone. */
import { grouped, percent } from "../format/human.js";
import { shellWord } from "../system/shell.js";
import { NAT_PORTS } from "./collect.js";
import { counter, type Facts, type FlowFacts, flowsOf, NO_FLOWS, setting } from "./facts.js";
import { SETTINGS_PREFIX } from "./settings.js";

export type Severity = "warning" | "critical";

export interface Finding {
  /** Stable, for programs. */
  readonly id: "full" | "nat-ports" | "hash" | "source" | "unreplied" | "close-wait" | "idle" | "insert-failed";
  readonly severity: Severity;
  /** A few words. */
  readonly title: string;
  /** One sentence with the figures. */
  readonly text: string;
  /** What helps, as commands to copy. What would change entries has --dry-run. */
  readonly commands: readonly string[];
  /** How many entries it explains: of findings of one severity, that with the most stands first. */
  readonly entries: number;
}

/** Shares of the limit from which on a table is nearly full, and full. */
export const NEARLY_FULL = 0.75;
export const FULL = 0.95;
/** A cause of a nearly full table has this share of its entries at least. */
const CAUSE = 0.25;
/** What is wrong in a table that has room, too: so much of it, and so many entries. */
const HALF = 0.5;
const MANY_UNREPLIED = 10_000;
const CLOSE_WAIT_SHARE = 0.2;
const MANY_CLOSE_WAIT = 1000;
const PORTS_SHORT = 0.8;
/** Entries to a bucket, each entry being in the hash twice. The kernel's own sizes give 2 in a full table. */
const LONG_CHAINS = 8;
const HOUR = 3600;
const DAY = 86400;

type AllFacts = Facts & FlowFacts;

/** The share of the limit that is used; 0 where there is no limit. */
export const usage = ({ entries, limit }: Facts): number => (limit ? entries / limit : 0);

/** How many places of the hash table are taken to a bucket. */
export const hashLoad = ({ entries, buckets }: Facts): number | undefined =>
  buckets ? (2 * entries) / buckets : undefined;

/** Whether there is no room for new connections. The kernel counts each packet of insert_failed as a drop, too. */
export function isDropping(facts: Facts): boolean {
  const perSecond = (name: string) => counter(facts, name).perSecond ?? 0;
  return perSecond("drop") > perSecond("insert_failed");
}

export const isFull = (facts: Facts): boolean => usage(facts) >= FULL || isDropping(facts);

const isNearlyFull = (facts: Facts): boolean => usage(facts) >= NEARLY_FULL || isDropping(facts);

const sysctl = (assignment: string): string => `sysctl -w ${SETTINGS_PREFIX}${assignment}`;

/** The smallest power of two that is not below `value`. */
function powerOfTwo(value: number): number {
  let power = 1;
  while (power < value) power *= 2;
  return power;
}

function full(facts: Facts): Finding | undefined {
  const { entries, limit } = facts;
  if (!isNearlyFull(facts) || limit === undefined) return undefined;
  const room = powerOfTwo(limit + 1);
  const dropping = isDropping(facts) ? ", and packets of new connections are being dropped" : "";
  return {
    id: "full",
    severity: isFull(facts) ? "critical" : "warning",
    title: "more room",
    text: `${grouped(entries)} of ${grouped(limit)} entries are taken${dropping} (set in the initial network namespace, for all of them)`,
    // First the buckets, so that chains do not grow meanwhile.
    commands: [sysctl(`buckets=${room}`), sysctl(`max=${room}`)],
    // What fills the table comes first.
    entries: 0,
  };
}

function natPorts({ ports }: FlowFacts): Finding | undefined {
  const [most] = ports;
  if (most === undefined || most.flows < PORTS_SHORT * NAT_PORTS) return undefined;
  const { address, protocol, destination, flows } = most;
  return {
    id: "nat-ports",
    severity: flows >= FULL * NAT_PORTS ? "critical" : "warning",
    title: "ports for SNAT",
    text: `${grouped(flows)} of ${grouped(NAT_PORTS)} ports of ${address} are taken towards ${destination} (${protocol}): give the SNAT rule more addresses`,
    commands: [`conntrack -L --src-nat ${address} --group-by src,state --limit 5`],
    // No other cause keeps new connections from being made while the table has room.
    entries: Number.POSITIVE_INFINITY,
  };
}

function hash(facts: Facts): Finding | undefined {
  const load = hashLoad(facts);
  const tooLong = counter(facts, "chaintoolong").perSecond ?? 0;
  if (load === undefined || (load <= LONG_CHAINS && tooLong === 0)) return undefined;
  const { entries, limit = entries, buckets } = facts;
  return {
    id: "hash",
    severity: tooLong > 0 ? "critical" : "warning",
    title: "hash buckets",
    text: `${grouped(buckets!)} buckets hold ${grouped(entries)} entries twice: each look-up reads some ${grouped(Math.round(load))} of them`,
    commands: [sysctl(`buckets=${powerOfTwo(Math.max(limit, entries))}`)],
    entries: load > LONG_CHAINS ? entries : 0,
  };
}

function oneSource(facts: AllFacts): Finding | undefined {
  const [top] = facts.sources;
  if (top === undefined || !isNearlyFull(facts) || top.flows < CAUSE * facts.flows) return undefined;
  return {
    id: "source",
    severity: "warning",
    title: "one source",
    text: `${top.name} has ${grouped(top.flows)} entries, ${percent(top.flows, facts.flows)} %`,
    commands: [`conntrack -L -s ${top.name} --group-by dst,dport --limit 5`],
    entries: top.flows,
  };
}

function unreplied(facts: AllFacts): Finding | undefined {
  const { unreplied, flows, states } = facts;
  const share = flows === 0 ? 0 : unreplied / flows;
  const many = share >= HALF && unreplied >= MANY_UNREPLIED;
  if (!many && !(isNearlyFull(facts) && share >= CAUSE)) return undefined;
  const synSent = flowsOf(states, "SYN_SENT");
  const timeout = setting(facts, "tcp_timeout_syn_sent")?.value ?? 0;
  const lower = synSent >= HALF * unreplied && timeout > 20 ? [sysctl("tcp_timeout_syn_sent=20")] : [];
  const of =
    synSent >= HALF * unreplied ? "SYN_SENT: a scan, a SYN flood, or servers that do not answer" : "no answer yet";
  return {
    id: "unreplied",
    severity: "warning",
    title: "unreplied",
    text: `${grouped(unreplied)} entries have seen no reply, ${percent(unreplied, flows)} % (${of})`,
    commands: [...lower, "conntrack -L -u UNREPLIED --group-by src --limit 5", "conntrack -D -u UNREPLIED --dry-run"],
    entries: unreplied,
  };
}

function closeWait(facts: AllFacts): Finding | undefined {
  const waiting = flowsOf(facts.states, "CLOSE_WAIT");
  if (waiting < MANY_CLOSE_WAIT || waiting < CLOSE_WAIT_SHARE * facts.flows) return undefined;
  const timeout = setting(facts, "tcp_timeout_close_wait");
  const isLong = timeout?.default !== undefined && timeout.value > timeout.default;
  return {
    id: "close-wait",
    severity: "warning",
    title: "CLOSE_WAIT",
    text: `${grouped(waiting)} connections wait in CLOSE_WAIT: one side has closed, and the other side's program does not`,
    commands: [
      ...(isLong ? [sysctl(`tcp_timeout_close_wait=${timeout.default}`)] : []),
      "conntrack -L -p tcp --state CLOSE_WAIT --group-by dst,dport --limit 5",
      "conntrack -D -p tcp --state CLOSE_WAIT --dry-run",
    ],
    entries: waiting,
  };
}

/** How many connections are idle for longer than an hour, and how many entries there would be without them. */
export function idleHour({ idle, entries }: Facts): { flows: number; left: number } | undefined {
  const hour = idle?.longerThan.find(({ seconds }) => seconds === HOUR);
  return hour === undefined || idle!.timeoutSeconds <= HOUR
    ? undefined
    : { flows: hour.flows, left: Math.max(0, entries - hour.flows) };
}

function idle(facts: AllFacts): Finding | undefined {
  const hour = idleHour(facts);
  if (hour === undefined || !isNearlyFull(facts) || hour.flows < CAUSE * facts.flows) return undefined;
  const { timeoutSeconds } = facts.idle!;
  return {
    id: "idle",
    severity: "warning",
    title: "idle connections",
    text: `${grouped(hour.flows)} established TCP connections have had no packet for more than an hour; their timeout is ${timeoutSeconds} s (${timeText(timeoutSeconds)})`,
    commands: [
      sysctl(`tcp_timeout_established=${HOUR}`),
      `conntrack -D -p tcp --state ESTABLISHED --expires -${timeoutSeconds - HOUR} --dry-run`,
    ],
    entries: hour.flows,
  };
}

function insertFailed(facts: Facts): Finding | undefined {
  const { perSecond = 0 } = counter(facts, "insert_failed");
  if (perSecond === 0) return undefined;
  return {
    id: "insert-failed",
    severity: "warning",
    title: "insert_failed",
    text: "packets are dropped because an equal entry was there already: often two DNS questions from one socket",
    commands: ["conntrack -S --explain --interval 2 --rounds 2"],
    entries: 0,
  };
}

/** Seconds in the largest unit that they fill: "5 d", "1 h", "90 s". */
export function timeText(seconds: number): string {
  if (seconds >= DAY && seconds % DAY === 0) return `${seconds / DAY} d`;
  if (seconds >= HOUR && seconds % HOUR === 0) return `${seconds / HOUR} h`;
  return seconds >= 60 && seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

const RULES = [natPorts, hash, oneSource, unreplied, closeWait, idle, insertFailed, full];

/** Critical causes first, then those that explain most entries; of equal ones the first rule. More room comes last. */
export function findingsOf(facts: Facts): Finding[] {
  const found = RULES.flatMap((rule) => rule({ ...NO_FLOWS, ...facts }) ?? []);
  const rank = ({ id, severity }: Finding) => (id === "full" ? 2 : severity === "critical" ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b) || (b.entries === a.entries ? 0 : b.entries > a.entries ? 1 : -1));
}

/** A command of a finding, for another network namespace than that of the shell: what --netns finds it by, and its file. */
export function inNetwork(command: string, { where, path }: { where: string; path: string }): string {
  if (command.startsWith("conntrack ")) return command.replace(" ", () => ` --netns ${shellWord(where)} `);
  // The size of the table is set in the initial namespace alone, for all of them.
  if (/nf_conntrack_(max|buckets)=/.test(command)) return command;
  return `nsenter --net=${shellWord(path)} ${command}`;
}

/** A command of a finding, for the saved table that it was found in. What changes something is for the kernel's. */
export const inFile = (command: string, path: string): string =>
  command.replace(/^conntrack -L /, () => `conntrack -L --from ${shellWord(path)} `);

/** The exit statuses of --diagnose. */
export const HEALTHY = 0;
export const WARNINGS = 3;
export const CRITICAL = 4;

export function statusOf(findings: readonly Finding[]): number {
  if (findings.length === 0) return HEALTHY;
  return findings.some(({ severity }) => severity === "critical") ? CRITICAL : WARNINGS;
}
