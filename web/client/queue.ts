/** Values that come when they come, read by one reader in their order. */
export interface Queue<T> extends AsyncIterable<T> {
  push(...values: readonly T[]): void;
  end(error?: unknown): void;
}

export function createQueue<T>(): Queue<T> {
  const waiting: T[] = [];
  let ended: { readonly error?: unknown } | undefined;
  let wake = () => {};
  return {
    push(...values) {
      waiting.push(...values);
      wake();
    },
    end(error) {
      ended ??= { error };
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (waiting.length > 0) yield waiting.shift()!;
        if (ended) {
          if (ended.error !== undefined) throw ended.error;
          return;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
