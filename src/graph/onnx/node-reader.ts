/** One node of an ONNX file as the readers see it. */
import type { Shape } from "../dims.ts";
import type { Tensor } from "../tensor.ts";

/** One node while it is read. Every attribute must be asked for: one that is not understood is refused. */
export interface NodeReader {
  readonly op: string;
  /** How many inputs are listed; some may be left out (empty names). */
  readonly count: number;
  readonly outputs: number;
  tensor(at: number): Tensor;
  optional(at: number): Tensor | undefined;
  /** Sizes, symbols too, that are known without running the graph. */
  dims(at: number): Shape;
  numbers(at: number): number[];
  int(name: string, otherwise: number): number;
  float(name: string, otherwise: number): number;
  ints(name: string): number[] | undefined;
  string(name: string, otherwise: string): string;
  /** Refuse any value of an attribute but this one. */
  fixed(name: string, value: number | string): void;
}

export type Reader = (node: NodeReader) => readonly Tensor[];
