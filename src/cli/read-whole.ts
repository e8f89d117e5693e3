/** A file as a whole. */
import { EFBIG } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import type { OpenSource } from "./io.js";

/** More than any file that is read as a whole: /dev/zero as a labelmap must not fill the memory. */
const MAX_FILE_BYTES = 1 << 24;
const FIRST_BYTES = 1 << 14;

/** Reads to the end of a file of up to MAX_FILE_BYTES, and closes it. */
export function readWhole(source: OpenSource): Uint8Array {
  try {
    let bytes = new Uint8Array(FIRST_BYTES);
    let length = 0;
    for (;;) {
      const read = source.read(bytes.subarray(length));
      if (read === 0) return bytes.subarray(0, length);
      length += read;
      if (length > MAX_FILE_BYTES) throw new KernelError(EFBIG, "read");
      if (length < bytes.length) continue;
      const grown = new Uint8Array(2 * length);
      grown.set(bytes);
      bytes = grown;
    }
  } finally {
    source.close();
  }
}
