/** Connection labels: CTA_LABELS is a bit string of 32-bit words in host byte order. */
import { LITTLE_ENDIAN } from "../netlink/attributes.js";

/** How many labels a flow can have in today's kernels: XT_CONNLABEL_MAXBIT + 1, linux/netfilter/xt_connlabel.h. */
export const LABEL_BITS = 128;

const WORD_FLIP = LITTLE_ENDIAN ? 0 : 3;

/** Which byte holds a bit. */
export const labelByte = (bit: number): number => (bit >> 3) ^ WORD_FLIP;

/** Whether `bit` is set; bits past the end are not. */
export function hasLabel(bytes: Uint8Array, bit: number): boolean {
  const byte = bytes[labelByte(bit)];
  return byte !== undefined && (byte & (1 << (bit & 7))) !== 0;
}

/** A bit string of `length` bytes with `bits` set; those past its end are left out. */
export function labelBytes(bits: readonly number[], length = LABEL_BITS / 8): Uint8Array {
  const bytes = new Uint8Array(length);
  for (const bit of bits) setLabel(bytes, bit);
  return bytes;
}

/** Sets `bit`; a bit past the end is ignored. */
function setLabel(bytes: Uint8Array, bit: number): void {
  const at = labelByte(bit);
  if (at < bytes.length) bytes[at]! |= 1 << (bit & 7);
}
