/** New flows and changes as callers write them, and the values that the command's options become too. */
import type { Changes as FlowChanges } from "../command/changes.js";
import { asNew } from "../command/listed-flow.js";
import type { NewFlow as FlowToCreate } from "../command/new-flow.js";
import * as C from "../ctnetlink/constants.js";
import type { FlowKey, Tuple, TupleFields } from "../ctnetlink/encode.js";
import { DCCP_ROLES, flagNames, STATUS_NAMES } from "../ctnetlink/names.js";
import { UsageError } from "../system/errors.js";
import type { AnyProtocol, AnyState, Flow, Icmp, Label, Status } from "./flow.js";
import * as V from "./value-readers.js";

/** One direction of a flow that is to be found or created. */
export interface Endpoints {
  src: string;
  dst: string;
  /** Ports, where the protocol has them. */
  sport?: number;
  dport?: number;
  /** GRE's keys. */
  srckey?: number;
  dstkey?: number;
  icmp?: Icmp;
  /** The zone of this direction alone. */
  zone?: number;
}

/** What names one flow: its protocol and one of its directions. A `Flow` will do; properties that are not among these are not read. */
export interface Key {
  protocol: AnyProtocol;
  orig?: Endpoints;
  /** Used where there is no `orig`. */
  reply?: Endpoints;
  zone?: number;
  /** The kernel's id of the entry. Only `remove` and `removeMany` heed it: another flow with the same tuple stays. */
  id?: number;
}

/** What takes the place of an address, and of a port where the protocol is TCP or UDP. */
export interface NewTranslation {
  address: string;
  port?: number;
}

/**
 * A flow that is to be created. A `Flow` will do: its counters, times, ids, `master`, `secmark` and `secctx` are passed over, for
 * nobody can give them to a flow, and so are the flags that only the kernel sets. What is translated is translated again.
 */
export interface NewFlow {
  protocol: AnyProtocol;
  /** Seconds until it expires. */
  timeout: number;
  orig: Endpoints;
  /** The opposite of `orig` where it is absent. */
  reply?: Endpoints;
  /** TCP, SCTP and DCCP. TCP and SCTP are in state NONE without one. */
  state?: AnyState;
  /** DCCP: which side `orig` comes from. */
  role?: "client" | "server";
  /** SCTP: the verification tags of both directions. */
  vtags?: { orig: number; reply: number };
  /** SEEN_REPLY, ASSURED and FIXED_TIMEOUT; SRC_NAT and DST_NAT: `reply` shows a translation. Others are passed over. */
  status?: readonly Status[];
  mark?: number;
  zone?: number;
  labels?: readonly (string | number | Label)[];
  /** A helper that is to read the flow, e.g. "ftp": its module must be loaded. */
  helper?: string;
  snat?: NewTranslation;
  dnat?: NewTranslation;
}

/** What an update changes; what is absent stays as it is. */
export interface Changes {
  /** Seconds until the entry expires. */
  timeout?: number;
  /** The mark, or the bits of `mask` of it. */
  mark?: number | { value: number; mask: number };
  /** The name of a state; the filter must have the protocol. */
  state?: AnyState;
  /** Flags to set besides those that are set: the kernel clears none. */
  status?: readonly Status[];
  /** Labels to add or to remove, but not both. `"all"` removes them all. */
  labels?: { add: readonly (string | number | Label)[] } | { remove: readonly (string | number | Label)[] | "all" };
}

/** All tuples get the same properties in the same order: what encodes them is quicker then. */
export function readEndpoints(path: string, value: V.TupleProperties, protonum?: number): Tuple {
  const tuple: Tuple = {
    src: V.readAddress(`${path}.src`, value.src),
    dst: V.readAddress(`${path}.dst`, value.dst),
    protonum,
    sport: undefined,
    dport: undefined,
    icmpType: undefined,
    icmpCode: undefined,
    icmpId: undefined,
    zone: undefined,
  };
  V.readPorts(path, value, tuple);
  return tuple;
}

const DIRECTION_PROPERTIES = [...V.TUPLE_PROPERTIES, ...V.LISTED_DIRECTION_PROPERTIES] as const;

/** Endpoints alone, with nothing else among them but what a listed flow has. */
function readBareEndpoints(path: string, value: unknown): TupleFields {
  return readEndpoints(path, V.readProperties(path, value, DIRECTION_PROPERTIES));
}

const KEY_DIRECTION_PROPERTIES: ReadonlySet<(typeof DIRECTION_PROPERTIES)[number]> = new Set(DIRECTION_PROPERTIES);

/** Reads what names one flow. */
export function readKey(key: Key): FlowKey {
  const { protocol, orig, reply, zone, id } = V.checkObject("key", key) as Partial<Key>;
  V.checkLost("key", key, "orig", orig);
  V.checkLost("key", key, "zone", zone);
  V.checkLost("key", key, "id", id);
  const byOrig = orig !== undefined;
  if (!byOrig && reply === undefined) throw new UsageError("key: neither orig nor reply is there");
  const path = byOrig ? "key.orig" : "key.reply";
  const tuple = readEndpoints(
    path,
    V.checkAll(path, byOrig ? orig : reply, KEY_DIRECTION_PROPERTIES),
    V.readProtocol("key.protocol", protocol),
  );
  return {
    family: V.commonFamily("key", undefined, tuple.src?.length, tuple.dst?.length),
    type: byOrig ? C.CTA_TUPLE_ORIG : C.CTA_TUPLE_REPLY,
    tuple,
    zone: zone === undefined ? undefined : V.readU16("key.zone", zone),
    id: id === undefined ? undefined : V.readU32("key.id", id),
  };
}

const NEW_FLOW_PROPERTIES = [
  ...V.LISTED_PROPERTIES,
  "protocol",
  "timeout",
  "orig",
  "reply",
  "state",
  "role",
  "vtags",
  "status",
  "mark",
  "zone",
  "labels",
  "snat",
  "dnat",
] as const satisfies readonly (keyof NewFlow | (typeof V.LISTED_PROPERTIES)[number])[];

/** Reads a flow that is to be created. */
export function readNewFlow(flow: NewFlow | Flow, labelBits: V.LabelBits): FlowToCreate {
  const given = V.readProperties("flow", flow, NEW_FLOW_PROPERTIES);
  const protonum = V.readProtocol("flow.protocol", given.protocol);
  const orig = readBareEndpoints("flow.orig", given.orig);
  const reply = given.reply === undefined ? {} : readBareEndpoints("flow.reply", given.reply);
  const read: FlowToCreate = {
    family: C.AF_UNSPEC,
    protonum,
    orig,
    reply,
    timeoutSeconds: V.readU32("flow.timeout", given.timeout),
  };
  if (given.state !== undefined) read.state = V.readState("flow.state", given.state, protonum);
  if (given.role !== undefined) {
    read.role = DCCP_ROLES.indexOf(V.readName("flow.role", given.role, DCCP_ROLES));
  }
  if (given.vtags !== undefined) {
    const vtags = V.readProperties("flow.vtags", given.vtags, ["orig", "reply"]);
    read.origVtag = V.readU32("flow.vtags.orig", vtags.orig);
    read.replyVtag = V.readU32("flow.vtags.reply", vtags.reply);
  } else readVtags(given.orig, given.reply, read);
  if (given.status !== undefined) read.status = V.readFlags("flow.status", given.status);
  if (given.mark !== undefined) read.mark = V.readU32("flow.mark", given.mark);
  if (given.zone !== undefined) read.zone = V.readU16("flow.zone", given.zone);
  if (given.labels !== undefined) read.labels = V.readLabels("flow.labels", given.labels, labelBits);
  if (given.helper !== undefined) read.helper = V.readText("flow.helper", given.helper);
  if (given.snat !== undefined) read.srcNat = readNewTranslation("flow.snat", given.snat);
  if (given.dnat !== undefined) read.dstNat = readNewTranslation("flow.dnat", given.dnat);
  const family = given.family === undefined ? undefined : V.readFamily("flow.family", given.family);
  const addresses = [orig.src, orig.dst, reply.src, reply.dst, read.srcNat?.address, read.dstNat?.address];
  read.family = V.commonFamily("flow", family, ...addresses.map((address) => address?.length));
  return read.status === undefined ? read : asNew(read);
}

/** SCTP's verification tags where a listed flow has them. */
function readVtags(orig: unknown, reply: unknown, into: FlowToCreate): void {
  const { vtag: origVtag } = (orig ?? {}) as { vtag?: unknown };
  const { vtag: replyVtag } = (reply ?? {}) as { vtag?: unknown };
  if (origVtag !== undefined) into.origVtag = V.readU32("flow.orig.vtag", origVtag);
  if (replyVtag !== undefined) into.replyVtag = V.readU32("flow.reply.vtag", replyVtag);
}

function readNewTranslation(path: string, value: unknown) {
  const nat = V.readTranslation(path, value);
  return nat.address === undefined ? V.refuse(`${path}.address`, undefined, "an address") : nat;
}

/** Flags that somebody may set (IPS_UNCHANGEABLE_MASK, nf_conntrack_common.h, has all others); CONFIRMED is set anyway. */
const SETTABLE = C.IPS_SEEN_REPLY | C.IPS_ASSURED | C.IPS_FIXED_TIMEOUT | C.IPS_CONFIRMED | C.IPS_HELPER;

/** The kernel passes over the others without a word: nothing would change. */
function readSettable(path: string, value: unknown): number {
  const flags = V.readFlags(path, value);
  if (flags === 0) throw new UsageError(`${path} is empty: leave it out`);
  const [fixed] = flagNames(flags & ~SETTABLE, STATUS_NAMES);
  if (fixed !== undefined) throw new UsageError(`${path}: the kernel lets nobody set ${fixed}`);
  return flags;
}

/** Reads what is to change about flows of protocol `protonum`. */
export function readChanges(changes: Changes, protonum: number | undefined, labelBits: V.LabelBits): FlowChanges {
  const known = ["timeout", "mark", "state", "status", "labels"] as const;
  const { timeout, mark, state, status, labels } = V.readSome("changes", changes, known);
  const values: FlowChanges = {};
  if (protonum !== undefined) values.protonum = protonum;
  if (timeout !== undefined) values.timeoutSeconds = V.readU32("changes.timeout", timeout);
  if (mark !== undefined) values.mark = V.readMark("changes.mark", mark);
  if (state !== undefined) values.state = V.readState("changes.state", state, protonum);
  if (status !== undefined) values.status = readSettable("changes.status", status);
  if (labels === undefined) return values;
  const { add, remove } = V.readSome("changes.labels", labels, ["add", "remove"]);
  if (add !== undefined && remove !== undefined) {
    throw new UsageError("changes.labels: add and remove at the same time");
  }
  if (add !== undefined) values.labelAdd = V.readLabels("changes.labels.add", add, labelBits);
  else if (remove === "all") values.labelDel = "all";
  else values.labelDel = V.readLabels("changes.labels.remove", remove, labelBits);
  return values;
}
