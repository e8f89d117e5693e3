/** Expectations as callers name and create them. */
import type { ExpectKey, ExpectTemplate, Tuple } from "../ctnetlink/encode.js";
import { EXPECT_FLAG_NAMES } from "../ctnetlink/names.js";
import { UsageError } from "../system/errors.js";
import type { Expectation, ExpectationFlag } from "./expectation.js";
import type { AnyProtocol } from "./flow.js";
import { type Endpoints, readEndpoints } from "./requests.js";
import * as V from "./value-readers.js";

/** What names one expectation. A listed `Expectation` will do: other properties are not read. */
export interface ExpectationKey {
  protocol: AnyProtocol;
  /** The tuple that is expected. The kernel wants the ports too, 0 for any. */
  expected: Endpoints;
  zone?: number;
  /** The kernel's id of the expectation: another one for the same tuple is not meant. */
  id?: number;
}

/** The flow that an expectation belongs to. */
export interface NewMaster extends Endpoints {
  /** That of the expectation where absent. */
  protocol?: AnyProtocol;
}

/** An expectation that is to be created. A listed `Expectation` will do: its `family` and `id` are passed over. */
export interface NewExpectation {
  protocol: AnyProtocol;
  /** Seconds until it is given up. */
  timeout: number;
  /** The original direction of a flow that is there. */
  master: NewMaster;
  /** The original direction of the flow to come. */
  expected: Endpoints;
  /**
   * Which bits of the source's address and port count. Those that it leaves out count, and so do all of the destination's: the
   * kernel takes no mask for it.
   */
  mask?: { src?: string; sport?: number } | Expectation["mask"];
  zone?: number;
  /** PERMANENT: it stays when a flow has fulfilled it. INACTIVE: it is not looked at. */
  flags?: readonly ExpectationFlag[];
  /** The helper's own class of expectations. */
  class?: number;
  /** A helper that is to read the expected flow. */
  helper?: string;
}

const FLAGS: readonly string[] = EXPECT_FLAG_NAMES;

function readFlags(value: unknown): number {
  V.checkList("expectation.flags", value);
  return Array.from(value).reduce<number>((bits, flag, i) => {
    const bit = FLAGS.indexOf(flag as string);
    return bits | (1 << (bit >= 0 ? bit : V.refuse(`expectation.flags[${i}]`, flag, `one of ${FLAGS.join(", ")}`)));
  }, 0);
}

export interface ReadExpectationKey extends ExpectKey {
  family: number;
  tuple: Tuple;
}

export function readExpectationKey(key: ExpectationKey | Expectation): ReadExpectationKey {
  const { protocol, expected, zone, id } = V.checkObject("key", key) as Partial<ExpectationKey>;
  V.checkLost("key", key, "zone", zone);
  V.checkLost("key", key, "id", id);
  const tuple = readEndpoints(
    "key.expected",
    V.readProperties("key.expected", expected, V.TUPLE_PROPERTIES),
    V.readProtocol("key.protocol", protocol),
  );
  return {
    family: V.commonFamily("key", undefined, tuple.src?.length, tuple.dst?.length),
    tuple,
    zone: zone === undefined ? undefined : V.readU16("key.zone", zone),
    id: id === undefined ? undefined : V.readU32("key.id", id),
  };
}

function readMaster(value: unknown, protonum: number): Tuple {
  const path = "expectation.master";
  const { protocol, ...endpoints } = V.readProperties(path, value, [...V.TUPLE_PROPERTIES, "protocol"]);
  return readEndpoints(
    path,
    endpoints,
    protocol === undefined ? protonum : V.readProtocol(`${path}.protocol`, protocol),
  );
}

/** The kernel wants all of the tuple in a mask, and reads the source alone. */
function readMask(value: unknown, expected: Tuple): Tuple {
  const ones = (address: Uint8Array | undefined) => new Uint8Array(address?.length ?? 4).fill(0xff);
  const port = (number: number | undefined) => (number === undefined ? undefined : 0xffff);
  const mask: Tuple = {
    ...expected,
    src: ones(expected.src),
    dst: ones(expected.dst),
    sport: port(expected.sport),
    dport: port(expected.dport),
  };
  if (value === undefined) return mask;
  const { src, sport } = V.readProperties("expectation.mask", value, V.TUPLE_PROPERTIES);
  if (src !== undefined) mask.src = V.readAddress("expectation.mask.src", src);
  if (sport !== undefined) mask.sport = V.readU16("expectation.mask.sport", sport);
  if (mask.src?.length !== expected.src?.length) throw new UsageError("expectation: a mask of the other family");
  return mask;
}

export function readNewExpectation(value: NewExpectation | Expectation): ExpectTemplate & { family: number } {
  const given = V.readProperties("expectation", value, [
    "event",
    "time",
    "portid",
    "progname",
    "family",
    "id",
    "protocol",
    "timeout",
    "master",
    "expected",
    "mask",
    "zone",
    "flags",
    "class",
    "helper",
  ]);
  const protonum = V.readProtocol("expectation.protocol", given.protocol);
  const tuple = readEndpoints(
    "expectation.expected",
    V.readProperties("expectation.expected", given.expected, V.TUPLE_PROPERTIES),
    protonum,
  );
  const master = readMaster(given.master, protonum);
  const addresses = [tuple.src, tuple.dst, master.src, master.dst];
  return {
    family: V.commonFamily("expectation", undefined, ...addresses.map((address) => address?.length)),
    master,
    tuple,
    mask: readMask(given.mask, tuple),
    timeoutSeconds: V.readU32("expectation.timeout", given.timeout),
    zone: given.zone === undefined ? undefined : V.readU16("expectation.zone", given.zone),
    flags: given.flags === undefined ? undefined : readFlags(given.flags),
    class: given.class === undefined ? undefined : V.readU32("expectation.class", given.class),
    helper: given.helper === undefined ? undefined : V.readText("expectation.helper", given.helper),
  };
}
