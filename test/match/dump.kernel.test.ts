/** The kernel's help makes no difference to what a filter finds. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { splitWords } from "../../src/cli/load-file/words.js";
import { encodeNewFlow } from "../../src/command/new-flow.js";
import * as C from "../../src/ctnetlink/constants.js";
import { TOP } from "../../src/ctnetlink/slots.js";
import { dumpFlows } from "../../src/match/dump.js";
import type { FlowFilter } from "../../src/match/filter.js";
import { kernelFilter } from "../../src/match/kernel-filter.js";
import { napiBackend } from "../../src/netlink/backend/napi.js";
import { NetlinkConnection, openConnection } from "../../src/netlink/connection.js";
import * as E from "../../src/system/errno.js";
import { KernelError } from "../../src/system/errors.js";
import { testContext } from "../cli/context.js";
import { cliCases } from "../support/cases.js";
import { type ExactFilter, exactFilter } from "../support/exact-filter.js";
import { concat, done, FakeSocket, failure } from "../support/fake-socket.js";
import { createLine } from "../support/lines.js";
import { random as randomOf, seed } from "../support/random.js";
import { bytesOf, wireFixture } from "../support/wire.js";

const backend = napiBackend();
const v4 = (...bytes: number[]) => Uint8Array.from(bytes);
const v6 = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

function find(connection: NetlinkConnection, filter: FlowFilter, kernelFilter: boolean): string[] {
  const found: string[] = [];
  dumpFlows(connection, filter, (view) => found.push(Buffer.from(view.bytes(TOP + C.CTA_ID)).toString("hex")), {
    kernelFilter,
  });
  return found.sort();
}

describe("with and without the kernel's filter", () => {
  let connection: NetlinkConnection;

  before(() => {
    connection = openConnection(backend);
    const context = testContext();
    for (const line of cliCases.setup.mix!) {
      const { name, flow } = createLine(splitWords(line), context);
      connection.request((writer) => encodeNewFlow(writer, name, flow));
    }
  });

  /** The values that entries of the table have, and some that none has. */
  const values = {
    family: [undefined, C.AF_INET, C.AF_INET6],
    protonum: [undefined, 1, 6, 17, 33, 47, 58, 132, 136, 200, 0],
    src: [
      undefined,
      v4(10, 0, 0, 1),
      v4(10, 0, 1, 1),
      v4(10, 0, 2, 1),
      v4(9, 9, 9, 9),
      v6("20010db8000000000000000000000001"),
    ],
    dst: [undefined, v4(192, 0, 2, 1), v4(8, 8, 8, 8), v4(203, 0, 113, 1), v6("20010db8000000000000000000000002")],
    sport: [undefined, 40001, 5353, 16, 0],
    dport: [undefined, 443, 53, 80, 32],
    icmpType: [undefined, 8, 128, 0],
    icmpId: [undefined, 77, 9],
    zone: [undefined, 0, 3, 7],
    mark: [undefined, { value: 0, mask: 0xffffffff }, { value: 1, mask: 0xffffffff }, { value: 0x10, mask: 0xf0 }],
    status: [
      undefined,
      { set: 4, clear: 0, unset: false },
      { set: 0, clear: 2, unset: false },
      { set: 2, clear: 4, unset: false },
      { set: 0, clear: 0, unset: true },
    ],
  };

  const given = (fields: object): Record<string, unknown> =>
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

  /** `fields` are those of a filter; undefined ones are dropped on the way. */
  const compare = (fields: object) => compareFilter(exactFilter(fields as ExactFilter));

  function compareFilter(filter: FlowFilter): number {
    const helped = find(connection, filter, true);
    assert.deepEqual(helped, find(connection, filter, false), JSON.stringify([filter, kernelFilter(filter)]));
    return helped.length;
  }

  test("each value by itself, in both directions", () => {
    for (const field of ["src", "dst", "sport", "dport", "icmpType", "icmpId", "zone"] as const) {
      for (const value of values[field]) {
        for (const protonum of [undefined, 1, 6, 17, 47]) {
          for (const family of [undefined, C.AF_INET]) {
            compare({ ...given({ family, protonum }), orig: given({ [field]: value }) });
            compare({ ...given({ family, protonum }), reply: given({ [field]: value }) });
          }
        }
      }
    }
    for (const mark of values.mark) for (const status of values.status) compare(given({ mark, status }));
    for (const zone of values.zone) for (const family of values.family) compare(given({ zone, family }));
  });

  test(`300 random filters, seed ${seed}`, () => {
    const random = randomOf(seed);
    const some = <T>(from: readonly T[]) => (random.below(3) === 0 ? random.pick(from) : undefined);
    const tuple = () =>
      given({
        src: some(values.src),
        dst: some(values.dst),
        sport: some(values.sport),
        dport: some(values.dport),
        icmpType: some(values.icmpType),
        icmpId: some(values.icmpId),
        zone: some(values.zone),
      });
    let found = 0;
    for (let i = 0; i < 300; i++) {
      const protonum = some(values.protonum);
      const filter = {
        protonum,
        family: some(values.family),
        mark: some(values.mark),
        status: some(values.status),
        zone: some(values.zone),
      };
      const masks = random.once(4) ? { srcMask: v4(255, 255, 0, 0) } : {};
      const orig = random.once(2) ? tuple() : given({});
      const reply = random.once(3) ? tuple() : given({});
      if ("src" in orig && (orig.src as Uint8Array).length === 16) delete (masks as ExactFilter).srcMask;
      found += compare({ ...given(filter), ...masks, orig, reply });
    }
    assert.ok(found > 100, `${found} entries in all`);
  });

  test(`100 random filters with lists, ranges and what must not be, seed ${seed}`, () => {
    const random = randomOf(seed);
    /** One to three of the values, as conditions hold them; or nothing. */
    const some = <Value, Item>(from: readonly (Value | undefined)[], item: (value: Value) => Item) => {
      if (random.once(2)) return undefined;
      const items = Array.from({ length: 1 + random.below(3) }, () => random.pick(from)).flatMap((value) =>
        value === undefined ? [] : item(value),
      );
      return items.length === 0 ? undefined : { items, not: random.once(3) };
    };
    const number = (value: number) => ({ from: random.once(4) ? 0 : value, to: value });
    const address = (value: Uint8Array) =>
      random.once(4) ? { from: value.map(() => 0), to: value } : { address: value };
    const ipv4 = (from: readonly (Uint8Array | undefined)[]) => from.filter((value) => value?.length === 4);
    const tuple = () =>
      given({
        src: some(ipv4(values.src), address),
        dst: some(ipv4(values.dst), address),
        sport: some(values.sport, number),
        dport: some(values.dport, number),
        icmpType: some(values.icmpType, number),
        icmpId: some(values.icmpId, number),
        zone: some(values.zone, number),
      });
    let found = 0;
    for (let i = 0; i < 100; i++) {
      found += compareFilter(
        given({
          family: random.pick([undefined, C.AF_INET]),
          protonum: some(values.protonum, number),
          mark: some(values.mark, (mark) => mark),
          zone: some(values.zone, number),
          orig: random.once(2) ? tuple() : undefined,
          reply: random.once(4) ? tuple() : undefined,
        }) as FlowFilter,
      );
    }
    assert.ok(found > 30, `${found} entries in all`);
  });
});

describe("a kernel that does not know the filter", () => {
  const mix = wireFixture("flows-mix").messages.map(bytesOf);
  const filter = exactFilter({ family: C.AF_INET, protonum: 17, orig: { dport: 53 } });

  /** The table as the answer to a dump, with the request's sequence number. */
  const table = (sequence: number) => {
    const messages = mix.map((message) => {
      const copy = message.slice();
      new DataView(copy.buffer).setUint32(8, sequence, true);
      return copy;
    });
    return [concat(...messages, done(sequence))];
  };

  for (const errno of [E.EOPNOTSUPP, E.EINVAL, E.ENOTSUPP]) {
    test(`answers errno ${errno}: the plain dump is asked for, and filtered here`, () => {
      const socket = new FakeSocket((sequence) => [failure(sequence, errno)], table);
      const found = find(new NetlinkConnection(socket), filter, true);
      assert.equal(found.length, 3);
      assert.equal(socket.sent.length, 2);
      assert.ok(socket.sent[0]!.length > socket.sent[1]!.length);
      assert.equal(socket.sent[1]!.length, 20);
    });
  }

  test("ignores it: what it sends is filtered here", () => {
    const socket = new FakeSocket(table);
    assert.equal(find(new NetlinkConnection(socket), filter, true).length, 3);
  });

  test("other errors, and those of a plain dump, are errors", () => {
    for (const [asked, errno] of [
      [filter, E.EPERM],
      [{ family: C.AF_INET }, E.EINVAL],
    ] as const) {
      const socket = new FakeSocket((sequence) => [failure(sequence, errno)], table);
      assert.throws(
        () => find(new NetlinkConnection(socket), asked, true),
        (error) => error instanceof KernelError && error.errno === errno,
      );
      assert.equal(socket.sent.length, 1);
    }
  });
});
