/** Trying again: how often, and how long to wait. */
import { fail, throwIfAborted, type ZerothError } from "../../errors.ts";

/** A failure that may be gone the next time; `error` is what is said when it is not. */
export class Temporary extends Error {
  readonly error: ZerothError;
  /** Milliseconds the server asks to wait. */
  readonly after: number | undefined;

  constructor(error: ZerothError, after?: number) {
    super(error.message, { cause: error });
    this.error = error;
    this.after = after;
  }
}

export interface RetryTimes {
  /** Tries in a row that may fail before one says so. */
  readonly tries: number;
  /** First wait in milliseconds; doubled each time. */
  readonly wait: number;
  readonly longestWait: number;
  /** A server that asks to wait longer than this is not waited for. */
  readonly patience: number;
  /** Bytes after which a try counts as a success although its connection broke. */
  readonly worthwhile: number;
}

export const retryTimes: RetryTimes = {
  tries: 6,
  wait: 1000,
  longestWait: 30_000,
  patience: 300_000,
  worthwhile: 1 << 20,
};

export interface Retry {
  readonly why: string;
  /** Milliseconds until the next try. */
  readonly wait: number;
  readonly failures: number;
}

export interface RetryOptions {
  readonly times: RetryTimes;
  readonly random: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly onRetry?: ((retry: Retry) => void) | undefined;
  /** Bytes gained so far; gaining forgives earlier failures. */
  readonly gained?: () => number;
}

function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener("abort", end, { once: true });
  });
}

/** Do `work` until it succeeds, fails for good, or has failed too often in a row. */
export async function retrying<T>(options: RetryOptions, work: () => Promise<T>): Promise<T> {
  const { times, random, signal, onRetry, gained = () => 0 } = options;
  let failures = 0;
  for (let before = gained(); ; ) {
    throwIfAborted(signal);
    try {
      return await work();
    } catch (cause) {
      throwIfAborted(signal);
      if (!(cause instanceof Temporary)) throw cause;
      const { error, after } = cause;
      if (gained() - before >= times.worthwhile) [failures, before] = [0, gained()];
      if (++failures >= times.tries) throw error;
      // Between half and all of the doubled wait, so that many who failed together do not return together.
      const back = Math.min(times.longestWait, times.wait * 2 ** (failures - 1)) * (0.5 + random() / 2);
      const wait = Math.max(after ?? 0, back);
      if (wait > times.patience) {
        fail(error.code, `${error.message}, and asks to wait ${Math.ceil(wait / 1000)} s`, {
          hint: "start again after that time; what is here already is kept",
          cause: error,
        });
      }
      onRetry?.({ why: error.message, wait, failures });
      await sleep(wait, signal);
    }
  }
}
