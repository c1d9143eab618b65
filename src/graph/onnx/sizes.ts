/**
 * Shape arithmetic of an ONNX file, followed symbolically: what Shape, Gather, Concat, Mul … compute from sizes of
 * inputs becomes dimensions again, so that a graph read back knows its shapes.
 */
import { addDims, type Dim, mulDims, subDims } from "../dims.ts";
import type { DType } from "../dtype.ts";
import { cast, concat, reshape, sizeValue } from "../operators.ts";
import { constant, type Tensor } from "../tensor.ts";

/** An integer scalar or vector whose elements are sizes. */
export interface Sizes {
  readonly dims: readonly Dim[];
  readonly rank: 0 | 1;
  readonly dtype: DType;
}

/** A value of the file: a tensor of the graph, or sizes that become one only when computed with. */
export type Value = { readonly tensor: Tensor } | { readonly sizes: Sizes };

/** The sizes a value holds, if it is a small integer constant or shape arithmetic. */
export function asSizes(value: Value): Sizes | undefined {
  if ("sizes" in value) return value.sizes;
  const { node, dtype, shape } = value.tensor;
  if (node.kind !== "constant" || (dtype !== "int64" && dtype !== "int32") || shape.length > 1) return undefined;
  if (node.value.data.length > 64) return undefined;
  const dims = Array.from(node.value.data as ArrayLike<number>, Number);
  return dims.every(Number.isSafeInteger) ? { dims, rank: shape.length as 0 | 1, dtype } : undefined;
}

/** The value as a tensor of the graph. */
export function asTensor(value: Value): Tensor {
  if ("tensor" in value) return value.tensor;
  const { dims, rank, dtype } = value.sizes;
  if (dims.every((dim) => typeof dim === "number")) {
    const data = BigInt64Array.from(dims, BigInt);
    return cast(constant({ dtype: "int64", shape: rank === 0 ? [] : [dims.length], data }), dtype);
  }
  const scalars = dims.map((dim) => sizeValue(dim, dtype));
  if (rank === 0) return scalars[0]!;
  return concat(
    scalars.map((scalar) => reshape(scalar, [1])),
    0,
  );
}

const arithmetic = new Map([
  ["Add", addDims],
  ["Sub", subDims],
  ["Mul", mulDims],
]);

/** The result of an operator on sizes, or undefined when it leaves them. */
export function sizeArithmetic(
  op: string,
  inputs: readonly Value[],
  axis: () => number,
  to: () => DType | undefined,
): Sizes | undefined {
  const known = inputs.map(asSizes);
  const [a, b] = known;
  if (!a) return undefined;
  if (op === "Identity") return a;
  if (op === "Cast") {
    const dtype = to();
    return dtype === "int64" || dtype === "int32" ? { ...a, dtype } : undefined;
  }
  if (op === "Concat") {
    return known.every((part) => part?.rank === 1) ? { ...a, dims: known.flatMap((part) => part!.dims) } : undefined;
  }
  if (op === "Squeeze" && a.dims.length === 1) return { ...a, rank: 0 };
  if (op === "Unsqueeze" && a.rank === 0) return { ...a, rank: 1 };
  if (op === "Reshape" && a.dims.length === 1 && b && b.dims.length <= 1) {
    return { ...a, rank: b.dims.length as 0 | 1 };
  }
  if (op === "Gather" && b && axis() === 0 && a.rank === 1) {
    const dims = b.dims.map((at) => a.dims.at(at as number));
    return dims.every((dim) => dim !== undefined) ? { ...b, dtype: a.dtype, dims: dims as Dim[] } : undefined;
  }
  const combine = arithmetic.get(op);
  if (!combine || !b) return undefined;
  const [n, m] = [a.dims.length, b.dims.length];
  if (n !== m && n !== 1 && m !== 1) return undefined;
  const dims = Array.from({ length: n === 1 ? m : n }, (_, i) =>
    combine(a.dims[n === 1 ? 0 : i]!, b.dims[m === 1 ? 0 : i]!),
  );
  return { dims, rank: a.rank || b.rank ? 1 : 0, dtype: a.dtype };
}
