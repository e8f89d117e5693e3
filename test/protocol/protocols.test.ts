/** The rows of the protocol table: what is sent of a state is what the views read back. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as C from "../../src/ctnetlink/constants.js";
import { encodeFlowCreate, type ProtoinfoValues } from "../../src/ctnetlink/encode.js";
import { FlowView } from "../../src/ctnetlink/view.js";
import { MessageWriter } from "../../src/netlink/message.js";
import { PROTOCOLS, protocolByNumber, textByProtocol } from "../../src/protocol/protocols.js";
import { protoinfoToSend, putState, putStateXml, stateName, stateNumber } from "../../src/protocol/state.js";
import { ByteWriter } from "../../src/system/byte-writer.js";

/** The request that creates a flow of a protocol, without addresses. */
function flow(protonum: number, values: ProtoinfoValues): { view: FlowView; bytes: Buffer } {
  const writer = new MessageWriter();
  encodeFlowCreate(
    writer,
    0,
    C.AF_INET,
    { orig: { protonum }, reply: { protonum } },
    { protoinfo: protoinfoToSend(protonum, values) },
  );
  const view = new FlowView();
  view.read(writer.buffer, 0, writer.length);
  return { view, bytes: Buffer.from(writer.buffer.subarray(0, writer.length)) };
}

/** What a function writes of a view. */
function written(put: (writer: ByteWriter, view: FlowView) => void, view: FlowView): string {
  const writer = new ByteWriter(64);
  put(writer, view);
  return Buffer.from(writer.written()).toString();
}

const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString());

const WITH_STATES = PROTOCOLS.filter(({ protoinfo }) => protoinfo !== undefined);

test("TCP, SCTP and DCCP have states, and each has ten", () => {
  assert.deepEqual(
    WITH_STATES.map(({ name, protoinfo }) => [name, protoinfo!.states.length, protoinfo!.states[4]]),
    [
      ["tcp", 10, "FIN_WAIT"],
      ["sctp", 10, "ESTABLISHED"],
      ["dccp", 10, "OPEN"],
    ],
  );
});

for (const { name, number, protoinfo } of WITH_STATES) {
  const { states, xmlStates } = protoinfo!;
  describe(`states of ${name}`, () => {
    test("are read as they were sent", () => {
      for (const [state, stateText] of states.entries()) {
        const { view } = flow(number, { state });
        assert.equal(stateNumber(view), state);
        assert.equal(text(stateName(view)), stateText);
        assert.equal(written(putState, view), stateText);
        assert.equal(written(putStateXml, view), (xmlStates ?? states)[state]);
      }
    });

    test("that a newer kernel has are called NONE", () => {
      const { view } = flow(number, { state: states.length });
      assert.equal(stateNumber(view), states.length);
      assert.equal(text(stateName(view)), "NONE");
      assert.equal(written(putState, view), "NONE");
      assert.equal(written(putStateXml, view), "NONE");
    });

    test("take --state and its words", () => assert.ok(protocolByNumber(number)!.options.includes("state")));
  });
}

test("the xml format shows SCTP's states by the names of TCP's", () => {
  assert.equal(written(putStateXml, flow(132, { state: 4 }).view), "FIN_WAIT");
});

/** What stands behind the tuples of a request: CTA_PROTOINFO, in hexadecimal of a little-endian machine. */
const protoinfoBytes = (protonum: number, values: ProtoinfoValues) => {
  const { bytes } = flow(protonum, values);
  return bytes.subarray(20 + 2 * (4 + 4 + 8)).toString("hex");
};

describe("CTA_PROTOINFO on the wire", {
  skip: process.arch === "x64" || process.arch === "arm64" ? false : "big-endian",
}, () => {
  const rows: readonly (readonly [what: string, protonum: number, values: ProtoinfoValues, hex: string])[] = [
    // nla_len and nla_type of CTA_PROTOINFO and CTA_PROTOINFO_TCP; the state; the flags and their mask, twice
    [
      "TCP established",
      6,
      { state: 3 },
      "20000480" + "1c000180" + "0500010003000000" + "060004000a0a0000" + "060005000a0a0000",
    ],
    [
      "TCP before TIME_WAIT",
      6,
      { state: 6 },
      "20000480" + "1c000180" + "0500010006000000" + "060004000a0a0000" + "060005000a0a0000",
    ],
    [
      "TCP from TIME_WAIT on",
      6,
      { state: 7 },
      "20000480" + "1c000180" + "0500010007000000" + "060004000e0e0000" + "060005000e0e0000",
    ],
    [
      "SCTP's tags, in host order",
      132,
      { state: 4, origVtag: 0x01020304, replyVtag: 5 },
      "20000480" + "1c000380" + "0500010004000000" + "0800020004030201" + "0800030005000000",
    ],
    ["one tag of SCTP", 132, { replyVtag: 5 }, "10000480" + "0c000380" + "0800030005000000"],
    ["DCCP's role", 33, { state: 4, role: 1 }, "18000480" + "14000280" + "0500010004000000" + "0500020001000000"],
    ["a state of a protocol that has none", 17, { state: 3 }, ""],
    ["nothing at all", 6, {}, ""],
  ];
  for (const [what, protonum, values, hex] of rows) {
    test(what, () => assert.equal(protoinfoBytes(protonum, values), hex));
  }
});

test("numbers without a row have no protocol, and are named by what the caller says", () => {
  assert.equal(protocolByNumber(50), undefined);
  assert.equal(protocolByNumber(6)?.name, "tcp");
  const name = textByProtocol((number, protocol) => `${number} ${protocol?.name ?? "?"}`);
  assert.equal(text(name(58)), "58 icmpv6");
  assert.equal(text(name(50)), "50 ?");
});
