import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as C from "../../src/ctnetlink/constants.js";
import { encodeFlowCreate, encodeFlowDelete, encodeFlowRefetch, encodeTuple } from "../../src/ctnetlink/encode.js";
import * as S from "../../src/ctnetlink/slots.js";
import { CPU_COUNTERS, decodeCpuStats, decodeOccupancy, EXPECT_CPU_COUNTERS } from "../../src/ctnetlink/stats.js";
import { ExpectView, FlowView } from "../../src/ctnetlink/view.js";
import { statsLine } from "../../src/format/stats.js";
import { MessageWriter } from "../../src/netlink/message.js";
import { protoinfoToSend } from "../../src/protocol/state.js";
import { ConntrackError, WireError } from "../../src/system/errors.js";
import { bytesOf, FLOW_FIXTURES, wireFixture } from "../support/wire.js";

function view(message: Uint8Array): FlowView {
  const flow = new FlowView();
  flow.read(message, 0, message.length);
  return flow;
}

/** Where the payloads of all filled slots begin. */
function filledOffsets(flow: FlowView): number[] {
  return Array.from({ length: S.SLOTS }, (_, slot) => slot)
    .filter((slot) => flow.has(slot))
    .map((slot) => flow.at(slot));
}

/** Both tuples of a message as plain objects: what the encoder takes. */
function tupleOf(flow: FlowView, base: number) {
  const address = (v4: number, v6: number) => flow.bytes(base + (flow.has(base + v4) ? v4 : v6));
  const u16 = (slot: number) => (flow.has(base + slot) ? flow.u16(base + slot) : undefined);
  const u8 = (slot: number) => (flow.has(base + slot) ? flow.u8(base + slot) : undefined);
  return {
    src: address(S.T_V4_SRC, S.T_V6_SRC),
    dst: address(S.T_V4_DST, S.T_V6_DST),
    protonum: u8(S.T_PROTO_NUM),
    sport: u16(S.T_SRC_PORT),
    dport: u16(S.T_DST_PORT),
    icmpId: u16(S.T_ICMP_ID) ?? u16(S.T_ICMPV6_ID),
    icmpType: u8(S.T_ICMP_TYPE) ?? u8(S.T_ICMPV6_TYPE),
    icmpCode: u8(S.T_ICMP_CODE) ?? u8(S.T_ICMPV6_CODE),
    zone: u16(S.T_ZONE),
  };
}

describe("wire fixtures", () => {
  for (const name of FLOW_FIXTURES) {
    test(`${name}: a tuple that is decoded and encoded again decodes to the same`, () => {
      for (const message of wireFixture(name).messages) {
        const flow = view(bytesOf(message));
        for (const [type, base] of [
          [C.CTA_TUPLE_ORIG, S.ORIG],
          [C.CTA_TUPLE_REPLY, S.REPLY],
        ] as const) {
          const writer = new MessageWriter();
          writer.begin(C.CT_GET, 0, 0, flow.family);
          encodeTuple(writer, type, tupleOf(flow, base));
          writer.end();
          const again = view(writer.buffer.slice(0, writer.length));
          assert.deepEqual(tupleOf(again, base), tupleOf(flow, base));
        }
      }
    });

    test(`${name}: the kernel's IPv4 and port tuples are encoded byte for byte`, () => {
      for (const message of wireFixture(name).messages) {
        const flow = view(bytesOf(message));
        if (flow.has(S.ORIG + S.T_ICMP_ID) || flow.has(S.ORIG + S.T_ICMPV6_ID)) continue; // the kernel's order differs
        const writer = new MessageWriter();
        writer.begin(C.CT_GET, 0, 0, flow.family);
        encodeTuple(writer, C.CTA_TUPLE_ORIG, tupleOf(flow, S.ORIG));
        writer.end();
        const again = view(writer.buffer.slice(0, writer.length));
        assert.deepEqual(again.bytes(S.TOP + C.CTA_TUPLE_ORIG), flow.bytes(S.TOP + C.CTA_TUPLE_ORIG));
      }
    });

    test(`${name}: delete and refetch carry the entry's own tuple, zone and id`, () => {
      for (const message of wireFixture(name).messages) {
        const flow = view(bytesOf(message));
        const writer = new MessageWriter();
        encodeFlowDelete(writer, flow);
        const deletion = view(writer.buffer.slice(0, writer.length));
        assert.equal(deletion.type, C.CT_DELETE);
        assert.equal(deletion.family, flow.family);
        assert.deepEqual(tupleOf(deletion, S.ORIG), tupleOf(flow, S.ORIG));
        assert.equal(deletion.u32(S.TOP + C.CTA_ID), flow.u32(S.TOP + C.CTA_ID));
        assert.equal(deletion.has(S.TOP + C.CTA_ZONE), flow.has(S.TOP + C.CTA_ZONE));
        writer.clear();
        encodeFlowRefetch(writer, flow);
        assert.deepEqual(tupleOf(view(writer.buffer.slice(0, writer.length)), S.ORIG), tupleOf(flow, S.ORIG));
      }
    });
  }

  test("statistics read as the reference printed them", () => {
    for (const [name, counters] of [
      ["stats-cpu", CPU_COUNTERS],
      ["stats-cpu-expect", EXPECT_CPU_COUNTERS],
    ] as const) {
      for (const message of wireFixture(name).messages) {
        const bytes = bytesOf(message);
        assert.equal(statsLine(decodeCpuStats(bytes, 0, bytes.length, counters)), `${message.default}\n`);
      }
    }
  });
});

test("a view forgets the message before", () => {
  const flow = new FlowView();
  const [withPorts] = wireFixture("flows-mix").messages.filter((m) => m.default.startsWith("tcp"));
  const [without] = wireFixture("flows-mix").messages.filter((m) => m.default.startsWith("unknown"));
  const first = bytesOf(withPorts!);
  flow.read(first, 0, first.length);
  assert.ok(flow.has(S.ORIG + S.T_SRC_PORT));
  const second = bytesOf(without!);
  flow.read(second, 0, second.length);
  assert.ok(!flow.has(S.ORIG + S.T_SRC_PORT));
  assert.ok(!flow.has(S.TCP + C.CTA_PROTOINFO_TCP_STATE));
});

test("messages laid out like one before read the same as those that are not", () => {
  const messages = FLOW_FIXTURES.flatMap((name) => wireFixture(name).messages.map(bytesOf));
  const together = new Uint8Array(messages.reduce((sum, { length }) => sum + length, 0));
  const places = messages.map((message, i) => {
    const start = messages.slice(0, i).reduce((sum, { length }) => sum + length, 0);
    together.set(message, start);
    return { start, end: start + message.length };
  });
  const remembering = new FlowView();
  for (let round = 0; round < 3; round++) {
    for (const { start, end } of places) {
      remembering.read(together, start, end);
      const fresh = new FlowView();
      fresh.read(together, start, end);
      assert.deepEqual(filledOffsets(remembering), filledOffsets(fresh));
      for (let slot = 0; slot < S.SLOTS; slot++) assert.equal(remembering.has(slot), fresh.has(slot));
    }
  }
});

test("a message whose layout differs in one header from a remembered one is read anew, or refused", () => {
  const original = bytesOf(wireFixture("flows-mix").messages[0]!);
  for (let at = 20; at + 4 <= original.length; at += 4) {
    const remembering = new FlowView();
    remembering.read(original, 0, original.length);
    const changed = original.slice();
    changed[at]! ^= 1;
    changed[at + 2]! ^= 1;
    const read = (flow: FlowView): number[] | string => {
      try {
        flow.read(changed, 0, changed.length);
        return filledOffsets(flow);
      } catch (error) {
        return String(error);
      }
    };
    assert.deepEqual(read(remembering), read(new FlowView()), `offset ${at}`);
  }
});

test("protocol state, labels, sequence adjustment, synproxy, security context and event time are read from where they lie", () => {
  const writer = new MessageWriter();
  writer.begin(C.CT_NEW, 0, 0, C.AF_INET);
  const info = writer.nestStart(C.CTA_PROTOINFO);
  const dccp = writer.nestStart(C.CTA_PROTOINFO_DCCP);
  writer.u8(C.CTA_PROTOINFO_DCCP_STATE, 4);
  writer.u8(C.CTA_PROTOINFO_DCCP_ROLE, 1);
  writer.u64(C.CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ, 77n);
  writer.nestEnd(dccp);
  writer.nestEnd(info);
  const adjustment = writer.nestStart(C.CTA_SEQ_ADJ_REPLY);
  writer.u32(2, 5);
  writer.nestEnd(adjustment);
  const synproxy = writer.nestStart(C.CTA_SYNPROXY);
  writer.u32(1, 6);
  writer.nestEnd(synproxy);
  const secctx = writer.nestStart(C.CTA_SECCTX);
  writer.string0(1, "system_u");
  writer.nestEnd(secctx);
  writer.u64(C.CTA_TIMESTAMP_EVENT, 2n ** 60n + 1n);
  writer.u32(31, 1); // a type of a newer kernel, inside the table
  writer.u32(40, 1); // and one beyond it
  writer.end();
  const flow = view(writer.buffer.slice(0, writer.length));
  assert.equal(flow.u8(S.DCCP + C.CTA_PROTOINFO_DCCP_STATE), 4);
  assert.equal(flow.u64(S.DCCP + C.CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ), 77n);
  assert.equal(flow.u32(S.SEQ_ADJ_REPLY + 2), 5);
  assert.equal(flow.u32(S.SYNPROXY + 1), 6);
  assert.equal(Buffer.from(flow.text(S.SECCTX + 1)).toString(), "system_u");
  assert.equal(flow.u64(S.TOP + C.CTA_TIMESTAMP_EVENT), 2n ** 60n + 1n);
});

test("every schema's slots are its own: no two attributes share one", () => {
  const writer = new MessageWriter();
  const zone = {
    src: Uint8Array.of(1, 2, 3, 4),
    dst: Uint8Array.of(5, 6, 7, 8),
    protonum: 6,
    sport: 1,
    dport: 2,
    zone: 9,
  };
  encodeFlowCreate(
    writer,
    0,
    C.AF_INET,
    { orig: zone, reply: zone },
    { mark: 3, protoinfo: protoinfoToSend(6, { state: 3 }) },
  );
  const flow = view(writer.buffer.slice(0, writer.length));
  assert.deepEqual(tupleOf(flow, S.ORIG), tupleOf(flow, S.REPLY));
  assert.equal(flow.u16(S.ORIG + S.T_ZONE), 9);
  const offsets = filledOffsets(flow);
  assert.equal(new Set(offsets).size, offsets.length);
});

describe("hostile messages", () => {
  const [message] = wireFixture("flows-traffic").messages;
  const bytes = bytesOf(message!);

  test("cut off anywhere, a message reads or is refused, and never past its end", () => {
    for (let end = 0; end < bytes.length; end++) {
      const cut = bytes.slice(0, end);
      try {
        const flow = view(cut);
        for (const offset of filledOffsets(flow)) assert.ok(offset <= end);
      } catch (error) {
        assert.ok(error instanceof WireError, String(error));
      }
    }
  });

  test("an attribute that leaves its parent is refused with its offset", () => {
    const bad = bytes.slice();
    bad[20] = 0xff;
    bad[21] = 0xff;
    assert.throws(
      () => view(bad),
      (error) => error instanceof WireError && error.offset === 20,
    );
  });

  test("an attribute of length 0 is refused, not read for ever", () => {
    const bad = bytes.slice();
    bad[20] = 0;
    bad[21] = 0;
    assert.throws(() => view(bad), WireError);
  });

  test("a count without its attribute is refused", () => {
    const writer = new MessageWriter();
    writer.begin(C.CT_GET_STATS, 0, 0, 0);
    writer.end();
    assert.throws(() => decodeOccupancy(writer.buffer, 0, writer.length), ConntrackError);
  });

  test("an expectation is held to the same rules", () => {
    const expectation = bytesOf(wireFixture("expectations").messages[0]!);
    for (let end = 0; end < expectation.length; end++) {
      try {
        new ExpectView().read(expectation, 0, end);
      } catch (error) {
        assert.ok(error instanceof WireError);
      }
    }
  });
});
