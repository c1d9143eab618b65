/** Waiting that can be called off, whatever becomes of what was waited for. */
import { ZerothError } from "../errors.ts";

/** Wait for something that goes on whether or not this caller waits. */
export function waitFor<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise<T>((resolve, reject) => {
    const stopped = () => reject(new ZerothError("interrupted", "stopped on request", { cause: signal.reason }));
    if (signal.aborted) return stopped();
    signal.addEventListener("abort", stopped, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stopped));
  });
}

/** Let other work of the process have its turn: a message could not arrive, nor a signal fire, otherwise. */
export const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Runs work one piece after another. */
export type Turn = <T>(work: () => Promise<T>) => Promise<T>;

export function turns(): Turn {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
}

/** Calls under way that are stopped by their own signal, or all of them together. */
export function stoppable() {
  const running = new Set<AbortController>();
  let ended: { readonly reason: unknown } | undefined;
  return {
    /** A signal for one call, and what to call when it is over. */
    begin(signal: AbortSignal | undefined): { readonly signal: AbortSignal; over(): void } {
      const own = new AbortController();
      const stop = () => own.abort(signal?.reason);
      if (ended) own.abort(ended.reason);
      else if (signal?.aborted) stop();
      running.add(own);
      signal?.addEventListener("abort", stop, { once: true });
      return {
        signal: own.signal,
        over() {
          running.delete(own);
          signal?.removeEventListener("abort", stop);
        },
      };
    },
    end(reason: unknown): void {
      ended = { reason };
      for (const one of running) one.abort(reason);
    },
  };
}
