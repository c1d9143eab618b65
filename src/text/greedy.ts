/** Token by token: the likeliest or a drawn one, for a batch of prompts at once. */

import { randomAt } from "../base/rng.ts";
import { throwIfAborted } from "../errors.ts";
import type { LanguageModel, Reading } from "../models/kinds/language.ts";
import { argmax, draw, penaliseRepeats } from "./choose.ts";
import { type Forced, forcedAt } from "./generation-config.ts";
import type { Settings } from "./options.ts";

/**
 * Generate until every row has ended. `accept` is told each new token of a row and says whether the row goes on.
 * `rows` are the prompts' numbers in the whole job: a draw depends on them and the seed, never on batch neighbours.
 */
export async function generateTokens(
  model: LanguageModel,
  reading: Reading,
  rows: readonly number[],
  settings: Settings & { readonly forced?: Forced },
  accept: (row: number, token: number) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  const { maxNewTokens, minNewTokens, sample, repetitionPenalty, seed, forced = {} } = settings;
  const decoding = reading.begin(1, Math.min(maxNewTokens, 64));
  const seen = rows.map((_, row) => new Set(reading.said[row]));
  const open = new Set(rows.keys());
  // Rows still computed: a row of the batch that has ended is fed padding until half have, then they are dropped.
  let active = [...rows.keys()];
  let feed: number[] | undefined;

  /** The next token of every active row. */
  const next = async (step: number): Promise<readonly number[]> => {
    const early = step < minNewTokens;
    const only = active.map((row) => forcedAt(forced, reading.said[row]!, step, maxNewTokens));
    if (!sample && repetitionPenalty === 1 && !early) {
      return (await decoding.likeliest(feed)).map((token, at) => only[at] ?? token);
    }
    const values = (await decoding.step(feed)).logits.data as Float32Array;
    return active.map((row, at) => {
      if (!open.has(row)) return model.pad;
      if (only[at] !== undefined) return only[at];
      const z = values.subarray(at * model.vocabulary, (at + 1) * model.vocabulary);
      penaliseRepeats(z, seen[row]!, repetitionPenalty);
      if (early) for (const end of model.ends) z[end] = -Infinity;
      return sample ? draw(z, settings, randomAt(seed, rows[row]!, step).next()) : argmax(z);
    });
  };

  for (let step = 0; step < maxNewTokens && open.size > 0; step++) {
    throwIfAborted(signal);
    const tokens = await next(step);
    const said = active.map((row, at) => {
      if (!open.has(row)) return model.pad;
      const token = tokens[at]!;
      seen[row]!.add(token);
      if (!accept(row, token) || model.ends.includes(token)) open.delete(row);
      return token;
    });
    feed = said;
    if (open.size > 0 && 2 * open.size <= active.length) {
      const going = [...active.keys()].filter((at) => open.has(active[at]!));
      decoding.keep(going);
      active = going.map((at) => active[at]!);
      feed = going.map((at) => said[at]!);
    }
  }
}
