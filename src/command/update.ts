/** -U: entries that match are changed, fetched again, and shown. */
import * as C from "../ctnetlink/constants.js";
import { encodeFlowRefetch, encodeFlowUpdate, type FlowChanges } from "../ctnetlink/encode.js";
import { hasLabel, LABEL_BITS, labelBytes } from "../ctnetlink/labels.js";
import * as S from "../ctnetlink/slots.js";
import { FlowView } from "../ctnetlink/view.js";
import { MAX_BATCH_QUERIES, type NetlinkConnection } from "../netlink/connection.js";
import { ENOENT, ENOSPC } from "../netlink/errno.js";
import { MessageWriter } from "../netlink/message.js";
import { stateNumber } from "../protocol/state.js";
import { KernelError } from "../system/errors.js";
import type { Command, Values } from "./command.js";
import { type Context, despiteBrokenOutput, type EntryOutput, say, withConnection, withOutput } from "./context.js";
import { changeMatching } from "./entry-batch.js";
import { updateFilter } from "./filter.js";
import { bareFlowFormatter } from "./output.js";
import { protoinfo } from "./template.js";

/** The value in a slot, or undefined where the kernel did not send it. */
function u32(view: FlowView, slot: number): number | undefined {
  return view.has(slot) ? view.u32(slot) : undefined;
}

/** The labels to send: see linux/netfilter/nfnetlink_conntrack.h, CTA_LABELS: the kernel wants its own length, and bits under a mask. */
function labelChanges(view: FlowView, { labelAdd, labelDel }: Values): FlowChanges | undefined {
  const slot = S.TOP + C.CTA_LABELS;
  const had = view.has(slot) ? view.bytes(slot) : new Uint8Array(LABEL_BITS / 8);
  if (labelAdd !== undefined) {
    if (labelAdd.every((bit) => hasLabel(had, bit))) return undefined;
    const bits = labelBytes(labelAdd, had.length);
    return { labels: bits, labelsMask: bits };
  }
  if (labelDel === undefined) return undefined;
  if (labelDel === "all") return had.every((byte) => byte === 0) ? undefined : { labels: new Uint8Array(had.length) };
  if (!labelDel.some((bit) => hasLabel(had, bit))) return undefined;
  return { labels: new Uint8Array(had.length), labelsMask: labelBytes(labelDel, had.length) };
}

/** What to send for an entry, or undefined where nothing would change. */
function changesFor(view: FlowView, values: Values): FlowChanges | undefined {
  const changes: FlowChanges = {};
  let any = false;
  const { timeoutSeconds, mark, status } = values;
  if (timeoutSeconds !== undefined && timeoutSeconds !== u32(view, S.TOP + C.CTA_TIMEOUT)) {
    changes.timeoutSeconds = timeoutSeconds;
    any = true;
  }
  if (mark !== undefined) {
    const old = u32(view, S.TOP + C.CTA_MARK) ?? 0;
    const next = ((old & ~mark.mask) ^ mark.value) >>> 0;
    if (next !== old) {
      changes.mark = next;
      any = true;
    }
  }
  if (status !== undefined) {
    const old = u32(view, S.TOP + C.CTA_STATUS) ?? 0;
    const next = (old | status.set) >>> 0;
    if (next !== old) {
      changes.status = next;
      any = true;
    }
  }
  if (values.state !== undefined && values.state !== stateNumber(view)) {
    changes.protoinfo = protoinfo(values);
    any = true;
  }
  const labels = labelChanges(view, values);
  if (labels !== undefined) Object.assign(changes, labels);
  return any || labels !== undefined ? changes : undefined;
}

/** Fetches changed entries again, many at a time, and shows them. */
class Refetch {
  readonly #connection: NetlinkConnection;
  readonly #output: EntryOutput<FlowView>;
  readonly #queries = new MessageWriter();
  readonly #changed = new FlowView();
  readonly #fresh = new FlowView();
  #count = 0;

  constructor(connection: NetlinkConnection, output: EntryOutput<FlowView>) {
    this.#connection = connection;
    this.#output = output;
  }

  /** Adds the entry whose message, from before the change, is `buffer[start, end)`. */
  add(buffer: Uint8Array, start: number, end: number): void {
    this.#changed.read(buffer, start, end);
    encodeFlowRefetch(this.#queries, this.#changed);
    if (++this.#count === MAX_BATCH_QUERIES) this.flush();
  }

  flush(): void {
    const failed = (_: number, errno: number) => {
      // An entry that vanished meanwhile is none of ours.
      if (errno !== ENOENT) throw new KernelError(errno, "CT_GET");
    };
    this.#connection.batch(this.#queries, this.#count, failed, (buffer, start, end) => {
      this.#fresh.read(buffer, start, end);
      this.#output.entry(this.#fresh);
    });
    this.#queries.clear();
    this.#count = 0;
  }
}

/** Changes and shows what matches; returns how many entries were changed. */
export function updateMatching(command: Command, context: Context): number {
  return despiteBrokenOutput(context.stdout, (stdout) =>
    withOutput(stdout, bareFlowFormatter(command, context), (output) =>
      withConnection(context, (connection) => {
        const refetch = new Refetch(connection, output);
        changeMatching(
          context,
          updateFilter(command),
          (batch, view) => {
            const changes = changesFor(view, command.values);
            if (changes !== undefined) batch.add(view, (writer) => encodeFlowUpdate(writer, view, changes));
          },
          {
            done(buffer, start, end, errno) {
              if (errno === 0) refetch.add(buffer, start, end);
              // It vanished meanwhile, or has no room for labels: none of ours.
              else if (errno !== ENOENT && errno !== ENOSPC) throw new KernelError(errno, "CT_NEW");
            },
            batchDone: () => refetch.flush(),
          },
        );
      }),
    ),
  );
}

export function updateFlows(command: Command, context: Context): number {
  const count = updateMatching(command, context);
  say(context, `${count} flow entries have been updated.`);
  return count > 0 ? 0 : 1;
}
