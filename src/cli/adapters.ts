/** Rows that name an adapter of their own: each adapter's model is opened when a row first asks for it, and kept. */
import { ZerothError } from "../errors.ts";

/** What can be told apart by an adapter: a row, or a job made of one. */
interface Tuned {
  readonly adapter?: unknown;
}

/** The folder that a row names; undefined for the model as the command has it. */
export const adapterOf = (row: Tuned | ZerothError): string | undefined =>
  row instanceof ZerothError || typeof row.adapter !== "string" ? undefined : row.adapter;

/** Results in the order of the rows, which are done adapter by adapter. */
export async function byAdapter<J extends Tuned, R>(
  rows: readonly (J | ZerothError)[],
  run: (
    rows: readonly (J | ZerothError)[],
    adapter: string | undefined,
    first: number,
  ) => Promise<readonly (R | ZerothError)[]>,
): Promise<(R | ZerothError)[]> {
  const groups = new Map<string | undefined, number[]>();
  rows.forEach((row, i) => {
    const key = adapterOf(row);
    groups.set(key, [...(groups.get(key) ?? []), i]);
  });
  const results: (R | ZerothError)[] = [];
  for (const [adapter, places] of groups) {
    const part = places.map((i) => rows[i]!);
    let found: readonly (R | ZerothError)[];
    try {
      found = await run(part, adapter, places[0]!);
    } catch (error) {
      // An adapter that cannot be opened is its rows' error, and the others are done.
      const alone = adapter === undefined && groups.size === 1;
      if (alone || !(error instanceof ZerothError) || error.code === "interrupted") throw error;
      found = part.map(() => error);
    }
    places.forEach((place, i) => {
      results[place] = found[i]!;
    });
  }
  return results;
}

/** Models by the folder of their adapter. */
export function openedModels<T extends AsyncDisposable>(open: (adapter: string | undefined) => Promise<T>) {
  const opened = new Map<string | undefined, Promise<T>>();
  return {
    of(adapter?: string): Promise<T> {
      if (!opened.has(adapter)) opened.set(adapter, open(adapter));
      return opened.get(adapter)!;
    },
    async [Symbol.asyncDispose]() {
      for (const model of opened.values()) await (await model.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}
