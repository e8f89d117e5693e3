/** Output of several network namespaces on one stream: each line says which one it is of. */
import { ByteWriter } from "../system/byte-writer.js";
import type { Sink } from "../system/io.js";

const NEWLINE = 0x0a;

/** A sink that puts `mark` in front of the byte number `at` of each line: 0 for text, 1 for a first member of JSON objects. */
export function markedLines(sink: Sink, mark: Uint8Array, at: 0 | 1): Sink {
  /** How many bytes of the line were written; beyond the mark they are not counted. */
  let column = 0;
  const writer = new ByteWriter(1 << 16);
  // The runtime's own copy: a line may be long.
  const put = (part: Uint8Array) => {
    writer.room(part.length);
    writer.buffer.set(part, writer.length);
    writer.length += part.length;
  };
  return {
    write(bytes) {
      writer.clear();
      for (let start = 0; start < bytes.length; ) {
        if (column === at) put(mark);
        const newline = bytes.indexOf(NEWLINE, start);
        const lineEnd = newline < 0 ? bytes.length : newline + 1;
        const end = column < at ? start + 1 : lineEnd;
        put(bytes.subarray(start, end));
        column = bytes[end - 1] === NEWLINE ? 0 : column + 1;
        start = end;
      }
      sink.write(writer.written());
    },
  };
}
