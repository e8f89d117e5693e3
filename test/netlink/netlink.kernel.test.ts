/** The addon, the Node backend and the connection on the running kernel, in network namespaces made here. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { after, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { inspect } from "node:util";
import * as C from "../../src/ctnetlink/constants.js";
import { attrLength, readU32BE } from "../../src/netlink/attributes.js";
import { loadAddon, napiBackend } from "../../src/netlink/backend/napi.js";
import type { Socket } from "../../src/netlink/backend/socket.js";
import { MAX_BATCH_MESSAGES, NetlinkConnection, openConnection } from "../../src/netlink/connection.js";
import {
  MSG_DONTWAIT,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  NLMSG_DONE,
  SO_RCVBUF,
  SOL_SOCKET,
} from "../../src/netlink/constants.js";
import { MessageWriter, messageType } from "../../src/netlink/message.js";
import { EAGAIN, EBADF, EBUSY, EEXIST, EINPROGRESS, EINVAL, ENOBUFS, ENOENT, EPERM } from "../../src/system/errno.js";

const ENOTSOCK = 88;

const addon = loadAddon();
const backend = napiBackend();

/** Never the table of whoever runs this. */
assert.equal(backend.unshareNetwork(), 0, "needs root, or: unshare -Urn");

const connection = openConnection(backend);
after(() => connection.close());

function writeTuple(writer: MessageWriter, type: number, source: number, destination: number): void {
  const tuple = writer.nestStart(type);
  const ip = writer.nestStart(C.CTA_TUPLE_IP);
  writer.u32(C.CTA_IP_V4_SRC, source);
  writer.u32(C.CTA_IP_V4_DST, destination);
  writer.nestEnd(ip);
  const proto = writer.nestStart(C.CTA_TUPLE_PROTO);
  writer.u8(C.CTA_PROTO_NUM, C.IPPROTO_UDP);
  writer.u16(C.CTA_PROTO_SRC_PORT, 1000);
  writer.u16(C.CTA_PROTO_DST_PORT, 1000);
  writer.nestEnd(proto);
  writer.nestEnd(tuple);
}

const SERVER = 0xc0000201;

/** Creates a UDP flow from the client of that number. */
function writeCreate(writer: MessageWriter, client: number): void {
  writer.begin(C.CT_NEW, NLM_F_CREATE | NLM_F_EXCL, 0, C.AF_INET);
  writeTuple(writer, C.CTA_TUPLE_ORIG, 0x0a000000 + client, SERVER);
  writeTuple(writer, C.CTA_TUPLE_REPLY, SERVER, 0x0a000000 + client);
  writer.u32(C.CTA_STATUS, C.IPS_CONFIRMED);
  writer.u32(C.CTA_TIMEOUT, 600);
  writer.end();
}

function writeAddressed(writer: MessageWriter, type: number, client: number): void {
  writer.begin(type, 0, 0, C.AF_INET);
  writeTuple(writer, C.CTA_TUPLE_ORIG, 0x0a000000 + client, SERVER);
  writer.end();
}

/** A request without attributes. */
function plain(type: number) {
  return (writer: MessageWriter) => {
    writer.begin(type, 0, 0, C.AF_UNSPEC);
    writer.end();
  };
}

/** Creates flows in one batch; returns [index, errno] of those that failed. */
function create(clients: number[], on = connection): [number, number][] {
  const writer = new MessageWriter();
  for (const client of clients) writeCreate(writer, client);
  const errors: [number, number][] = [];
  on.batch(writer, clients.length, (index, errno) => errors.push([index, errno]));
  return errors;
}

const clientsOf = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);

/** The number of flows that a dump shows. */
function countByDump(on = connection): number {
  let count = 0;
  on.dump(plain(C.CT_GET), (_buffer, start, end, type) => {
    assert.equal(type, C.CT_NEW);
    assert.ok(end > start);
    count++;
  });
  return count;
}

function flush(): void {
  connection.request(plain(C.CT_DELETE));
  assert.equal(countByDump(), 0);
}

function open(): Socket {
  const socket = backend.open();
  assert.ok(typeof socket === "object");
  return socket;
}

const buffer = new Uint8Array(65536);

/** Sends a dump request past any connection. */
function sendDump(socket: Socket): void {
  const writer = new MessageWriter();
  writer.begin(C.CT_GET, NLM_F_REQUEST | NLM_F_DUMP, 1, C.AF_UNSPEC);
  writer.end();
  assert.equal(socket.send(writer.buffer, 0, writer.length), writer.length);
}

/** Where a module of src/netlink is, for a script that another process runs. */
function moduleUrl(path: string): string {
  return new URL(`../../src/netlink/${path}`, import.meta.url).href;
}

/** Has another process send a datagram of 20 times "x" to the socket. */
function sendForeign({ portId }: Socket): void {
  const script = `socket(S, 16, 3, 12) && send(S, "x" x 20, 0, pack("SSLL", 16, 0, ${portId}, 0)) or die $!`;
  execFileSync("perl", ["-e", script]);
}

function detached(): Uint8Array {
  const array = new Uint8Array(64);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

const NO_NUMBERS = [undefined, null, true, "1", 1n, Symbol("1"), {}, [1], () => 1, new Date(), Object(1)];
const NO_INTS = [
  ...NO_NUMBERS,
  NaN,
  0.5,
  Infinity,
  -Infinity,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 32,
  2 ** 53,
  new Uint8Array(4),
];
const NO_ARRAYS = [...NO_NUMBERS, 1, new ArrayBuffer(64), new DataView(new ArrayBuffer(64)), new Float64Array(64)];
const NO_BYTES = [...NO_ARRAYS, new Int8Array(64), new Uint32Array(64), new Proxy(new Uint8Array(64), {}), detached()];
const NO_LENGTHS = [...NO_ARRAYS, new Uint8Array(64), new Uint32Array(64), new Int32Array(0)];

test("addon: arguments of a wrong type, one at a time, and too few", () => {
  const portId = new Uint32Array(1);
  const fd = addon.open(portId);
  assert.ok(fd > 2);
  const bytes = new Uint8Array(64);
  const calls: [name: keyof typeof addon, good: unknown[], bad: unknown[][]][] = [
    ["open", [portId], [[...NO_ARRAYS, new Uint8Array(64), new Int32Array(4), new Uint32Array(0)]]],
    ["send", [fd, bytes, 0, 64], [NO_INTS, NO_BYTES, NO_INTS, NO_INTS]],
    ["receive", [fd, bytes, 0, 64, MSG_DONTWAIT], [NO_INTS, NO_BYTES, NO_INTS, NO_INTS, NO_INTS]],
    [
      "receiveMany",
      [fd, bytes, 32, new Int32Array(2), MSG_DONTWAIT],
      [NO_INTS, NO_BYTES, NO_INTS, NO_LENGTHS, NO_INTS],
    ],
    ["setOption", [fd, SOL_SOCKET, SO_RCVBUF, 65536], [NO_INTS, NO_INTS, NO_INTS, NO_INTS]],
    ["getOption", [fd, SOL_SOCKET, SO_RCVBUF], [NO_INTS, NO_INTS, NO_INTS]],
    ["memory", [fd, new Uint32Array(9)], [NO_INTS, [...NO_ARRAYS, new Int32Array(9), new Uint32Array(8)]]],
    ["poll", [fd, 0], [NO_INTS, NO_INTS]],
    ["pollOut", [fd, 0], [NO_INTS, NO_INTS]],
    ["close", [fd], [NO_INTS]],
    ["strerror", [EINVAL], [NO_INTS]],
    ["setNetwork", [-1], [NO_INTS]],
  ];
  for (const [name, good, bad] of calls) {
    const call = addon[name] as (...values: unknown[]) => unknown;
    for (const [position, values] of bad.entries()) {
      for (const value of values) {
        assert.equal(call(...good.with(position, value)), -EINVAL, `${name}, argument ${position}: ${inspect(value)}`);
      }
      assert.equal(call(...good.slice(0, position)), -EINVAL, `${name} with ${position} arguments`);
    }
  }
  assert.ok(addon.getOption(fd, SOL_SOCKET, SO_RCVBUF) > 0, "still open");
  assert.equal(addon.close(fd), 0);
});

test("addon: parts that do not lie within their buffer", () => {
  const fd = addon.open(new Uint32Array(1));
  const window = new Uint8Array(new ArrayBuffer(64), 16, 32);
  const max = 2 ** 31 - 1;
  for (const [offset, length] of [
    [0, 33],
    [1, 32],
    [32, 1],
    [33, 0],
    [0, 0],
    [-1, 4],
    [0, -1],
    [max, max],
    [max, 1],
    [1, max],
  ]) {
    assert.equal(addon.send(fd, window, offset!, length!), -EINVAL, `send ${offset}, ${length}`);
    assert.equal(addon.receive(fd, window, offset!, length!, MSG_DONTWAIT), -EINVAL, `receive ${offset}, ${length}`);
  }
  for (const [slot, slots] of [
    [0, 1],
    [-1, 1],
    [33, 1],
    [17, 2],
    [1, 33],
    [max, 64],
  ]) {
    const lengths = new Int32Array(slots!);
    assert.equal(addon.receiveMany(fd, window, slot!, lengths, MSG_DONTWAIT), -EINVAL, `receiveMany ${slot}, ${slots}`);
  }
  // No more than its 64 slots need to fit.
  assert.equal(addon.receiveMany(fd, new Uint8Array(64), 1, new Int32Array(1000), MSG_DONTWAIT), -EAGAIN);
  assert.equal(addon.receive(fd, window, 0, 32, 2), -EINVAL, "MSG_PEEK");
  assert.equal(addon.close(fd), 0);
});

test("addon: descriptors that are closed, or no sockets", () => {
  const file = openSync("/dev/null", "r+");
  for (const [fd, errno] of [
    [-1, EBADF],
    [99999, EBADF],
    [file, ENOTSOCK],
  ] as const) {
    assert.equal(addon.send(fd, buffer, 0, 20), -errno);
    assert.equal(addon.receive(fd, buffer, 0, 20, 0), -errno);
    assert.equal(addon.receiveMany(fd, buffer, 20, new Int32Array(2), 0), -errno);
    assert.equal(addon.setOption(fd, SOL_SOCKET, SO_RCVBUF, 1), -errno);
    assert.equal(addon.getOption(fd, SOL_SOCKET, SO_RCVBUF), -errno);
    if (errno === EBADF) assert.equal(addon.memory(fd, new Uint32Array(9)), -errno);
  }
  for (const fd of [-1, 99999]) {
    assert.equal(addon.poll(fd, 1000), -EBADF);
    assert.equal(addon.pollOut(fd, 1000), -EBADF);
    assert.equal(addon.close(fd), -EBADF);
    assert.equal(addon.setNetwork(fd), -EBADF);
  }
  assert.equal(addon.setNetwork(file), -EINVAL);
  assert.equal(addon.pollOut(file, 0), 1);
  closeSync(file);
});

test("backend: the C library's error texts", () => {
  assert.equal(backend.strerror(ENOENT), "No such file or directory");
  assert.equal(backend.strerror(ENOBUFS), "No buffer space available");
  assert.match(backend.strerror(99999), /\S/);
});

test("backend: a closed socket answers EBADF", () => {
  const socket = open();
  socket.close();
  socket.close();
  assert.equal(socket.send(buffer, 0, 20), -EBADF);
  assert.equal(socket.receive(buffer, 0, 20, 0), -EBADF);
  assert.equal(socket.receiveMany(buffer, 20, new Int32Array(1), 0), -EBADF);
  assert.equal(socket.poll(-1), -EBADF);
  assert.equal(socket.getOption(SOL_SOCKET, SO_RCVBUF), -EBADF);
});

test("backend: port ids are the kernel's, one a socket", () => {
  const first = open();
  const second = open();
  assert.ok(first.portId > 0);
  assert.ok(second.portId > 0);
  assert.notEqual(first.portId, second.portId);
  first.close();
  second.close();
});

test("backend: socket options", () => {
  const socket = open();
  assert.equal(socket.setOption(SOL_SOCKET, SO_RCVBUF, 50000), 0);
  assert.equal(socket.getOption(SOL_SOCKET, SO_RCVBUF), 100000, "the kernel doubles it");
  assert.ok(socket.setOption(SOL_SOCKET, 9999, 1) < 0);
  assert.ok(socket.getOption(SOL_SOCKET, 9999) < 0);
  socket.close();
});

test("backend: poll waits for input, as long as it was told", () => {
  const socket = open();
  assert.equal(socket.poll(0), 0);
  const start = performance.now();
  assert.equal(socket.poll(30), 0);
  assert.ok(performance.now() - start >= 29);
  assert.equal(socket.receive(buffer, 0, buffer.length, MSG_DONTWAIT), -EAGAIN);
  sendDump(socket);
  assert.equal(socket.poll(-1), 1);
  socket.close();
});

test("backend: a datagram that does not fit shows its true length", () => {
  for (const receive of [
    (socket: Socket) => socket.receive(buffer, 8, 16, 0),
    (socket: Socket) => {
      const lengths = new Int32Array(1);
      assert.equal(socket.receiveMany(buffer, 16, lengths, 0), 1);
      return lengths[0];
    },
  ]) {
    const socket = open();
    sendDump(socket);
    buffer.fill(0xee);
    assert.equal(receive(socket), 20, "NLMSG_DONE and its error number");
    assert.equal(buffer[24], 0xee);
    socket.close();
  }
});

test("backend: many datagrams in one call, and no wait for more", () => {
  flush();
  create(clientsOf(100));
  const socket = open();
  sendDump(socket);
  const lengths = new Int32Array(8);
  const filled = socket.receiveMany(buffer, 8192, lengths, 0);
  assert.ok(filled >= 3, `${filled} slots`);
  assert.ok(lengths.every((length, slot) => (slot < filled ? length > 0 : length === 0)));
  assert.equal(messageType(buffer, 0), C.CT_NEW);
  assert.equal(messageType(buffer, 8192 * (filled - 1)), NLMSG_DONE);
  assert.equal(socket.receiveMany(buffer, 8192, lengths, MSG_DONTWAIT), -EAGAIN);
  socket.close();
});

test("backend: datagrams of other processes are dropped", () => {
  const socket = open();
  sendForeign(socket);
  assert.equal(socket.poll(0), 1);
  assert.equal(socket.receive(buffer, 0, buffer.length, MSG_DONTWAIT), -EAGAIN);

  sendForeign(socket);
  sendDump(socket);
  assert.ok(socket.receive(buffer, 0, buffer.length, 0) > 0);
  assert.notEqual(buffer[0], "x".charCodeAt(0));
  socket.close();
});

test("backend: among many, a datagram of another process has length 0", () => {
  const socket = open();
  sendForeign(socket);
  sendDump(socket);
  const lengths = new Int32Array(4).fill(-1);
  assert.ok(socket.receiveMany(buffer, 8192, lengths, 0) >= 2);
  assert.equal(lengths[0], 0);
  assert.ok(lengths[1]! > 0);
  socket.close();
});

test("backend: with the default SIGPIPE, writing to a closed pipe ends the process", async () => {
  const script = `
    import { readSync, writeSync } from "node:fs";
    import { napiBackend } from ${JSON.stringify(moduleUrl("backend/napi.js"))};
    napiBackend().defaultSigpipe();
    readSync(0, Buffer.alloc(1));
    writeSync(1, "x");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdout.destroy();
  await once(child.stdout, "close");
  child.stdin.end();
  const [, signal] = await once(child, "exit");
  assert.equal(signal, "SIGPIPE");
});

test("dump: an empty table", () => {
  flush();
  assert.deepEqual(
    connection.dump(plain(C.CT_GET), () => assert.fail("an entry")),
    { interrupted: false },
  );
});

test("dump: a full table, every entry once", () => {
  flush();
  const count = 5000;
  for (let from = 0; from < count; from += 100) assert.deepEqual(create(clientsOf(100, from)), []);
  const seen = new Set<number>();
  connection.dump(plain(C.CT_GET), (bytes, start, end) => {
    assert.equal(attrLength(bytes, start + 20, end), 52, "the original tuple comes first");
    const source = readU32BE(bytes, start + 32);
    assert.ok(!seen.has(source));
    seen.add(source);
  });
  assert.equal(seen.size, count);
  assert.equal(countByDump(), count, "and again on the same socket");
});

test("dump: small buffers, here and in the kernel, lose nothing", () => {
  flush();
  for (let from = 0; from < 1000; from += 100) create(clientsOf(100, from));
  const socket = open();
  socket.setOption(SOL_SOCKET, SO_RCVBUF, 1);
  const small = new NetlinkConnection(socket, { receiveBufferBytes: 8192 });
  assert.equal(countByDump(small), 1000);
  small.close();
});

test("dump: the table of the processors' counters", () => {
  let rows = 0;
  connection.dump(plain(C.CT_GET_STATS_CPU), (_buffer, _start, _end, type) => {
    assert.equal(type, C.CT_GET_STATS_CPU);
    rows++;
  });
  assert.ok(rows >= 1);
});

test("dump: a request that the kernel does not know", () => {
  assert.throws(() => connection.dump(plain(0x1ff), () => {}), { errno: EINVAL, syscall: "netlink dump" });
  assert.equal(typeof countByDump(), "number");
});

test("dump: given up half way, it keeps the socket busy", () => {
  flush();
  create(clientsOf(MAX_BATCH_MESSAGES));
  const given = openConnection(backend);
  // Part by part, and so without the thread that receives ahead: that one may have come to the end.
  const parts = given.dumpParts(plain(C.CT_GET), () => {
    throw new Error("enough");
  });
  assert.throws(() => parts.next(), { message: "enough" });
  assert.throws(() => countByDump(given), { errno: EBUSY });
  given.close();
});

test("dump: given up half way while the thread receives ahead, it can be closed", () => {
  flush();
  for (let from = 0; from < 5000; from += 100) create(clientsOf(100, from));
  for (let i = 0; i < 50; i++) {
    const given = openConnection(backend);
    const giveUp = () =>
      given.dump(plain(C.CT_GET), () => {
        throw new Error("enough");
      });
    assert.throws(giveUp, { message: "enough" });
    given.close();
  }
});

test("readAhead: the same datagrams as without, and the addon takes no nonsense", () => {
  const { readAhead, takeAhead, stopAhead } = loadAddon();
  for (const junk of [undefined, null, "x", {}, 0.5, Symbol("x"), new Uint8Array(8)] as never[]) {
    assert.equal(takeAhead(junk, new Uint8Array(8), 0, 8), -EINVAL);
    assert.equal(stopAhead(junk), -EINVAL);
  }
  assert.equal(readAhead("x" as never), -EINVAL);
  const ended = readAhead(-1) as object;
  assert.equal(takeAhead(ended, new Uint8Array(8), 0, 8), -EBADF);
  assert.equal(takeAhead(ended, new Uint8Array(8), 0, 9), -EINVAL);
  assert.equal(stopAhead(ended), 0);
  assert.equal(stopAhead(ended), 0);
  assert.equal(takeAhead(ended, new Uint8Array(8), 0, 8), -EBADF);
  for (let i = 0; i < 100; i++) readAhead(-1); // left to the garbage collector
});

test("readAhead for an event loop: sends, says when something is there, and takes no nonsense", async () => {
  const { readAhead, takeAhead, stopAhead } = loadAddon();
  const buffer = new Uint8Array(64);
  const call = readAhead as (...junk: unknown[]) => unknown;
  for (const part of [[], [buffer], [buffer, 0], [buffer, 0, 65], [buffer, -1, 4], ["x", 0, 1], [buffer, 0, 0]]) {
    assert.equal(
      call(-1, () => {}, ...part),
      -EINVAL,
    );
  }
  let calls = 0;
  // Sending fails: that is what there is to take.
  const failed = readAhead(-1, () => calls++, buffer, 0, 4) as object;
  let taken: number;
  while ((taken = takeAhead(failed, buffer, 0, 8)) === -EINPROGRESS) await setTimeout(1);
  assert.equal(taken, -EBADF);
  assert.equal(stopAhead(failed), 0);
  assert.equal(takeAhead(failed, buffer, 0, 8), -EBADF);
  assert.ok(calls <= 1);
  for (let i = 0; i < 100; i++) readAhead(-1, () => calls++, buffer, 0, 4); // left to the garbage collector
});

test("dump: with another request on a second socket meanwhile", () => {
  flush();
  create(clientsOf(50));
  const second = openConnection(backend);
  let deleted = 0;
  connection.dump(plain(C.CT_GET), (bytes, start) => {
    second.request((writer) => writeAddressed(writer, C.CT_DELETE, readU32BE(bytes, start + 32) - 0x0a000000));
    deleted++;
  });
  assert.equal(deleted, 50);
  assert.equal(countByDump(second), 0);
  second.close();
});

test("request: CT_GET_STATS counts the entries", () => {
  flush();
  create(clientsOf(3));
  const counts: number[] = [];
  connection.request(plain(C.CT_GET_STATS), (bytes, start) => counts.push(readU32BE(bytes, start + 24)));
  assert.deepEqual(counts, [3]);
});

test("request: GET of one entry, there or not", () => {
  flush();
  create([7]);
  let found = 0;
  connection.request(
    (writer) => writeAddressed(writer, C.CT_GET, 7),
    (bytes, start, _end, type) => {
      assert.equal(type, C.CT_NEW);
      assert.equal(readU32BE(bytes, start + 32), 0x0a000007);
      found++;
    },
  );
  assert.equal(found, 1);
  assert.throws(
    () =>
      connection.request(
        (writer) => writeAddressed(writer, C.CT_GET, 8),
        () => assert.fail("an entry"),
      ),
    { errno: ENOENT, syscall: "netlink request", message: "netlink request: No such file or directory" },
  );
});

test("batch: creates of which some fail", () => {
  flush();
  assert.deepEqual(create([1, 2, 3]), []);
  assert.deepEqual(create([4, 2, 5, 1, 6]), [
    [1, EEXIST],
    [3, EEXIST],
  ]);
  assert.deepEqual(create([7, 7]), [[1, EEXIST]], "the acknowledged one");
  assert.equal(countByDump(), 7);
});

test("batch: MAX_BATCH_MESSAGES errors come through", () => {
  flush();
  const clients = clientsOf(MAX_BATCH_MESSAGES);
  assert.deepEqual(create(clients), []);
  assert.deepEqual(
    create(clients),
    clients.map((index) => [index, EEXIST]),
  );
});

test("batch: errors that do not fit in the receive buffer are missed aloud", () => {
  flush();
  create([1]);
  const socket = open();
  socket.setOption(SOL_SOCKET, SO_RCVBUF, 1);
  const small = new NetlinkConnection(socket);
  assert.throws(() => create(new Array(20).fill(1), small), { errno: ENOBUFS });
  assert.deepEqual(create([2], small), [], "good for another");
  small.close();
});

test("batch: too large for the socket", () => {
  assert.throws(() => create(clientsOf(3000)), { errno: 90, syscall: "sendto" });
});

test("backend: network namespaces, and connections that stay in theirs", () => {
  flush();
  create([1]);
  const home = openSync("/proc/self/ns/net", "r");
  assert.equal(backend.unshareNetwork(), 0);
  const inside = openConnection(backend);
  assert.equal(countByDump(inside), 0);
  inside.close();
  assert.equal(countByDump(), 1);

  assert.equal(backend.setNetwork(home), 0);
  closeSync(home);
  const back = openConnection(backend);
  assert.equal(countByDump(back), 1);
  back.close();
});

test("without CAP_NET_ADMIN every request is EPERM", () => {
  const script = `
    import { napiBackend } from ${JSON.stringify(moduleUrl("backend/napi.js"))};
    import { openConnection } from ${JSON.stringify(moduleUrl("connection.js"))};
    import { MessageWriter } from ${JSON.stringify(moduleUrl("message.js"))};
    const backend = napiBackend();
    const connection = openConnection(backend);
    const write = (writer) => {
      writer.begin(${C.CT_GET_STATS}, 0, 0, 0);
      writer.end();
    };
    const errors = [-backend.unshareNetwork()];
    try {
      connection.dump(write, () => {});
    } catch ({ errno }) {
      errors.push(errno);
    }
    try {
      connection.request(write);
    } catch ({ errno }) {
      errors.push(errno);
    }
    const writer = new MessageWriter();
    for (let i = 0; i < 3; i++) write(writer);
    connection.batch(writer, 3, (index, errno) => errors.push(index, errno));
    console.log(JSON.stringify(errors));`;
  const args = ["--bounding-set=-all", process.execPath, "--input-type=module", "-e", script];
  const errors: unknown = JSON.parse(execFileSync("setpriv", args, { encoding: "utf8" }));
  assert.deepEqual(errors, [EPERM, EPERM, EPERM, 0, EPERM, 1, EPERM, 2, EPERM]);
});
