/**
 * The linear few-shot evaluator of Scenic (`train_lib/transfer/fewshot_utils`): how well classes are told by a linear map
 * of frozen features from a few examples of each. Solved in float64, without gradients.
 */
import { fail } from "../errors.ts";

/** Scenic's grid: 2⁻¹⁰ to 2¹⁹. */
export const usualLambdas: readonly number[] = Array.from({ length: 30 }, (_, i) => 2 ** (i - 10));

export interface Labelled {
  /** One vector an example. */
  readonly features: readonly ArrayLike<number>[];
  readonly labels: readonly number[];
}

/** Places of the first `shots` examples of each class, in the data's order; fewer where a class has fewer. */
export function supportOf(labels: readonly number[], shots: number): number[] {
  const seen = new Map<number, number>();
  return labels.flatMap((label, i) => {
    const count = seen.get(label) ?? 0;
    seen.set(label, count + 1);
    return count < shots ? [i] : [];
  });
}

/** At most so many of a list, evenly from all of it. */
export function spread<T>(list: readonly T[], most: number): T[] {
  if (list.length <= most) return [...list];
  return Array.from({ length: most }, (_, i) => list[Math.floor((i * list.length) / most)]!);
}

type Matrix = Float64Array[];

const zeros = (rows: number, columns: number): Matrix => Array.from({ length: rows }, () => new Float64Array(columns));

/** Solve A X = B of a symmetric A above zero, by Cholesky. @throws bad_input where A is singular */
function solve(a: Matrix, b: Matrix): Matrix {
  const n = a.length;
  const l = zeros(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i]![j]!;
      for (let k = 0; k < j; k++) sum -= l[i]![k]! * l[j]![k]!;
      if (i !== j) l[i]![j] = sum / l[j]![j]!;
      else if (sum > 1e-12 * a[i]![i]!) l[i]![i] = Math.sqrt(sum);
      else fail("bad_input", "the least squares have no single solution", { hint: "give a lambda above 0" });
    }
  }
  const columns = b[0]!.length;
  const x = zeros(n, columns);
  for (let c = 0; c < columns; c++) {
    for (let i = 0; i < n; i++) {
      let sum = b[i]![c]!;
      for (let k = 0; k < i; k++) sum -= l[i]![k]! * x[k]![c]!;
      x[i]![c] = sum / l[i]![i]!;
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = x[i]![c]!;
      for (let k = i + 1; k < n; k++) sum -= l[k]![i]! * x[k]![c]!;
      x[i]![c] = sum / l[i]![i]!;
    }
  }
  return x;
}

const product = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

/** Features less the mean and by the standard deviation of the support, with a constant of 100 behind: its weight is nearly free. */
function standardise(support: readonly ArrayLike<number>[]) {
  const width = support[0]!.length;
  const mean = new Float64Array(width);
  const sd = new Float64Array(width);
  for (const row of support) for (let i = 0; i < width; i++) mean[i] = mean[i]! + row[i]! / support.length;
  for (const row of support)
    for (let i = 0; i < width; i++) sd[i] = sd[i]! + (row[i]! - mean[i]!) ** 2 / support.length;
  return (row: ArrayLike<number>): Float64Array => {
    const out = new Float64Array(width + 1);
    for (let i = 0; i < width; i++) out[i] = (row[i]! - mean[i]!) / (Math.sqrt(sd[i]!) + 1e-5);
    out[width] = 100;
    return out;
  };
}

export interface FewShotResult {
  /** Share of test examples told right, for each lambda. */
  readonly accuracies: readonly number[];
  /** Of the last lambda that was asked for: [features + 1][classes]. */
  readonly weights: readonly Float64Array[];
}

/**
 * (XᵀX + λI) W = Xᵀ(2 · one-hot − 1) for each λ, or where there are fewer examples than features the same through XXᵀ.
 * @throws bad_input for no examples, or a λ of 0 where that has no single solution
 */
export function fewShot(support: Labelled, test: Labelled, lambdas: readonly number[] = usualLambdas): FewShotResult {
  if (support.features.length === 0 || test.features.length === 0) {
    fail("bad_input", `${support.features.length} examples to learn from and ${test.features.length} to test`);
  }
  const classes = support.labels.reduce((a, b) => Math.max(a, b), 0) + 1;
  const scaled = standardise(support.features);
  const x = support.features.map(scaled);
  const tested = test.features.map(scaled);
  const [n, width] = [x.length, x[0]!.length];
  const targets = support.labels.map((label) =>
    Float64Array.from({ length: classes }, (_, c) => (c === label ? 1 : -1)),
  );
  const dual = n < width;
  const columns = dual ? x : Array.from({ length: width }, (_, i) => Float64Array.from(x, (row) => row[i]!));
  const gram = columns.map((row) => Float64Array.from(columns, (other) => product(row, other)));
  const right = dual
    ? targets
    : columns.map((column) =>
        Float64Array.from({ length: classes }, (_, c) => column.reduce((sum, v, i) => sum + v * targets[i]![c]!, 0)),
      );
  let weights: Matrix = [];
  const accuracies = lambdas.map((lambda) => {
    const shifted = gram.map((row, i) => {
      const copy = row.slice();
      copy[i] = copy[i]! + lambda;
      return copy;
    });
    const solved = solve(shifted, right);
    weights = dual
      ? Array.from({ length: width }, (_, f) =>
          Float64Array.from({ length: classes }, (_, c) =>
            x.reduce((sum, row, i) => sum + row[f]! * solved[i]![c]!, 0),
          ),
        )
      : solved;
    const byClass = Array.from({ length: classes }, (_, c) => Float64Array.from(weights, (row) => row[c]!));
    const right_ = tested.filter((row, i) => {
      let [best, score] = [0, -Infinity];
      byClass.forEach((w, c) => {
        const value = product(row, w);
        if (value > score) [best, score] = [c, value];
      });
      return best === test.labels[i];
    });
    return right_.length / tested.length;
  });
  return { accuracies, weights };
}

/**
 * One λ for several data sets: the ranks of its accuracies within each, averaged. No λ is chosen by one set's test alone
 * where there are several.
 */
export function sharedLambda(accuracies: readonly (readonly number[])[]): number {
  const ranks = accuracies.map((set) => {
    const order = set.map((_, i) => i).sort((a, b) => set[a]! - set[b]! || a - b);
    const rank = new Array<number>(set.length);
    order.forEach((place, position) => {
      rank[place] = position;
    });
    return rank;
  });
  const totals = ranks[0]!.map((_, i) => ranks.reduce((sum, rank) => sum + rank[i]!, 0));
  return totals.reduce((best, total, i) => (total > totals[best]! ? i : best), 0);
}
