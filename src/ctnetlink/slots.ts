/**
 * The numbered places ("slots") in which the views note where in a message each attribute's payload lies.
 * A tuple, an attribute of the top level and a nest each own a run of slots, so that a slot is base + attribute type.
 */

/** A tuple's slots: addresses at 1–4 (CTA_IP_*), protocol fields at 5–13 (4 + CTA_PROTO_*), its own attributes from 14. */
export const TUPLE_SLOTS = 20;
export const T_V4_SRC = 1;
export const T_V4_DST = 2;
export const T_V6_SRC = 3;
export const T_V6_DST = 4;
export const T_PROTO_BASE = 4;
export const T_PROTO_NUM = 5;
export const T_SRC_PORT = 6;
export const T_DST_PORT = 7;
export const T_ICMP_ID = 8;
export const T_ICMP_TYPE = 9;
export const T_ICMP_CODE = 10;
export const T_ICMPV6_ID = 11;
export const T_ICMPV6_TYPE = 12;
export const T_ICMPV6_CODE = 13;
export const T_OWN_BASE = 14;
/** T_OWN_BASE + CTA_TUPLE_ZONE. */
export const T_ZONE = 17;

/** Where each tuple of a flow (or of an expectation: master, expected, mask) begins. */
export const ORIG = 0;
export const REPLY = TUPLE_SLOTS;
export const MASTER = 2 * TUPLE_SLOTS;
export const EXPECTED = 0;
export const MASK = TUPLE_SLOTS;

/** Top-level attributes: TOP + CTA_* (or CTA_EXPECT_*). */
export const TOP = 3 * TUPLE_SLOTS;
/** Types from here up are of a kernel newer than this code; they are skipped. */
export const TOP_TYPES = 32;

const NEST = TOP + TOP_TYPES;
/** Nested attributes: base + nested type. */
export const COUNTERS_ORIG = NEST;
export const COUNTERS_REPLY = NEST + 4;
export const TIMESTAMP = NEST + 8;
export const TCP = NEST + 12;
export const DCCP = NEST + 20;
export const SCTP = NEST + 24;
export const HELP = NEST + 28;
export const SECCTX = NEST + 32;
export const SEQ_ADJ_ORIG = NEST + 36;
export const SEQ_ADJ_REPLY = NEST + 40;
export const SYNPROXY = NEST + 44;
/** The nests within CTA_PROTOINFO themselves. */
export const PROTOINFO = NEST + 48;
export const SLOTS = NEST + 52;
