/** The ONNX model being written: nodes, initialisers and the names between them. */
import { fail } from "../errors.ts";
import type { NdArray } from "./array.ts";
import { type Dim, divideDims, elements, type Shape, terms } from "./dims.ts";
import type { DType } from "./dtype.ts";
import type { Tensor } from "./tensor.ts";

/** Attribute values with the kind ONNX stores them as. */
export type AttributeValue = { int: number } | { float: number } | { ints: readonly number[] } | { string: string };

export interface OnnxNode {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** Computes a value a second time instead of keeping it. */
  readonly recomputed?: true;
}

/** Where a stored weight lies for ONNX Runtime: a range of a file beside the model, or bytes inside the model. */
export type InitializerData =
  | { readonly location: string; readonly offset: number; readonly length: number }
  | { readonly bytes: Uint8Array };

export interface OnnxInitializer {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: InitializerData;
}

/** What the model will run on; decides between fused kernels and plain ONNX. "onnx" is standard operators only. */
export type Target = "cpu" | "cuda" | "wasm" | "webgpu" | "onnx";

/**
 * What products in 8 bits round each row to: whole numbers up to this. Kernels that add pairs of products in 16 bits,
 * those of processors with AVX2 and without VNNI, overflow with 127 and are exact with 63.
 */
export type Levels = 127 | 63;

/** Target device and its exact 8-bit range. */
export interface LoweringTarget {
  readonly target: Target;
  readonly levels: Levels;
}

export interface Emitter extends LoweringTarget {
  readonly nodes: OnnxNode[];
  readonly initializers: OnnxInitializer[];
  /** The ONNX name of a tensor lowered before. */
  name(value: Tensor): string;
  /** The initialiser behind a frozen parameter that is stored in another type than it is computed in. */
  stored(value: Tensor): string | undefined;
  /** Add a node; returns its output names. The same node asked for twice is written once. */
  node(
    op: string,
    inputs: readonly string[],
    attributes?: Record<string, AttributeValue>,
    options?: NodeOptions,
  ): string[];
  constant(value: NdArray): string;
  ints(values: readonly number[]): string;
  /** A shape as an int64 vector, computed at run time where it holds symbols. */
  shape(shape: Shape): string;
  /** From here on the symbol can be read from this axis of this value. */
  measure(symbol: string, name: string, axis: number): void;
  /** Whether a size is one that `measure` told of: it may well be 0. */
  measured(dim: Dim): boolean;
  /** A size as an int64 vector of one element. */
  size(dim: Dim): string;
  /** A size as an int64 scalar. */
  scalar(dim: Dim): string;
}

export interface NodeOptions {
  domain?: string;
  outputs?: number;
  /** Do not merge with an equal node: the value is meant to be computed again. */
  fresh?: boolean;
}

export function bytesOf(array: NdArray): Uint8Array {
  return new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength);
}

/** Which value and axis each symbol can be read from. */
export type SymbolSources = Map<string, { readonly name: string; readonly axis: number }>;

/** `sources` starts with the graph's inputs; `compute` emits what measures a symbol that is not among them yet. */
export function createEmitter(
  { target, levels }: LoweringTarget,
  sources: SymbolSources,
  compute: (symbol: string) => void = () => {},
): Emitter & { bind(value: Tensor, name: string, stored?: string): void } {
  const names = new Map<Tensor, string>();
  const initials = new Map<Tensor, string>();
  const counts = new Set<Dim>();
  const known = new Map<string, string[]>();
  let count = 0;
  const emitter = {
    target,
    levels,
    nodes: [] as OnnxNode[],
    initializers: [] as OnnxInitializer[],
    bind(value: Tensor, name: string, stored?: string) {
      names.set(value, name);
      if (stored) initials.set(value, stored);
    },
    stored: (value: Tensor) => initials.get(value),
    name(value: Tensor): string {
      return names.get(value) ?? fail("internal", "a tensor is used before it is computed");
    },
    node(
      op: string,
      inputs: readonly string[],
      attributes: Record<string, AttributeValue> = {},
      options: NodeOptions = {},
    ): string[] {
      const { domain = "", outputs = 1, fresh = false } = options;
      const key = `${domain}:${op}(${inputs.join(",")})${JSON.stringify(attributes)}`;
      const before = fresh ? undefined : known.get(key);
      if (before && before.length >= outputs) return before;
      const made = Array.from({ length: outputs }, () => `t${count++}`);
      emitter.nodes.push({ op, domain, inputs, outputs: made, attributes, ...(fresh ? { recomputed: true } : {}) });
      if (!fresh) known.set(key, made);
      return made;
    },
    constant(value: NdArray): string {
      const small = value.data.length <= 64;
      const key = small
        ? `constant ${value.dtype}[${value.shape}] ${Array.from(value.data as ArrayLike<number>, String)}`
        : "";
      const before = known.get(key);
      if (small && before) return before[0]!;
      const name = `c${count++}`;
      emitter.initializers.push({ name, dtype: value.dtype, shape: value.shape, data: { bytes: bytesOf(value) } });
      if (small) known.set(key, [name]);
      return name;
    },
    ints(values: readonly number[]): string {
      return emitter.constant({ dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) });
    },
    measure(symbol: string, name: string, axis: number) {
      if (sources.has(symbol)) return;
      sources.set(symbol, { name, axis });
      counts.add(symbol);
    },
    measured: (dim: Dim) => counts.has(dim),
    size(dim: Dim): string {
      if (typeof dim === "number") return emitter.ints([dim]);
      const parts = terms(dim).map(([coefficient, symbols]) => {
        const factors = symbols.map((symbol) => {
          if (!sources.has(symbol)) compute(symbol);
          const source = sources.get(symbol) ?? fail("wrong_use", `size "${symbol}" belongs to no input`);
          return emitter.node("Shape", [source.name], {
            start: { int: source.axis },
            end: { int: source.axis + 1 },
          })[0]!;
        });
        if (coefficient !== 1 || factors.length === 0) factors.push(emitter.ints([coefficient]));
        return factors.reduce((a, b) => emitter.node("Mul", [a, b])[0]!);
      });
      return parts.reduce((a, b) => emitter.node("Add", [a, b])[0]!);
    },
    scalar(dim: Dim): string {
      if (typeof dim === "string") return emitter.node("Reshape", [emitter.size(dim), emitter.ints([])])[0]!;
      return emitter.constant({ dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(dim)) });
    },
    shape(shape: Shape): string {
      if (shape.every((dim) => typeof dim === "number")) return emitter.ints(shape as number[]);
      return emitter.node(
        "Concat",
        shape.map((dim) => emitter.size(dim)),
        { axis: { int: 0 } },
      )[0]!;
    },
  };
  return emitter;
}

/**
 * The shape argument of Reshape with as little run-time arithmetic as possible: 0 copies the input's size at the
 * same place, one -1 is worked out by the runtime.
 */
export function reshapeArgument(emit: Emitter, from: Shape, to: Shape): string {
  const open = to.flatMap((dim, i) => (typeof dim === "number" || from[i] === dim ? [] : [i]));
  // Zero sizes cannot be told from "copy", and -1 cannot be worked out beside them.
  const empty = to.includes(0) || from.includes(0);
  if (!empty && open.length <= 1) {
    const rest = elements(to.filter((_, i) => i !== open[0]));
    const solvable = open.length === 0 || divideDims(elements(from), rest) !== undefined;
    if (solvable) return emit.ints(to.map((dim, i) => (open[0] === i ? -1 : typeof dim === "number" ? dim : 0)));
  }
  return emit.shape(to);
}
