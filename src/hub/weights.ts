/** Where stored tensors lie. */
import type { DType } from "../graph/dtype.ts";

/** Where one stored tensor lies: in a file (absolute, symlinks resolved), or already in memory. */
export type StoredTensor = { readonly dtype: DType; readonly shape: readonly number[] } & (
  | { readonly file: string; readonly offset: number; readonly length: number }
  | { readonly data: Uint8Array }
);

export type Weights = ReadonlyMap<string, StoredTensor>;
