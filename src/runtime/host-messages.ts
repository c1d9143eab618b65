/** What a program's owner and an engine in another thread or process say to each other. */
import type { DType, TypedArray } from "../graph/dtype.ts";
import type { Prepared } from "./sessions-node.ts";

/** A tensor as it travels. */
export interface Parcel {
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
      readonly feeds: Readonly<Record<string, Parcel>>;
      readonly outputs: readonly string[];
    }
  | { readonly kind: "release"; readonly id: number; readonly session: number }
  | { readonly kind: "exit"; readonly id: number };

/** `value`: the number of an opened session, or a run's outputs. */
export type Reply = { readonly id: number } & (
  | { readonly value: number | Readonly<Record<string, Parcel>> | undefined }
  | { readonly error: string }
);

/** A view of a larger buffer would travel with all of it. */
export function compact(data: TypedArray): TypedArray {
  return data.byteLength === data.buffer.byteLength ? data : data.slice();
}
