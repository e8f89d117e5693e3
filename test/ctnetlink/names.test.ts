import assert from "node:assert/strict";
import { test } from "node:test";
import * as C from "../../src/ctnetlink/constants.js";
import { ALL_EVENTS, EVENT_NAMES, EVENT_UPDATE, eventBit } from "../../src/ctnetlink/events.js";
import { DCCP_ROLES, EXPECT_FLAG_NAMES, flagNames, STATUS_NAMES, statusBit } from "../../src/ctnetlink/names.js";

/** The constants with a prefix, and their values. */
const constants = (prefix: string) => Object.entries(C).filter(([name]) => name.startsWith(prefix));

test("status flags have the names and bits of the kernel's constants", () => {
  const known = constants("IPS_");
  assert.ok(known.length > 10);
  for (const [name, bit] of known) {
    assert.equal(statusBit(name.slice("IPS_".length) as (typeof STATUS_NAMES)[number]), bit, name);
  }
  assert.equal(STATUS_NAMES.length, 16);
});

test("expectation flags have the names and bits of the kernel's constants", () => {
  const named = EXPECT_FLAG_NAMES.map((name, bit) => [`NF_CT_EXPECT_${name}`, 1 << bit]);
  assert.deepEqual(Object.fromEntries(constants("NF_CT_EXPECT_")), Object.fromEntries(named));
});

test("flags without a name are called by their bit", () => {
  assert.deepEqual(flagNames(0x80010006, STATUS_NAMES), ["SEEN_REPLY", "ASSURED", "BIT_16", "BIT_31"]);
  assert.deepEqual(flagNames(0x1c, EXPECT_FLAG_NAMES), ["USERSPACE", "BIT_3", "BIT_4"]);
});

test("events are numbered in the order of the multicast groups", () => {
  assert.deepEqual(C.FLOW_GROUPS, [1, 2, 3]);
  assert.equal(EVENT_NAMES[EVENT_UPDATE - 1], "update");
  assert.deepEqual(EVENT_NAMES.map(eventBit), [1, 2, 4]);
  assert.equal(ALL_EVENTS, 7);
});

test("DCCP's roles are in the order of the kernel's numbers", () => {
  assert.deepEqual(DCCP_ROLES, ["client", "server"]);
});
