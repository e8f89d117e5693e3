/** Expectations as plain objects: what `-L expect -o json` prints, in the same order. */
import * as C from "../ctnetlink/constants.js";
import { EXPECT_FLAG_NAMES, flagNames } from "../ctnetlink/names.js";
import * as S from "../ctnetlink/slots.js";
import type { ExpectView } from "../ctnetlink/view.js";
import {
  type Family,
  type Master,
  type Protocol,
  protocolOf,
  readMaster,
  readTuple,
  type Tuple,
  textOf,
} from "./flow.js";

/** The flags of an expectation (NF_CT_EXPECT_*); one that a newer kernel added is called BIT_n. */
export type ExpectationFlag = (typeof EXPECT_FLAG_NAMES)[number] | `BIT_${number}`;

/** A flow that a helper waits for. A property is absent where the kernel did not send it. */
export interface Expectation {
  family: Family;
  protocol?: Protocol;
  /** Seconds until it is given up. */
  timeout?: number;
  /** What is expected: the original direction of the flow to come. */
  expected: Tuple;
  /** Which bits of `expected` count: addresses and ports of ones and zeroes. */
  mask: Tuple;
  /** The flow that brought it about. */
  master: Master;
  zone?: number;
  flags?: ExpectationFlag[];
  /** The helper's own class of expectations. */
  class?: number;
  helper?: string;
  /** The kernel's id of the expectation. */
  id?: number;
}

/** The properties in the order in which they are printed. `head` is what an event has in front. */
export function readExpectation<Head extends object>(view: ExpectView, head: Head): Head & Expectation {
  const number = view.protonum(S.EXPECTED);
  const expectation = head as Head & Expectation;
  expectation.family = view.family === C.AF_INET6 ? "ipv6" : "ipv4";
  if (number !== undefined) expectation.protocol = protocolOf(number);
  if (view.has(S.TOP + C.CTA_EXPECT_TIMEOUT)) expectation.timeout = view.u32(S.TOP + C.CTA_EXPECT_TIMEOUT);
  expectation.expected = readTuple({}, view, S.EXPECTED, number);
  expectation.mask = readTuple({}, view, S.MASK, view.protonum(S.MASK));
  expectation.master = readMaster(view);
  if (view.has(S.TOP + C.CTA_EXPECT_ZONE)) expectation.zone = view.u16(S.TOP + C.CTA_EXPECT_ZONE);
  if (view.has(S.TOP + C.CTA_EXPECT_FLAGS)) {
    expectation.flags = flagNames(view.u32(S.TOP + C.CTA_EXPECT_FLAGS), EXPECT_FLAG_NAMES);
  }
  if (view.has(S.TOP + C.CTA_EXPECT_CLASS)) expectation.class = view.u32(S.TOP + C.CTA_EXPECT_CLASS);
  if (view.has(S.TOP + C.CTA_EXPECT_HELP_NAME)) expectation.helper = textOf(view, S.TOP + C.CTA_EXPECT_HELP_NAME);
  if (view.has(S.TOP + C.CTA_EXPECT_ID)) expectation.id = view.u32(S.TOP + C.CTA_EXPECT_ID);
  return expectation;
}
