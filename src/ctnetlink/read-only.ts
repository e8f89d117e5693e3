/** Sockets for a dry run. */
import { align4 } from "../netlink/attributes.js";
import type { Socket, Sockets } from "../netlink/backend/socket.js";
import { messageEnd, messageType } from "../netlink/message.js";
import * as C from "./constants.js";

/** The requests that change nothing. CT_GET_CTRZERO sets counters to zero, so it is not one of them. */
const READS: readonly number[] = [
  C.CT_GET,
  C.CT_GET_DYING,
  C.CT_GET_UNCONFIRMED,
  C.CT_GET_STATS,
  C.CT_GET_STATS_CPU,
  C.EXP_GET,
  C.EXP_GET_STATS_CPU,
];

/** Throws for a datagram that holds anything but requests that read. That is a fault of ours: nobody asked for a change. */
function checkReads(buffer: Uint8Array, offset: number, length: number): void {
  for (let start = offset; start < offset + length; start = align4(messageEnd(buffer, start, offset + length))) {
    const type = messageType(buffer, start);
    if (!READS.includes(type)) throw new Error(`a dry run must not send a message of type 0x${type.toString(16)}`);
  }
}

/** The same sockets, but they refuse to send what could change something: so no command can forget that it must not. */
export function readOnly<Real extends Sockets>(sockets: Real): Real {
  return {
    ...sockets,
    open() {
      const socket = sockets.open();
      return typeof socket === "number" ? socket : readOnlySocket(socket);
    },
  };
}

function readOnlySocket(socket: Socket): Socket {
  const { sendAhead } = socket;
  return {
    ...socket,
    send(buffer, offset, length) {
      checkReads(buffer, offset, length);
      return socket.send(buffer, offset, length);
    },
    ...(sendAhead && {
      sendAhead(buffer: Uint8Array, offset: number, length: number, ready: () => void) {
        checkReads(buffer, offset, length);
        return sendAhead(buffer, offset, length, ready);
      },
    }),
  };
}
