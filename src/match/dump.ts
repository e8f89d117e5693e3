/** Dumping the flows that match a filter, with the kernel's help where it gives any. */
import { CT_GET } from "../ctnetlink/constants.js";
import { type DumpFilter, encodeFlowDump } from "../ctnetlink/encode.js";
import { type Counter, FlowView } from "../ctnetlink/view.js";
import { type Ahead, lastOf, type NetlinkConnection } from "../netlink/connection.js";
import { EINVAL, ENOTSUPP, EOPNOTSUPP } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import type { Repeater } from "../trace/repeater.js";
import { compileFilter, type FlowFilter } from "./filter.js";
import { kernelFilter } from "./kernel-filter.js";
import type { MissingFacts } from "./missing-facts.js";

/** A status list that names no flag at all (SRC_NAT, say) filters nothing; the kernel refuses it, and so do we. */
export function checkStatus({ status }: FlowFilter): void {
  if (status !== undefined && !status.unset && (status.set | status.clear) === 0) {
    throw new KernelError(EINVAL, "status filter");
  }
}

/** What a kernel says to a filter that it does not know. */
const REFUSALS: readonly number[] = [EINVAL, EOPNOTSUPP, ENOTSUPP];

const isPlain = (filter: DumpFilter): boolean =>
  Object.entries(filter).every(([key, value]) => key === "family" || value === undefined);

export interface DumpOptions {
  /** CT_GET (the default); or CT_GET_CTRZERO, CT_GET_DYING or CT_GET_UNCONFIRMED, where the kernel heeds the family alone. */
  type?: number;
  /** Whether the kernel is asked to filter. It makes no difference to the result; tests compare the two. */
  kernelFilter?: boolean;
  /** After how many entries that match the dump ends. The connection is good for close() only then. */
  limit?: number | undefined;
  /** The time since 1970, for conditions on the age: all entries are as old as they are when the dump begins. */
  nowMicroseconds?: () => number;
  /** Counts the entries that the dump brings, those too that do not match. With the kernel's filter it brings fewer. */
  read?: Counter;
  /** Told of the entries that do not match. */
  missing?: MissingFacts | undefined;
  /** Does the messages that are like one before, where there is no limit; the rest is visited with its view. */
  repeater?: Pick<Repeater, "run" | "record"> | undefined;
}

/** The parts of a dump until enough of it was seen. */
export function* upTo(
  parts: Generator<void, { interrupted: boolean }, void>,
  enough: () => boolean,
): Generator<void, { interrupted: boolean }, void> {
  for (;;) {
    const { done, value } = parts.next();
    if (done) return value;
    if (enough()) {
      parts.return({ interrupted: false });
      return { interrupted: false };
    }
    yield;
  }
}

/**
 * Dumps flows and calls `visit` with a view of each that matches; the view is good until `visit` returns.
 * @returns whether the table changed shape meanwhile, so that entries may be missing or double
 */
export function dumpFlows(
  connection: NetlinkConnection,
  filter: FlowFilter,
  visit: (view: FlowView) => void,
  options: DumpOptions = {},
): { interrupted: boolean } {
  return lastOf(dumpFlowParts(connection, filter, visit, options, true));
}

/** The same part by part, as NetlinkConnection.dumpParts fetches them; `ahead` is its. */
export function* dumpFlowParts(
  connection: NetlinkConnection,
  filter: FlowFilter,
  visit: (view: FlowView) => void,
  options: DumpOptions = {},
  ahead: Ahead = false,
): Generator<void, { interrupted: boolean }, void> {
  const { type = CT_GET, limit = Number.POSITIVE_INFINITY, read, missing } = options;
  const repeater = limit === Number.POSITIVE_INFINITY ? options.repeater : undefined;
  const helped = type === CT_GET && (options.kernelFilter ?? true);
  const view = new FlowView();
  const now = options.nowMicroseconds?.();
  const matches = compileFilter(filter, now === undefined ? undefined : () => now);
  let received = false;
  let found = 0;
  const consider = (view: FlowView): void => {
    if (read !== undefined) view.count(read);
    if (matches !== undefined && !matches(view)) {
      missing?.note(view);
      return;
    }
    found++;
    visit(view);
  };
  const dump = (request: DumpFilter) => {
    const parts = connection.dumpParts(
      (writer) => encodeFlowDump(writer, type, request),
      (buffer, start, end) => {
        received = true;
        if (repeater !== undefined) return repeater.record(buffer, start, end, consider);
        view.read(buffer, start, end);
        if (found < limit) consider(view);
      },
      ahead,
      repeater && ((buffer, start, end, sequence) => repeater.run(buffer, start, end, sequence)),
    );
    return limit === Number.POSITIVE_INFINITY ? parts : upTo(parts, () => found >= limit);
  };
  const plain: DumpFilter = { family: filter.family ?? 0 };
  const request = helped ? kernelFilter(filter) : plain;
  try {
    return yield* dump(request);
  } catch (error) {
    const refused = error instanceof KernelError && REFUSALS.includes(error.errno) && !received && !isPlain(request);
    if (!refused) throw error;
    return yield* dump(plain);
  }
}
