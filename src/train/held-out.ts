/** The loss of rows that are not trained on. */
import type { NdArray } from "../graph/array.ts";
import { type Graph, graph } from "../graph/graph.ts";
import type { Architecture } from "../models/family.ts";
import type { Program } from "../runtime/program.ts";
import type { TrainingConfig } from "./config.ts";
import type { TrainingData } from "./data-node.ts";
import { trainingModel } from "./model.ts";

/** Mean loss of held-out rows without dropout. */
export async function heldOutLoss(
  architecture: Architecture,
  options: Pick<TrainingConfig, "objective">,
  held: TrainingData["held"],
  values: ReadonlyMap<string, NdArray>,
  compileAll: (graph: Graph) => Promise<Program>,
) {
  const quiet = trainingModel(architecture, { objective: options.objective, recompute: false }, true);
  const program = await compileAll(graph({ loss: quiet.loss }));
  return {
    /** Undefined when it was stopped on the way: a mean of some rows is not the mean of all. */
    async run(signal: AbortSignal | undefined): Promise<number | undefined> {
      let [loss, labels] = [0, 0];
      for (const batch of held) {
        if (signal?.aborted) return undefined;
        const examples = batch();
        const rows = examples.map((example) => [example]);
        const feeds: Record<string, NdArray> = quiet.collate(rows, 1);
        for (const name of program.inputs) if (values.has(name)) feeds[name] = values.get(name)!;
        loss += Number((await program.run(feeds)).loss!.data[0]);
        labels += examples.reduce((sum, example) => sum + quiet.labels(example), 0);
      }
      return loss / Math.max(1, labels);
    },
    close: () => program[Symbol.asyncDispose](),
  };
}
