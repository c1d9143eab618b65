/**
 * The training of a reward model: of two texts the better one is to score higher. The probability that it is preferred is
 * σ(r(better) − r(worse)) (Bradley & Terry 1952), the loss −log of that: softplus(r(worse) − r(better)).
 */
import { float32, int64 } from "../../../graph/array.ts";
import * as o from "../../../graph/operators.ts";
import { input, type Tensor } from "../../../graph/tensor.ts";
import { classScores, type EncodedText, type ReaderArchitecture, textFeeds } from "../encoder.ts";
import type { Loss } from "../loss.ts";

/** Texts of several pairs that are one object are read once. */
export interface PairExample {
  readonly chosen: EncodedText;
  readonly rejected: EncodedText;
}

/** softplus(−margin), summed over pairs. */
export const preferredLoss = (margin: Tensor): Tensor => o.sum(o.softplus(o.neg(margin)));

/** x [batch] at the chosen places, less that at the rejected ones: inputs `chosen` and `rejected`, int64 [pairs]. */
export function margins(x: Tensor): Tensor {
  const at = (name: string) => o.gather(x, input(name, "int64", ["pairs"]), 0);
  return o.sub(at("chosen"), at("rejected"));
}

/** The rows of two lists without repetition, and where each of the lists stands among them. */
export function placesOf<T>(chosen: readonly T[], rejected: readonly T[]) {
  const places = new Map<T, number>();
  const at = (row: T): number => {
    const known = places.get(row) ?? places.size;
    places.set(row, known);
    return known;
  };
  const shape = [chosen.length];
  const pairs = chosen.map((row, i) => [at(row), at(rejected[i]!)] as const);
  return {
    rows: [...places.keys()],
    feeds: {
      chosen: int64(
        shape,
        pairs.map(([better]) => better),
      ),
      rejected: int64(
        shape,
        pairs.map(([, worse]) => worse),
      ),
    },
  };
}

/**
 * Inputs: those of a reader of texts, a row a text; `chosen` and `rejected` [pairs], places among the rows; `scale`.
 * @param padding the token of padding, as config.json has it
 */
export function pairLoss(model: ReaderArchitecture, padding?: number): Loss<PairExample> {
  return {
    graph(scope, { quiet: _, packed: __, zLoss: ___, ...noise } = {}) {
      const scores = classScores(model, scope, { training: true, ...noise });
      const rewards = o.reshape(scores, [scores.shape[0]!]);
      return o.mul(preferredLoss(margins(rewards)), input("scale", "float32", []));
    },
    collate(batch, count) {
      const pairs = batch.flat();
      const { rows, feeds } = placesOf(
        pairs.map(({ chosen }) => chosen),
        pairs.map(({ rejected }) => rejected),
      );
      return { ...textFeeds(rows, model.pad, padding), ...feeds, scale: float32([], [1 / Math.max(1, count)]) };
    },
    labels: () => 1,
  };
}
