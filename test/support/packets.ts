/** Small packets of protocols for which there are no sockets everywhere: the payload of an IPv4 packet each. */

/** RFC 1071. */
function internetChecksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum >> 16) + (sum & 0xffff);
  return ~sum & 0xffff;
}

/** CRC-32C, RFC 3309. */
function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

function words16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
  return bytes;
}

/** RFC 3828, its checksum over everything (coverage 0). */
export function udplite(source: string, destination: string, sport: number, dport: number, data: Uint8Array): Buffer {
  const packet = Buffer.concat([words16(sport, dport, 0, 0), data]);
  const pseudo = Buffer.concat([
    Buffer.from([...source.split("."), ...destination.split(".")].map(Number)),
    words16(136, packet.length),
  ]);
  packet.writeUInt16BE(internetChecksum(Buffer.concat([pseudo, packet])), 6);
  return packet;
}

/** RFC 2637: enhanced GRE with a call id. */
export function greV1(callId: number): Buffer {
  return Buffer.concat([words16(0x2001, 0x880b, 4, callId), Buffer.alloc(8)]);
}

/** RFC 2784, without a key. */
export function greV0(): Buffer {
  return Buffer.concat([words16(0, 0x0800), Buffer.alloc(20)]);
}

/** RFC 9260: a packet with an INIT chunk whose initiate tag is 0x01020304. */
export function sctpInit(sport: number, dport: number): Buffer {
  const init = Buffer.alloc(20);
  init.writeUInt8(1, 0);
  init.writeUInt16BE(20, 2);
  init.writeUInt32BE(0x01020304, 4);
  init.writeUInt32BE(65535, 8);
  init.writeUInt16BE(1, 12);
  init.writeUInt16BE(1, 14);
  init.writeUInt32BE(1, 16);
  const packet = Buffer.concat([words16(sport, dport), Buffer.alloc(8), init]);
  packet.writeUInt32LE(crc32c(packet), 8);
  return packet;
}
