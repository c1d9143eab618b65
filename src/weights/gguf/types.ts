/** How tensors of a GGUF file are stored: ggml's types by their numbers (ggml.h, `enum ggml_type`). */
import type { DType } from "../../graph/dtype.ts";

interface Layout {
  /** Elements that are stored together: rows are whole multiples of it. */
  readonly elements: number;
  /** Bytes that they take. */
  readonly bytes: number;
}

/** Numbers stored one by one. */
const plain = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  F64: "float64",
  I8: "int8",
  I16: "int16",
  I32: "int32",
  I64: "int64",
} as const satisfies Readonly<Record<string, DType>>;

export type PlainType = keyof typeof plain;

/** The number type of a plain one. */
export const plainTypes: Readonly<Record<PlainType, DType>> = plain;

/** Weights rounded to few bits, in blocks that share a scale. */
const blocks = {
  Q4_0: { elements: 32, bytes: 18 },
  Q4_1: { elements: 32, bytes: 20 },
  Q5_0: { elements: 32, bytes: 22 },
  Q5_1: { elements: 32, bytes: 24 },
  Q8_0: { elements: 32, bytes: 34 },
  Q2_K: { elements: 256, bytes: 84 },
  Q3_K: { elements: 256, bytes: 110 },
  Q4_K: { elements: 256, bytes: 144 },
  Q5_K: { elements: 256, bytes: 176 },
  Q6_K: { elements: 256, bytes: 210 },
} as const satisfies Readonly<Record<string, Layout>>;

export type BlockType = keyof typeof blocks;
export type GgufType = PlainType | BlockType;

const widths: Readonly<Record<PlainType, number>> = { F32: 4, F16: 2, BF16: 2, F64: 8, I8: 1, I16: 2, I32: 4, I64: 8 };

export const isPlainType = (type: GgufType): type is PlainType => Object.hasOwn(plain, type);

export function layoutOfType(type: GgufType): Layout {
  return isPlainType(type) ? { elements: 1, bytes: widths[type] } : blocks[type];
}

/** The number in a file of each type that is read. */
const numbers: Readonly<Record<GgufType, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q2_K: 10,
  Q3_K: 11,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  I8: 24,
  I16: 25,
  I32: 26,
  I64: 27,
  F64: 28,
  BF16: 30,
};

/** Names of those that are not, for messages. */
const notRead: Readonly<Record<number, string>> = {
  9: "Q8_1",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  29: "IQ1_M",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
  40: "NVFP4",
  41: "Q1_0",
};

const byNumber = new Map((Object.keys(numbers) as GgufType[]).map((type) => [numbers[type], type]));

/** The type with this number, the name of one that is known and not read, or undefined. */
export function typeOfNumber(n: number): { readonly read: GgufType } | { readonly notRead: string } | undefined {
  const read = byNumber.get(n);
  if (read) return { read };
  const name = notRead[n];
  return name === undefined ? undefined : { notRead: name };
}
