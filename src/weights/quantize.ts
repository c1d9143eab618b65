/**
 * Weights in 8 and 4 bits: from float32 and back, and how much is lost. Pure; rows come as the caller has them, so
 * that a matrix larger than memory goes through in parts.
 */
import { fail } from "../errors.ts";
import { type NdArray, ndarray } from "../graph/array.ts";
import {
  bitsOfFormat,
  isGguf,
  isPlain,
  isQuantized,
  layoutOf,
  type Place,
  type PlainTensor,
  partNames,
  type QuantizedFormat,
  quantizedFormats,
  type RoundedFormat,
  type StoredTensor,
  type Weights,
} from "./weights.ts";

/** Inner elements that share a scale in 4 bits. */
export const int4Block = 32;

/** A matrix being quantised: rows go in from the first to the last, the parts come out at the end. */
export interface Quantizer {
  /** Rows [count, in] of float32, one after another. */
  rows(values: Float32Array): void;
  finish(): QuantizedParts;
}

export interface QuantizedParts {
  readonly values: NdArray;
  readonly scales: NdArray<"float32">;
  /** Root of the squared error over the squared weights. */
  readonly error: number;
}

/** The largest magnitude of a stretch of numbers. */
function largest(values: Float32Array, from: number, to: number): number {
  let most = 0;
  for (let i = from; i < to; i++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude > most) most = magnitude;
  }
  return most;
}

/** A scale of float32 that is never zero and never too small to divide by. */
const scaleOf = (most: number, levels: number) => Math.fround(most / levels) || 1;

function relative(lost: number, power: number): number {
  return power === 0 ? 0 : Math.sqrt(lost / power);
}

function int8Quantizer(out: number, width: number, transposed: boolean): Quantizer {
  const values = new Int8Array(out * width);
  const scales = new Float32Array(out);
  let row = 0;
  let lost = 0;
  let power = 0;
  return {
    rows(given) {
      for (let from = 0; from < given.length; from += width, row++) {
        const scale = scaleOf(largest(given, from, from + width), 127);
        scales[row] = scale;
        for (let i = 0; i < width; i++) {
          const weight = given[from + i]!;
          const value = Math.round(weight / scale);
          values[transposed ? i * out + row : row * width + i] = value;
          lost += (weight - value * scale) ** 2;
          power += weight * weight;
        }
      }
    },
    finish: () => ({
      values: ndarray("int8", transposed ? [width, out] : [out, width], values),
      scales: ndarray("float32", [out], scales),
      error: relative(lost, power),
    }),
  };
}

/** The number of largest magnitude lands on −8, the one of sixteen values that has no opposite. */
function int4Quantizer(out: number, width: number): Quantizer {
  const blocks = width / int4Block;
  const values = new Uint8Array((out * width) / 2);
  const scales = new Float32Array(out * blocks);
  let block = 0;
  let lost = 0;
  let power = 0;
  return {
    rows(given) {
      for (let from = 0; from < given.length; from += int4Block, block++) {
        let extreme = 0;
        for (let i = from; i < from + int4Block; i++) if (Math.abs(given[i]!) > Math.abs(extreme)) extreme = given[i]!;
        const scale = scaleOf(-extreme, 8);
        scales[block] = scale;
        for (let i = 0; i < int4Block; i += 2) {
          let byte = 0;
          for (let half = 0; half < 2; half++) {
            const weight = given[from + i + half]!;
            const value = Math.max(-8, Math.min(7, Math.round(weight / scale)));
            byte |= (value + 8) << (4 * half);
            lost += (weight - value * scale) ** 2;
            power += weight * weight;
          }
          values[(block * int4Block + i) / 2] = byte;
        }
      }
    },
    finish: () => ({
      values: ndarray("uint8", [out, blocks, int4Block / 2], values),
      scales: ndarray("float32", [out, blocks], scales),
      error: relative(lost, power),
    }),
  };
}

/** Begin a matrix [out, in], whose rows it takes also for a turned format; 4 bits need whole blocks. */
export function quantizer(format: RoundedFormat, [out, width]: readonly [number, number]): Quantizer {
  const { values } = layoutOf(format);
  if (values !== "int4") return int8Quantizer(out, width, values === "int8");
  if (width % int4Block !== 0) fail("wrong_use", `rows of ${width} have no whole blocks of ${int4Block}`);
  return int4Quantizer(out, width);
}

/** Rows become columns. */
function transposed({ shape, data }: NdArray<"float32">): NdArray<"float32"> {
  const [rows, columns] = shape as [number, number];
  const turned = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = Number(data[row * columns + column]);
  }
  return ndarray("float32", [columns, rows], turned);
}

/** Blocks around their middle as float32 [out, in]. */
function fromBlocks(bits: 4 | 8, values: NdArray, scales: NdArray, offsets: NdArray | undefined): NdArray<"float32"> {
  const [out, blocks, bytes] = values.shape as [number, number, number];
  const block = (bytes * 8) / bits;
  const [data, factor] = [values.data as Uint8Array, scales.data as Float32Array];
  const added = offsets?.data as Float32Array | undefined;
  const result = new Float32Array(out * blocks * block);
  for (let i = 0; i < result.length; i++) {
    const at = Math.floor(i / block);
    const value = bits === 8 ? data[i]! - 128 : ((data[i >> 1]! >> (4 * (i & 1))) & 15) - 8;
    result[i] = value * factor[at]! + (added ? added[at]! : 0);
  }
  return ndarray("float32", [out, blocks * block], result);
}

/** A quantised matrix as float32: [out, in], or [in, out] of a turned format. */
export function dequantized(
  format: QuantizedFormat,
  values: NdArray,
  scales: NdArray,
  offsets?: NdArray,
): NdArray<"float32"> {
  const { values: layout, turned } = layoutOf(format);
  if (turned) return transposed(dequantized(layout, values, scales, offsets));
  if (layout !== "int8" && layout !== "int8_rows") return fromBlocks(bitsOfFormat(format), values, scales, offsets);
  const factor = scales.data as Float32Array;
  const [first, second] = values.shape as [number, number];
  const data = values.data as Int8Array;
  const [out, width] = format === "int8" ? [second, first] : [first, second];
  const result = new Float32Array(out * width);
  for (let row = 0; row < out; row++) {
    for (let i = 0; i < width; i++) {
      result[row * width + i] = data[format === "int8" ? i * out + row : row * width + i]! * factor[row]!;
    }
  }
  return ndarray("float32", [out, width], result);
}

const suffix = new RegExp(`^(.+)\\.(${quantizedFormats.join("|")})$`);

/** Lengths of blocks that the products' kernel takes. */
const blockLengths: readonly number[] = [16, 32, 64, 128, 256];

/** Whether values and scales belong to each other and to a matrix; its shape. */
function matrixShape(format: QuantizedFormat, values: PlainTensor, scales: PlainTensor): [number, number] | undefined {
  const { values: layout, turned } = layoutOf(format);
  if (turned) return matrixShape(layout, values, scales)?.reverse() as [number, number] | undefined;
  const [a, b, c] = values.shape;
  const inBlocks = layout !== "int8" && layout !== "int8_rows";
  if (values.shape.length !== (inBlocks ? 3 : 2) || scales.dtype !== "float32") return undefined;
  if (values.dtype !== (inBlocks ? "uint8" : "int8")) return undefined;
  const block = inBlocks ? (c! * 8) / bitsOfFormat(format) : 1;
  if (inBlocks && !(layout === "int4" ? block === int4Block : blockLengths.includes(block))) return undefined;
  const shape: [number, number] = layout === "int8" ? [b!, a!] : [a!, b! * block];
  const expected = inBlocks ? [a, b] : [shape[0]];
  const fits = scales.shape.length === expected.length && scales.shape.every((dim, i) => dim === expected[i]);
  return fits ? shape : undefined;
}

/**
 * The tensors of a file as a model knows them: values and scales of a quantised matrix become one entry under the
 * matrix's own name.
 * @throws corrupt_file for values without scales and parts that do not belong together
 */
export function joinQuantized(tensors: Weights, where: string): Weights {
  const joined = new Map(tensors);
  for (const [stored, values] of tensors) {
    const [, name, format] = (suffix.exec(stored) ?? []) as unknown as [string, string?, QuantizedFormat?];
    if (name === undefined || format === undefined || !isPlain(values)) continue;
    const names = partNames(name, format);
    const scales = tensors.get(names.scales);
    if (!isPlain(scales))
      fail("corrupt_file", `tensor "${stored}" has no scales: "${names.scales}" is missing`, { where });
    const shape = matrixShape(format, values, scales);
    if (!shape) {
      const [v, s] = [values, scales].map((part) => `${part.dtype} [${part.shape.join(", ")}]`);
      fail("corrupt_file", `tensor "${stored}" is ${v} and its scales ${s}: they do not belong together`, { where });
    }
    const found = layoutOf(format).values.startsWith("blocks") ? tensors.get(names.offsets) : undefined;
    const offsets = isPlain(found) ? found : undefined;
    if (offsets && (offsets.dtype !== "float32" || offsets.shape.join() !== scales.shape.join())) {
      const parts = [offsets, scales].map(({ shape: sizes }) => `[${sizes.join(", ")}]`);
      fail(
        "corrupt_file",
        `the offsets of tensor "${stored}" are ${offsets.dtype} ${parts[0]}, its scales ${parts[1]}`,
        {
          where,
        },
      );
    }
    joined.delete(stored);
    joined.delete(names.scales);
    if (offsets) joined.delete(names.offsets);
    joined.set(name, { dtype: values.dtype, shape, format, values, scales, ...(offsets && { offsets }) });
  }
  return joined;
}

/**
 * The tensors as they are stored: the inverse of {@link joinQuantized}.
 * @throws wrong_use for a tensor of a GGUF file, which nothing computes with as it is stored
 */
export function splitQuantized(tensors: Iterable<readonly [string, StoredTensor]>): Map<string, PlainTensor> {
  const parts = new Map<string, PlainTensor>();
  for (const [name, stored] of tensors) {
    if (isGguf(stored)) fail("wrong_use", `tensor "${name}" has to be unpacked from its GGUF file first`);
    if (!isQuantized(stored)) {
      parts.set(name, stored);
      continue;
    }
    const names = partNames(name, stored.format);
    parts.set(names.values, stored.values);
    parts.set(names.scales, stored.scales);
    if (stored.offsets) parts.set(names.offsets, stored.offsets);
  }
  return parts;
}

/** Bytes that these weights take where they are stored. */
export function storedBytes(weights: Weights): number {
  let bytes = 0;
  const count = (place: Place) => {
    bytes += "data" in place ? place.data.length : place.length;
  };
  for (const stored of weights.values()) {
    if (isGguf(stored)) count(stored.place);
    else if (isQuantized(stored))
      for (const part of [stored.values, stored.scales, stored.offsets]) part && count(part);
    else count(stored);
  }
  return bytes;
}
