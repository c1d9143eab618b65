/** Byte-pair merging: the best pair of neighbours becomes one symbol, again and again, until none is left. */

/** What two neighbours would become: smaller ranks first. */
export interface Merge<T> {
  readonly rank: number;
  readonly merged: T;
}

interface Candidate<T> extends Merge<T> {
  readonly left: number;
  readonly right: number;
  /** How often either side had changed when this was found: one that changed since is out of date. */
  readonly leftVersion: number;
  readonly rightVersion: number;
}

/** Smaller rank first, leftmost among equals. */
function before(a: Candidate<unknown>, b: Candidate<unknown>): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.left < b.left);
}

function push<T>(heap: Candidate<T>[], item: Candidate<T>): void {
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

function pop<T>(heap: Candidate<T>[]): Candidate<T> {
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
 * Merge neighbours in `symbols`. Time grows with n log n.
 * @param merge what two neighbours become, or undefined when they stay two
 * @returns what is left, in order, and for each the index of the first symbol that went into it
 */
export function mergePairs<T>(
  symbols: readonly T[],
  merge: (left: T, right: T) => Merge<T> | undefined,
): { readonly left: T[]; readonly firsts: number[] } {
  const count = symbols.length;
  const now = [...symbols];
  const previous = new Int32Array(count);
  const following = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    previous[i] = i - 1;
    following[i] = i + 1 < count ? i + 1 : -1;
  }
  const versions = new Int32Array(count);
  const heap: Candidate<T>[] = [];
  const offer = (left: number, right: number): void => {
    if (left < 0 || right < 0) return;
    const found = merge(now[left]!, now[right]!);
    if (!found) return;
    const [leftVersion, rightVersion] = [versions[left]!, versions[right]!];
    push(heap, { rank: found.rank, merged: found.merged, left, right, leftVersion, rightVersion });
  };
  for (let i = 1; i < count; i++) offer(i - 1, i);
  while (heap.length > 0) {
    const { left, right, merged, leftVersion, rightVersion } = pop(heap);
    if (versions[left] !== leftVersion || versions[right] !== rightVersion) continue;
    now[left] = merged;
    versions[left]!++;
    versions[right]!++;
    const next = following[right]!;
    following[left] = next;
    if (next >= 0) previous[next] = left;
    offer(previous[left]!, left);
    offer(left, next);
  }
  const out = { left: [] as T[], firsts: [] as number[] };
  for (let at = count > 0 ? 0 : -1; at >= 0; at = following[at]!) {
    out.left.push(now[at]!);
    out.firsts.push(at);
  }
  return out;
}
