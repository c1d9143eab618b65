/** What this machine can do, measured through the engine that models run on: the limits to hold their speeds against. */
import { closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { throwIfAborted } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import { graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input, parameter } from "../graph/tensor.ts";
import type { QuantizedTensor, StoredTensor } from "../weights/weights.ts";
import { type CompileOptions, compile } from "./compile-node.ts";
import { defaultThreads } from "./threads-node.ts";

export interface Limits {
  /** fp32 operations/s of a product 1024×2048×2048. */
  readonly flops: number;
  /** The same with weights in 8 bits. */
  readonly flopsInt8: number;
  /** Bytes/s of reading what no cache holds. */
  readonly bandwidth: number;
}

export interface LimitsOptions extends Pick<CompileOptions, "threads"> {
  /** Bytes read at a time. Default 256 MiB, more than caches hold. */
  readonly bytes?: number;
  /** Runs of each measurement at most, of which the best counts. Default 5. */
  readonly repeats?: number;
  /** Milliseconds after which a measurement that has run once is not repeated. Default 400: a busy machine is slow. */
  readonly patience?: number;
  /** Milliseconds. */
  readonly now?: () => number;
  readonly signal?: AbortSignal;
}

/** Numbers that are neither zeros nor slow to make: a short pattern, doubled until it fills the array. */
function floats(shape: readonly number[]): NdArray<"float32"> {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const first = Math.min(1009, data.length);
  for (let i = 0; i < first; i++) data[i] = ((i * 7919) % 1009) / 1009;
  for (let done = first; done < data.length; done *= 2) data.copyWithin(done, 0, Math.min(done, data.length - done));
  return { dtype: "float32", shape, data };
}

const stored = ({ shape, data }: NdArray<"float32">) => ({
  dtype: "float32" as const,
  shape,
  data: new Uint8Array(data.buffer),
});

/** A matrix [out, in] in 8 bits, as `zeroth quantize` stores it. */
function quantised(out: number, width: number): QuantizedTensor {
  const values = new Uint8Array(out * width).map((_, i) => (i * 7919) % 251);
  const scales = new Uint8Array(new Float32Array(out).fill(0.01).buffer);
  return {
    dtype: "int8",
    shape: [out, width],
    format: "int8",
    values: { dtype: "int8", shape: [width, out], data: values },
    scales: { dtype: "float32", shape: [out], data: scales },
  };
}

/**
 * Measure arithmetic and memory: one to two seconds, twice `bytes` of memory at most.
 * @throws interrupted between runs
 */
export async function measureLimits(options: LimitsOptions = {}): Promise<Limits> {
  const { threads = defaultThreads(), bytes = 256 << 20, repeats = 5, patience = 400 } = options;
  const { now = () => performance.now(), signal } = options;
  const best = async (run: () => Promise<unknown>): Promise<number> => {
    let least = Infinity;
    const began = now();
    for (let i = 0; i <= repeats && (i < 2 || now() - began < patience); i++) {
      throwIfAborted(signal);
      const start = now();
      await run();
      // The first run makes the engine's buffers.
      if (i > 0) least = Math.min(least, now() - start);
    }
    return least / 1000;
  };

  const [rows, inner, columns] = [1024, 2048, 2048];
  const x = input("a", "float32", [rows, inner]);
  const product = graph({ y: o.matmul(x, parameter("b", [columns, inner]), { transB: true }) });
  const a = floats([rows, inner]);
  const multiplied = async (b: StoredTensor): Promise<number> => {
    await using multiply = await compile(product, { threads, weights: new Map([["b", b]]), prepack: true });
    return (2 * rows * inner * columns) / (await best(() => multiply.run({ a })));
  };
  const flops = await multiplied(stored(floats([columns, inner])));
  const flopsInt8 = await multiplied(quantised(columns, inner));

  // Two ways to read, since either may be held up by its arithmetic: a sum, and a product of one row.
  const [height, width] = [4096, Math.max(1, Math.floor(bytes / 4096 / 4))];
  const matrix = floats([height, width]);
  await using sum = await compile(graph({ y: o.sum(input("x", "float32", [height, width]), [1]) }), { threads });
  const summed = await best(() => sum.run({ x: matrix }));
  const vector = graph({ y: o.matmul(input("v", "float32", [1, height]), input("w", "float32", [height, width])) });
  await using apply = await compile(vector, { threads });
  const v = floats([1, height]);
  const applied = await best(() => apply.run({ v, w: matrix }));
  return { flops, flopsInt8, bandwidth: matrix.data.byteLength / Math.min(summed, applied) };
}

/**
 * Bytes/s of reading a file past the system's cache, over its first 64 MiB; undefined where the system does not offer
 * that (O_DIRECT is Linux's, and not every file system has it) or the file is too small to tell.
 */
export function measureDisk(file: string, now: () => number = () => performance.now()): number | undefined {
  const piece = 4 << 20;
  let handle: number | undefined;
  try {
    const pieces = Math.min(16, Math.floor(statSync(file).size / piece));
    if (!constants.O_DIRECT || pieces === 0) return undefined;
    handle = openSync(file, constants.O_RDONLY | constants.O_DIRECT);
    // Such reads need memory that begins at a page: that of WebAssembly does.
    const buffer = new Uint8Array(new WebAssembly.Memory({ initial: piece >> 16 }).buffer);
    const start = now();
    for (let i = 0; i < pieces; i++) if (readSync(handle, buffer, 0, piece, i * piece) < piece) return undefined;
    return (pieces * piece * 1000) / (now() - start);
  } catch {
    return undefined;
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}
