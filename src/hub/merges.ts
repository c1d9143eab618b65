/** Byte-pair merging: the best pair of neighbours becomes one symbol, again and again, until none is left. */

/** What two neighbours would become: smaller ranks first. */
export interface Merge {
  readonly rank: number;
  readonly merged: string;
}

/** A binary heap of (rank, position) pairs with what they were made from; the smallest first, leftmost among equals. */
interface Candidate extends Merge {
  readonly left: number;
  readonly right: number;
}

function before(a: Candidate, b: Candidate): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.left < b.left);
}

function push(heap: Candidate[], item: Candidate): void {
  let at = heap.length;
  heap.push(item);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(item, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = item;
}

function pop(heap: Candidate[]): Candidate {
  const top = heap[0]!;
  const last = heap.pop()!;
  const { length } = heap;
  if (length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= length) break;
    if (child + 1 < length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return top;
}

/**
 * Merge neighbours in `symbols` and return what is left, in order. Time grows with n log n.
 * @param merge what two neighbours become, or undefined when they stay two
 */
export function mergePairs(
  symbols: readonly string[],
  merge: (left: string, right: string) => Merge | undefined,
): string[] {
  const count = symbols.length;
  const texts: (string | undefined)[] = [...symbols];
  const previous = Int32Array.from({ length: count }, (_, i) => i - 1);
  const following = Int32Array.from({ length: count }, (_, i) => (i + 1 < count ? i + 1 : -1));
  // A candidate is out of date once either side has become something else; every change gives the side a new number.
  const versions = new Int32Array(count);
  const heap: (Candidate & { readonly leftVersion: number; readonly rightVersion: number })[] = [];
  const offer = (left: number, right: number): void => {
    if (left < 0 || right < 0) return;
    const found = merge(texts[left]!, texts[right]!);
    if (found) {
      const { rank, merged } = found;
      push(heap, {
        rank,
        merged,
        left,
        right,
        leftVersion: versions[left]!,
        rightVersion: versions[right]!,
      } as Candidate);
    }
  };
  for (let i = 1; i < count; i++) offer(i - 1, i);
  while (heap.length > 0) {
    const top = pop(heap) as (typeof heap)[number];
    const { left, right } = top;
    if (versions[left] !== top.leftVersion || versions[right] !== top.rightVersion) continue;
    texts[left] = top.merged;
    texts[right] = undefined;
    versions[left]!++;
    versions[right]!++;
    const next = following[right]!;
    following[left] = next;
    if (next >= 0) previous[next] = left;
    offer(previous[left]!, left);
    offer(left, next);
  }
  return texts.filter((text) => text !== undefined);
}
