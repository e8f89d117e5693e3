import assert from "node:assert/strict";
import { test } from "node:test";
import {
  align4,
  attrLength,
  attrType,
  LITTLE_ENDIAN,
  readS32Host,
  readU16BE,
  readU16Host,
  readU32BE,
  readU32Host,
  readU64BE,
} from "../../src/netlink/attributes.js";
import { NLA_F_NESTED, NLA_HDRLEN, NLM_F_REQUEST } from "../../src/netlink/constants.js";
import { MessageWriter, messageEnd, messageFlags, messageSequence, messageType } from "../../src/netlink/message.js";
import { WireError } from "../../src/system/errors.js";

/** The attributes in `buffer[start, end)` as [type, payload]. */
function attributes(buffer: Uint8Array, start: number, end: number): [type: number, payload: Uint8Array][] {
  const found: [number, Uint8Array][] = [];
  for (let at = start; at < end; at += align4(attrLength(buffer, at, end))) {
    found.push([attrType(buffer, at), buffer.slice(at + NLA_HDRLEN, at + attrLength(buffer, at, end))]);
  }
  return found;
}

test("integers in network order", () => {
  const bytes = Uint8Array.of(0, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10);
  assert.equal(readU16BE(bytes, 1), 0xfedc);
  assert.equal(readU32BE(bytes, 1), 0xfedcba98);
  assert.equal(readU64BE(bytes, 1), 0xfedcba9876543210n);
});

test("integers in host order", () => {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(1, 0xfedc, LITTLE_ENDIAN);
  view.setUint32(3, 0xfedcba98, LITTLE_ENDIAN);
  assert.equal(readU16Host(bytes, 1), 0xfedc);
  assert.equal(readU32Host(bytes, 3), 0xfedcba98);
  assert.equal(readS32Host(bytes, 3), 0xfedcba98 | 0);
  const native = new Uint8Array(Uint32Array.of(0x12345678).buffer);
  assert.equal(readU32Host(native, 0), 0x12345678);
});

test("the bytes of a message, as the kernel wants them", {
  skip: !LITTLE_ENDIAN && "written for little-endian",
}, () => {
  const writer = new MessageWriter();
  assert.equal(writer.begin(0x101, 0x301, 0x01020304, 10, 1, 0x0506), 0);
  const nest = writer.nestStart(1);
  writer.u8(1, 0x11);
  writer.u16(2, 0x2233);
  writer.nestEnd(nest);
  writer.u32(8, 0xfedcba98);
  writer.u32Host(9, 0xfedcba98);
  writer.end();
  assert.equal(
    Buffer.from(writer.buffer.subarray(0, writer.length)).toString("hex"),
    [
      "38000000" + "0101" + "0103" + "04030201" + "00000000", // nlmsghdr
      "0a" + "01" + "0506", // nfgenmsg
      "1400" + "0180", // nest
      "0500" + "0100" + "11000000",
      "0600" + "0200" + "22330000",
      "0800" + "0800" + "fedcba98",
      "0800" + "0900" + "98badcfe",
    ].join(""),
  );
});

test("what the writer writes, the readers read", () => {
  const writer = new MessageWriter();
  writer.begin(0x100, NLM_F_REQUEST, 7, 2);
  writer.u8(1, 0xff);
  writer.u16(2, 0xfffe);
  writer.u32(3, 0xfffffffd);
  writer.u64(4, 0xfffffffffffffffcn);
  writer.u32Host(5, 0xfffffffb);
  writer.bytes(6, Uint8Array.of(1, 2, 3, 4, 5));
  writer.bytes(7, new Uint8Array(0));
  writer.string0(8, "fêtp");
  writer.end();

  const { buffer, length } = writer;
  assert.equal(messageEnd(buffer, 0, length), length);
  assert.equal(messageType(buffer, 0), 0x100);
  assert.equal(messageFlags(buffer, 0), NLM_F_REQUEST);
  assert.equal(messageSequence(buffer, 0), 7);
  const found = attributes(buffer, 20, length);
  assert.deepEqual(
    found.map(([type]) => type),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  const payload = (index: number) => found[index]![1];
  assert.equal(payload(0)[0], 0xff);
  assert.equal(readU16BE(payload(1), 0), 0xfffe);
  assert.equal(readU32BE(payload(2), 0), 0xfffffffd);
  assert.equal(readU64BE(payload(3), 0), 0xfffffffffffffffcn);
  assert.equal(readU32Host(payload(4), 0), 0xfffffffb);
  assert.deepEqual(payload(5), Uint8Array.of(1, 2, 3, 4, 5));
  assert.deepEqual(payload(6), new Uint8Array(0));
  assert.deepEqual(payload(7), new TextEncoder().encode("fêtp\0"));
});

test("nests within nests", () => {
  const writer = new MessageWriter();
  writer.begin(0x100, 0, 0, 2);
  const outer = writer.nestStart(1);
  const first = writer.nestStart(2);
  writer.nestEnd(first);
  const second = writer.nestStart(3);
  writer.u8(4, 5);
  writer.nestEnd(second);
  writer.nestEnd(outer);
  writer.end();
  const { buffer, length } = writer;
  assert.equal(attrLength(buffer, 20, length), length - 20);
  assert.equal(readU16Host(buffer, 22), NLA_F_NESTED | 1);
  assert.deepEqual(
    attributes(buffer, 24, length).map(([type, payload]) => [type, payload.length]),
    [
      [2, 0],
      [3, 8],
    ],
  );
});

test("several messages, more than the buffer held at first", () => {
  const writer = new MessageWriter(8);
  const starts: number[] = [];
  for (let i = 0; i < 100; i++) {
    starts.push(writer.begin(0x100, 0, i, 2));
    writer.bytes(1, new Uint8Array(i).fill(i));
    writer.end();
  }
  const { buffer, length } = writer;
  let start = 0;
  for (let i = 0; i < 100; i++) {
    assert.equal(start, starts[i]);
    assert.equal(messageSequence(buffer, start), i);
    const end = messageEnd(buffer, start, length);
    assert.deepEqual(attributes(buffer, start + 20, end), [[1, new Uint8Array(i).fill(i)]]);
    start = align4(end);
  }
  assert.equal(start, length);
});

test("a cleared writer leaves nothing of the past in headers or padding", () => {
  const write = (writer: MessageWriter) => {
    writer.begin(0x100, 0, 0, 2);
    writer.u8(1, 1);
    writer.bytes(2, Uint8Array.of(1, 2, 3, 4, 5));
    writer.end();
    return writer.buffer.slice(0, writer.length);
  };
  const used = new MessageWriter();
  used.buffer.fill(0xff);
  used.begin(0x100, 0, 0, 2);
  used.clear();
  assert.deepEqual(write(used), write(new MessageWriter()));
});

test("an attribute cannot be longer than a u16 says", () => {
  const writer = new MessageWriter();
  writer.begin(0x100, 0, 0, 2);
  writer.bytes(1, new Uint8Array(65531));
  assert.throws(() => writer.bytes(1, new Uint8Array(65532)), RangeError);
  const nest = writer.nestStart(2);
  writer.bytes(1, new Uint8Array(40000));
  writer.bytes(1, new Uint8Array(40000));
  assert.throws(() => writer.nestEnd(nest), RangeError);
});

test("attributes that leave their parent", () => {
  const attribute = (length: number) => new Uint8Array(Uint16Array.of(length, 1, 0, 0).buffer);
  for (const length of [0, 3, 9, 0xffff]) {
    assert.throws(() => attrLength(attribute(length), 0, 8), WireError, `length ${length}`);
  }
  for (const length of [4, 5, 8]) assert.equal(attrLength(attribute(length), 0, 8), length);
  assert.throws(
    () => attrLength(attribute(4), 5, 8),
    (error) => error instanceof WireError && error.offset === 5,
  );
});

test("messages that leave their datagram", () => {
  const header = (length: number) => new Uint8Array(Uint32Array.of(length, 0, 0, 0, 0).buffer);
  for (const length of [0, 15, 21, 0xffffffff]) {
    assert.throws(() => messageEnd(header(length), 0, 20), WireError, `length ${length}`);
  }
  for (const length of [16, 17, 20]) assert.equal(messageEnd(header(length), 0, 20), length);
  assert.throws(
    () => messageEnd(header(16), 8, 20),
    (error) => error instanceof WireError && error.offset === 8,
  );
});
