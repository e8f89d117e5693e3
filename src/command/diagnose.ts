/** --diagnose: what fills the table, and what helps. */
import type { Counter } from "../ctnetlink/view.js";
import { collectFacts, collectParts, collectSavedFacts, type Sources } from "../diagnosis/collect.js";
import type { Facts } from "../diagnosis/facts.js";
import { type Finding, findingsOf, HEALTHY, inFile, inNetwork, statusOf } from "../diagnosis/findings.js";
import { diagnosisMetrics } from "../diagnosis/metrics.js";
import { linePieces } from "../diagnosis/pieces.js";
import { REPORT_WIDTH, reportLines } from "../diagnosis/report.js";
import { toJson } from "../format/json.js";
import { metricLines } from "../format/prometheus.js";
import { rfc3339 } from "../format/time.js";
import type { FlowFilter } from "../match/filter.js";
import { MissingFacts } from "../match/missing-facts.js";
import { type NetlinkConnection, openConnection } from "../netlink/connection.js";
import { toUtf8 } from "../system/text.js";
import type { DiagnosisParts } from "../top/diagnosis-screen.js";
import type { Diagnose } from "./command.js";
import { type Context, repeaterOf, withConnection } from "./context.js";
import { missingTexts, withFacts } from "./facts.js";
import { clockText } from "./repeat.js";
import { sleep } from "./wait.js";

/** Returns the exit status of the last report, which is how the table is now. */
export function diagnose(command: Diagnose, context: Context): number {
  const { rounds } = command;
  if (rounds === undefined) return report(command, context, undefined);
  let status = HEALTHY;
  for (let round = 0; round < rounds; round++) {
    if (round > 0 && command.format === "default") context.stdout.write(toUtf8("\n"));
    status = report(command, context, context.nowMicroseconds());
  }
  return status;
}

/** @param nowMicroseconds shown in front, where there are several reports */
function report(
  { from, filter, intervalSeconds, format }: Diagnose,
  context: Context,
  nowMicroseconds: number | undefined,
): number {
  const facts = withFacts(context, filter, (options) =>
    withConnection(context, (connection) => {
      const repeated = { ...options, repeater: repeaterOf(context) };
      if (from !== undefined) return collectSavedFacts(connection, from.path, filter, repeated);
      const sources = sourcesOf(context, connection);
      return collectFacts(sources, filter, intervalSeconds, (time) => sleep(context, time), repeated);
    }),
  );
  const findings = findingsIn(facts, context);
  const status = statusOf(findings);
  const lines =
    format === "prometheus"
      ? metricLines(diagnosisMetrics(facts, findings))
      : format === "json"
        ? [toJson(snakeCase({ ...timeMember(nowMicroseconds), status, findings: findings.map(jsonFinding), ...facts }))]
        : [...(nowMicroseconds === undefined ? [] : [clockText(context)]), ...reportLines(facts, findings)];
  context.stdout.write(toUtf8(`${lines.join("\n")}\n`));
  return status;
}

const sourcesOf = ({ readFile, nowMicroseconds }: Context, connection: NetlinkConnection): Sources => ({
  connection,
  readFile,
  nowMicroseconds,
});

/** What is found, with commands that work where the table is. */
function findingsIn(facts: Facts, { network }: Context): Finding[] {
  const elsewhere = (command: string) => {
    if (facts.from !== undefined) return inFile(command, facts.from);
    return network === undefined ? command : inNetwork(command, network);
  };
  return findingsOf(facts).map((one) => ({ ...one, commands: one.commands.map(elsewhere) }));
}

/** Between the two samples of the counters, in the view. */
const VIEW_INTERVAL_SECONDS = 2;

/**
 * The report for the view, part by part: see collectParts. The warnings that --diagnose writes to stderr are its last lines.
 * @param read counts the entries that were read
 */
export function* reportParts(filter: FlowFilter, read: Counter, context: Context): DiagnosisParts {
  const missing = MissingFacts.of(filter);
  const connection = openConnection(context.backend);
  try {
    const { nowMicroseconds } = context;
    const options = { nowMicroseconds, missing, read, repeater: repeaterOf(context) };
    const sources = sourcesOf(context, connection);
    const facts = yield* collectParts(sources, filter, VIEW_INTERVAL_SECONDS, options, false);
    const findings = findingsIn(facts, context);
    const warnings = missing === undefined ? [] : missingTexts(context, filter, missing);
    const lines = (width: number) => [...reportLines(facts, findings, Math.min(width, REPORT_WIDTH)), ...warnings];
    return (width) => lines(width).map(linePieces);
  } finally {
    connection.close();
  }
}

const timeMember = (nowMicroseconds: number | undefined): { time?: string } =>
  nowMicroseconds === undefined ? {} : { time: rfc3339(BigInt(nowMicroseconds) * 1000n) };

/** Names of members as the json format has them: entriesPerSecond becomes entries_per_second. */
function snakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCase);
  if (typeof value !== "object" || value === null) return value;
  const rename = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [rename(name), snakeCase(one)]));
}

/** Infinity, the rank of what explains itself, is no JSON. */
const jsonFinding = ({ entries, ...rest }: ReturnType<typeof findingsOf>[number]) =>
  Number.isFinite(entries) ? { ...rest, entries } : rest;
