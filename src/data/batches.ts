/** Rows that come one by one, in batches: a model does many at once, and nobody waits for the last row of a file. */

export interface BatchSize {
  /** Most rows of a batch, perhaps by the number of rows before it. Default 256. */
  readonly rows?: number | ((before: number) => number);
  /** A batch goes on this long after its first row, in milliseconds. Default 50. */
  readonly patience?: number;
}

/**
 * Rows in their order, in batches of at least one; what ends the reading is thrown after the rows before it.
 */
export async function* batchesOf<T>(
  rows: AsyncIterable<T> | Iterable<T>,
  { rows: size = 256, patience = 50 }: BatchSize = {},
): AsyncGenerator<readonly T[], void, undefined> {
  const source = Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator]();
  const take = () => Promise.resolve(source.next());
  let next = take();
  // Whoever waits for it hears of its failure; in between nobody does.
  next.catch(() => undefined);
  let before = 0;
  try {
    for (;;) {
      const most = typeof size === "number" ? size : size(before);
      const first = await next;
      if (first.done) return;
      const batch: T[] = [first.value];
      next = take();
      next.catch(() => undefined);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<"late">((resolve) => {
        timer = setTimeout(resolve, patience, "late");
      });
      while (batch.length < most) {
        const one = await Promise.race([next.catch(() => "failed" as const), late]);
        if (one === "late" || one === "failed" || one.done) break;
        batch.push(one.value);
        next = take();
        next.catch(() => undefined);
      }
      clearTimeout(timer);
      before += batch.length;
      yield batch;
    }
  } finally {
    // Not waited for: a reader of stdin may wait for a row that never comes.
    void Promise.resolve(source.return?.()).catch(() => undefined);
  }
}
