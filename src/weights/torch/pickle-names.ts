/** Values of a pickle, and the names of Python's that are known: what each stands for, without the functions themselves. */
import type { DType } from "../../graph/dtype.ts";

/** Bytes of memory a value takes here, about; a few bytes of a file can ask for many values, or one many times. */
export const cost = { entry: 48, slot: 16, dictionary: 224, list: 32, record: 160 } as const;

/** A place in a storage seen as a tensor. */
export interface TensorRecord {
  readonly kind: "tensor";
  readonly storage: StorageRecord;
  /** Sizes, strides and offset in elements. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export interface StorageRecord {
  readonly kind: "storage";
  readonly dtype: DType;
  readonly key: string;
  readonly elements: number;
}

export interface Name {
  readonly kind: "name";
  readonly name: string;
}

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Value[]
  | Map<Value, Value>
  | Name
  | StorageRecord
  | TensorRecord;

export const storages: Readonly<Record<string, DType>> = {
  "torch.FloatStorage": "float32",
  "torch.DoubleStorage": "float64",
  "torch.HalfStorage": "float16",
  "torch.BFloat16Storage": "bfloat16",
  "torch.LongStorage": "int64",
  "torch.IntStorage": "int32",
  "torch.CharStorage": "int8",
  "torch.ByteStorage": "uint8",
  "torch.BoolStorage": "bool",
};

/** Names that stand for themselves among a program's settings. */
export const words: ReadonlySet<string> = new Set(["torch.float32", "torch.float16", "torch.bfloat16"]);

/** Objects that are nothing but their entries, as plain dictionaries: the settings of a training program. */
export const holders: ReadonlySet<string> = new Set(["argparse.Namespace"]);

/** A whole number that sizes can be, whatever it was written as. */
export function size(value: Value | undefined, what: string): number {
  const n = typeof value === "bigint" ? Number(value) : value;
  if (typeof n !== "number" || !Number.isSafeInteger(n) || n < 0) {
    throw new RangeError(`${what} is ${typeof n === "number" || typeof value === "bigint" ? value : "no number"}`);
  }
  return n;
}

const sizes = (value: Value | undefined, what: string): number[] => {
  if (!Array.isArray(value) || value.length > 32) throw new RangeError(`${what} is no short list of numbers`);
  return value.map((n) => size(n, what));
};

/** What a call of each known function gives; the functions themselves are not here. `spend` counts what it takes. */
export const calls: Readonly<Record<string, (args: readonly Value[], spend: (bytes: number) => void) => Value>> = {
  "collections.OrderedDict": ([pairs], spend) => {
    const map = new Map<Value, Value>();
    if (Array.isArray(pairs)) {
      spend(pairs.length * cost.entry);
      for (const pair of pairs) if (Array.isArray(pair)) map.set(pair[0] ?? null, pair[1] ?? null);
    }
    return map;
  },
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, strides]) => {
    const at = storage as StorageRecord | undefined;
    if (typeof at !== "object" || at === null || at.kind !== "storage")
      throw new RangeError("a tensor over no storage");
    const record: TensorRecord = {
      kind: "tensor",
      storage: at,
      offset: size(offset, "a tensor's offset"),
      shape: sizes(shape, "a tensor's shape"),
      strides: sizes(strides, "a tensor's strides"),
    };
    if (record.shape.length !== record.strides.length) throw new RangeError("a tensor with other strides than sizes");
    return record;
  },
  "torch._utils._rebuild_parameter": ([tensor]) => tensor ?? null,
};
