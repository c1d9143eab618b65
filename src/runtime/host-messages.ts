/** Messages between a program's owner and an engine in another thread or process. */
import type { DType, TypedArray } from "../graph/dtype.ts";
import type { Prepared } from "./prepared.ts";

/** A tensor in a message. */
export interface TensorMessage {
  readonly type: DType;
  readonly dims: readonly number[];
  readonly data: TypedArray;
}

export type Call =
  | { readonly kind: "open"; readonly id: number; readonly prepared: Pick<Prepared, "model" | "options"> }
  | {
      readonly kind: "run";
      readonly id: number;
      readonly session: number;
      readonly feeds: Readonly<Record<string, TensorMessage>>;
      readonly outputs: readonly string[];
    }
  | { readonly kind: "release"; readonly id: number; readonly session: number }
  | { readonly kind: "exit"; readonly id: number };

/** `value`: the number of an opened session, or a run's outputs. */
export type Reply = { readonly id: number } & (
  | { readonly value: number | Readonly<Record<string, TensorMessage>> | undefined }
  | { readonly error: string }
);

/** A view of a larger buffer would travel with all of it. */
export function compact(data: TypedArray): TypedArray {
  return data.byteLength === data.buffer.byteLength ? data : data.slice();
}
