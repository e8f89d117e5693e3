/** The sockets of a dry run: what reads goes out, and nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as C from "../../src/ctnetlink/constants.js";
import { readOnly } from "../../src/ctnetlink/read-only.js";
import type { Socket, Sockets } from "../../src/netlink/backend/socket.js";
import { MessageWriter } from "../../src/netlink/message.js";

/** Sockets that count what is sent. */
function counting(): Sockets & { sent: number } {
  const sockets = {
    sent: 0,
    open: (): Socket => ({
      portId: 1,
      send: (_buffer, _offset, length) => {
        sockets.sent++;
        return length;
      },
      sendAhead: () => {
        sockets.sent++;
        return true;
      },
      receive: () => 0,
      receiveMany: () => 0,
      setOption: () => 0,
      getOption: () => 0,
      poll: () => 0,
      close: () => {},
    }),
    strerror: String,
    unshareNetwork: () => 0,
    setNetwork: () => 0,
  };
  return sockets;
}

function datagram(...types: readonly number[]): MessageWriter {
  const writer = new MessageWriter();
  for (const type of types) {
    writer.begin(type, 0, 0, C.AF_INET);
    writer.u32(C.CTA_MARK, 1);
    writer.end();
  }
  return writer;
}

const READS = { CT_GET: 0x101, CT_GET_STATS_CPU: 0x104, CT_GET_STATS: 0x105, CT_GET_DYING: 0x106, EXP_GET: 0x201 };
const CHANGES = {
  CT_NEW: 0x100,
  CT_DELETE: 0x102,
  CT_GET_CTRZERO: 0x103,
  EXP_NEW: 0x200,
  EXP_DELETE: 0x202,
  other: 0x108,
};

for (const [name, type] of Object.entries(READS)) {
  test(`${name} goes out`, () => {
    const sockets = counting();
    const socket = readOnly<Sockets>(sockets).open() as Socket;
    const { buffer, length } = datagram(type, type);
    assert.equal(socket.send(buffer, 0, length), length);
    assert.equal(
      socket.sendAhead!(buffer, 0, length, () => {}),
      true,
    );
    assert.equal(sockets.sent, 2);
  });
}

for (const [name, type] of Object.entries(CHANGES)) {
  test(`${name} does not, wherever it stands in the datagram`, () => {
    const sockets = counting();
    const socket = readOnly<Sockets>(sockets).open() as Socket;
    for (const types of [[type], [C.CT_GET, type], [type, C.CT_GET]]) {
      const { buffer, length } = datagram(...types);
      assert.throws(() => socket.send(buffer, 0, length), /a dry run must not send a message of type 0x/);
      assert.throws(
        () => socket.sendAhead!(buffer, 0, length, () => {}),
        /a dry run must not send a message of type 0x/,
      );
    }
    assert.equal(sockets.sent, 0);
  });
}
