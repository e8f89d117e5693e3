/** All texts of --help, for an executable that only has to pick one: scripts/build-standalone.mjs. */
import { PROTOCOLS } from "../../protocol/protocols.js";
import { helpText } from "./help.js";

/** By protocol number; "any" without one. */
export function helpTexts(): Record<string, string> {
  const texts = PROTOCOLS.map(({ number }) => [number, helpText({ name: "help", protonum: number })]);
  return { ...Object.fromEntries(texts), any: helpText({ name: "help", protonum: undefined }) };
}
