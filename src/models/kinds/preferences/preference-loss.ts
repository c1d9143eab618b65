/**
 * Direct preference optimisation (Rafailov et al. 2023): a model that writes is brought to prefer the better of two
 * answers, measured against what it was before. With m the log-probability of the better answer less that of the worse,
 * summed over target tokens, the loss is −log σ(β (m − m of the frozen model)).
 */
import { float32 } from "../../../graph/array.ts";
import type { Dim } from "../../../graph/dims.ts";
import { type Graph, graph } from "../../../graph/graph.ts";
import * as o from "../../../graph/operators.ts";
import { input, type Tensor } from "../../../graph/tensor.ts";
import { createScope, type Scope } from "../../../nn/scope.ts";
import type { DecoderArchitecture, EncoderDecoderArchitecture, NetworkOptions } from "../../family.ts";
import { decoderLoss, decoderTargets } from "../decoder-loss.ts";
import { encoderDecoderLoss, encoderDecoderTargets } from "../encoder-decoder-loss.ts";
import type { Example, Loss } from "../loss.ts";
import { margins, placesOf, preferredLoss } from "./pair-loss.ts";

export type WriterArchitecture = DecoderArchitecture | EncoderDecoderArchitecture;

export interface PreferenceExample {
  readonly chosen: Example;
  readonly rejected: Example;
  /** What the frozen model makes of the two: log-probability of the better less that of the worse, in nats. */
  readonly reference: number;
}

/** Log-probability of every row's target given its input, summed over its tokens: [batch]. */
export function targetLogprobs(model: WriterArchitecture, scope: Scope, noise: NetworkOptions = {}): Tensor {
  const { logits, labels } =
    model.kind === "decoder" ? decoderTargets(model, scope, noise) : encoderDecoderTargets(model, scope, noise);
  return o.neg(o.sum(o.reshape(o.softmaxCrossEntropy(logits, labels), labels.shape as readonly Dim[]), [1]));
}

/** Of rows as the cross-entropy's `collate` puts them together, `logprobs` [batch]. */
export const logprobsGraph = (model: WriterArchitecture): Graph =>
  graph({ logprobs: targetLogprobs(model, createScope(), { training: true }) });

/** The inputs of examples, a row each, for {@link logprobsGraph}. */
export function logprobFeeds(model: WriterArchitecture, examples: readonly Example[]) {
  const { collate } = model.kind === "decoder" ? decoderLoss(model) : encoderDecoderLoss(model);
  return collate(
    examples.map((example) => [example]),
    1,
  );
}

/**
 * Inputs: those of a writer's cross-entropy, a row an answer; `chosen` and `rejected` [pairs], places among the rows;
 * `reference` float32 [pairs]; `scale`.
 */
export function preferenceLoss(model: WriterArchitecture, beta: number): Loss<PreferenceExample> {
  return {
    graph(scope, { quiet: _, packed: __, zLoss: ___, ...noise } = {}) {
      const m = margins(targetLogprobs(model, scope, { training: true, ...noise }));
      const margin = o.mul(o.sub(m, input("reference", "float32", ["pairs"])), beta);
      return o.mul(preferredLoss(margin), input("scale", "float32", []));
    },
    collate(batch, count) {
      const pairs = batch.flat();
      const { rows, feeds } = placesOf(
        pairs.map(({ chosen }) => chosen),
        pairs.map(({ rejected }) => rejected),
      );
      return {
        ...logprobFeeds(model, rows),
        ...feeds,
        reference: float32(
          [pairs.length],
          pairs.map(({ reference }) => reference),
        ),
        scale: float32([], [1 / Math.max(1, count)]),
      };
    },
    labels: () => 1,
  };
}
