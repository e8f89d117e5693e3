/**
 * Sorts keys of `stride` bytes each, in the order of their bytes; keys that are equal keep their order.
 * A sort with a comparing function takes ten times as long on QuickJS.
 * @returns the indices of the `count` keys, sorted
 */
export function sortKeys(keys: Uint8Array, stride: number, count: number): Uint32Array {
  let from = new Uint32Array(count);
  let to = new Uint32Array(count);
  for (let i = 0; i < count; i++) from[i] = i;
  const starts = new Uint32Array(256);
  for (let column = stride - 1; column >= 0; column--) {
    starts.fill(0);
    for (let i = 0, at = column; i < count; i++, at += stride) starts[keys[at]!]!++;
    if (count === 0 || starts[keys[column]!] === count) continue;
    for (let value = 0, next = 0; value < 256; value++) {
      const here = starts[value]!;
      starts[value] = next;
      next += here;
    }
    for (let i = 0; i < count; i++) {
      const index = from[i]!;
      to[starts[keys[index * stride + column]!]!++] = index;
    }
    [from, to] = [to, from];
  }
  return from;
}
