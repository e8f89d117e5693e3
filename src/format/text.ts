/** Text that comes from outside: names of helpers, labels and processes, security contexts. */
import { type ByteWriter, ENTRY_ROOM } from "../system/byte-writer.js";
import { fromUtf8, withoutControls } from "../system/text.js";

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Whether there is nothing in it but printable ASCII. */
function isPlain(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte < 0x20 || byte > 0x7e) return false;
  return true;
}

/** Text as UTF-8, each control character in it a "?". */
function harmless(bytes: Uint8Array): string {
  return withoutControls(fromUtf8(bytes));
}

/** Writes text without letting a control character reach a terminal: each becomes "?". */
export function writeForeign(writer: ByteWriter, bytes: Uint8Array): void {
  if (!isPlain(bytes)) {
    writer.text(harmless(bytes));
    return;
  }
  writer.room(bytes.length + ENTRY_ROOM);
  writer.put(bytes);
}

/** The same, escaped for xml. */
export function writeForeignXml(writer: ByteWriter, bytes: Uint8Array): void {
  writer.text(harmless(bytes).replace(/[&<>"]/g, (character) => ENTITIES[character]!));
}
