/** Generation as the fixtures record it, under the names of transformers' settings. */
import type { LanguageModel } from "../../src/models/kinds/language.ts";
import { beamSearch } from "../../src/text/beam.ts";
import { generateTokens } from "../../src/text/greedy.ts";
import { settingsOf } from "../../src/text/options.ts";
import type { TokenRules } from "../../src/text/processors.ts";

export interface RunParams {
  num_beams?: number;
  length_penalty?: number;
  early_stopping?: boolean | "never";
  min_length?: number;
  no_repeat_ngram_size?: number;
  min_new_tokens?: number;
  repetition_penalty?: number;
  num_return_sequences?: number;
}

/** A recorded generation: new tokens of every row (of every beam that was asked for), and the beams' scores. */
export interface Run {
  name: string;
  params: RunParams;
  tokens: number[][];
  scores?: number[];
}

/** The same over a model, prompts together. */
export async function generated(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  params: RunParams,
  maxNewTokens: number,
  rules: TokenRules = {},
): Promise<{ tokens: number[][]; scores: number[] }> {
  const settings = settingsOf({
    maxNewTokens,
    minNewTokens: params.min_new_tokens ?? 0,
    minLength: params.min_length ?? 0,
    noRepeatNgram: params.no_repeat_ngram_size ?? 0,
    numBeams: params.num_beams ?? 1,
    lengthPenalty: params.length_penalty ?? 1,
    earlyStopping: params.early_stopping ?? false,
    repetitionPenalty: params.repetition_penalty ?? 1,
  });
  const reading = await model.read(prompts);
  if (settings.numBeams > 1) {
    const found = await beamSearch(model, reading, [...prompts.keys()], { ...settings, rules });
    const best = found.flatMap((beams) => beams.slice(0, params.num_return_sequences ?? 1));
    return { tokens: best.map(({ tokens }) => [...tokens]), scores: best.map(({ score }) => score) };
  }
  const tokens = prompts.map((): number[] => []);
  await generateTokens(
    model,
    reading,
    [...tokens.keys()],
    { ...settings, rules },
    (row, token) => tokens[row]!.push(token) > 0,
  );
  return { tokens, scores: [] };
}

/** Prompts all together, and each alone. */
export const groupings = (prompts: readonly number[][]): [how: string, groups: number[][][]][] => [
  ["batched", [[...prompts]]],
  ["alone", prompts.map((prompt) => [prompt])],
];
