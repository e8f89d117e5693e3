import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConnectionOptions, NetlinkConnection, openConnection } from "../../src/netlink/connection.js";
import {
  NETLINK_CAP_ACK,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  NLM_F_REQUEST,
  NLMSG_NOOP,
  NLMSG_OVERRUN,
  SOL_NETLINK,
} from "../../src/netlink/constants.js";
import { MessageWriter, messageEnd, messageFlags, messageSequence, messageType } from "../../src/netlink/message.js";
import { EAGAIN, EBADF, EEXIST, EINTR, EMSGSIZE, ENOBUFS, ENOENT, EPERM } from "../../src/system/errno.js";
import { KernelError, WireError } from "../../src/system/errors.js";
import { type Answer, ack, concat, done, FakeSocket, failure, fakeBackend, message } from "../support/fake-socket.js";

const TYPE = 0x101;
const ENTRY = 0x100;

function get(writer: MessageWriter): void {
  writer.begin(TYPE, 0, 0, 2);
  writer.end();
}

/** An entry's message with one byte to know it by. */
const entry = (sequence: number, mark: number, flags = NLM_F_MULTI) =>
  message(ENTRY, flags, sequence, Uint8Array.of(mark));

function kernelError(errno: number, syscall: string) {
  return (error: unknown) => error instanceof KernelError && error.errno === errno && error.syscall === syscall;
}

function setUp(answers: Answer[], options?: ConnectionOptions) {
  const socket = new FakeSocket(...answers);
  const connection = new NetlinkConnection(socket, options);
  const marks: number[] = [];
  const onMessage = (buffer: Uint8Array, start: number, end: number, type: number) => {
    assert.equal(type, ENTRY);
    assert.equal(end - start, 17);
    marks.push(buffer[start + 16]!);
  };
  return { socket, connection, marks, onMessage };
}

test("opening fails with the text of the errno", () => {
  assert.throws(() => openConnection(fakeBackend(-EPERM)), {
    errno: EPERM,
    syscall: "socket",
    message: "socket: Operation not permitted",
  });
  assert.ok(openConnection(fakeBackend(new FakeSocket())) instanceof NetlinkConnection);
});

test("a connection asks for short acknowledgements", () => {
  const { socket } = setUp([]);
  assert.deepEqual(socket.options, [[SOL_NETLINK, NETLINK_CAP_ACK, 1]]);
});

test("errors have the text of the errno where strerror is given", () => {
  const answer: Answer = (sequence) => [failure(sequence, ENOENT)];
  const { connection } = setUp([answer], { strerror: (errno) => `text ${errno}` });
  assert.throws(() => connection.request(get), { message: "netlink request: text 2" });
  assert.throws(() => setUp([answer]).connection.request(get), { message: "netlink request: errno 2" });
});

test("closing closes the socket, and later requests fail", () => {
  const { socket, connection } = setUp([]);
  connection.close();
  assert.equal(socket.closed, true);
  assert.throws(() => connection.request(get), kernelError(EBADF, "sendto"));
});

test("dump: messages of several datagrams, until NLMSG_DONE", () => {
  const { socket, connection, marks, onMessage } = setUp([
    (s) => [concat(entry(s, 1), entry(s, 2)), entry(s, 3), concat(done(s), entry(s, 4))],
    (s) => [done(s)],
  ]);
  assert.deepEqual(connection.dump(get, onMessage), { interrupted: false });
  assert.deepEqual(marks, [1, 2, 3]);
  assert.deepEqual(connection.dump(get, onMessage), { interrupted: false });
  assert.deepEqual(
    socket.sent.map((sent) => [messageType(sent, 0), messageFlags(sent, 0), messageSequence(sent, 0)]),
    [
      [TYPE, NLM_F_REQUEST | NLM_F_DUMP, 1],
      [TYPE, NLM_F_REQUEST | NLM_F_DUMP, 2],
    ],
  );
});

test("dump: the request's own flags are kept", () => {
  const { socket, connection } = setUp([(s) => [done(s)]]);
  connection.dump(
    (writer) => {
      writer.begin(TYPE, 0x800, 0, 0);
      writer.end();
    },
    () => {},
  );
  assert.equal(messageFlags(socket.sent[0]!, 0), 0x800 | NLM_F_REQUEST | NLM_F_DUMP);
});

test("dump: an interruption is reported, on a part or on the end", () => {
  for (const answer of [
    (s: number) => [entry(s, 1, NLM_F_MULTI | NLM_F_DUMP_INTR), entry(s, 2), done(s)],
    (s: number) => [entry(s, 1), entry(s, 2), done(s, 0, NLM_F_DUMP_INTR)],
  ]) {
    const { connection, marks, onMessage } = setUp([answer]);
    assert.deepEqual(connection.dump(get, onMessage), { interrupted: true });
    assert.deepEqual(marks, [1, 2]);
  }
});

test("dump: the kernel's refusal, at once or at the end", () => {
  for (const end of [failure, done]) {
    const { connection, onMessage } = setUp([(s) => [end(s, ENOENT)]]);
    assert.throws(() => connection.dump(get, onMessage), kernelError(ENOENT, "netlink dump"));
  }
});

test("dump: an acknowledgement ends it, for nothing comes behind one", () => {
  const { connection, onMessage } = setUp([(s) => [ack(s)]]);
  assert.deepEqual(connection.dump(get, onMessage), { interrupted: false });
});

test("dump: messages of another request are skipped", () => {
  const { connection, marks, onMessage } = setUp([
    (s) => [
      concat(entry(s + 1, 9, NLM_F_DUMP_INTR), entry(s, 1), done(s - 1, ENOENT)),
      failure(s + 1, ENOENT),
      entry(s, 2),
      done(s),
    ],
  ]);
  assert.deepEqual(connection.dump(get, onMessage), { interrupted: false });
  assert.deepEqual(marks, [1, 2]);
});

test("dump: NLMSG_NOOP and unknown control messages are skipped", () => {
  const { connection, marks, onMessage } = setUp([
    (s) => [concat(message(NLMSG_NOOP, 0, s), message(0xf, 0, s), entry(s, 1)), done(s)],
  ]);
  connection.dump(get, onMessage);
  assert.deepEqual(marks, [1]);
});

test("dump: lost data is an error", () => {
  for (const lost of [(s: number) => message(NLMSG_OVERRUN, 0, s), () => -ENOBUFS]) {
    const { connection, onMessage } = setUp([(s) => [entry(s, 1), lost(s), done(s)]]);
    assert.throws(() => connection.dump(get, onMessage), kernelError(ENOBUFS, "recvmsg"));
  }
});

test("dump: EINTR is retried, sending and receiving", () => {
  const { socket, connection, marks, onMessage } = setUp([(s) => [-EINTR, entry(s, 1), -EINTR, -EINTR, done(s)]]);
  socket.sendResults.push(-EINTR, -EINTR);
  connection.dump(get, onMessage);
  assert.deepEqual(marks, [1]);
});

test("dump: an answer that stops short is an error, not a wait", () => {
  const { connection, onMessage } = setUp([(s) => [entry(s, 1)]]);
  assert.throws(() => connection.dump(get, onMessage), kernelError(EAGAIN, "recvmsg"));
});

test("dump: what onMessage throws comes through", () => {
  const { connection } = setUp([(s) => [entry(s, 1), done(s)]]);
  const stop = new Error("stop");
  assert.throws(
    () =>
      connection.dump(get, () => {
        throw stop;
      }),
    stop,
  );
});

test("dump: a datagram that was cut off", () => {
  const { connection, onMessage } = setUp([(s) => [concat(entry(s, 1), entry(s, 2))]], { receiveBufferBytes: 32 });
  assert.throws(() => connection.dump(get, onMessage), WireError);
});

test("dump: lengths that lie", () => {
  const payload = new Uint8Array(4);
  const cases: [name: string, datagram: (sequence: number) => Uint8Array, offset: number][] = [
    ["no length", (s) => message(ENTRY, 0, s, payload, 0), 0],
    ["shorter than a header", (s) => message(ENTRY, 0, s, payload, 15), 0],
    ["beyond the datagram", (s) => message(ENTRY, 0, s, payload, 21), 0],
    ["beyond 2^31", (s) => message(ENTRY, 0, s, payload, 0xffffffff), 0],
    ["a second one without length", (s) => concat(entry(s, 1), message(ENTRY, 0, s, payload, 0)), 20],
    ["less than a header left", (s) => concat(entry(s, 1), new Uint8Array(8)), 20],
    ["less than a header in all", () => new Uint8Array(3), 0],
    ["an end without its error number", (s) => message(3, 0, s), 0],
    ["an error without its error number", (s) => message(2, 0, s, new Uint8Array(3)), 0],
  ];
  for (const [name, datagram, offset] of cases) {
    const { connection, onMessage } = setUp([(s) => [datagram(s), done(s)]]);
    assert.throws(
      () => connection.dump(get, onMessage),
      (error) => error instanceof WireError && error.offset === offset,
      name,
    );
  }
});

test("dump: a stale datagram in the buffer is never read", () => {
  const { connection, marks, onMessage } = setUp([(s) => [concat(entry(s, 1), entry(s, 2)), entry(s, 3), done(s)]]);
  connection.dump(get, onMessage);
  assert.deepEqual(marks, [1, 2, 3]);
});

test("dump: an empty datagram and a last message without padding", () => {
  const { connection, marks, onMessage } = setUp([
    (s) => [new Uint8Array(0), entry(s, 1).subarray(0, 17), concat(done(s))],
  ]);
  connection.dump(get, onMessage);
  assert.deepEqual(marks, [1]);
});

test("request: the answer is what comes before the acknowledgement", () => {
  const { socket, connection, marks, onMessage } = setUp([
    (s) => [concat(entry(s + 7, 9), entry(s, 1)), failure(s + 7, ENOENT), ack(s)],
    (s) => [ack(s)],
  ]);
  connection.request(get, onMessage);
  assert.deepEqual(marks, [1]);
  connection.request(get);
  assert.equal(messageFlags(socket.sent[0]!, 0), NLM_F_REQUEST | NLM_F_ACK);
});

test("request: refusals and failures", () => {
  const cases: [answer: Answer, errno: number, syscall: string][] = [
    [(s) => [failure(s, EPERM)], EPERM, "netlink request"],
    [(s) => [-ENOBUFS, ack(s)], ENOBUFS, "recvmsg"],
    [() => [], EAGAIN, "recvmsg"],
  ];
  for (const [answer, errno, syscall] of cases) {
    const { connection } = setUp([answer]);
    assert.throws(() => connection.request(get), kernelError(errno, syscall));
  }
  const { socket, connection } = setUp([]);
  socket.sendResults.push(-EMSGSIZE);
  assert.throws(() => connection.request(get), kernelError(EMSGSIZE, "sendto"));
});

/** A batch of `count` messages, and the errors that it reports. */
function runBatch(count: number, answer: Answer, messages = count) {
  const { socket, connection } = setUp([answer]);
  const writer = new MessageWriter();
  for (let i = 0; i < messages; i++) {
    writer.begin(ENTRY, NLM_F_CREATE | NLM_F_ACK, 99, 2);
    writer.end();
  }
  const errors: [index: number, errno: number][] = [];
  const run = () => connection.batch(writer, count, (index, errno) => errors.push([index, errno]));
  return { run, errors, socket };
}

test("batch: one send, numbered messages, an acknowledgement of the last only", () => {
  const { run, errors, socket } = runBatch(3, (s) => [ack(s + 2)]);
  run();
  assert.deepEqual(errors, []);
  assert.equal(socket.sent.length, 1);
  const sent = socket.sent[0]!;
  const headers: number[][] = [];
  for (let start = 0; start < sent.length; start = messageEnd(sent, start, sent.length)) {
    headers.push([messageFlags(sent, start), messageSequence(sent, start)]);
  }
  assert.deepEqual(headers, [
    [NLM_F_REQUEST | NLM_F_CREATE, 1],
    [NLM_F_REQUEST | NLM_F_CREATE, 2],
    [NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK, 3],
  ]);
});

test("batch: failures by index, the last message's too", () => {
  const { run, errors } = runBatch(4, (s) => [
    failure(s, EEXIST),
    -EINTR,
    concat(failure(s + 17, EPERM), failure(s + 2, ENOENT), entry(s + 3, 1)),
    failure(s + 3, EEXIST),
  ]);
  run();
  assert.deepEqual(errors, [
    [0, EEXIST],
    [2, ENOENT],
    [3, EEXIST],
  ]);
});

test("batch: an empty one is not sent", () => {
  const { run, socket } = runBatch(0, () => []);
  run();
  assert.equal(socket.sent.length, 0);
});

test("batch: a count that is not the writer's", () => {
  assert.throws(runBatch(1, () => [], 2).run, RangeError);
  assert.throws(runBatch(2, () => [], 1).run, WireError);
});

test("batch: sequence numbers wrap around", () => {
  const answer: Answer = (s) => [failure((s + 1) >>> 0, EEXIST), ack((s + 2) >>> 0)];
  const { connection, socket } = setUp([answer], { lastSequence: 0xfffffffd });
  const writer = new MessageWriter();
  for (let i = 0; i < 3; i++) {
    writer.begin(ENTRY, 0, 0, 2);
    writer.end();
  }
  const errors: number[] = [];
  connection.batch(writer, 3, (index) => errors.push(index));
  assert.deepEqual(errors, [1]);
  assert.equal(messageSequence(socket.sent[0]!, 40), 0);
});

test("batch: one refusal of the whole datagram is every message's", () => {
  const { run, errors } = runBatch(3, (s) => [failure(s, EPERM)]);
  run();
  assert.deepEqual(errors, [
    [0, EPERM],
    [1, EPERM],
    [2, EPERM],
  ]);
});

test("batch: lost errors are an error, after those that came through", () => {
  for (const rest of [(s: number) => [ack(s + 2)], () => [], () => [-ENOBUFS]]) {
    const { run, errors, socket } = runBatch(3, (s) => [-ENOBUFS, failure(s, EEXIST), ...rest(s)]);
    assert.throws(run, kernelError(ENOBUFS, "recvmsg"));
    assert.deepEqual(errors, [[0, EEXIST]]);
    assert.deepEqual(socket.queue, []);
  }
});

test("batch: silence is an error", () => {
  assert.throws(runBatch(2, () => []).run, kernelError(EAGAIN, "recvmsg"));
});
