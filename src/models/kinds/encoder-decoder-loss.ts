/** Cross-entropy of target tokens given an input: the training of encoder-decoders. */
import { fail } from "../../errors.ts";
import { float32, int64 } from "../../graph/array.ts";
import * as o from "../../graph/operators.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { sameSegment } from "../../nn/masks.ts";
import { crossing, type WholeRow, wholeRow } from "../../nn/pass.ts";
import type { Scope } from "../../nn/scope.ts";
import type { EncoderDecoder, EncoderDecoderArchitecture, NetworkOptions } from "../family.ts";
import { type Example, type Loss, sheet, summedCrossEntropy, type TargetLogits } from "./loss.ts";

const rows = (name: string, length: string) => input(name, "int64", ["batch", length]);

type Seen = Pick<WholeRow, "mask" | "positions">;

/** Whom the encoder's queries see, those of the decoder in the input, and in the target. */
function seenInputs(packed: boolean): { readonly encoder: Seen; readonly cross: Tensor; readonly within: Seen } {
  if (!packed) {
    const mask = rows("mask", "sequence");
    return { encoder: { mask }, cross: mask, within: {} };
  }
  const [segments, targets] = [rows("segments", "sequence"), rows("target_segments", "length")];
  return {
    encoder: { mask: sameSegment(segments, segments), positions: rows("positions", "sequence") },
    cross: sameSegment(targets, segments),
    within: { mask: sameSegment(targets, targets), positions: rows("target_positions", "length") },
  };
}

/** Logits of target tokens, and the network that gave them. */
export function encoderDecoderTargets(
  model: EncoderDecoderArchitecture,
  scope: Scope,
  noise: NetworkOptions,
  packed = false,
): TargetLogits & { readonly network: EncoderDecoder } {
  const network = model.network(scope, noise);
  const { encoder, cross, within } = seenInputs(packed);
  const reading = wholeRow("sequence", { causal: false, ...encoder, ...noise });
  const encoded = network.encode(rows("ids", "sequence"), reading);
  const writing = wholeRow("length", { causal: true, ...within, ...noise });
  const pass = crossing(writing, network.memory(encoded), { batch: "batch", beams: 1, mask: cross, ...noise });
  return {
    network,
    logits: network.logits(network.decode(rows("tokens", "length"), pass)),
    labels: rows("labels", "length"),
  };
}

/**
 * Inputs: `ids` and `mask` [batch, sequence], `tokens` [batch, length] (targets shifted right), `labels` so too (-100
 * where there is none), `scale`. Packed, `segments` [batch, sequence] and `target_segments` [batch, length] (1, 2, … for
 * the first, second, … pair of a row, 0 for padding) take the place of `mask`: tokens of different pairs never see one
 * another, in the encoder, the decoder and between them; `positions` and `target_positions` restart with every pair.
 */
export function encoderDecoderLoss(model: EncoderDecoderArchitecture): Loss {
  return {
    graph(scope, { quiet = false, packed = false, zLoss = 0, ...noise } = {}) {
      const { logits, labels, network } = encoderDecoderTargets(model, scope, { training: true, ...noise }, packed);
      const scale = input("scale", "float32", []);
      const loss = o.mul(summedCrossEntropy(logits, labels, quiet ? 0 : zLoss), scale);
      const extra = quiet ? undefined : network.extraLoss?.();
      if (!extra) return loss;
      // A micro-batch's routers weigh as much as its target tokens do.
      const share = o.sum(o.cast(o.not(o.equal(labels, -100)), "float32"));
      return o.add(loss, o.mul(extra, o.mul(share, scale)));
    },
    collate: (batch, labels, packed = false) => collate(batch, labels, packed, model),
    labels: ({ target }) => target.length,
  };
}

function collate(
  batch: readonly (readonly Example[])[],
  count: number,
  packed: boolean,
  model: Pick<EncoderDecoderArchitecture, "pad" | "start" | "rotates" | "longest">,
) {
  const { pad, start, rotates, longest = Infinity } = model;
  for (const { input, target } of batch.flat()) {
    const most = Math.max(input.length, target.length);
    if (most <= longest) continue;
    fail("too_long", `an example has ${most} tokens, the model has ${longest} positions`, {
      hint: "set max_input and max_target to no more than that",
    });
  }
  const total = (row: readonly Example[], part: "input" | "target") =>
    row.reduce((sum, pair) => sum + pair[part].length, 0);
  const inputs = Math.max(...batch.map((row) => total(row, "input")));
  const targets = Math.max(...batch.map((row) => total(row, "target")));
  const height = batch.length;
  const [ids, segments, positions] = [sheet(height, inputs, pad), sheet(height, inputs, 0), sheet(height, inputs, 0)];
  const [tokens, labels] = [sheet(height, targets, pad), sheet(height, targets, -100)];
  const [targetSegments, targetPositions] = [sheet(height, targets, 0), sheet(height, targets, 0)];
  batch.forEach((row, r) => {
    let [at, out] = [r * inputs, r * targets];
    row.forEach(({ input, target }, segment) => {
      input.forEach((id, i) => {
        ids[at] = id;
        positions[at] = i;
        segments[at++] = segment + 1;
      });
      target.forEach((id, i) => {
        tokens[out] = i === 0 ? (rotates ? target.at(-1)! : start) : target[i - 1]!;
        labels[out] = id;
        targetPositions[out] = i;
        targetSegments[out++] = segment + 1;
      });
    });
  });
  const [read, written] = [
    [height, inputs],
    [height, targets],
  ];
  return {
    ids: int64(read!, ids),
    tokens: int64(written!, tokens),
    labels: int64(written!, labels),
    scale: float32([], [1 / Math.max(1, count)]),
    ...(packed
      ? {
          segments: int64(read!, segments),
          positions: int64(read!, positions),
          target_segments: int64(written!, targetSegments),
          target_positions: int64(written!, targetPositions),
        }
      : {
          mask: int64(
            read!,
            segments.map((segment) => Number(segment > 0)),
          ),
        }),
  };
}
