/** What a training over frozen weights needs of the place where it runs: Node or a browser. */
import type { NdArray } from "../../graph/array.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Program } from "../../runtime/program.ts";
import type { StoredTensor, Weights } from "../../weights/weights.ts";

export interface TrainingHost {
  /** Compiles a graph over frozen weights; parameters that move are its inputs, where it is one of training. */
  compile(graph: Graph, weights: Weights, moves?: (name: string) => boolean): Promise<Program>;
  /** A stored tensor as an array; quantised ones as float32. */
  read(stored: StoredTensor): NdArray;
  /** Milliseconds. */
  now(): number;
}
