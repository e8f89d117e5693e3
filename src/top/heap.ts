/** The best few of many. */

/**
 * The indices 0 … count - 1 with the largest scores, `most` at most, the best first; of equal ones the lower indices are kept. Takes
 * count · log(most) steps at worst, and memory for `most`.
 * @param compare the order of those that are kept with equal scores
 * @param next the first index from `from` on with a score above `least`, or `count`: for who finds it quicker than one by one
 */
export function best(
  count: number,
  most: number,
  score: (index: number) => number,
  compare: (a: number, b: number) => number = (a, b) => a - b,
  next: (from: number, least: number) => number = (from) => from,
): number[] {
  const heap: number[] = [];
  const scores: number[] = [];
  /** Whether the entry at `a` of the heap is worse than that at `b`. */
  const isWorse = (a: number, b: number) => scores[a]! < scores[b]! || (scores[a] === scores[b] && heap[a]! > heap[b]!);
  const swap = (a: number, b: number) => {
    [heap[a], heap[b]] = [heap[b]!, heap[a]!];
    [scores[a], scores[b]] = [scores[b]!, scores[a]!];
  };
  const sink = (from: number) => {
    for (let at = from; ; ) {
      let child = 2 * at + 1;
      if (child >= heap.length) return;
      if (child + 1 < heap.length && isWorse(child + 1, child)) child++;
      if (!isWorse(child, at)) return;
      swap(child, at);
      at = child;
    }
  };
  for (let index = 0; index < count; index++) {
    if (most > 0 && heap.length === most) {
      index = next(index, scores[0]!);
      if (index >= count) break;
    }
    const value = score(index);
    if (heap.length < most) {
      heap.push(index);
      scores.push(value);
      for (let at = heap.length - 1; at > 0 && isWorse(at, (at - 1) >> 1); at = (at - 1) >> 1) swap(at, (at - 1) >> 1);
    } else if (most > 0 && value > scores[0]!) {
      heap[0] = index;
      scores[0] = value;
      sink(0);
    }
  }
  const order = heap.map((index, at) => ({ index, score: scores[at]! }));
  return order.sort((a, b) => b.score - a.score || compare(a.index, b.index)).map(({ index }) => index);
}
