/** Token by token: the likeliest or a drawn one, for a batch of prompts at once. */

import { randomAt } from "../base/rng.ts";
import { throwIfAborted } from "../errors.ts";
import type { LanguageModel, Reading } from "../models/kinds/language.ts";
import { argmax, draw } from "./choose.ts";
import { type Limit, lookedUp } from "./lookup.ts";
import type { Settings } from "./options.ts";
import type { Processor, Said } from "./processor.ts";
import { anyApplies, failImpossible, mostAfter, process, processorsFor, type TokenRules } from "./processors.ts";

/**
 * The next token of a row by the scores of its step, which are overwritten: the likeliest, or one drawn by the seed, the
 * row's number and the step alone.
 * @throws bad_input where what is asked of the answer forbids all of them
 */
export function chooseToken(
  scores: Float32Array,
  processors: readonly Processor[],
  row: number,
  said: Said,
  settings: Settings,
): number {
  process(processors, row, said, scores);
  const best = argmax(scores);
  if (scores[best] === -Infinity) failImpossible();
  return settings.sample ? draw(scores, settings, randomAt(settings.seed, row, said.answer.length).next()) : best;
}

/**
 * Generate until every row has ended. `accept` is told each new token of a row and says whether the row goes on.
 * `rows` are the prompts' numbers in the whole job: a draw depends on them and the seed, never on batch neighbours.
 */
export async function generateTokens(
  model: LanguageModel,
  reading: Reading,
  rows: readonly number[],
  settings: Settings & { readonly rules?: TokenRules },
  accept: (row: number, token: number) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  const { sample, rules = {} } = settings;
  const answers = rows.map((): number[] => []);
  const said = rows.map((_, row): Said => {
    const before = reading.said[row]!;
    return { before, answer: answers[row]!, most: mostAfter(settings, before) };
  });
  const processors = processorsFor(settings, rules, model.ends);
  const decoding = reading.begin(1, Math.min(Math.max(...said.map(({ most }) => most)), 64));
  const { ahead } = decoding;
  const { lookup = ahead?.exact } = settings;
  // A processor from outside may count the steps that it is asked about.
  const looks = lookup && !sample && ahead && settings.processors.length === 0;
  using looked = looks ? lookedUp({ ...decoding, ahead }, said[0]!.before, model.ends) : undefined;
  const open = new Set(rows.keys());
  // Rows still computed: a row of the batch that has ended is fed padding until half have, then they are dropped.
  let active = [...rows.keys()];
  let feed: number[] | undefined;

  /** Of the only row. */
  const limit: Limit = {
    get most() {
      return said[0]!.most - answers[0]!.length;
    },
    plain: (further) => !anyApplies(processors, rows[0]!, { ...said[0]!, answer: [...answers[0]!, ...further] }),
  };

  /** The next token of every active row. */
  const next = async (): Promise<readonly number[]> => {
    const applies = (row: number) => open.has(row) && anyApplies(processors, rows[row]!, said[row]!);
    if (!sample && !active.some(applies)) {
      return looked && feed ? [await looked.likeliest(feed[0]!, limit)] : decoding.likeliest(feed);
    }
    const values = (await decoding.step(feed)).logits.data as Float32Array;
    return active.map((row, at) => {
      if (!open.has(row)) return model.pad;
      const z = values.subarray(at * model.vocabulary, (at + 1) * model.vocabulary);
      return chooseToken(z, processors, rows[row]!, said[row]!, settings);
    });
  };

  while (open.size > 0) {
    throwIfAborted(signal);
    const tokens = await next();
    const fed = active.map((row, at) => {
      if (!open.has(row)) return model.pad;
      const token = tokens[at]!;
      answers[row]!.push(token);
      const ended = !accept(row, token) || model.ends.includes(token);
      if (ended || answers[row]!.length === said[row]!.most) open.delete(row);
      return token;
    });
    feed = fed;
    if (open.size > 0 && 2 * open.size <= active.length) {
      const going = [...active.keys()].filter((at) => open.has(active[at]!));
      decoding.keep(going);
      active = going.map((at) => active[at]!);
      feed = going.map((at) => fed[at]!);
    }
  }
}
