/** -E: shows events until SIGINT or SIGTERM. */
import { EXPECT_GROUPS, FLOW_GROUPS } from "../ctnetlink/constants.js";
import { EVENT_DESTROY, eventType } from "../ctnetlink/events.js";
import { ExpectView, FlowView, type MessageView } from "../ctnetlink/view.js";
import type { Formatter } from "../format/formatter.js";
import { writeForeign } from "../format/text.js";
import { compileFilter } from "../match/filter.js";
import { MissingFacts } from "../match/missing-facts.js";
import { EventListener, RECEIVE_BUFFER_BYTES } from "../netlink/events.js";
import { ascii, type ByteWriter } from "../system/byte-writer.js";
import { EINTR } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import { toUtf8 } from "../system/text.js";
import type { ExpectEvents, FlowEvents } from "./command.js";
import { type Context, EntryOutput, say } from "./context.js";
import { warnOfMissing } from "./facts.js";
import { expectFormatter, flowFormatter } from "./output.js";
import { ProgramNames } from "./programs.js";

/** signal(7), the same on every Linux: loading node:os for them takes every start of the standalone executable longer. */
const SIGINT = 2;
const SIGTERM = 15;

const ENOBUFS_WARNING =
  "WARNING: We have hit ENOBUFS! We are losing events.\n" +
  "This message means that the current netlink socket buffer size is too small.\n" +
  "Please, check --buffer-size in conntrack(8) manpage.\n";

const USERSPACE = ascii(" [USERSPACE] portid=");
const PROGNAME = ascii(" progname=");

/** " [USERSPACE] portid=N progname=NAME" for what a program brought about. */
function userspaceSuffix(context: Context): (writer: ByteWriter, view: MessageView) => void {
  const programs = new ProgramNames(context);
  return (writer, { portId }) => {
    if (portId === 0) return;
    writer.put(USERSPACE);
    writer.decimal(portId);
    const name = programs.of(portId);
    if (name === undefined) return;
    writer.put(PROGNAME);
    writeForeign(writer, name);
  };
}

/** Callers know the reference's words for want of rights, which are not those of other commands. */
function openListener(context: Context, groups: readonly number[], table: "conntrack" | "expect"): EventListener {
  try {
    return EventListener.open(context.backend, groups);
  } catch (error) {
    if (!(error instanceof KernelError && error.syscall === "bind")) throw error;
    const { errno, syscall } = error;
    if (table === "expect") throw new KernelError(errno, syscall, "Can't open handler");
    context.stderr.write(toUtf8(`mnl_socket_bind: ${context.backend.strerror(errno)}\n`));
    throw new KernelError(errno, syscall, "Can't open netlink socket");
  }
}

function listen(
  { eventMask, bufferSizeBytes, table }: FlowEvents | ExpectEvents,
  context: Context,
  groups: readonly number[],
): EventListener {
  const joined = groups.filter((_, bit) => (eventMask & (1 << bit)) !== 0);
  const listener = openListener(context, joined, table);
  const size = listener.setReceiveBuffer(bufferSizeBytes ?? RECEIVE_BUFFER_BYTES);
  if (bufferSizeBytes !== undefined) {
    context.stderr.write(toUtf8(`NOTICE: Netlink socket buffer size has been set to ${size} bytes.\n`));
  }
  return listener;
}

/**
 * Shows what `listener` hears until a signal ends it; `nouns` is what the summary counts.
 * @param unmatched told of the events that do not match
 */
function show<View extends MessageView>(
  context: Context,
  listener: EventListener,
  formatter: Formatter<View>,
  view: View,
  matches: ((view: View) => boolean) | undefined,
  nouns: string,
  unmatched: (view: View) => void = () => {},
): number {
  const { backend } = context;
  const output = new EntryOutput(context.stdout, formatter);
  const suffix = userspaceSuffix(context);
  let losses = 0;
  try {
    listener.run({
      message(buffer, start, end) {
        view.read(buffer, start, end);
        if (matches === undefined || matches(view)) output.entry(view, eventType(view), suffix);
        else unmatched(view);
      },
      lost() {
        losses++;
        context.stderr.write(toUtf8(ENOBUFS_WARNING));
      },
      idle: () => output.flush(),
      stopped: () => backend.caughtSignal() !== 0,
    });
    output.end();
  } catch (error) {
    // A signal found the program waiting for whoever reads its output: it ends without them.
    if (!(error instanceof KernelError && error.syscall === "write" && error.errno === EINTR)) throw error;
  } finally {
    listener.close();
  }
  say(context, `${output.count} ${nouns} have been shown.`);
  if (losses > 0) say(context, `events were lost ${losses} ${losses === 1 ? "time" : "times"}.`);
  return 0;
}

/** From here on SIGINT and SIGTERM end the listing in good order. */
function catchSignals({ backend }: Context): void {
  for (const signal of [SIGINT, SIGTERM]) backend.catchSignal(signal);
}

export function flowEvents(command: FlowEvents, context: Context): number {
  catchSignals(context);
  const listener = listen(command, context, FLOW_GROUPS);
  const formatter = flowFormatter(command.output, context, { events: true });
  const { filter } = command;
  const matches = compileFilter(filter, context.nowMicroseconds);
  const missing = MissingFacts.of(filter, ["counters", "start"]);
  if (missing === undefined) return show(context, listener, formatter, new FlowView(), matches, "flow events");
  // No other event has counters, and none of these has a timeout: only what is out of the ordinary counts.
  const status = show(context, listener, formatter, new FlowView(), matches, "flow events", (view) => {
    if (eventType(view) === EVENT_DESTROY) missing.note(view);
  });
  warnOfMissing(context, filter, missing);
  return status;
}

export function expectEvents(command: ExpectEvents, context: Context): number {
  catchSignals(context);
  const listener = listen(command, context, EXPECT_GROUPS);
  const formatter = expectFormatter(command.output, context, { events: true });
  return show(context, listener, formatter, new ExpectView(), undefined, "expectation events");
}
