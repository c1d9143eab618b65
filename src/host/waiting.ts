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
