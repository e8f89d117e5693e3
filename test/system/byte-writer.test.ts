import assert from "node:assert/strict";
import { test } from "node:test";
import { ascii, ByteWriter } from "../../src/system/byte-writer.js";

function written(write: (writer: ByteWriter) => void): string {
  const writer = new ByteWriter();
  write(writer);
  return Buffer.from(writer.written()).toString("latin1");
}

/** The eight groups of an IPv6 address, in hexadecimal, as bytes. */
function groups(text: string): Uint8Array {
  return Uint8Array.from(
    text.split(" ").flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
  );
}

test("decimal writes every width up to 2^53 - 1", () => {
  for (let digits = 1; digits <= 15; digits++) {
    for (const value of [10 ** (digits - 1), 10 ** digits - 1, 7 * 10 ** (digits - 1)]) {
      assert.equal(
        written((w) => w.decimal(value)),
        String(value),
      );
    }
  }
  for (const value of [0, 9, 10, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    assert.equal(
      written((w) => w.decimal(value)),
      String(value),
    );
  }
});

test("decimal64 writes any 64-bit number exactly", () => {
  const bytes = new Uint8Array(8);
  for (const value of [0n, 1n, 4294967295n, 4294967296n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
    new DataView(bytes.buffer).setBigUint64(0, value);
    assert.equal(
      written((w) => w.decimal64(bytes, 0)),
      String(value),
    );
  }
});

test("hex16 writes without padding", () => {
  for (const value of [0, 1, 0xf, 0x10, 0xff, 0x100, 0xfff, 0x1000, 0xffff]) {
    assert.equal(
      written((w) => w.hex16(value)),
      value.toString(16),
    );
  }
});

test("ipv4 writes every octet", () => {
  for (let octet = 0; octet < 256; octet++) {
    assert.equal(
      written((w) => w.ipv4(Uint8Array.of(octet, 1, 22, 255 - octet), 0)),
      `${octet}.1.22.${255 - octet}`,
    );
  }
});

test("ipv6 writes what inet_ntop(3) of glibc writes", () => {
  const rows: [string, string][] = [
    ["0 0 0 0 0 0 0 0", "::"],
    ["0 0 0 0 0 0 0 1", "::1"],
    ["1 0 0 0 0 0 0 0", "1::"],
    ["2001 db8 0 0 0 0 0 1", "2001:db8::1"],
    ["2001 db8 0 1 1 1 1 1", "2001:db8:0:1:1:1:1:1"],
    ["2001 0 0 1 0 0 0 1", "2001:0:0:1::1"],
    ["2001 0 0 0 1 0 0 1", "2001::1:0:0:1"],
    ["2001 db8 0 0 1 0 0 1", "2001:db8::1:0:0:1"],
    ["1 2 3 4 5 6 7 8", "1:2:3:4:5:6:7:8"],
    ["0 2 3 4 5 6 7 0", "0:2:3:4:5:6:7:0"],
    ["0 0 3 4 5 6 0 0", "::3:4:5:6:0:0"],
    ["1 2 3 4 5 6 0 0", "1:2:3:4:5:6::"],
    ["0 0 0 0 0 ffff 102 304", "::ffff:1.2.3.4"],
    ["0 0 0 0 0 0 102 304", "::1.2.3.4"],
    ["0 0 0 0 0 0 1 0", "::0.1.0.0"],
    ["0 0 0 0 ffff 0 102 304", "::ffff:0:102:304"],
    ["ffff ffff ffff ffff ffff ffff ffff ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["fe80 0 0 0 a 0 0 b", "fe80::a:0:0:b"],
  ];
  for (const [bytes, text] of rows)
    assert.equal(
      written((w) => w.ipv6(groups(bytes), 0)),
      text,
    );
});

test("room grows the buffer and keeps what was written", () => {
  const writer = new ByteWriter(8);
  for (let i = 0; i < 100; i++) {
    writer.room();
    writer.put(ascii("0123456789"));
  }
  assert.equal(Buffer.from(writer.written()).toString(), "0123456789".repeat(100));
});

test("trimBlank takes back one blank and nothing else", () => {
  const trimmed = (text: string) =>
    written((w) => {
      w.put(ascii(text));
      w.trimBlank();
    });
  assert.equal(trimmed("a  "), "a ");
  assert.equal(trimmed("a"), "a");
  assert.equal(trimmed(""), "");
});
