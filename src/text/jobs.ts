/** Many rows as one job: batches of similar length, results in their places, a row's own error in its place. */
import { type ErrorCode, throwIfAborted, ZerothError } from "../errors.ts";
import { type BatchLimits, planBatches } from "./batching.ts";

export interface JobOptions extends BatchLimits {
  /** The number of the first row, where the job is a part of a longer one: draws follow from it. Default 0. */
  readonly firstRow?: number;
  /** Called as results become final. */
  readonly onDone?: (done: number, total: number) => void;
}

/** What may be the fault of single rows of a batch; anything else is the fault of the whole job. */
const ofRows: ReadonlySet<ErrorCode> = new Set(["bad_input", "too_long", "out_of_memory", "engine_failed"]);

/** The value, or the error a person can be told instead; bugs go on as exceptions. */
export function attempt<T>(make: () => T): T | ZerothError {
  try {
    return make();
  } catch (error) {
    if (error instanceof ZerothError) return error;
    throw error;
  }
}

export function orThrow<T>(result: T | ZerothError | undefined): T {
  if (result instanceof ZerothError) throw result;
  return result as T;
}

/** Run rows together; when that fails, halve them until the rows at fault stand alone with their error. */
async function isolating<R>(
  rows: readonly number[],
  run: (rows: readonly number[]) => Promise<R[]>,
  signal: AbortSignal | undefined,
): Promise<(R | ZerothError)[]> {
  throwIfAborted(signal);
  try {
    return await run(rows);
  } catch (error) {
    if (!(error instanceof ZerothError) || !ofRows.has(error.code)) throw error;
    if (rows.length === 1) return [error];
    const half = rows.length >> 1;
    const first = await isolating(rows.slice(0, half), run, signal);
    return [...first, ...(await isolating(rows.slice(half), run, signal))];
  }
}

/** `lengths` are the rows' sizes in tokens, or what is already known to be wrong with them. */
export async function inBatches<R>(
  lengths: readonly (number | ZerothError)[],
  options: JobOptions & { readonly signal?: AbortSignal | undefined },
  run: (rows: readonly number[]) => Promise<R[]>,
): Promise<(R | ZerothError)[]> {
  const good = lengths.flatMap((length, i) => (typeof length === "number" ? [i] : []));
  const sizes = good.map((i) => lengths[i] as number);
  const results: (R | ZerothError)[] = lengths.map((length) => length as ZerothError);
  let done = lengths.length - good.length;
  for (const places of planBatches(sizes, options)) {
    const rows = places.map((place) => good[place]!);
    const answers = await isolating(rows, run, options.signal);
    rows.forEach((row, i) => {
      results[row] = answers[i]!;
    });
    done += rows.length;
    options.onDone?.(done, lengths.length);
  }
  return results;
}
