/**
 * What retrievers and rankers learn from, over vectors and scores that were computed before: DPR's loss over a batch, a
 * ranker's over candidates, and AR2's, which brings the retriever to where the ranker is unsure (Zhang et al., ICLR 2022).
 * Each is a graph with its loss and the gradients by what goes in, which the encoders are then given.
 */
import { gradients } from "../../graph/differentiate.ts";
import type { Dim } from "../../graph/dims.ts";
import { type Graph, graph } from "../../graph/graph.ts";
import * as o from "../../graph/operators.ts";
import { input, type Tensor } from "../../graph/tensor.ts";

/** A score that no softmax gives a share. */
const never = -1e4;
/** Inside of every logarithm of AR2's losses. */
const tiny = 1e-7;

const normalized = (x: Tensor): Tensor => o.div(x, o.maximum(o.sqrt(o.sum(o.square(x), [-1], true)), 1e-12));

export interface ScoreOptions {
  /** Scores are multiplied by this: 1 of products, 20 of cosines. */
  readonly scale: number;
  /** Compare by cosine. */
  readonly normalize: boolean;
}

/**
 * Mean of −log softmax of each question's gold passage over all passages: q [batch, width], d [passages, width], `gold`
 * int64 [batch] the place of the gold one, `masked` float32 [batch, passages] 1 for those that are no negatives of the
 * question, because they answer it too.
 */
export function inBatchLoss(
  q: Tensor,
  d: Tensor,
  gold: Tensor,
  masked: Tensor,
  { scale, normalize }: ScoreOptions,
): Tensor {
  const [a, b] = normalize ? [normalized(q), normalized(d)] : [q, d];
  const scores = o.mul(o.matmul(a, b, { transB: true }), scale);
  return o.mean(o.softmaxCrossEntropy(o.where(o.greater(masked, 0.5), never, scores), gold));
}

/** Scores of each question's own candidates: q [batch, width], d [batch · candidates, width] to [batch, candidates]. */
export function candidateScores(q: Tensor, d: Tensor, candidates: Dim, { scale, normalize }: ScoreOptions): Tensor {
  const [batch, width] = q.shape as [Dim, Dim];
  const [a, b] = normalize ? [normalized(q), normalized(d)] : [q, d];
  const own = o.reshape(b, [batch, candidates, width]);
  const scores = o.matmul(o.reshape(a, [batch, 1, width]), own, { transB: true });
  return o.mul(o.reshape(scores, [batch, candidates]), scale);
}

export interface ListwiseOptions {
  /** Share of the adversarial term: 0 distils the ranker alone, the paper's recipe has 0.5. */
  readonly lambda: number;
  /** The adversarial term is summed over the batch, as in the paper's code, or its mean is taken. */
  readonly advReduction: "sum" | "mean";
  /** Both score's temperatures. */
  readonly temperature: number;
  readonly rankerTemperature: number;
}

/**
 * AR2's loss of a retriever: λ · L_adv + (1 − λ) · L_dist, with p the softmax of its scores z [batch, candidates], s that
 * of the ranker's, and r_i = log(σ(D_0 − D_i) + 1e-7): L_adv = Σ r · log(p + 1e-7), L_dist = −mean over questions of
 * Σ s · log(p + 1e-7). The first candidate is the positive.
 */
export function listwiseLoss(z: Tensor, ranker: Tensor, o2: ListwiseOptions): Tensor {
  const { lambda, advReduction, temperature, rankerTemperature } = o2;
  const logP = o.log(o.add(o.softmax(o.div(z, temperature), -1), tiny));
  const s = o.softmax(o.div(ranker, rankerTemperature), -1);
  const [batch] = z.shape as [Dim];
  const first = o.gather(ranker, o.iota(1, "int64"), 1);
  const r = o.log(o.add(o.sigmoid(o.sub(first, ranker)), tiny));
  const perQuestion = (weights: Tensor) => o.sum(o.mul(weights, logP), [1]);
  const mean = (x: Tensor) => o.mean(o.reshape(x, [batch]));
  const adversarial = advReduction === "sum" ? o.sum(perQuestion(r)) : mean(perQuestion(r));
  const distilled = o.neg(mean(perQuestion(s)));
  return o.add(o.mul(adversarial, lambda), o.mul(distilled, 1 - lambda));
}

/** Mean of −log softmax of the first of each question's candidates: scores [batch, candidates]. */
export function rankerLoss(scores: Tensor): Tensor {
  const first = o.sum(
    o.mul(o.logSoftmax(scores, -1), o.cast(o.equal(o.iota(scores.shape[1]!, "int64"), 0), "float32")),
    [1],
  );
  return o.neg(o.mean(first));
}

const vectors = (name: string, rows: string, width: number) => input(name, "float32", [rows, width]);

/** q, d, gold and masked to the loss and its gradients dq and dd. */
export function inBatchGraph(width: number, options: ScoreOptions): Graph {
  const [q, d] = [vectors("q", "batch", width), vectors("d", "passages", width)];
  const loss = inBatchLoss(
    q,
    d,
    input("gold", "int64", ["batch"]),
    input("masked", "float32", ["batch", "passages"]),
    options,
  );
  const [dq, dd] = gradients(loss, [q, d]) as [Tensor, Tensor];
  return graph({ loss, dq, dd });
}

/** q, d [batch · candidates, width] and the ranker's scores to the loss and its gradients dq and dd. */
export function listwiseGraph(
  width: number,
  batch: number,
  candidates: number,
  options: ScoreOptions & ListwiseOptions,
): Graph {
  const q = input("q", "float32", [batch, width]);
  const d = input("d", "float32", [batch * candidates, width]);
  const ranker = input("ranker", "float32", [batch, candidates]);
  const loss = listwiseLoss(candidateScores(q, d, candidates, options), ranker, options);
  const [dq, dd] = gradients(loss, [q, d]) as [Tensor, Tensor];
  return graph({ loss, dq, dd });
}

/** Scores of a ranker [batch, candidates] to its loss and the gradient by them. */
export function rankerGraph(candidates: number): Graph {
  const scores = input("scores", "float32", ["batch", candidates]);
  const loss = rankerLoss(scores);
  const [dscores] = gradients(loss, [scores]) as [Tensor];
  return graph({ loss, dscores });
}
