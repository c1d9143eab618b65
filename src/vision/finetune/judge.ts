/** How well a model tells classes, as sums over examples divided at the end: a mean of batches' means is another number. */
import { throwIfAborted } from "../../errors.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import type { Program } from "../../runtime/program.ts";
import type { Feed } from "./data.ts";

export interface Judged {
  /** Share of examples whose class is the likeliest, and among the likeliest five. */
  readonly accuracy: number;
  readonly top5: number;
  /** Mean cross-entropy. */
  readonly loss: number;
}

const together = 64;

/** Examples with a logit above the label's: how far from the first place it is. */
export function rankOf(logits: ArrayLike<number>, label: number): number {
  let above = 0;
  for (let i = 0; i < logits.length; i++)
    if (logits[i]! > logits[label]! || (logits[i] === logits[label] && i < label)) above++;
  return above;
}

export function crossEntropy(logits: ArrayLike<number>, label: number): number {
  const values = Array.from(logits);
  const top = values.reduce((a, b) => Math.max(a, b), -Infinity);
  return top + Math.log(values.reduce((sum, z) => sum + Math.exp(z - top), 0)) - values[label]!;
}

/** @param values of the parameters that are inputs of the program */
export async function judge(
  program: Program,
  values: ReadonlyMap<string, NdArray>,
  feed: Pick<Feed, "plain">,
  labels: readonly number[],
  signal: AbortSignal | undefined,
): Promise<Judged> {
  const own = Object.fromEntries(
    program.inputs.flatMap((name) => (values.has(name) ? [[name, values.get(name)!]] : [])),
  );
  let [right, near, loss] = [0, 0, 0];
  for (let first = 0; first < labels.length; first += together) {
    throwIfAborted(signal);
    const batch = labels.slice(first, first + together);
    const each = await Promise.all(batch.map((_, i) => feed.plain(first + i)));
    const { shape, data } = each[0]!;
    const pixels = new Float32Array(batch.length * data.length);
    each.forEach((one, i) => {
      pixels.set(one.data as Float32Array, i * data.length);
    });
    const { logits } = await program.run({ ...own, pixels: float32([batch.length, ...shape], pixels) });
    const scores = logits!.data as Float32Array;
    const classes = scores.length / batch.length;
    batch.forEach((label, i) => {
      const row = scores.subarray(i * classes, (i + 1) * classes);
      const rank = rankOf(row, label);
      if (rank === 0) right++;
      if (rank < 5) near++;
      loss += crossEntropy(row, label);
    });
  }
  return { accuracy: right / labels.length, top5: near / labels.length, loss: loss / labels.length };
}
