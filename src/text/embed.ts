/** Vectors of texts: the outputs of a text's tokens made one. */
import type { NdArray } from "../graph/array.ts";

export type Pooling = "cls" | "mean" | "mean_sqrt_len" | "max" | "last";

export interface EmbeddingConfig {
  /** Several are joined, one behind the other. */
  readonly pooling: readonly Pooling[];
  /** Whether vectors have length 1. */
  readonly normalize: boolean;
  /** Tokens of a text that are read; a longer text is an error. */
  readonly longest?: number;
}

export const defaultEmbedding: EmbeddingConfig = { pooling: ["mean"], normalize: false };

type Pool = (rows: Float32Array, count: number, width: number) => Float32Array;

const row = (rows: Float32Array, i: number, width: number) => rows.slice(i * width, (i + 1) * width);

function summed(rows: Float32Array, count: number, width: number, divisor: number): Float32Array {
  const sums = new Float64Array(width);
  for (let i = 0; i < count; i++) for (let j = 0; j < width; j++) sums[j]! += rows[i * width + j]!;
  return Float32Array.from(sums, (sum) => sum / divisor);
}

/** Over a text's own tokens, `count` rows of `width`. */
const pools: Readonly<Record<Pooling, Pool>> = {
  cls: (rows, _, width) => row(rows, 0, width),
  last: (rows, count, width) => row(rows, count - 1, width),
  mean: (rows, count, width) => summed(rows, count, width, count),
  mean_sqrt_len: (rows, count, width) => summed(rows, count, width, Math.sqrt(count)),
  max(rows, count, width) {
    const most = row(rows, 0, width);
    for (let i = 1; i < count; i++) for (let j = 0; j < width; j++) most[j] = Math.max(most[j]!, rows[i * width + j]!);
    return most;
  },
};

/** One vector a text from the last layer's output [texts, length, width]; `lengths` are the texts' tokens. */
export function pooled(
  { data, shape }: NdArray,
  lengths: readonly number[],
  { pooling, normalize }: EmbeddingConfig,
): Float32Array[] {
  const [, length, width] = shape as [number, number, number];
  return lengths.map((count, text) => {
    const rows = (data as Float32Array).subarray(text * length * width, (text * length + count) * width);
    const parts = pooling.map((mode) => pools[mode](rows, count, width));
    const vector = parts.length === 1 ? parts[0]! : Float32Array.from(parts.flatMap((part) => [...part]));
    if (!normalize) return vector;
    const norm = Math.max(Math.hypot(...vector), 1e-12);
    return vector.map((value) => value / norm);
  });
}
