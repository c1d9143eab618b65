/** Requests and tokens of a minute, shared by all calls: a bucket that fills up evenly. */
import { throwIfAborted } from "../../errors.ts";

export interface Clock {
  /** Milliseconds. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const realClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      }, ms);
      signal.addEventListener("abort", stop, { once: true });
    }),
};

/** Waits until so much may be taken. */
export type Take = (amount: number, signal: AbortSignal) => Promise<void>;

/**
 * So many a minute, a minute's worth at once at most. What is larger than that waits for a full bucket and leaves it in
 * debt. Calls take their turns.
 */
export function perMinute(most: number | undefined, clock: Clock = realClock): Take {
  if (most === undefined) return async () => {};
  let [held, at] = [most, clock.now()];
  let turn: Promise<void> = Promise.resolve();
  const take = async (amount: number, signal: AbortSignal) => {
    for (;;) {
      throwIfAborted(signal);
      const now = clock.now();
      held = Math.min(most, held + ((now - at) * most) / 60_000);
      at = now;
      const wanted = Math.min(amount, most);
      if (held >= wanted) break;
      await clock
        .sleep(Math.max(1, Math.ceil(((wanted - held) * 60_000) / most)), signal)
        .catch(() => throwIfAborted(signal));
    }
    held -= amount;
  };
  return (amount, signal) => {
    const mine = turn.then(() => take(amount, signal));
    turn = mine.catch(() => undefined);
    return mine;
  };
}

const [firstWait, longestWait] = [1000, 60_000];

/** Milliseconds before attempt n: what the server says, else twice as long each time, by chance up to half less. */
export function waitBefore(attempt: number, retryAfter: string | null, date: number, random: () => number): number {
  if (retryAfter !== null) {
    const seconds = /^\s*\d+(\.\d+)?\s*$/.test(retryAfter)
      ? Number(retryAfter)
      : (Date.parse(retryAfter) - date) / 1000;
    if (Number.isFinite(seconds)) return Math.min(10 * longestWait, Math.max(0, seconds * 1000));
  }
  return Math.min(longestWait, firstWait * 2 ** attempt) * (1 - random() / 2);
}
