/**
 * The training of an encoder for one of its heads. What an example's `target` holds: `masked` and `tokens` a label for
 * every token of the input (-100: none), `discriminator` 1 for those that were replaced and 0 for the others (-100: not
 * counted); `sequence` the class, the classes of which several may hold, or the numbers;
 * `span` the first and the last place of the answer.
 */
import { fail } from "../../errors.ts";
import { float32, int64, type NdArray } from "../../graph/array.ts";
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { wholeRow } from "../../nn/pass.ts";
import type { EncoderArchitecture, Heads } from "../family.ts";
import { classesLoss, classLabels } from "./classes.ts";
import { padded } from "./ids.ts";
import { type Example, type Loss, sheet, summedCrossEntropy } from "./loss.ts";

export type TrainedHead = Exclude<keyof Heads, "choice">;

const rows = (name: string) => input(name, "int64", ["batch", "length"]);

interface HeadLoss {
  /** Summed over examples. */
  sum(scores: Tensor, model: EncoderArchitecture): Tensor;
  labels(examples: readonly Example[], width: number, model: EncoderArchitecture): NdArray;
  count(example: Example): number;
}

const everyToken: HeadLoss = {
  sum: (scores) => summedCrossEntropy(scores, rows("labels")),
  labels(examples, width) {
    const labels = sheet(examples.length, width, -100);
    examples.forEach(({ target }, row) => {
      target.forEach((label, i) => {
        labels[row * width + i] = label;
      });
    });
    return int64([examples.length, width], labels);
  },
  count: ({ target }) => target.filter((label) => label !== -100).length,
};

const heads: Readonly<Record<TrainedHead, HeadLoss>> = {
  masked: everyToken,
  tokens: everyToken,
  discriminator: {
    ...everyToken,
    sum(scores) {
      const labels = rows("labels");
      const logits = o.reshape(scores, labels.shape);
      // Binary cross-entropy: softplus(z) − z · y.
      const losses = o.sub(o.softplus(logits), o.mul(logits, o.cast(labels, "float32")));
      return o.sum(o.where(o.greaterOrEqual(labels, 0), losses, 0));
    },
  },
  sequence: {
    sum: classesLoss,
    labels: (examples, _, model) =>
      classLabels(
        examples.map(({ target }) => target),
        model,
      ),
    count: () => 1,
  },
  span: {
    sum(scores) {
      const [batch, length] = scores.shape as [Dim, Dim];
      const places = o.reshape(o.transpose(scores, [0, 2, 1]), [batch, 2, length]);
      // The mean of the two ends.
      return o.mul(summedCrossEntropy(places, input("labels", "int64", [batch, 2])), 0.5);
    },
    labels: (examples) =>
      int64(
        [examples.length, 2],
        examples.flatMap(({ target }) => target.slice(0, 2)),
      ),
    count: () => 1,
  },
};

/** Inputs: `ids`, `types`, `mask` [batch, length], `labels` as the head has them, `scale`. */
export function encoderLoss(model: EncoderArchitecture, head: TrainedHead): Loss {
  const { sum, labels, count } = heads[head];
  return {
    graph(scope, { quiet: _, packed: __, zLoss: ___, ...noise } = {}) {
      const training = { training: true, ...noise };
      const network = model.network(scope, training);
      const [ids, mask] = [rows("ids"), rows("mask")];
      const row = wholeRow("length", { causal: false, mask, ...training });
      const hidden = network.encode(ids, rows("types"), row);
      const score =
        network.heads[head] ?? fail("unsupported", `${model.type} has no head that is trained so (${head})`);
      return o.mul(sum(score(hidden, { ids, mask }), model), input("scale", "float32", []));
    },
    collate(batch, counted) {
      const examples = batch.flat();
      const { ids, mask } = padded(
        examples.map((example) => example.input),
        model.pad,
      );
      const width = ids.shape[1]!;
      const types = examples.flatMap((example) => Array.from({ length: width }, (_, i) => example.types?.[i] ?? 0));
      return {
        ids,
        mask,
        types: int64([examples.length, width], types),
        labels: labels(examples, width, model),
        scale: float32([], [1 / Math.max(1, counted)]),
      };
    },
    labels: count,
  };
}
