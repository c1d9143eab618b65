/** The training of an encoder to tell which of several texts is the right one: cross-entropy of their scores. */
import { fail } from "../../errors.ts";
import { float32, int64 } from "../../graph/array.ts";
import * as o from "../../graph/operators.ts";
import { input } from "../../graph/tensor.ts";
import { wholeRow } from "../../nn/pass.ts";
import type { EncoderArchitecture } from "../family.ts";
import type { EncodedText } from "./encoder.ts";
import { padded } from "./ids.ts";
import { type Loss, sheet, summedCrossEntropy } from "./loss.ts";

/** Texts, and which of them is right. */
export interface ChoiceExample {
  readonly texts: readonly EncodedText[];
  readonly right: number;
}

const never = -1e9;

/**
 * Inputs: `ids`, `types`, `mask` [examples · choices, length], `there` [examples, choices], 0 or a large negative number
 * where an example has fewer choices than others, `labels` [examples], `scale`.
 */
export function choiceLoss(model: EncoderArchitecture): Loss<ChoiceExample> {
  const rows = (name: string) => input(name, "int64", ["batch*choices", "length"]);
  return {
    graph(scope, { quiet: _, packed: __, zLoss: ___, ...noise } = {}) {
      const training = { training: true, ...noise };
      const network = model.network(scope, training);
      const [ids, mask] = [rows("ids"), rows("mask")];
      const hidden = network.encode(ids, rows("types"), wholeRow("length", { causal: false, mask, ...training }));
      const score = network.heads.choice ?? fail("unsupported", `${model.type} has no head for choices`);
      const scores = o.reshape(score(hidden, { ids, mask }), ["batch", "choices"]);
      const shown = o.add(scores, input("there", "float32", ["batch", "choices"]));
      return o.mul(summedCrossEntropy(shown, input("labels", "int64", ["batch"])), input("scale", "float32", []));
    },
    collate(batch, counted) {
      const examples = batch.flat();
      const most = Math.max(...examples.map(({ texts }) => texts.length));
      const there = sheet(examples.length, most, 0);
      const texts = examples.flatMap((example, row): EncodedText[] => {
        if (!Number.isInteger(example.right) || example.right < 0 || example.right >= example.texts.length) {
          fail("bad_input", `choice ${example.right} of ${example.texts.length}`, {
            hint: "choices are counted from 0",
          });
        }
        there.fill(never, row * most + example.texts.length, (row + 1) * most);
        return Array.from({ length: most }, (_, i) => example.texts[i] ?? { ids: [model.pad] });
      });
      const { ids, mask } = padded(
        texts.map((text) => text.ids),
        model.pad,
      );
      const width = ids.shape[1]!;
      return {
        ids,
        mask,
        types: int64(
          [texts.length, width],
          texts.flatMap((text) => Array.from({ length: width }, (_, i) => text.types?.[i] ?? 0)),
        ),
        there: float32([examples.length, most], there),
        labels: int64(
          [examples.length],
          examples.map(({ right }) => right),
        ),
        scale: float32([], [1 / Math.max(1, counted)]),
      };
    },
    labels: () => 1,
  };
}
