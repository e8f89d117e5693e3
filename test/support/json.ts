/** JSON lines: against the schema, and back into the lines of the default format. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Expectation } from "../../src/library/expectation.js";
import type { Direction, Flow, Tuple } from "../../src/library/flow.js";
import { protocolByNumber } from "../../src/protocol/protocols.js";
import { root } from "./paths.js";

interface Schema {
  [key: string]: unknown;
}

/** The schema as a validator of today's output: no member without a place in it. The published one lets readers be lenient. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const copy: Schema = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  if (copy["type"] === "object" && !("additionalProperties" in copy)) copy["additionalProperties"] = false;
  return copy;
}

const schema = JSON.parse(readFileSync(join(root, "docs/conntrack.schema.json"), "utf8")) as Schema;
const ajv = () => new Ajv2020({ allErrors: true, strict: true, strictRequired: false });
const lenient = ajv().compile(schema);
const strict = ajv().compile(closed(schema) as Schema);

/** Parses lines, each of which must be what the schema says. */
export function parseLines<Entry>(text: string): Entry[] {
  if (text === "") return [];
  assert.ok(text.endsWith("\n"), "the last line ends");
  return text
    .slice(0, -1)
    .split("\n")
    .map((line) => {
      const value = JSON.parse(line);
      for (const validate of [lenient, strict]) {
        assert.ok(validate(value), `${line}: ${JSON.stringify(validate.errors)}`);
      }
      assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f\u2028\u2029]/);
      return value as Entry;
    });
}

/** A Flow after a trip through JSON: its counters are numbers. */
export type Line = Flow;

function fields(names: readonly [string, unknown][]): string {
  return names.map(([name, value]) => (value === undefined ? "" : `${name}=${value} `)).join("");
}

function tuple({ src, dst, sport, dport, srckey, dstkey, icmp }: Tuple, number: number | undefined): string {
  const addresses = fields([
    ["src", src],
    ["dst", dst],
  ]);
  // The default format shows 0 for what the kernel did not send.
  switch (number === undefined ? undefined : protocolByNumber(number)?.kind) {
    case "ports":
      return `${addresses}sport=${sport ?? 0} dport=${dport ?? 0} `;
    case "keys":
      return `${addresses}srckey=0x${(srckey ?? 0).toString(16)} dstkey=0x${(dstkey ?? 0).toString(16)} `;
    case "icmp":
    case "icmpv6":
      return `${addresses}type=${icmp?.type ?? 0} code=${icmp?.code ?? 0} id=${icmp?.id ?? 0} `;
    default:
      return addresses;
  }
}

function direction(it: Direction, number: number | undefined, zone: string): string {
  const counted = it.packets !== undefined && it.bytes !== undefined;
  return `${tuple(it, number)}${fields([[zone, it.zone]])}${counted ? `packets=${it.packets} bytes=${it.bytes} ` : ""}`;
}

/** Control characters as the text formats show them. */
const foreign = (text: string | undefined) => text?.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");

const seconds = (time: string) => Math.floor(Date.parse(time) / 1000);

/** The line of the default format with `-o extended,id`; `now` in seconds, for the time that a flow has lasted. */
export function flowText(flow: Line, now: number, labels = false): string {
  const { protocol, orig, reply, status = ["SEEN_REPLY"], timestamp } = flow;
  const has = (flag: string) => (status as readonly string[]).includes(flag);
  const number = protocol?.number;
  const flags = has("HW_OFFLOAD")
    ? "[HW_OFFLOAD] "
    : has("OFFLOAD")
      ? "[OFFLOAD] "
      : has("ASSURED")
        ? "[ASSURED] "
        : "";
  const lasted =
    timestamp && Math.max(0, (timestamp.stop === undefined ? now : seconds(timestamp.stop)) - seconds(timestamp.start));
  const names = flow.labels?.flatMap(({ name }) => name ?? []) ?? [];
  return [
    flow.family === "ipv6" ? "ipv6     10 " : "ipv4     2 ",
    number === undefined ? "" : `${(protocol?.name ?? "unknown").padEnd(8)} ${number} `,
    flow.timeout === undefined ? "" : `${flow.timeout} `,
    flow.state === undefined ? "" : `${flow.state} `,
    direction(orig, number, "zone-orig"),
    has("SEEN_REPLY") ? "" : "[UNREPLIED] ",
    direction(reply, number, "zone-reply"),
    flags,
    fields([
      ["mark", flow.mark],
      ["secmark", flow.secmark],
      ["secctx", foreign(flow.secctx)],
      ["zone", flow.zone],
      ["delta-time", lasted],
      ["helper", foreign(flow.helper)],
      ["use", flow.use],
      ["id", flow.id],
    ]),
    labels && flow.labels !== undefined ? (names.length > 0 ? `labels=${names.join()} ` : "labels ") : "",
  ]
    .join("")
    .replace(/ $/, "");
}

/** The line of the default format. */
export function expectationText({ protocol, expected, mask, master, ...rest }: Expectation): string {
  const number = protocol?.number;
  return [
    rest.timeout === undefined ? "" : `${rest.timeout} `,
    fields([["proto", number]]),
    tuple(expected, number),
    tuple(mask, number).replace("src=", "mask-src=").replace("dst=", "mask-dst="),
    tuple(master, master.protocol?.number).replace("src=", "master-src=").replace("dst=", "master-dst="),
    fields([["zone", rest.zone]]),
    rest.flags === undefined || rest.flags.length === 0 ? "" : `${rest.flags.join()} `,
    fields([
      ["class", rest.class],
      ["helper", foreign(rest.helper)],
    ]),
  ]
    .join("")
    .replace(/ $/, "");
}
