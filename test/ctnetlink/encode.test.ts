/** Requests byte by byte: what is said of a flow besides its tuples, which no message of the kernel's shows. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeChanges, type FlowChanges } from "../../src/ctnetlink/encode.js";
import { LITTLE_ENDIAN } from "../../src/netlink/attributes.js";
import { MessageWriter } from "../../src/netlink/message.js";

/** nla_len and nla_type are in host byte order; the payloads are not. */
const head = (length: number, type: number): string =>
  [length, type]
    .map((number) => {
      const [high, low] = [number >> 8, number & 255].map((byte) => byte.toString(16).padStart(2, "0"));
      return LITTLE_ENDIAN ? low! + high! : high! + low!;
    })
    .join("");

/** An attribute with its payload as hexadecimal digits, filled up to four bytes. */
function attribute(type: number, payload: string): string {
  return head(4 + payload.length / 2, type) + payload.padEnd(Math.ceil(payload.length / 8) * 8, "0");
}
const nested = (type: number, ...inner: string[]) => attribute(type | 0x8000, inner.join(""));

/** By the numbers of linux/netfilter/nfnetlink_conntrack.h. */
const CASES: readonly (readonly [string, FlowChanges, string])[] = [
  ["nothing", {}, ""],
  ["status", { status: 0x8000000e }, attribute(3, "8000000e")],
  ["timeout", { timeoutSeconds: 432_000 }, attribute(7, "00069780")],
  ["mark", { mark: 0xfedcba98 }, attribute(8, "fedcba98")],
  ["mark with a mask", { mark: 1, markMask: 0xff00 }, attribute(8, "00000001") + attribute(21, "0000ff00")],
  ["source, IPv4", { srcNat: { address: Uint8Array.of(10, 0, 0, 1) } }, nested(6, attribute(1, "0a000001"))],
  [
    "source, IPv4 and port: both ends of the range",
    { srcNat: { address: Uint8Array.of(10, 0, 0, 1), port: 8080 } },
    nested(6, attribute(1, "0a000001"), nested(3, attribute(1, "1f90"), attribute(2, "1f90"))),
  ],
  [
    "destination, IPv6",
    { dstNat: { address: Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9) } },
    nested(13, attribute(4, "fd000000000000000000000000000009")),
  ],
  ["id", { id: 0x01020304 }, attribute(12, "01020304")],
  ["zone", { zone: 513 }, attribute(18, "0201")],
  [
    "labels",
    { labels: Uint8Array.of(1, 0, 0, 128), labelsMask: Uint8Array.of(3, 0, 0, 128) },
    attribute(22, "01000080") + attribute(23, "03000080"),
  ],
  ["helper", { helper: "ftp" }, nested(5, attribute(1, "66747000"))],
];

describe("what a request says of a flow", () => {
  for (const [name, changes, wanted] of CASES) {
    test(name, () => {
      const writer = new MessageWriter();
      encodeChanges(writer, changes);
      assert.equal(Buffer.from(writer.buffer.subarray(0, writer.length)).toString("hex"), wanted);
    });
  }
});
