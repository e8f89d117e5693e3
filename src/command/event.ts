/** -E: shows events until SIGINT or SIGTERM. */
import { EXPECT_GROUPS, FLOW_GROUPS } from "../ctnetlink/constants.js";
import { EVENT_DESTROY, eventType } from "../ctnetlink/events.js";
import { ExpectView, FlowView, type MessageView } from "../ctnetlink/view.js";
import type { Formatter } from "../format/formatter.js";
import { writeForeign } from "../format/text.js";
import { compileFilter } from "../match/filter.js";
import { MissingFacts } from "../match/missing-facts.js";
import { type EventHandlers, EventListener, RECEIVE_BUFFER_BYTES } from "../netlink/events.js";
import { ascii, type ByteWriter } from "../system/byte-writer.js";
import { EINTR } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import { toUtf8 } from "../system/text.js";
import type { Repeater } from "../trace/repeater.js";
import type { ExpectEvents, FlowEvents } from "./command.js";
import { type Context, EntryOutput, repeaterOf, say } from "./context.js";
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
  return (writer, view) => {
    if (view.portId === 0) return;
    writer.put(USERSPACE);
    writer.decimal(view.portId);
    const name = programs.ofEvent(view);
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

/** What does the messages of a listing. */
type Handlers = Pick<EventHandlers, "message" | "skim">;

/** Every message by itself. */
function readInto<View extends MessageView>(view: View, consider: (view: View) => void): Handlers {
  return {
    message(buffer, start, end) {
      view.read(buffer, start, end);
      consider(view);
    },
  };
}

/** As traces repeat, and by itself what is new. */
function repeatInto(repeater: Repeater, consider: (view: FlowView) => void): Handlers {
  return {
    skim: (buffer, slot, lengths, start) => repeater.runDatagrams(buffer, slot, lengths, start),
    message: (buffer, start, end) => repeater.record(buffer, start, end, consider),
  };
}

/** Shows what `listener` hears until a signal ends it; `nouns` is what the summary counts. */
function show<View extends MessageView>(
  context: Context,
  listener: EventListener,
  formatter: Formatter<View>,
  handlers: (output: EntryOutput<View>, show: (view: View) => void) => Handlers,
  nouns: string,
): number {
  const { backend } = context;
  const output = new EntryOutput(context.stdout, formatter);
  const suffix = userspaceSuffix(context);
  let losses = 0;
  try {
    listener.run({
      ...handlers(output, (view) => output.entry(view, eventType(view), suffix)),
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
  const repeater = repeaterOf(context);
  const formatter = flowFormatter(command.output, context, { events: true, repeater });
  const { filter } = command;
  const matches = compileFilter(filter, (repeater ?? context).nowMicroseconds);
  const missing = MissingFacts.of(filter, ["counters", "start"]);
  const handlers = (output: EntryOutput<FlowView>, entry: (view: FlowView) => void): Handlers => {
    const consider = (view: FlowView): void => {
      if (matches === undefined || matches(view)) entry(view);
      // No other event has counters, and none of these has a timeout: only what is out of the ordinary counts.
      else if (missing !== undefined && eventType(view) === EVENT_DESTROY) missing.note(view);
    };
    return repeater === undefined ? readInto(new FlowView(), consider) : repeatInto(repeater.into(output), consider);
  };
  const status = show(context, listener, formatter, handlers, "flow events");
  if (missing !== undefined) warnOfMissing(context, filter, missing);
  return status;
}

export function expectEvents(command: ExpectEvents, context: Context): number {
  catchSignals(context);
  const listener = listen(command, context, EXPECT_GROUPS);
  const formatter = expectFormatter(command.output, context, { events: true });
  return show(context, listener, formatter, (_, entry) => readInto(new ExpectView(), entry), "expectation events");
}
