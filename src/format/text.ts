/** Text that comes from outside: names of helpers, labels and processes, security contexts. */
import type { ByteWriter } from "../system/byte-writer.js";

const QUESTION_MARK = 0x3f;
const ENTITIES: Readonly<Record<number, string>> = { 0x26: "&amp;", 0x3c: "&lt;", 0x3e: "&gt;", 0x22: "&quot;" };

/** C0 controls and DEL; C1 controls (U+0080 … U+009F) are C2 80 … C2 9F in UTF-8. */
function isControl(bytes: Uint8Array, at: number): boolean {
  const byte = bytes[at]!;
  return byte < 0x20 || byte === 0x7f || (byte >= 0x80 && byte <= 0x9f && bytes[at - 1] === 0xc2);
}

/** Writes text without letting a control character reach a terminal: each becomes "?". */
export function writeForeign(writer: ByteWriter, bytes: Uint8Array): void {
  writer.room(bytes.length + 4096);
  for (let i = 0; i < bytes.length; i++) writer.byte(isControl(bytes, i) ? QUESTION_MARK : bytes[i]!);
}

/** The same, escaped for xml. */
export function writeForeignXml(writer: ByteWriter, bytes: Uint8Array): void {
  writer.room(6 * bytes.length + 4096);
  for (let i = 0; i < bytes.length; i++) {
    const entity = ENTITIES[bytes[i]!];
    if (entity !== undefined) writer.text(entity);
    else writer.byte(isControl(bytes, i) ? QUESTION_MARK : bytes[i]!);
  }
}
