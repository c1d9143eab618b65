/** Scores that do not fall with more labels or a bigger model: what falls is noise of the seeds. */
import { type Grid, mean } from "./cells.ts";

/** The nearest rising sequence by weighted squares (pool adjacent violators). */
export function isotonic(values: readonly number[], weights: readonly number[]): number[] {
  const pools: { value: number; weight: number; count: number }[] = [];
  values.forEach((value, i) => {
    let pool = { value, weight: weights[i]!, count: 1 };
    while (pools.length > 0 && pools.at(-1)!.value > pool.value) {
      const before = pools.pop()!;
      const weight = before.weight + pool.weight;
      pool = {
        value: (before.value * before.weight + pool.value * pool.weight) / weight,
        weight,
        count: before.count + pool.count,
      };
    }
    pools.push(pool);
  });
  return pools.flatMap(({ value, count }) => Array.from({ length: count }, () => value));
}

/** Along one line of cells, those that were not measured left out. */
function along(values: readonly (number | undefined)[], weights: readonly number[]): (number | undefined)[] {
  const places = values.flatMap((value, i) => (value === undefined ? [] : [i]));
  const smooth = isotonic(
    places.map((i) => values[i]!),
    places.map((i) => weights[i]!),
  );
  const made: (number | undefined)[] = values.map(() => undefined);
  places.forEach((place, i) => {
    made[place] = smooth[i];
  });
  return made;
}

/**
 * Mean scores by [size, labels], made rising along labels and then along sizes, each cell weighted by its seeds;
 * undefined where a cell was not measured.
 */
export function isotonicGrid({ scores }: Pick<Grid, "scores">): (number | undefined)[][] {
  const weights = scores.map((row) => row.map((cell) => cell.length));
  const byLabels = scores.map((row, s) =>
    along(
      row.map((cell) => (cell.length > 0 ? mean(cell) : undefined)),
      weights[s]!,
    ),
  );
  const columns =
    scores[0]?.map((_, n) =>
      along(
        byLabels.map((row) => row[n]),
        weights.map((row) => row[n]!),
      ),
    ) ?? [];
  return byLabels.map((row, s) => row.map((_, n) => columns[n]![s]));
}
