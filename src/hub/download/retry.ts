/** Trying again: how often, and how long to wait. */
import { type ErrorParts, fail, throwIfAborted, ZerothError } from "../../errors.ts";

/** A failure that may be gone the next time; what is said when it is not. */
export class Temporary extends Error {
  readonly what: string;
  readonly parts: ErrorParts;
  /** Milliseconds the server asks to wait. */
  readonly after: number | undefined;

  constructor(what: string, parts: ErrorParts, after?: number) {
    super(parts.where ? `${parts.where}: ${what}` : what, { cause: parts.cause });
    this.what = what;
    this.parts = parts;
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
  /** New bytes after which a try counts as a success although its connection broke. */
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
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly onRetry?: ((retry: Retry) => void) | undefined;
  /** Bytes gained so far, each counted once however often it came; gaining forgives earlier failures. */
  readonly gained?: () => number;
  /** What all tries together brought, for the last word. */
  readonly brought?: () => string;
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

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];

/** "45 s", "20 min, until 2026-01-31 12:20 UTC", "more than 100 years". */
export function waitWords(milliseconds: number, clock: number): string {
  if (milliseconds > 36_525 * day) return "more than 100 years";
  const [unit, size] =
    milliseconds < 2 * minute
      ? ["s", 1000]
      : milliseconds < 2 * hour
        ? ["min", minute]
        : milliseconds < 2 * day
          ? ["h", hour]
          : ["days", day];
  const until = new Date(clock + milliseconds).toISOString().slice(0, 16).replace("T", " ");
  return `${Math.ceil(milliseconds / size)} ${unit}, until ${until} UTC`;
}

/**
 * Do `work` until it succeeds, fails for good, or has failed `tries` times in a row without `worthwhile` new bytes.
 * As bytes are counted once, `work` is called at most tries × (1 + bytes / worthwhile) times.
 */
export async function retrying<T>(options: RetryOptions, work: () => Promise<T>): Promise<T> {
  const { times, random, clock, signal, onRetry, gained = () => 0, brought } = options;
  let failures = 0;
  for (let before = gained(); ; ) {
    throwIfAborted(signal);
    try {
      return await work();
    } catch (cause) {
      throwIfAborted(signal);
      if (!(cause instanceof Temporary)) throw cause;
      const { what, parts, after } = cause;
      if (gained() - before >= times.worthwhile) [failures, before] = [0, gained()];
      if (++failures >= times.tries) {
        const tried = failures === 1 ? "" : `; given up after ${failures} tries`;
        const all = brought ? `${tried === "" ? ";" : ","} ${brought()}` : "";
        throw new ZerothError("not_found", `${what}${tried}${all}`, { ...parts, cause });
      }
      // Between half and all of the doubled wait, so that many who failed together do not return together.
      const back = Math.min(times.longestWait, times.wait * 2 ** (failures - 1)) * (0.5 + random() / 2);
      const wait = Math.max(after ?? 0, back);
      if (wait > times.patience) {
        fail("not_found", `${what}, and asks to wait ${waitWords(wait, clock())}`, {
          ...parts,
          hint: "start again after that time; what is here already is kept",
          cause,
        });
      }
      onRetry?.({ why: cause.message, wait, failures });
      await sleep(wait, signal);
    }
  }
}
