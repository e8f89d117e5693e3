import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Address6 } from "ip-address";
import { parseAddress, parseIpv4, parseIpv6, prefixMask } from "../../src/system/inet.js";

const bytes = (text: string) => Uint8Array.from(text.split(".").map(Number));

describe("parseIpv4", () => {
  const cases: Readonly<Record<string, string | undefined>> = {
    "1.2.3.4": "1.2.3.4",
    "255.255.255.255": "255.255.255.255",
    "1.2.3": "1.2.0.3",
    "1.2.65535": "1.2.255.255",
    "1.2": "1.0.0.2",
    "1.16777215": "1.255.255.255",
    "16909060": "1.2.3.4",
    "4294967295": "255.255.255.255",
    "0": "0.0.0.0",
    "010.1.1.1": "8.1.1.1",
    "0x7f.1": "127.0.0.1",
    "0XFF.0x10203": "255.1.2.3",
    "": undefined,
    "1.2.3.256": undefined,
    "1.2.65536": undefined,
    "1.16777216": undefined,
    "4294967296": undefined,
    "08.1.1.1": undefined,
    "1.2.3.4.": undefined,
    "1.2.3.4.5": undefined,
    "1..2": undefined,
    ".1": undefined,
    "0x.1": undefined,
    "+1.1.1.1": undefined,
    "1.1.1.1a": undefined,
    "1.1.1.1 ": undefined,
    " 1.1.1.1": undefined,
  };
  for (const [text, want] of Object.entries(cases)) {
    it(JSON.stringify(text), () => assert.deepEqual(parseIpv4(text), want === undefined ? undefined : bytes(want)));
  }
});

/** What ip-address makes of a text that inet_pton(3) could take: no scope, no prefix length. */
function oracle(text: string): Uint8Array | undefined {
  if (!/^[0-9a-fA-F:.]*$/.test(text) || !Address6.isValid(text)) return undefined;
  const parsed = Uint8Array.from(new Address6(text).toByteArray());
  assert.equal(parsed.length, 16);
  return parsed;
}

describe("parseIpv6", () => {
  const texts = [
    ..."::|::1|1::|1::8|fe80::1:2:3:4|1:2:3:4:5:6:7:8|1:2:3:4:5:6:7::|::2:3:4:5:6:7:8|::ABCD|::ffff:1.2.3.4".split("|"),
    ..."::1.2.3.4|1:2:3:4:5:6:1.2.3.4|64:ff9b::1.2.3.4|::0.0.0.0|::255.255.255.255".split("|"),
    ..."|:|:::|1|1::2::3|12345::|00001::|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1:2:3:4:5:6:7:8::".split("|"),
    ..."1::2:3:4:5:6:7:8|1:2:3:4::5:6:7:8|:1:2:3:4:5:6:7|1:2:3:4:5:6:7:|1:|:1|::1:|::g|::0x1|::1%lo|::/12".split("|"),
    ..."::1.2.3|::01.2.3.4|::1.2.3.256|::1.2.3.4.5|::1.2.3.4:5|1.2.3.4::|1:2:3:4:5:6:7:1.2.3.4|::1.2.3.|::.1.2.3".split(
      "|",
    ),
    ..." ::1|::1 |[::1]|1.2.3.4|::1.2.3.1000|::1.2.3.4a".split("|"),
  ];
  for (const text of texts) {
    it(JSON.stringify(text), () => assert.deepEqual(parseIpv6(text), oracle(text)));
  }

  it("agrees with ip-address on what chance brings", () => {
    let seed = 1;
    const random = (below: number) => (seed = (seed * 48271) % 0x7fffffff) % below;
    const parts = ["0", "1", "ab", "ffff", "12345", ":", ":", ":", "::", "1.2.3.4", "."];
    let accepted = 0;
    for (let i = 0; i < 20000; i++) {
      const text = Array.from({ length: 1 + random(16) }, () => parts[random(parts.length)]).join("");
      const parsed = parseIpv6(text);
      if (parsed !== undefined) accepted++;
      assert.deepEqual(parsed, oracle(text), text);
    }
    assert.ok(accepted > 300, `${accepted} accepted`);
  });
});

it("parseAddress tells the families by a colon", () => {
  assert.equal(parseAddress("1.2.3.4")?.length, 4);
  assert.equal(parseAddress("::1")?.length, 16);
  assert.equal(parseAddress("localhost"), undefined);
});

it("prefixMask", () => {
  assert.deepEqual(prefixMask(0, 4), bytes("0.0.0.0"));
  assert.deepEqual(prefixMask(1, 4), bytes("128.0.0.0"));
  assert.deepEqual(prefixMask(20, 4), bytes("255.255.240.0"));
  assert.deepEqual(prefixMask(32, 4), bytes("255.255.255.255"));
  assert.deepEqual([...prefixMask(65, 16)], [255, 255, 255, 255, 255, 255, 255, 255, 128, 0, 0, 0, 0, 0, 0, 0]);
});
