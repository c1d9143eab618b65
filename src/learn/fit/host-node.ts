/** Node as the place where a training runs. */
import { compile } from "../../runtime/compile-node.ts";
import { readStored } from "../../weights/safetensors-node.ts";
import type { TrainingHost } from "./host.ts";

/** @param threads of the engine; its own choice where it is undefined */
export const nodeHost = (threads: number | undefined, now: () => number): TrainingHost => ({
  compile: (g, weights, moves) =>
    compile(g, {
      ...(threads !== undefined && { threads }),
      weights,
      // Measured: the engine's own rewriting makes a training step slower and opening it much slower.
      ...(moves && { trained: moves, optimize: "disabled", spin: false }),
    }),
  read: readStored,
  now,
});
