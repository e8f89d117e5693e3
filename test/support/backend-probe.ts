/** Everything that a Backend can be asked, as far as any two must answer alike. */
import * as C from "../../src/ctnetlink/constants.js";
import type { Backend, Socket } from "../../src/netlink/backend/socket.js";
import {
  MSG_DONTWAIT,
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOL_NETLINK,
  SOL_SOCKET,
} from "../../src/netlink/constants.js";
import { MessageWriter } from "../../src/netlink/message.js";

/** linux/signal.h: nobody else uses it. */
const SIGUSR2 = 12;
const SIGKILL = 9;
const MSG_PEEK = 2;

const FLOWS = 300;

/** Creates UDP flows in one datagram, of which the last is acknowledged. */
function createFlows(writer: MessageWriter): void {
  for (let client = 0; client < FLOWS; client++) {
    const start = writer.length;
    writer.begin(C.CT_NEW, NLM_F_CREATE | NLM_F_EXCL, 0, C.AF_INET);
    for (const [type, source, destination] of [
      [C.CTA_TUPLE_ORIG, 0x0a000001 + client, 0x0b000001],
      [C.CTA_TUPLE_REPLY, 0x0b000001, 0x0a000001 + client],
    ] as const) {
      const tuple = writer.nestStart(type);
      const ip = writer.nestStart(C.CTA_TUPLE_IP);
      writer.u32(C.CTA_IP_V4_SRC, source);
      writer.u32(C.CTA_IP_V4_DST, destination);
      writer.nestEnd(ip);
      const proto = writer.nestStart(C.CTA_TUPLE_PROTO);
      writer.u8(C.CTA_PROTO_NUM, C.IPPROTO_UDP);
      writer.u16(C.CTA_PROTO_SRC_PORT, 1);
      writer.u16(C.CTA_PROTO_DST_PORT, 2);
      writer.nestEnd(proto);
      writer.nestEnd(tuple);
    }
    writer.u32(C.CTA_STATUS, C.IPS_CONFIRMED);
    writer.u32(C.CTA_TIMEOUT, 600);
    writer.end();
    writer.stamp(start, NLM_F_REQUEST | (client === FLOWS - 1 ? NLM_F_ACK : 0) | NLM_F_CREATE | NLM_F_EXCL, client + 1);
  }
}

function request(type: number, flags: number): MessageWriter {
  const writer = new MessageWriter();
  writer.begin(type, flags, 0, C.AF_UNSPEC);
  writer.end();
  writer.stamp(0, flags | NLM_F_REQUEST, 7);
  return writer;
}

/** The bytes of a message without the port id, which differs. */
function shown(bytes: Uint8Array): string {
  const copy = bytes.slice().fill(0, 12, 16);
  return Array.from(copy, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function probeSocket(socket: Socket): Record<string, unknown> {
  const { receive, send, receiveMany } = socket;
  const stats = request(C.CT_GET_STATS, NLM_F_ACK);
  const buffer = new Uint8Array(65536);
  const lengths = new Int32Array(8);
  const memory = new Uint32Array(9);
  const result: Record<string, unknown> = {
    "has a port id": socket.portId > 0,
    "send: wrong parts": [
      send(stats.buffer, -1, 20),
      send(stats.buffer, 0, 0),
      send(stats.buffer, 0, -1),
      send(stats.buffer, stats.buffer.length, 1),
      send(stats.buffer, 1, stats.buffer.length),
    ],
    "receive: nothing there": receive(buffer, 0, buffer.length, MSG_DONTWAIT),
    "receive: wrong arguments": [
      receive(buffer, 0, buffer.length, MSG_PEEK),
      receive(buffer, 0, 0, MSG_DONTWAIT),
      receive(buffer, 1, buffer.length, MSG_DONTWAIT),
      receive(buffer, -1, 1, MSG_DONTWAIT),
    ],
    "receiveMany: nothing there": receiveMany(buffer, 8192, lengths, MSG_DONTWAIT),
    "receiveMany: wrong arguments": [
      receiveMany(buffer, 0, lengths, MSG_DONTWAIT),
      receiveMany(buffer, -1, lengths, MSG_DONTWAIT),
      receiveMany(buffer, 8193, lengths, MSG_DONTWAIT),
      receiveMany(buffer, 8192, new Int32Array(0), MSG_DONTWAIT),
      receiveMany(buffer, 8192, lengths, MSG_PEEK),
    ],
    "poll: nothing there": [socket.poll(0), socket.poll(20)],
    setOption: [
      socket.setOption(SOL_NETLINK, NETLINK_CAP_ACK, 1),
      socket.setOption(SOL_NETLINK, 9999, 1),
      socket.setOption(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 100_000),
      socket.setOption(SOL_SOCKET, SO_RCVBUF, 100_000),
    ],
    memory: [socket.memory!(memory), memory.length, ...memory, socket.memory!(new Uint32Array(8))],
    getOption: [socket.getOption(SOL_SOCKET, SO_RCVBUF), socket.getOption(SOL_NETLINK, 9999)],
    "setOption: beyond the limit": socket.setOption(SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20),
    "getOption: beyond the limit": socket.getOption(SOL_SOCKET, SO_RCVBUF),
  };

  result["send"] = send(stats.buffer, 0, stats.length);
  result["poll: an answer"] = [socket.poll(0), socket.poll(-1)];
  const length = receive(buffer, 100, 1000, MSG_DONTWAIT);
  result["receive: at an offset"] = shown(buffer.subarray(100, 100 + length));
  result["receive: cut off"] = receive(buffer, 0, 10, 0);

  const create = new MessageWriter();
  createFlows(create);
  result["send: many"] = send(create.buffer, 0, create.length);
  result["receive: acknowledged"] = shown(buffer.subarray(0, receive(buffer, 0, buffer.length, MSG_DONTWAIT)));
  const dump = request(C.CT_GET, NLM_F_DUMP);
  send(dump.buffer, 0, dump.length);
  const parts: number[] = [];
  for (;;) {
    const received = receiveMany(buffer, 8192, lengths, MSG_DONTWAIT);
    parts.push(received);
    if (received < 0) break;
    parts.push(...lengths.subarray(0, received));
  }
  result["receiveMany: a dump"] = parts;

  socket.close();
  socket.close();
  result["closed"] = [
    send(stats.buffer, 0, stats.length),
    receive(buffer, 0, buffer.length, MSG_DONTWAIT),
    receiveMany(buffer, 8192, lengths, MSG_DONTWAIT),
    socket.poll(0),
    socket.poll(-1),
    socket.setOption(SOL_SOCKET, SO_RCVBUF, 1),
    socket.getOption(SOL_SOCKET, SO_RCVBUF),
  ];
  return result;
}

/** Descriptors that the probe needs, and the numbers that they have in a child process that is one. */
export interface Descriptors {
  /** The network namespace that the process is in. */
  network: number;
  /** /dev/full, for writing. */
  nowhere: number;
}

export const NETWORK = 3;
export const NOWHERE = 4;

/** Moves to a network namespace of its own and asks everything. `kill` sends a signal to this process. */
export function probe(
  backend: Backend,
  kill: (signal: number) => void,
  { network, nowhere }: Descriptors,
): Record<string, unknown> {
  const away = backend.unshareNetwork();
  const socket = backend.open();
  const bytes = Uint8Array.of(1, 2, 3);
  const result: Record<string, unknown> = {
    away,
    strerror: Array.from({ length: 140 }, (_, errno) => backend.strerror(errno)),
    "strerror: unknown": backend.strerror(4242),
    write: [
      backend.write(nowhere, bytes, 0, 3),
      backend.write(999, bytes, 0, 3),
      backend.write(-1, bytes, 0, 3),
      backend.write(nowhere, bytes, 0, 0),
      backend.write(nowhere, bytes, 1, 3),
      backend.write(nowhere, bytes, -1, 3),
    ],
    pollOut: [backend.pollOut(nowhere, 0), backend.pollOut(999, 0), backend.pollOut(-1, 0)],
    socket: typeof socket === "number" ? socket : probeSocket(socket),
    "windowSize: no terminal": [backend.windowSize(nowhere), backend.windowSize(999), backend.windowSize(-1)].map(
      (size) => size === undefined,
    ),
    "setNetwork: wrong": [backend.setNetwork(999), backend.setNetwork(nowhere)],
    back: backend.setNetwork(network),
    "caught before": backend.caughtSignal(),
    "catchSignal: wrong": [backend.catchSignal(0), backend.catchSignal(SIGKILL), backend.catchSignal(1000)],
    catchSignal: backend.catchSignal(SIGUSR2),
    "caught yet": backend.caughtSignal(),
  };
  const listener = backend.open();
  if (typeof listener === "number") return result;
  result["poll: no signal"] = [listener.poll(0), listener.poll(300)];
  kill(SIGUSR2);
  result["caught"] = [backend.caughtSignal(), backend.caughtSignal()];
  // However often: the signal is not forgotten.
  result["poll: a signal"] = [listener.poll(-1), listener.poll(0), backend.pollOut(nowhere, 0), listener.poll(-1)];
  listener.close();
  return result;
}
