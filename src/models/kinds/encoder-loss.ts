/**
 * The training of an encoder for one of its heads. What an example's `target` holds: `masked` and `tokens` a label for
 * every token of the input (-100: none); `sequence` the class, the classes of which several may hold, or the numbers;
 * `span` the first and the last place of the answer.
 */
import { float32, int64, type NdArray } from "../../graph/array.ts";
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { wholeRow } from "../../nn/pass.ts";
import type { EncoderArchitecture, Heads } from "../family.ts";
import { padded } from "./ids.ts";
import { type Example, type Loss, sheet, summedCrossEntropy } from "./loss.ts";

export type TrainedHead = Exclude<keyof Heads, "choice">;

const rows = (name: string) => input(name, "int64", ["batch", "length"]);

/** log(1 + eˣ), without overflow. */
const softplus = (x: Tensor) => o.add(o.maximum(x, 0), o.log(o.add(o.exp(o.neg(o.abs(x))), 1)));

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
  sequence: {
    sum(scores, { problem = "single" }) {
      const [batch, classes] = scores.shape as [Dim, number];
      if (problem === "single") return summedCrossEntropy(scores, input("labels", "int64", [batch]));
      const labels = input("labels", "float32", [batch, classes]);
      if (problem === "regression") return o.div(o.sum(o.square(o.sub(scores, labels))), classes);
      // Binary cross-entropy of independent classes, their mean for each text: softplus(z) − z · y.
      return o.div(o.sum(o.sub(softplus(scores), o.mul(scores, labels))), classes);
    },
    labels(examples, _, { problem = "single", labels: names = [] }) {
      if (problem === "single") {
        return int64(
          [examples.length],
          examples.map(({ target }) => target[0]!),
        );
      }
      if (problem === "regression") {
        return float32(
          [examples.length, names.length],
          examples.flatMap(({ target }) => target),
        );
      }
      const held = sheet(examples.length, names.length, 0);
      examples.forEach(({ target }, row) => {
        for (const label of target) held[row * names.length + label] = 1;
      });
      return float32([examples.length, names.length], held);
    },
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
      const row = wholeRow("length", { causal: false, mask: rows("mask"), ...training });
      const hidden = network.encode(rows("ids"), rows("types"), row);
      return o.mul(sum(network.heads[head]!(hidden), model), input("scale", "float32", []));
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
