/** An entry out of a line of -o json: see docs/conntrack.schema.json. Members of newer versions are passed over. */
import * as C from "../ctnetlink/constants.js";
import { LABEL_BITS, labelBytes } from "../ctnetlink/labels.js";
import { DCCP_ROLES, STATUS_NAMES } from "../ctnetlink/names.js";
import { protocolByNumber } from "../protocol/protocols.js";
import { U32_MAX } from "../system/numbers.js";
import { LineError } from "./errors.js";
import { type Counter, emptyFlow, emptyTuple, fieldsOf, type SavedFlow, type SavedTuple } from "./flow.js";
import { readAddress, readCounter, readRfc3339 } from "./values.js";

type Members = Readonly<Record<string, unknown>>;

/** Counters that a double may not hold. Within a string both quotes would have a backslash in front. */
const WIDE_COUNTERS = /("(?:packets|bytes)":)(\d{16,})/g;

/** The object of a line. Counters that a double may not hold are text. */
export function parseJsonLine(line: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line.replace(WIDE_COUNTERS, '$1"$2"'));
  } catch {
    throw new LineError("not a line of JSON");
  }
  return object(parsed, "line") as Record<string, unknown>;
}

/** The entry of a line of -L. */
export function readJsonLine(line: string): SavedFlow {
  const members = parseJsonLine(line);
  if (members["event"] !== undefined) throw new LineError("an event, not an entry of a table");
  return readJsonFlow(members);
}

/** The entry of an object, be it of -L or of -E. */
export function readJsonFlow(members: Members): SavedFlow {
  const flow = emptyFlow();
  const { family, protocol, status, state, role, labels, timestamp, master } = members;
  if (family !== "ipv4" && family !== "ipv6") throw wrong("family");
  flow.family = family === "ipv4" ? C.AF_INET : C.AF_INET6;
  flow.protonum = protocol === undefined ? undefined : protocolOf(protocol);
  flow.timeoutSeconds = number(members, "timeout", U32_MAX);
  if (state !== undefined) flow.state = stateOf(flow.protonum, state);
  if (role !== undefined) flow.role = index(DCCP_ROLES, role, "role");
  if (status !== undefined) flow.status = statusOf(status);
  readTuple(flow.orig, members["orig"], "orig", flow.protonum);
  readTuple(flow.reply, members["reply"], "reply", flow.protonum);
  if (master !== undefined) flow.master = masterOf(master);
  flow.mark = number(members, "mark", U32_MAX);
  flow.secmark = number(members, "secmark", U32_MAX);
  flow.secctx = text(members, "secctx");
  flow.zone = number(members, "zone", 0xffff);
  if (labels !== undefined) flow.labels = labelsOf(labels);
  flow.helper = text(members, "helper");
  if (timestamp !== undefined) {
    const { start, stop } = object(timestamp, "timestamp");
    flow.startNs = time(start, "start");
    if (stop !== undefined) flow.stopNs = time(stop, "stop");
  }
  flow.use = number(members, "use", U32_MAX);
  flow.id = number(members, "id", U32_MAX);
  return flow;
}

const wrong = (name: string) => new LineError(`\`${name}' is not what it should be`);

function object(value: unknown, name: string): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(name);
  return value as Members;
}

function list(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(name);
  return value;
}

function number(members: Members, name: string, max: number): number | undefined {
  const value = members[name];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > max) throw wrong(name);
  return value;
}

function counter(members: Members, name: string): Counter | undefined {
  const value = members[name];
  return typeof value === "string" ? readCounter(value) : number(members, name, Number.MAX_SAFE_INTEGER);
}

function text(members: Members, name: string): string | undefined {
  const value = members[name];
  if (value !== undefined && typeof value !== "string") throw wrong(name);
  return value;
}

function address(members: Members, name: string): Uint8Array | undefined {
  const value = text(members, name);
  return value === undefined ? undefined : readAddress(value);
}

function index(names: readonly string[], value: unknown, name: string): number {
  const found = typeof value === "string" ? names.indexOf(value) : -1;
  if (found < 0) throw wrong(name);
  return found;
}

function time(value: unknown, name: string): bigint {
  if (typeof value !== "string") throw wrong(name);
  return readRfc3339(value);
}

function protocolOf(value: unknown): number {
  const found = number(object(value, "protocol"), "number", 255);
  if (found === undefined) throw wrong("protocol");
  return found;
}

function stateOf(protonum: number | undefined, state: unknown): number {
  return index(protocolByNumber(protonum ?? 0)?.protoinfo?.states ?? [], state, "state");
}

/** Flags of newer kernels are called BIT_n. */
const BIT = /^BIT_(\d|[12]\d|3[01])$/;

function statusOf(value: unknown): number {
  let status = 0;
  for (const name of list(value, "status")) {
    const known = (STATUS_NAMES as readonly unknown[]).indexOf(name);
    const bit = known >= 0 ? known : Number(BIT.exec(String(name))?.[1] ?? Number.NaN);
    if (Number.isNaN(bit)) throw wrong("status");
    status |= 1 << bit;
  }
  return status >>> 0;
}

function labelsOf(value: unknown): Uint8Array {
  const bits = list(value, "labels").map((label) => {
    const bit = number(object(label, "labels"), "bit", LABEL_BITS - 1);
    if (bit === undefined) throw wrong("labels");
    return bit;
  });
  return labelBytes(bits);
}

function readTuple(tuple: SavedTuple, value: unknown, name: string, protonum: number | undefined): void {
  const members = object(value, name);
  tuple.src = address(members, "src");
  tuple.dst = address(members, "dst");
  const { icmp } = members;
  const fields = icmp === undefined ? members : object(icmp, "icmp");
  for (const { name, bytes } of fieldsOf(protonum)) {
    tuple.fields.push(number(fields, name, bytes === 1 ? 0xff : 0xffff));
  }
  tuple.zone = number(members, "zone", 0xffff);
  tuple.vtag = number(members, "vtag", U32_MAX);
  tuple.packets = counter(members, "packets");
  tuple.bytes = counter(members, "bytes");
}

function masterOf(value: unknown): NonNullable<SavedFlow["master"]> {
  const { protocol } = object(value, "master");
  const protonum = protocol === undefined ? undefined : protocolOf(protocol);
  const tuple = emptyTuple();
  readTuple(tuple, value, "master", protonum);
  return { ...tuple, protonum };
}
