/** Cross-entropy of the tokens that follow: the training of decoders, on a whole text or on answers to prompts. */
import { float32, int64 } from "../../graph/array.ts";
import * as o from "../../graph/operators.ts";
import { input } from "../../graph/tensor.ts";
import { sameSegment } from "../../nn/masks.ts";
import { wholeRow } from "../../nn/pass.ts";
import type { Scope } from "../../nn/scope.ts";
import type { DecoderArchitecture, NetworkOptions } from "../family.ts";
import { type Loss, sheet, summedCrossEntropy, type TargetLogits } from "./loss.ts";

const rows = (name: string) => input(name, "int64", ["batch", "length"]);

/** Logits of every token that follows, [batch, length, vocabulary], and its label where it belongs to a target. */
export function decoderTargets(model: DecoderArchitecture, scope: Scope, noise: NetworkOptions): TargetLogits {
  const network = model.network(scope, noise);
  const segments = rows("segments");
  const mask = sameSegment(segments, segments);
  const row = wholeRow("length", { causal: true, mask, together: mask, positions: rows("positions"), ...noise });
  return { logits: network.logits(network.decode(rows("ids"), row)), labels: rows("labels") };
}

/**
 * A row is an input and its target one after another, without the target's last token, filled up on the right. Inputs:
 * `ids`, `segments` (1, 2, … for the first, second, … example of a row, 0 for padding), `positions` (from 0 in every
 * example) and `labels` [batch, length], the token that follows where it belongs to a target, else -100; `scale`.
 */
export function decoderLoss(model: DecoderArchitecture): Loss {
  return {
    graph(scope, { quiet = false, zLoss = 0, ...noise } = {}) {
      const { logits, labels } = decoderTargets(model, scope, { training: true, ...noise });
      const sum = summedCrossEntropy(logits, labels, quiet ? 0 : zLoss);
      return o.mul(sum, input("scale", "float32", []));
    },
    collate(batch, count) {
      const width = Math.max(
        ...batch.map((row) => row.reduce((sum, { input, target }) => sum + input.length + target.length - 1, 0)),
      );
      const height = batch.length;
      const [ids, segments, positions] = [
        sheet(height, width, model.pad),
        sheet(height, width, 0),
        sheet(height, width, 0),
      ];
      const labels = sheet(height, width, -100);
      batch.forEach((row, r) => {
        let at = r * width;
        row.forEach(({ input, target }, segment) => {
          const text = [...input, ...target];
          text.slice(0, -1).forEach((id, i) => {
            ids[at] = id;
            segments[at] = segment + 1;
            positions[at] = i;
            if (i >= input.length - 1) labels[at] = text[i + 1]!;
            at++;
          });
        });
      });
      const shape = [height, width];
      return {
        ids: int64(shape, ids),
        segments: int64(shape, segments),
        positions: int64(shape, positions),
        labels: int64(shape, labels),
        scale: float32([], [1 / Math.max(1, count)]),
      };
    },
    // A text without an input begins with its first token, which nothing predicts.
    labels: ({ input, target }) => (input.length === 0 ? target.length - 1 : target.length),
  };
}
