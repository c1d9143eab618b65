/**
 * The nearest vectors, found by looking at all of them: one product of the questions with the matrix, and the largest of
 * each row. Nothing is approximated in 32 bits; in 8 bits the first look is rounded, and what it finds is scored again
 * from the vectors themselves.
 */
import { fail } from "../../errors.ts";
import type { NdArray } from "../../graph/array.ts";
import { type Graph, graph } from "../../graph/graph.ts";
import * as ops from "../../graph/operators.ts";
import { input, parameter, type Tensor } from "../../graph/tensor.ts";
import type { Program } from "../../runtime/program.ts";
import type { Similarity } from "../../text/embedding/embed.ts";
import { quantizer } from "../../weights/quantize.ts";
import type { StoredTensor, Weights } from "../../weights/weights.ts";
import { byScore, type Hit } from "../lexical/bm25.ts";

/** How vectors are compared that can be searched: by a product, and what is added to it. */
export type Metric = Exclude<Similarity, "manhattan">;

/** Compiles a graph over these weights. */
export type CompileOver = (graph: Graph, weights: Weights) => Promise<Program>;

export interface Matrix {
  readonly width: number;
  /** Rows [count, width]; of cosine of length 1. */
  readonly values: Float32Array;
}

/** A vector that can be compared. @throws bad_input for one of another width, or with what is no number; for cosine of nothing but zeros */
export function needVector(vector: ArrayLike<number>, width: number, metric: Metric, where: string): void {
  if (vector.length !== width)
    fail("bad_input", `the vector has ${vector.length} numbers, those of the index ${width}`, { where });
  let squares = 0;
  for (let i = 0; i < width; i++) squares += vector[i]! * vector[i]!;
  if (!Number.isFinite(squares)) fail("bad_input", "the vector holds values that are no numbers", { where });
  if (metric === "cosine" && squares === 0)
    fail("bad_input", "the vector is all zeros, which has no direction", { where });
}

/** A vector as the matrix holds it. */
export function laidOut(vector: Float32Array, metric: Metric): Float32Array {
  if (metric !== "cosine") return vector;
  let squares = 0;
  for (const value of vector) squares += value * value;
  const norm = Math.max(Math.sqrt(squares), 1e-12);
  return vector.map((value) => value / norm);
}

/** Numbers as they lie, without a copy. */
const array = (shape: readonly number[], data: Float32Array): NdArray => ({ dtype: "float32", shape, data });

/** The largest of each row of questions [batch, width] · matrixᵀ + bias [rows]. */
function searchGraph(matrix: Tensor, width: number, k: number): Graph {
  const questions = input("questions", "float32", ["batch", width]);
  const scores = ops.add(ops.matmul(questions, matrix, { transB: true }), input("bias", "float32", [matrix.shape[0]!]));
  const [values, places] = ops.topK(scores, k);
  return graph({ values, places });
}

export interface Search {
  readonly metric: Metric;
  readonly count: number;
  /**
   * The k nearest rows of each vector, nearest first, of equal ones the lower number first.
   * @param allowed which rows may be found; all by default
   */
  search(vectors: readonly Float32Array[], k: number, allowed?: (row: number) => boolean): Promise<Hit[][]>;
  close(): Promise<void>;
}

export interface SearchOptions {
  readonly metric: Metric;
  /** Bits of a number in the first look. Default 32. */
  readonly bits?: 32 | 8 | undefined;
  /** The vectors of some rows, rounded, where they are kept; by default they are rounded now. */
  readonly rounded?: ((from: number, make: () => Rounded) => Rounded) | undefined;
  readonly compile: CompileOver;
}

/** Questions of one run: their scores take questions · rows · 4 bytes. */
const scoreBytes = 64 << 20;
/** Rows of one product. */
const partBytes = 512 << 20;
/** So many times k are looked at again from their own vectors. */
const looks = { 32: 1, 8: 4 } as const;
/** Candidates beyond k, so that equal ones at the border are ordered by their numbers. */
const beyond = 16;

interface Part {
  readonly from: number;
  readonly count: number;
  readonly values: Float32Array;
  readonly stored: StoredTensor | undefined;
  readonly programs: Map<number, Promise<Program>>;
}

/** Numbers of 8 bits: values [width, rows], and of each row what they are multiplied with. */
export interface Rounded {
  readonly values: Uint8Array;
  readonly scales: Uint8Array;
}

function roundedOf(values: Float32Array, count: number, width: number): Rounded {
  const rounding = quantizer("int8", [count, width]);
  rounding.rows(values);
  const { values: bytes, scales } = rounding.finish();
  const bytesOf = ({ data }: NdArray) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { values: bytesOf(bytes), scales: bytesOf(scales) };
}

const storedOf = ({ values, scales }: Rounded, count: number, width: number): StoredTensor => ({
  dtype: "int8",
  shape: [count, width],
  format: "int8",
  values: { dtype: "int8", shape: [width, count], data: values },
  scales: { dtype: "float32", shape: [count], data: scales },
});

/** Rows of each product that a matrix of so many is searched by. */
export function partsOf(count: number, width: number): { readonly from: number; readonly count: number }[] {
  const most = Math.max(1, Math.floor(partBytes / (4 * width)));
  return Array.from({ length: Math.ceil(count / most) }, (_, i) => ({
    from: i * most,
    count: Math.min(most, count - i * most),
  }));
}

/** The score of a row from its own vector. */
export function scorer({ width, values }: Matrix, metric: Metric): (question: Float32Array, row: number) => number {
  return (question, row) => {
    const at = row * width;
    let sum = 0;
    if (metric === "euclidean") {
      for (let i = 0; i < width; i++) sum += (question[i]! - values[at + i]!) ** 2;
      return -Math.sqrt(sum);
    }
    for (let i = 0; i < width; i++) sum += question[i]! * values[at + i]!;
    return sum;
  };
}

/** Search a matrix whose rows are {@link laidOut}. @throws as the engine does */
export function exactSearch({ width, values }: Matrix, o: SearchOptions): Search {
  const { metric, bits = 32, compile, rounded = (_, make) => make() } = o;
  const count = width > 0 ? values.length / width : 0;
  const parts = partsOf(count, width).map(({ from, count: rows }): Part => {
    const own = values.subarray(from * width, (from + rows) * width);
    const make = () => roundedOf(own, rows, width);
    const stored = bits === 8 ? storedOf(rounded(from, make), rows, width) : undefined;
    return { from, count: rows, values: own, stored, programs: new Map() };
  });
  /** −|d|² / 2, by which the nearest by distance are the largest by product. */
  const offsets = metric === "euclidean" ? new Float32Array(count) : undefined;
  if (offsets) {
    for (let row = 0; row < count; row++) {
      let squares = 0;
      for (let i = row * width; i < (row + 1) * width; i++) squares += values[i]! * values[i]!;
      offsets[row] = -squares / 2;
    }
  }

  function programOf(part: Part, k: number): Promise<Program> {
    const known = part.programs.get(k);
    if (known) return known;
    const made = part.stored
      ? compile(searchGraph(parameter("matrix", [part.count, width]), width, k), new Map([["matrix", part.stored]]))
      : compile(searchGraph(input("matrix", "float32", ["rows", width]), width, k), new Map());
    part.programs.set(k, made);
    // What could not be compiled is tried anew, and there is nothing of it to close.
    made.catch(() => part.programs.delete(k));
    return made;
  }

  const scoreOf = scorer({ width, values }, metric);

  return {
    metric,
    count,
    async search(vectors, k, allowed) {
      for (const vector of vectors) needVector(vector, width, metric, "the question");
      const questions = vectors.map((vector) => laidOut(vector, metric));
      const found: Hit[][] = questions.map(() => []);
      for (const part of parts) {
        const bias = new Float32Array(part.count);
        let open = part.count;
        for (let row = 0; row < part.count; row++) {
          const may = allowed === undefined || allowed(part.from + row);
          if (!may) open--;
          bias[row] = may ? (offsets?.[part.from + row] ?? 0) : -Infinity;
        }
        const wanted = Math.min(open, k * looks[bits] + beyond);
        if (wanted === 0) continue;
        // Programs are kept by k: powers of two make few of them.
        const size = Math.min(part.count, 2 ** Math.ceil(Math.log2(wanted)));
        const program = await programOf(part, size);
        const batch = Math.max(1, Math.floor(scoreBytes / (4 * part.count)));
        for (let from = 0; from < questions.length; from += batch) {
          const some = questions.slice(from, from + batch);
          const flat = new Float32Array(some.length * width);
          for (const [i, question] of some.entries()) flat.set(question, i * width);
          const { values: scores, places } = await program.run({
            questions: array([some.length, width], flat),
            bias: array([part.count], bias),
            ...(!part.stored && { matrix: array([part.count, width], part.values) }),
          });
          for (let i = 0; i < some.length; i++) {
            for (let j = 0; j < wanted; j++) {
              if ((scores!.data[i * size + j] as number) === -Infinity) continue;
              const row = part.from + Number(places!.data[i * size + j]);
              found[from + i]!.push({ row, score: scoreOf(some[i]!, row) });
            }
          }
        }
      }
      return found.map((hits) => hits.sort(byScore).slice(0, k));
    },
    async close() {
      for (const { programs } of parts)
        for (const program of programs.values()) await (await program)[Symbol.asyncDispose]();
    },
  };
}
