/** What waits, a line for each owner, and one after the other has its turn. */

export interface FairQueue<T> {
  readonly size: number;
  items(): T[];
  push(owner: string, item: T): void;
  /** To the head of its owner's line; the owner's turn is the next one where it has no line yet. */
  putBack(owner: string, item: T): void;
  /** Whose turn it is. */
  peek(): T | undefined;
  /** Take what {@link peek} gives; the turn goes on. */
  take(): T | undefined;
  /** Take out what is wanted no more. */
  remove(unwanted: (item: T) => boolean): T[];
}

export function fairQueue<T>(): FairQueue<T> {
  // In the order of turns.
  const lines = new Map<string, T[]>();
  const first = () => lines.entries().next().value as [string, T[]] | undefined;
  return {
    get size() {
      return [...lines.values()].reduce((sum, { length }) => sum + length, 0);
    },
    items: () => [...lines.values()].flat(),
    push(owner, item) {
      const line = lines.get(owner);
      if (line) line.push(item);
      else lines.set(owner, [item]);
    },
    putBack(owner, item) {
      const line = lines.get(owner);
      if (line) line.unshift(item);
      else lines.set(owner, [item]);
    },
    peek: () => first()?.[1][0],
    take() {
      const turn = first();
      if (!turn) return undefined;
      const [owner, line] = turn;
      const item = line.shift();
      lines.delete(owner);
      if (line.length > 0) lines.set(owner, line);
      return item;
    },
    remove(unwanted) {
      const removed: T[] = [];
      for (const [owner, line] of [...lines]) {
        removed.push(...line.filter(unwanted));
        const kept = line.filter((item) => !unwanted(item));
        if (kept.length === 0) lines.delete(owner);
        else lines.set(owner, kept);
      }
      return removed;
    },
  };
}
