/**
 * A start for token embeddings: words that keep the same company get similar vectors. Positive pointwise mutual
 * information of neighbours, factorised to the model's width (Levy & Goldberg 2014; Levy et al. 2015).
 */
import { orthonormalise } from "../base/orthonormal.ts";
import { fail } from "../errors.ts";

export interface CooccurrenceOptions {
  readonly vocabulary: number;
  readonly width: number;
  /** Neighbours on each side; weighted by 1 / distance. */
  readonly window?: number;
  /** Exponent of the context distribution: below 1, rare contexts count less. */
  readonly smoothing?: number;
  /** Root mean square of the embedding of a seen token. */
  readonly scale?: number;
  /** Uniform numbers in [0, 1). */
  readonly random: () => number;
  /** matrix [n, n] (symmetric) times columns [n, k], row-major; the engine's product is a hundred times a loop's. */
  readonly multiply: (matrix: Float32Array, n: number, columns: Float32Array, k: number) => Promise<Float32Array>;
}

/** Weighted, symmetric counts of neighbours, [vocabulary, vocabulary]. */
export function countNeighbours(
  sequences: Iterable<ArrayLike<number>>,
  vocabulary: number,
  window: number,
): Float32Array {
  const counts = new Float32Array(vocabulary * vocabulary);
  for (const ids of sequences) {
    for (let i = 0; i < ids.length; i++) {
      for (let j = Math.max(0, i - window); j < i; j++) {
        const weight = 1 / (i - j);
        counts[ids[i]! * vocabulary + ids[j]!]! += weight;
        counts[ids[j]! * vocabulary + ids[i]!]! += weight;
      }
    }
  }
  return counts;
}

/** max(0, log(p(a, b) / (p(a) p(b)^smoothing))) in place of the counts. */
export function positivePmi(counts: Float32Array, vocabulary: number, smoothing: number): void {
  const sums = new Float64Array(vocabulary);
  for (let a = 0; a < vocabulary; a++) {
    let sum = 0;
    for (let b = 0; b < vocabulary; b++) sum += counts[a * vocabulary + b]!;
    sums[a] = sum;
  }
  const total = sums.reduce((x, y) => x + y, 0);
  const smooth = sums.map((sum) => sum ** smoothing);
  const smoothTotal = smooth.reduce((x, y) => x + y, 0);
  // Averaging both directions of the smoothed measure keeps the matrix symmetric.
  const logs = sums.map((sum, a) => (sum > 0 ? 0.5 * (Math.log(sum / total) + Math.log(smooth[a]! / smoothTotal)) : 0));
  for (let a = 0; a < vocabulary; a++) {
    for (let b = 0; b < vocabulary; b++) {
      const count = counts[a * vocabulary + b]!;
      if (count > 0) counts[a * vocabulary + b] = Math.max(0, Math.log(count / total) - logs[a]! - logs[b]!);
    }
  }
}

/** Make the columns of a [n, k] matrix orthonormal; twice over, as subspace iteration makes them nearly dependent. */
function orthonormalColumns(q: Float32Array, n: number, k: number): void {
  // Column by column in memory: the inner loops then run over neighbours.
  const columns = Array.from({ length: k }, (_, c) => Float64Array.from({ length: n }, (_, r) => q[r * k + c]!));
  orthonormalise(columns, 2);
  columns.forEach((column, c) => {
    for (let i = 0; i < n; i++) q[i * k + c] = column[i]!;
  });
}

/** Eigenvalues and vectors (as columns) of a small symmetric matrix, by cyclic Jacobi rotations. */
export function symmetricEigen(matrix: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const a = matrix.slice();
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    let diagonal = 0;
    for (let i = 0; i < n; i++) {
      diagonal += a[i * n + i]! ** 2;
      for (let j = 0; j < i; j++) off += a[i * n + j]! ** 2;
    }
    if (off <= 1e-18 * diagonal) break;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const apq = a[p * n + q]!;
        if (Math.abs(apq) < 1e-300) continue;
        const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * apq);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let i = 0; i < n; i++) {
          const [x, y] = [a[i * n + p]!, a[i * n + q]!];
          a[i * n + p] = c * x - s * y;
          a[i * n + q] = s * x + c * y;
        }
        for (let i = 0; i < n; i++) {
          const [x, y] = [a[p * n + i]!, a[q * n + i]!];
          a[p * n + i] = c * x - s * y;
          a[q * n + i] = s * x + c * y;
          const [e, f] = [v[i * n + p]!, v[i * n + q]!];
          v[i * n + p] = c * e - s * f;
          v[i * n + q] = s * e + c * f;
        }
      }
    }
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), vectors: v };
}

/**
 * Embeddings [vocabulary, width] from token sequences: the leading eigenvectors of the PPMI matrix times √|λ|, found
 * by subspace iteration (Halko et al. 2011, algorithm 4.4). Tokens never seen get small random values. The matrix is
 * dense: 4 · vocabulary² bytes.
 */
export async function cooccurrenceEmbeddings(
  sequences: Iterable<ArrayLike<number>>,
  options: CooccurrenceOptions,
): Promise<Float32Array> {
  const { vocabulary, width, window = 5, smoothing = 0.75, scale = 1, random, multiply } = options;
  if (vocabulary > 20_000) fail("unsupported", `a vocabulary of ${vocabulary}: the dense counts would not fit`);
  const counts = countNeighbours(sequences, vocabulary, window);
  positivePmi(counts, vocabulary, smoothing);
  const k = Math.min(vocabulary, width + 10);
  let q = Float32Array.from({ length: vocabulary * k }, () => random() - 0.5);
  for (let round = 0; round < 4; round++) {
    q = (await multiply(counts, vocabulary, q, k)) as Float32Array<ArrayBuffer>;
    orthonormalColumns(q, vocabulary, k);
  }
  const image = await multiply(counts, vocabulary, q, k);
  const small = new Float64Array(k * k);
  for (let r = 0; r < vocabulary; r++) {
    for (let i = 0; i < k; i++) {
      const x = q[r * k + i]!;
      for (let j = 0; j < k; j++) small[i * k + j]! += x * image[r * k + j]!;
    }
  }
  const { values, vectors } = symmetricEigen(small, k);
  const order = Array.from(values.keys())
    .sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!))
    .slice(0, width);
  const out = new Float32Array(vocabulary * width);
  for (let r = 0; r < vocabulary; r++) {
    let squares = 0;
    order.forEach((e, c) => {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += q[r * k + i]! * vectors[i * k + e]!;
      out[r * width + c] = sum * Math.sqrt(Math.abs(values[e]!));
      squares += out[r * width + c]! ** 2;
    });
    // Each row to the same length, so frequent tokens do not drown the others.
    const norm = Math.sqrt(squares / width);
    for (let c = 0; c < width; c++) {
      const at = r * width + c;
      out[at] = norm > 1e-6 ? (out[at]! * scale) / norm : (random() - 0.5) * scale;
    }
  }
  return out;
}
