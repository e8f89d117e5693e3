/** Flows out of lines of JSON: what `toJson` and `conntrack -o json` make of them. */
import { LineError } from "../saved/errors.js";
import { parseJsonLine, readJsonFlow } from "../saved/json-line.js";
import { UsageError } from "../system/errors.js";
import type { Flow } from "./flow.js";
import type { FlowEvent } from "./options.js";

/** The counters of a direction, which are bigints in a flow. */
function withBigints(direction: Record<string, unknown>): void {
  for (const name of ["packets", "bytes"]) {
    const value = direction[name];
    if (value !== undefined) direction[name] = BigInt(value as string | number);
  }
}

/**
 * The flow of a line that `toJson` or `conntrack -L -o json` made, or the event of one that `-E -o json` made: the inverse of
 * `toJson`. Properties that a newer version added are there too.
 *
 *     const flow = fromJson(line);
 *     if (!("event" in flow)) await conntrack.create(flow, { ifAbsent: true });
 *
 * @throws {UsageError} for a line that is no JSON, or JSON of something else: an expectation, a loss of events, a list.
 */
export function fromJson(line: string): Flow | FlowEvent {
  if (typeof line !== "string") throw new UsageError("fromJson takes a line of text");
  try {
    const members = parseJsonLine(line);
    readJsonFlow(members);
    withBigints(members["orig"] as Record<string, unknown>);
    withBigints(members["reply"] as Record<string, unknown>);
    return members as unknown as Flow | FlowEvent;
  } catch (error) {
    if (!(error instanceof LineError)) throw error;
    throw Object.assign(new UsageError(`no flow: ${error.message}`), { cause: error });
  }
}
