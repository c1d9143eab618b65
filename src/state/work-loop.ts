/** Taking pieces of work out of the database, one after another, for as long as a process serves. */
import type { State } from "./schema/tables.ts";

export interface Work {
  /** Take no more, and wait for what is in hand; whoever did that work was told to end before. */
  stop(): Promise<void>;
}

export interface WorkOptions {
  /** Take the next piece; gives what does it, or undefined where there is none. */
  readonly take: () => Promise<(() => Promise<void>) | undefined>;
  /** Done whenever there is a look for work, also where no more is taken. */
  readonly tend?: () => Promise<void>;
  /** Pieces in hand at once. */
  readonly most: number;
  /** Seconds between two looks for work that nobody called for. */
  readonly look: number;
  /** Told of what went wrong; the work goes on. */
  readonly problem: (error: unknown) => void;
}

/** Takings of a piece whose process ends each time: it is not tried for ever. */
export const mostAttempts = 5;

/** Seconds before a piece whose process ended is taken again: none the first time, then more and more. */
export const pauseBefore = (attempts: number): number => (attempts <= 1 ? 0 : Math.min(60, 2 ** attempts));

/**
 * Renew a lease three times within it, until `end`; and whenever there is a `look`.
 * @param seen told of the piece as it is now; undefined when it was lost
 */
export function keepLease<T>(
  seconds: number,
  renew: () => Promise<T | undefined>,
  seen: (now: T | undefined) => void,
): { look(): void; end(): void } {
  let renewed = performance.now();
  const look = () =>
    void renew().then(
      (now) => {
        renewed = performance.now();
        seen(now);
      },
      // A database that does not answer for as long as the lease lasts has given it to another.
      () => performance.now() - renewed > seconds * 1000 && seen(undefined),
    );
  const beat = setInterval(look, (seconds * 1000) / 3);
  return { look, end: () => clearInterval(beat) };
}

/** Take work until it is stopped. Any number of processes may do so on one database. */
export function startWork(state: State, { take, tend, most, look, problem }: WorkOptions): Work {
  let stopped = false;
  let called = () => {};
  let pending = false;
  const silence = state.wake.listen(() => {
    pending = true;
    called();
  });
  /** Until somebody calls, a while has passed, or it is stopped. */
  const rest = () =>
    new Promise<void>((resolve) => {
      if (pending || stopped) return resolve();
      const timer = setTimeout(resolve, look * 1000);
      called = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const running = new Set<Promise<void>>();
  async function run(): Promise<void> {
    while (!stopped) {
      pending = false;
      let work: (() => Promise<void>) | undefined;
      try {
        await tend?.();
        if (running.size < most) work = await take();
      } catch (error) {
        problem(error);
      }
      if (work === undefined) {
        await rest();
        continue;
      }
      const task = work()
        .catch(problem)
        .finally(() => {
          running.delete(task);
          pending = true;
          called();
        });
      running.add(task);
    }
    await Promise.all(running);
  }
  const whole = run();
  return {
    async stop() {
      stopped = true;
      silence();
      called();
      await whole;
    },
  };
}
