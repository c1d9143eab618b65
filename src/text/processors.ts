/**
 * What changes the scores of a step before a token is chosen: one list, in the order of transformers, for greedy
 * decoding, drawing and beams. A new rule is a row of `rules`; what comes from outside (the tokens that a grammar
 * allows, say) is a `Processor` in `GenerateOptions.processors` and comes after the rows.
 */
import { fail } from "../errors.ts";
import type { Settings } from "./options.ts";
import type { Processor, Said } from "./processor.ts";

/** Which tokens a model's makers let it say, whoever asks: what generation_config.json says of single tokens. */
export interface TokenRules {
  /** The first new token of an answer before which there is a single token: an encoder-decoder's start, as a rule. */
  readonly first?: number | undefined;
  /** One of these is the last where an answer is cut at its greatest length. */
  readonly last?: readonly number[] | undefined;
  /** Sequences that are never completed. */
  readonly badWords?: readonly (readonly number[])[] | undefined;
  readonly suppressed?: readonly number[] | undefined;
  /** Not the first token of an answer (after one that is forced). */
  readonly suppressedFirst?: readonly number[] | undefined;
}

interface Context extends TokenRules {
  readonly settings: Settings;
  /** Tokens that end an answer. */
  readonly ends: readonly number[];
}

const forbid = (scores: Float32Array, ids: Iterable<number>): void => {
  for (const id of ids) scores[id] = -Infinity;
};

/** Nothing else is possible; being the only possibility it costs nothing. */
const force = (scores: Float32Array, ids: readonly number[]): void => {
  scores.fill(-Infinity);
  for (const id of ids) scores[id] = 0;
};

const lengthOf = ({ before, answer }: Said): number => before.length + answer.length;
const at = ({ before, answer }: Said, i: number): number =>
  i < before.length ? before[i]! : answer[i - before.length]!;

/** Whether the tokens of `pattern` but its last stand from `from` on. */
function standsAt(said: Said, from: number, length: number, tokenAt: (i: number) => number): boolean {
  for (let i = 0; i < length; i++) if (at(said, from + i) !== tokenAt(i)) return false;
  return true;
}

/** Make tokens said before less likely (Keskar et al. 2019): positive scores divided, negative ones multiplied. */
export function penaliseRepeats(scores: Float32Array, said: Iterable<number>, penalty: number): void {
  for (const id of new Set(said)) scores[id] = scores[id]! > 0 ? scores[id]! / penalty : scores[id]! * penalty;
}

/** Tokens that would write `size` tokens in a row a second time (Paulus et al. 2017, section 2.5). */
function repeating(said: Said, size: number): number[] {
  const length = lengthOf(said);
  const tail = length - (size - 1);
  const found: number[] = [];
  for (let from = 0; from + size <= length; from++) {
    if (standsAt(said, from, size - 1, (i) => at(said, tail + i))) found.push(at(said, from + size - 1));
  }
  return found;
}

function badWords(words: readonly (readonly number[])[], ends: readonly number[]): Processor | undefined {
  // An end token alone is never a bad word: nothing would end.
  const kept = words.filter((word) => !(word.length === 1 && ends.includes(word[0]!)));
  const completed = (said: Said, word: readonly number[]): boolean => {
    const from = lengthOf(said) - (word.length - 1);
    return from >= 0 && standsAt(said, from, word.length - 1, (i) => word[i]!);
  };
  if (kept.length === 0) return undefined;
  return {
    apply(_, said, scores) {
      for (const word of kept) if (completed(said, word)) scores[word.at(-1)!] = -Infinity;
    },
  };
}

/** A processor that acts in some steps only. */
const when = (applies: (said: Said) => boolean, apply: (scores: Float32Array) => void): Processor => ({
  applies: (_, said) => applies(said),
  apply: (_, said, scores) => {
    if (applies(said)) apply(scores);
  },
});

/** The step in which the first token that is not forced is chosen. */
const begins = (said: Said, first: number | undefined): boolean =>
  said.answer.length === (first !== undefined && said.before.length === 1 ? 1 : 0);

/** The rules by their names in transformers, in its order. */
const rules: readonly (readonly [name: string, make: (context: Context) => Processor | undefined])[] = [
  [
    "repetition_penalty",
    ({ settings: { repetitionPenalty } }) =>
      repetitionPenalty === 1
        ? undefined
        : {
            apply: (_, { before, answer }, scores) =>
              penaliseRepeats(scores, [...before, ...answer], repetitionPenalty),
          },
  ],
  [
    "no_repeat_ngram_size",
    ({ settings: { noRepeatNgram } }) =>
      noRepeatNgram === 0 ? undefined : { apply: (_, said, scores) => forbid(scores, repeating(said, noRepeatNgram)) },
  ],
  ["bad_words_ids", ({ badWords: own = [], settings, ends }) => badWords([...own, ...settings.badWords], ends)],
  [
    "min_length",
    ({ settings: { minLength }, ends }) =>
      minLength === 0
        ? undefined
        : when(
            (said) => lengthOf(said) < minLength,
            (scores) => forbid(scores, ends),
          ),
  ],
  [
    "min_new_tokens",
    ({ settings: { minNewTokens }, ends }) =>
      minNewTokens === 0
        ? undefined
        : when(
            ({ answer }) => answer.length < minNewTokens,
            (scores) => forbid(scores, ends),
          ),
  ],
  [
    "forced_bos_token_id",
    ({ first }) =>
      first === undefined
        ? undefined
        : when(
            (said) => lengthOf(said) === 1,
            (scores) => force(scores, [first]),
          ),
  ],
  [
    "forced_eos_token_id",
    ({ last }) =>
      last === undefined
        ? undefined
        : when(
            ({ answer, most }) => answer.length === most - 1,
            (scores) => force(scores, last),
          ),
  ],
  [
    "suppress_tokens",
    ({ suppressed = [] }) =>
      suppressed.length === 0 ? undefined : { apply: (_, __, scores) => forbid(scores, suppressed) },
  ],
  [
    "begin_suppress_tokens",
    ({ suppressedFirst = [], first }) =>
      suppressedFirst.length === 0
        ? undefined
        : when(
            (said) => begins(said, first),
            (scores) => forbid(scores, suppressedFirst),
          ),
  ],
];

/** The processors that these settings ask for, in their order; those from outside come last. */
export function processorsFor(settings: Settings, tokens: TokenRules, ends: readonly number[]): readonly Processor[] {
  const context = { ...tokens, settings, ends };
  return [...rules.flatMap(([, make]) => make(context) ?? []), ...settings.processors];
}

/** Whether any processor changes the scores of this step. */
export const anyApplies = (processors: readonly Processor[], row: number, said: Said): boolean =>
  processors.some((processor) => processor.applies?.(row, said) ?? true);

/** Let every processor change the scores of a row's next token. */
export function process(processors: readonly Processor[], row: number, said: Said, scores: Float32Array): void {
  for (const processor of processors) processor.apply(row, said, scores);
}

/** Rules that together allow nothing are an error, never an arbitrary token. */
export function failImpossible(): never {
  return fail("bad_input", "no token is possible in this step: what is asked of the answer forbids all of them", {
    hint: "ask for less: bad words, suppressed tokens, repeated sequences and shortest lengths work together",
  });
}

/**
 * Most new tokens of an answer after these: `maxLength` counts what came before, and what is said of new tokens wins.
 * @throws too_long where nothing is left
 */
export function mostAfter({ maxNewTokens, maxLength }: Settings, before: readonly number[]): number {
  const most = Math.min(maxNewTokens, maxLength - before.length);
  if (most > 0) return most;
  return fail(
    "too_long",
    `the prompt has ${before.length} tokens, and with its answer at most ${maxLength} are allowed`,
    {
      hint: "say how long the answer may be instead: --max-new-tokens",
    },
  );
}
