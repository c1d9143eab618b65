/** Events on their way from who makes them to who reads them, at the pace of either. */

export interface Channel<T> {
  push(value: T): void;
  /** Nothing follows; what has been pushed is still read. */
  end(error?: unknown): void;
  readonly events: AsyncIterableIterator<T>;
}

/** `left` is called once, when the reader leaves before the end. */
export function createChannel<T>(left: () => void): Channel<T> {
  const values: T[] = [];
  let ended: { readonly error?: unknown } | undefined;
  const waiting: { resolve(result: IteratorResult<T>): void; reject(error: unknown): void }[] = [];

  function settle(): void {
    while (waiting.length > 0 && (values.length > 0 || ended)) {
      const { resolve, reject } = waiting.shift()!;
      if (values.length > 0) resolve({ done: false, value: values.shift()! });
      else if (ended?.error === undefined) resolve({ done: true, value: undefined });
      else {
        reject(ended.error);
        ended = {};
      }
    }
  }
  const leave = () => {
    if (!ended) left();
    values.length = 0;
    ended = {};
    settle();
  };
  return {
    push(value) {
      if (ended) return;
      values.push(value);
      settle();
    },
    end(error) {
      ended ??= { error };
      settle();
    },
    events: {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () =>
        new Promise((resolve, reject) => {
          waiting.push({ resolve, reject });
          settle();
        }),
      async return() {
        leave();
        return { done: true, value: undefined };
      },
      async throw(error) {
        leave();
        throw error;
      },
    },
  };
}
