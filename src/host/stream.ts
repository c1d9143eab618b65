/** Events that come from elsewhere as an iteration: it fails, ends and is left as a generator is. */

export interface EventStream<T> {
  readonly iterator: AsyncIterableIterator<T>;
  push(event: T): void;
  end(): void;
  /** What has come is still given, then the error; with `now` the error at once. */
  fail(error: unknown, now?: boolean): void;
}

export interface StreamOptions {
  /** Called when the first event is asked for. */
  readonly start: () => void;
  /** Called with every so many events that have been read. */
  readonly read: (count: number) => void;
  readonly every: number;
  /** Called once when it is over; `left` where it was left before its end. */
  readonly over: (left: boolean) => void;
}

export function eventStream<T>({ start, read, every, over }: StreamOptions): EventStream<T> {
  const events: T[] = [];
  const waiting: { resolve: (result: IteratorResult<T>) => void; reject: (error: unknown) => void }[] = [];
  let [started, closed, unread] = [false, false, 0];
  let failure: { readonly error: unknown } | undefined;
  const done: IteratorResult<T> = { done: true, value: undefined };

  const settle = () => {
    for (const { resolve, reject } of waiting.splice(0)) {
      const { error } = failure ?? {};
      if (failure) reject(error);
      else resolve(done);
      failure = undefined;
    }
  };
  const close = (left: boolean) => {
    if (closed) return;
    closed = true;
    if (started) over(left);
    settle();
  };

  const iterator: AsyncIterableIterator<T> = {
    async next() {
      if (!started && !closed) {
        started = true;
        start();
      }
      if (events.length > 0) {
        const value = events.shift()!;
        if (++unread >= every && !closed) {
          read(unread);
          unread = 0;
        }
        return { done: false, value };
      }
      if (failure) {
        const { error } = failure;
        failure = undefined;
        throw error;
      }
      if (closed) return done;
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    async return() {
      events.length = 0;
      failure = undefined;
      close(true);
      return done;
    },
    [Symbol.asyncIterator]: () => iterator,
  };

  return {
    iterator,
    push(event) {
      if (closed) return;
      const first = waiting.shift();
      if (first) {
        unread++;
        first.resolve({ done: false, value: event });
      } else events.push(event);
      if (unread >= every) {
        read(unread);
        unread = 0;
      }
    },
    end: () => close(false),
    fail(error, now = false) {
      if (closed) return;
      failure = { error };
      if (now) events.length = 0;
      close(now);
    },
  };
}
