/** What a text becomes as an example. */

import type { Random } from "../base/rng.ts";
import { fail } from "../errors.ts";
import type { Example } from "../models/kinds/loss.ts";

export interface SpanCorruption {
  /** Share of tokens that are taken out. */
  noise: number;
  /** Mean length of a span. */
  meanSpan: number;
  /** Ids of <extra_id_0>, <extra_id_1>, … */
  sentinels: readonly number[];
  eos: number;
}

/** Cut `total` into `parts` positive lengths, all cuts equally likely. */
function randomLengths(total: number, parts: number, random: Random): number[] {
  const cuts = new Set<number>();
  while (cuts.size < parts - 1) cuts.add(1 + random.below(total - 1));
  const edges = [0, ...[...cuts].sort((a, b) => a - b), total];
  return edges.slice(1).map((edge, i) => edge - edges[i]!);
}

/**
 * T5's denoising (Raffel et al. 2019, section 3.1.4): spans of the text are replaced by sentinels; the target is the
 * sentinels with what they stand for, then the end token. The input ends with the end token, as T5's did.
 */
export function corruptSpans(ids: readonly number[], options: SpanCorruption, random: Random): Example {
  const { noise, meanSpan, sentinels, eos } = options;
  if (ids.length < 2) return fail("bad_input", `${ids.length} tokens are too few to take a span out`);
  const taken = Math.min(Math.max(1, Math.round(ids.length * noise)), ids.length - 1);
  const spans = Math.min(Math.max(1, Math.round(taken / meanSpan)), taken, ids.length - taken, sentinels.length);
  const lost = randomLengths(taken, spans, random);
  const kept = randomLengths(ids.length - taken, spans, random);
  const input: number[] = [];
  const target: number[] = [];
  let at = 0;
  for (let i = 0; i < spans; i++) {
    const start = at + kept[i]!;
    const end = start + lost[i]!;
    input.push(...ids.slice(at, start), sentinels[i]!);
    target.push(sentinels[i]!, ...ids.slice(start, end));
    at = end;
  }
  return { input: [...input, eos], target: [...target, eos] };
}

/** A text cut at a random place: the model reads the first part and continues it (LM adaptation, Lester et al. 2021). */
export function prefixLm(ids: readonly number[], end: readonly number[], random: Random): Example {
  if (ids.length < 2) return fail("bad_input", `${ids.length} tokens are too few to cut in two`);
  const cut = 1 + random.below(ids.length - 1);
  return { input: ids.slice(0, cut), target: [...ids.slice(cut), ...end] };
}

/**
 * BERT's masked words (Devlin et al. 2018, section 3.1): of the text's tokens 15 % are to be told; of these 80 % are
 * hidden, 10 % are replaced by any word, 10 % stay. `frame` is what the tokenizer puts around an empty text, its first
 * half before the text and its second behind it.
 */
export function maskWords(
  frame: readonly number[],
  ids: readonly number[],
  { mask, vocabulary }: { mask: number; vocabulary: number },
  random: Random,
): Example {
  const before = frame.slice(0, Math.ceil(frame.length / 2));
  const after = frame.slice(before.length);
  const told = new Set<number>();
  while (told.size < Math.max(1, Math.round(ids.length * 0.15))) told.add(random.below(ids.length));
  const shown = ids.map((id, i) => {
    if (!told.has(i)) return id;
    const draw = random.next();
    return draw < 0.8 ? mask : draw < 0.9 ? random.below(vocabulary) : id;
  });
  const labels = ids.map((id, i) => (told.has(i) ? id : -100));
  return {
    input: [...before, ...shown, ...after],
    target: [...before.map(() => -100), ...labels, ...after.map(() => -100)],
  };
}
