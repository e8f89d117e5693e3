/** --diagnose: what fills the table, and what helps. */
import { collectFacts, collectSavedFacts } from "../diagnosis/collect.js";
import { findingsOf, HEALTHY, inFile, inNetwork, statusOf } from "../diagnosis/findings.js";
import { diagnosisMetrics } from "../diagnosis/metrics.js";
import { reportLines } from "../diagnosis/report.js";
import { toJson } from "../format/json.js";
import { metricLines } from "../format/prometheus.js";
import { rfc3339 } from "../format/time.js";
import { toUtf8 } from "../system/text.js";
import type { Diagnose } from "./command.js";
import { type Context, repeaterOf, withConnection } from "./context.js";
import { withFacts } from "./facts.js";
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
      const sources = {
        connection,
        readFile: context.readFile,
        nowMicroseconds: context.nowMicroseconds,
        sleep: (milliseconds: number) => sleep(context, milliseconds),
      };
      return collectFacts(sources, filter, intervalSeconds, repeated);
    }),
  );
  const { network } = context;
  const elsewhere = (command: string) => {
    if (from !== undefined) return inFile(command, from.path);
    return network === undefined ? command : inNetwork(command, network);
  };
  const findings = findingsOf(facts).map((one) => ({ ...one, commands: one.commands.map(elsewhere) }));
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
