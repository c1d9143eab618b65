/** Token by token: the likeliest or a drawn one, for a batch of prompts at once. */
import { throwIfAborted } from "../errors.ts";
import type { Memory, Seq2Seq } from "../models/seq2seq.ts";
import { randomAt } from "../train/rng.ts";
import { argmax, draw, penaliseRepeats } from "./choose.ts";
import type { Settings } from "./options.ts";

/**
 * Generate until every row has ended. `accept` is told each new token of a row and says whether the row goes on.
 * `rows` are the prompts' numbers in the whole job: a draw depends on them and the seed, never on batch neighbours.
 */
export async function generateTokens(
  model: Seq2Seq,
  memory: Memory,
  rows: readonly number[],
  settings: Settings,
  accept: (row: number, token: number) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  const { maxNewTokens, minNewTokens, sample, repetitionPenalty, seed } = settings;
  const plain = !sample && repetitionPenalty === 1 && minNewTokens === 0;
  const decoding = model.decoding(memory, 1, Math.min(maxNewTokens, 64));
  const tokens = rows.map((): number[] => []);
  const open = new Set(rows.keys());
  let feed = rows.map(() => model.start);
  for (let step = 0; step < maxNewTokens && open.size > 0; step++) {
    throwIfAborted(signal);
    const { logits, best } = await decoding.step(feed);
    feed = rows.map((row, i) => {
      if (!open.has(i)) return model.pad;
      let token = best[i]!;
      if (!plain) {
        const z = (logits.data as Float32Array).slice(i * model.vocabulary, (i + 1) * model.vocabulary);
        penaliseRepeats(z, [model.start, ...tokens[i]!], repetitionPenalty);
        if (step < minNewTokens) z[model.eos] = -Infinity;
        token = sample ? draw(z, settings, randomAt(seed, row, step).next()) : argmax(z);
      }
      tokens[i]!.push(token);
      if (!accept(i, token) || token === model.eos) open.delete(i);
      return token;
    });
  }
}
