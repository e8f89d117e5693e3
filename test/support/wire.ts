/** Wire fixtures: messages that the kernel sent, each beside what the reference printed of it. scripts/capture-fixtures.mjs makes them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fixtures } from "./paths.js";

export interface WireMessage {
  hex: string;
  default: string;
  extended?: string;
  xml?: string;
  save?: string;
}

export interface WireFixture {
  /** How the table was made and read. */
  how: string;
  reference: string;
  kernel: string;
  /** The second, since 1970, in which the reference printed it. */
  nowSeconds: number;
  messages: WireMessage[];
}

export const FLOW_FIXTURES = ["flows-mix", "flows-traffic"] as const;

export function wireFixture(
  name: (typeof FLOW_FIXTURES)[number] | "expectations" | "stats-cpu" | "stats-cpu-expect",
): WireFixture {
  return JSON.parse(readFileSync(join(fixtures, "wire", `${name}.json`), "utf8")) as WireFixture;
}

export function bytesOf(message: WireMessage): Uint8Array {
  return Uint8Array.from(Buffer.from(message.hex, "hex"));
}
