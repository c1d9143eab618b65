/** The row of an operator in the rules: its gradient, and how it is written to and read from ONNX. */
import type { Emitter, NodeOptions, Target } from "../emit.ts";
import type { Reader } from "../onnx/node-reader.ts";
import type { Attributes, OpName, OpNode, Tensor } from "../tensor.ts";

export interface Cotangent<K extends OpName> {
  /** The gradient of the loss with respect to the first output. */
  readonly g: Tensor;
  /** The same for every output, undefined where nothing depends on it. */
  readonly gs: readonly (Tensor | undefined)[];
  readonly x: readonly Tensor[];
  readonly y: readonly Tensor[];
  readonly attributes: Attributes[K];
}

export type Rule<K extends OpName> = (c: Cotangent<K>) => readonly (null | (() => Tensor))[];

/** Write the node; the names of its outputs. */
export type Lowering<K extends OpName> = (emit: Emitter, node: OpNode<K>, options: NodeOptions) => readonly string[];

/** Write the node for a kernel, or undefined where the kernel cannot take it. */
export type KernelLowering<K extends OpName> = (...args: Parameters<Lowering<K>>) => readonly string[] | undefined;

/** The same in other operators. */
export type Decomposition<K extends OpName> = (
  inputs: readonly Tensor[],
  attributes: Attributes[K],
) => readonly Tensor[];

interface Common<K extends OpName> {
  /** One entry an input: how the gradient gets there, in operators; null where there is none. */
  readonly gradient: Rule<K>;
  /**
   * The reader of the ONNX operator of the same name, or readers of several by "NAME" or "DOMAIN:NAME"; null where no
   * ONNX operator is read as this one.
   */
  readonly read: Reader | Readonly<Record<string, Reader>> | null;
}

/** An operator that every target has. */
export interface PlainRow<K extends OpName> extends Common<K> {
  readonly lower: Lowering<K>;
}

/** An operator that some targets have a kernel for; elsewhere, and where the kernel cannot take it, it is decomposed. */
export interface CompositeRow<K extends OpName> extends Common<K> {
  readonly fused?: { readonly on: readonly Target[]; readonly lower: KernelLowering<K> };
  readonly decompose: Decomposition<K>;
}

export type Row<K extends OpName> = PlainRow<K> | CompositeRow<K>;

/** The rows of one kind of operators; all kinds together have one for every operator. */
export type Rows = { readonly [K in OpName]?: Row<K> };
