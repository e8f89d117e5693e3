/** Expectations that the library creates, gets and deletes. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { Conntrack, type Expectation, type ExpectationKey, type NewExpectation } from "../../src/index.js";
import { freshNetwork, ours } from "../support/command.js";
import { nft, noLab } from "../support/lab.js";

const MASTER = { src: "10.5.0.1", dst: "10.5.0.2", sport: 5001, dport: 21 };
const EXPECTED = { src: "10.5.0.2", dst: "10.5.0.1", sport: 0, dport: 4000 };
const ANY_PORT = { sport: 0 };

async function all(items: AsyncIterable<Expectation>): Promise<Expectation[]> {
  const found: Expectation[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("expectations", { skip: noLab }, () => {
  let conntrack: Conntrack;
  const expectation = (more: Partial<NewExpectation> = {}): NewExpectation => ({
    protocol: "tcp",
    timeout: 300,
    master: MASTER,
    expected: EXPECTED,
    mask: ANY_PORT,
    ...more,
  });
  before(async () => {
    freshNetwork();
    // Has the kernel load the helper.
    nft(`table inet n { ct helper ftp { type "ftp" protocol tcp; }; }`);
    conntrack = await Conntrack.open();
    await conntrack.create({ protocol: "tcp", timeout: 600, orig: MASTER, state: "ESTABLISHED", helper: "ftp" });
  });
  after(() => conntrack?.close());
  beforeEach(() => conntrack.flush("expect"));

  it("are created, found and deleted by what is expected", async () => {
    const created = await conntrack.createExpectation(expectation());
    assert.deepEqual(created!.expected, EXPECTED);
    assert.deepEqual(created!.master, { protocol: { number: 6, name: "tcp" }, ...MASTER });
    assert.deepEqual(created!.mask, { src: "255.255.255.255", dst: "255.255.255.255", sport: 0, dport: 65535 });
    assert.ok(created!.timeout! > 290);
    const key: ExpectationKey = { protocol: 6, expected: EXPECTED };
    assert.equal((await conntrack.getExpectation(key))!.id, created!.id);
    assert.equal(await conntrack.removeExpectation(key), true);
    assert.equal(await conntrack.removeExpectation(key), false);
    assert.equal(await conntrack.getExpectation(key), undefined);
    assert.deepEqual(await all(conntrack.expectations()), []);
  });

  it("belong to flows with a helper, which a new flow can have", async () => {
    const orig = { ...MASTER, sport: 5002 };
    const made = await conntrack.create({ protocol: "tcp", timeout: 60, orig, state: "ESTABLISHED", helper: "ftp" });
    assert.equal(made!.helper, "ftp");
    const without = await conntrack.create({ protocol: "tcp", timeout: 60, orig: { ...orig, sport: 5003 } });
    assert.equal(without!.helper, undefined);
    await assert.rejects(conntrack.createExpectation(expectation({ master: { ...orig, sport: 5003 } })), {
      code: "EOPNOTSUPP",
    });
    await assert.rejects(
      conntrack.create({ protocol: "tcp", timeout: 60, orig: { ...orig, sport: 5004 }, helper: "no-such" }),
      { code: "EOPNOTSUPP" },
    );
  });

  it("are the command's", async () => {
    await conntrack.createExpectation(expectation());
    const mine = (await ours(["-L", "expect"])).stdout;
    await conntrack.flush("expect");
    const words =
      "-I expect -p tcp -t 300 -s 10.5.0.1 -d 10.5.0.2 --sport 5001 --dport 21 --tuple-src 10.5.0.2 --tuple-dst 10.5.0.1 " +
      "--tuple-port-src 0 --tuple-port-dst 4000 --mask-src 255.255.255.255 --mask-dst 255.255.255.255 " +
      "--mask-port-src 0 --mask-port-dst 65535";
    assert.equal((await ours(words.split(" "))).status, 0);
    assert.equal((await ours(["-L", "expect"])).stdout.replace(/^\d+/, ""), mine.replace(/^\d+/, ""));
    await conntrack.flush("expect");
  });

  it("as they are listed are created again", async () => {
    await conntrack.createExpectation(expectation({ flags: ["PERMANENT"], class: 0 }));
    const [listed] = await all(conntrack.expectations());
    assert.ok(listed!.flags!.includes("PERMANENT"));
    assert.equal(
      await conntrack.removeExpectation({ ...(listed as ExpectationKey), id: (listed!.id! ^ 1) >>> 0 }),
      false,
    );
    assert.equal(await conntrack.removeExpectation(listed as ExpectationKey), true);
    const again = await conntrack.createExpectation(listed!);
    const { id: _, timeout: __, ...before } = listed!;
    const { id: ___, timeout: ____, ...after } = again!;
    assert.deepEqual(after, before);
    await conntrack.flush("expect");
  });

  it("say what is wrong", async () => {
    await assert.rejects(conntrack.createExpectation(expectation({ master: { ...MASTER, sport: 1 } })), {
      code: "ENOENT",
      command: "createExpectation",
      message: /no such master/,
    });
    await assert.rejects(conntrack.getExpectation({ protocol: "tcp", expected: { src: "1.1.1.1", dst: "2.2.2.2" } }), {
      code: "EINVAL",
      message: /port/,
    });
    const wrong: [unknown, RegExp][] = [
      [{ ...expectation(), expected: undefined }, /expected is undefined/],
      [{ ...expectation(), nonsense: 1 }, /no such property/],
      [expectation({ flags: ["PERMANENTLY" as never] }), /expectation.flags\[0\]/],
      [expectation({ mask: { src: "ffff::" } }), /other family/],
      [expectation({ master: { ...MASTER, src: "::1" } }), /both families/],
    ];
    for (const [value, message] of wrong) {
      await assert.rejects(conntrack.createExpectation(value as NewExpectation), { code: "CONNTRACK_USAGE", message });
    }
    assert.equal(await conntrack.count("expect"), 0);
  });

  it("of IPv6", async () => {
    const master = { src: "2001:db8::1", dst: "2001:db8::2", sport: 1, dport: 21 };
    await conntrack.create({ protocol: "tcp", timeout: 600, orig: master, helper: "ftp", state: "ESTABLISHED" });
    const expected = { src: "2001:db8::2", dst: "2001:db8::1", sport: 0, dport: 7000 };
    const created = await conntrack.createExpectation(
      expectation({ master, expected, mask: { src: "ffff:ffff::", sport: 0 } }),
    );
    assert.equal(created!.family, "ipv6");
    assert.equal(created!.mask.src, "ffff:ffff::");
    assert.equal(await conntrack.removeExpectation(created as ExpectationKey), true);
  });
});
