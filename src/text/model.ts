/** Text in, text out: prompts to answers, streams, choices and scores over a model that writes text. */
import { fail, ZerothError } from "../errors.ts";
import type { LanguageModel, Reading } from "../models/kinds/language.ts";
import { beamSearch } from "./beam.ts";
import { follow } from "./follow.ts";
import { generateTokens } from "./greedy.ts";
import { attempt, inBatches, type JobOptions, orThrow } from "./jobs.ts";
import {
  type Generated,
  type GenerateOptions,
  type ReadingOptions,
  type Settings,
  settingsOf,
  type TextCodec,
} from "./options.ts";
import type { TokenRules } from "./processors.ts";
import { anyLikely, bestOf, scoreTargets } from "./score.ts";
import type { Asked, Constraint } from "./structured/constraint.ts";

/** A text, or token ids taken as they are. */
export type Prompt = string | readonly number[];

export interface ScoreOptions {
  /** Append the end token to targets and count it; on by default. */
  readonly eos?: boolean;
  /** Whether prompts get the special tokens their tokenizer adds; on by default. */
  readonly promptEnd?: boolean;
  /** Longest prompt in tokens; a longer one is an error, never cut. */
  readonly maxInput?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A prompt and the answers that are possible. */
export interface ChoiceRow<Choice = Prompt> {
  readonly prompt: Prompt;
  readonly choices: readonly Choice[];
}

export interface Scored {
  /** Sum of log-probabilities of each choice. */
  readonly scores: readonly number[];
  /** Tokens of each choice, the end token included if it was appended. */
  readonly lengths: readonly number[];
  /** Index of the highest sum, the first on ties. */
  readonly best: number;
  /** False where none of the choices is an answer that the model would give; see `anyLikely` of score.ts. */
  readonly likely: boolean;
  readonly logprobs: readonly (readonly number[])[];
}

export interface TextModel extends AsyncDisposable {
  /** The answer to one prompt. */
  generate(prompt: Prompt, options?: GenerateOptions): Promise<Generated>;
  /** Answers to many prompts in their order; a prompt that cannot be done gives its error, the others are done. */
  generateAll(prompts: readonly Prompt[], options?: GenerateOptions & JobOptions): Promise<(Generated | ZerothError)[]>;
  /** The answer piece by piece, never half a character; returns the whole. */
  stream(prompt: Prompt, options?: GenerateOptions): AsyncGenerator<string, Generated>;
  /** Log-likelihood of each choice as the answer. The end token counts, as in T0's rank classification. */
  score(prompt: Prompt, choices: readonly Prompt[], options?: ScoreOptions): Promise<Scored>;
  scoreAll(rows: readonly ChoiceRow[], options?: ScoreOptions & JobOptions): Promise<(Scored | ZerothError)[]>;
  /**
   * One of the choices as the answer: the one with the highest sum of log-probabilities, end token included, the first
   * on ties. Every choice is scored in full, so no search can miss the best; `score` is its sum.
   */
  choose(prompt: Prompt, choices: readonly string[], options?: ChooseOptions): Promise<Generated>;
  chooseAll(
    rows: readonly ChoiceRow<string>[],
    options?: ChooseOptions & JobOptions,
  ): Promise<(Generated | ZerothError)[]>;
}

export type ChooseOptions = Omit<ScoreOptions, "eos">;

type Settled = Settings & { readonly constraint?: Constraint };

type PromptOptions = Pick<GenerateOptions, "maxInput" | "promptEnd">;

/** A text model over a language model and its tokenizer; closing it closes the model. */
export function textModel({
  model,
  tokenizer: codec,
  rules = {},
  room = Infinity,
}: {
  model: LanguageModel;
  tokenizer: TextCodec;
  rules?: TokenRules;
  /** Tokens of the longest prompt that there is memory for. */
  room?: number;
}): TextModel {
  const inVocabulary = (ids: readonly number[], vocabulary = model.vocabulary): readonly number[] => {
    for (const id of ids) {
      if (!Number.isInteger(id) || id < 0 || id >= vocabulary) {
        fail("bad_input", `token ${id} is outside the vocabulary of ${vocabulary}`);
      }
    }
    return ids;
  };

  const idsOf = (prompt: Prompt, { maxInput = Infinity, promptEnd = true }: PromptOptions = {}): readonly number[] => {
    const ids = typeof prompt === "string" ? codec.encode(prompt, { addSpecialTokens: promptEnd }).ids : prompt;
    if (ids.length === 0) fail("bad_input", "the prompt is empty");
    if (ids.length > maxInput) {
      fail("too_long", `the prompt has ${ids.length} tokens, the limit is ${maxInput}`, {
        hint: "shorten it or raise the limit; nothing is ever cut off silently",
      });
    }
    if (ids.length > room) {
      fail("too_long", `the prompt has ${ids.length} tokens, the memory of this machine is enough for ${room}`, {
        hint: "shorten it, or ask about its parts one after another",
      });
    }
    return inVocabulary(ids, model.inputVocabulary);
  };

  /** Ids of a target: the tokenizer's own end token, or one appended where ids were given. */
  const targetOf = (target: Prompt, eos: boolean): readonly number[] => {
    const ids =
      typeof target === "string"
        ? codec.encode(target, { addSpecialTokens: false, written: true }).ids
        : inVocabulary(target);
    const [end] = model.ends;
    return eos && end !== undefined && !model.ends.includes(ids.at(-1)!) ? [...ids, end] : ids;
  };

  let constraintOf: ((asked: Asked) => Constraint) | undefined;
  /** Settings, with what the answer must fit; what it takes is loaded when it is first asked for. */
  const settled = async (options: GenerateOptions): Promise<Settled> => {
    const settings = settingsOf(options);
    if (options.schema === undefined && options.grammar === undefined) return settings;
    const { constraintsFor } = await import("./structured/constraint.ts");
    constraintOf ??= constraintsFor(codec, model.vocabulary, model.ends);
    const constraint = constraintOf(options);
    if (settings.numBeams > 1 && model.ends.length === 0) {
      fail("unsupported", "beam search after a schema or grammar with a model that has no end token");
    }
    return { ...settings, constraint, processors: [...settings.processors, constraint] };
  };

  const beams = async (
    reading: Reading,
    rows: readonly number[],
    prompts: readonly (readonly number[])[],
    settings: Settled,
    signal?: AbortSignal,
  ) => {
    const found = await beamSearch(model, reading, rows, { ...settings, rules }, signal);
    return found.map(([best], i): Generated => {
      const row = follow(codec, settings, model.ends, undefined, settings.constraint);
      best!.tokens.every((token) => row.accept(token));
      return { ...row.result(prompts[i]!.length), tokens: best!.tokens, score: best!.score };
    });
  };

  const batch = async (
    rows: readonly number[],
    prompts: readonly (readonly number[])[],
    settings: Settled,
    options: ReadingOptions,
  ): Promise<Generated[]> => {
    const { signal } = options;
    const reading = await model.read(prompts, options);
    if (settings.numBeams > 1) return beams(reading, rows, prompts, settings, signal);
    const following = prompts.map(() => follow(codec, settings, model.ends, undefined, settings.constraint));
    await generateTokens(
      model,
      reading,
      rows,
      { ...settings, rules },
      (i, token) => following[i]!.accept(token),
      signal,
    );
    return following.map((row, i) => row.result(prompts[i]!.length));
  };

  /** Scores of every row's choices, with the ids they were computed for. */
  const ranked = async (rows: readonly ChoiceRow[], options: ScoreOptions & JobOptions) => {
    const { eos = true } = options;
    const prepared = rows.map(({ prompt, choices }) =>
      attempt(() => {
        if (choices.length === 0) fail("bad_input", "there are no choices to score");
        const targets = choices.map((choice) => targetOf(choice, eos));
        if (targets.some((target) => target.length === 0)) fail("bad_input", "an empty choice has no likelihood");
        return { ids: idsOf(prompt, options), targets };
      }),
    );
    const lengths = prepared.map((row) => (row instanceof ZerothError ? row : row.ids.length));
    return inBatches(lengths, options, async (places) => {
      const group = places.map((place) => prepared[place] as Exclude<(typeof prepared)[number], ZerothError>);
      const all = await scoreTargets(model, group, options.signal);
      return group.map((row, i) => {
        const logprobs = all[i]!;
        const scores = logprobs.map((tokens) => tokens.reduce((a, b) => a + b, 0));
        const lengths = logprobs.map(({ length }) => length);
        const scored: Scored = { scores, lengths, best: bestOf(scores), likely: anyLikely(scores, lengths), logprobs };
        return { ...row, scored };
      });
    });
  };

  const text: TextModel = {
    async generate(prompt, options = {}) {
      return orThrow((await text.generateAll([prompt], options))[0]);
    },
    async generateAll(prompts, options = {}) {
      const settings = await settled(options);
      const ids = prompts.map((prompt) => attempt(() => idsOf(prompt, options)));
      const lengths = ids.map((row) => (row instanceof ZerothError ? row : row.length));
      // A batch of beam searches computes numBeams rows for each prompt.
      const most = Math.max(1, Math.floor(128 / settings.numBeams));
      const limits = { ...options, rows: Math.min(options.rows ?? 32, most) };
      return inBatches(lengths, limits, (rows) =>
        batch(
          rows.map((row) => row + (options.firstRow ?? 0)),
          rows.map((row) => ids[row] as readonly number[]),
          settings,
          options,
        ),
      );
    },
    async *stream(prompt, options = {}) {
      const settings = await settled(options);
      const ids = idsOf(prompt, options);
      // Leaving early stops the model.
      const left = new AbortController();
      const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
      const reading = await model.read([ids], { ...options, signal });
      if (settings.numBeams > 1) {
        const [result] = await beams(reading, [0], [ids], settings, options.signal);
        yield result!.text;
        return result!;
      }
      const pieces: string[] = [];
      let wake = () => {};
      const emit = (piece: string) => {
        pieces.push(piece);
        wake();
      };
      const row = follow(codec, settings, model.ends, emit, settings.constraint);
      // The reader may be slower or faster than the model: pieces wait in between.
      let ended = false;
      const run = generateTokens(
        model,
        reading,
        [0],
        { ...settings, rules },
        (_, token) => row.accept(token),
        signal,
      ).finally(() => {
        ended = true;
        wake();
      });
      run.catch(() => {});
      try {
        while (!ended || pieces.length > 0) {
          if (pieces.length > 0) yield pieces.splice(0).join("");
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
              if (ended || pieces.length > 0) resolve();
            });
          }
        }
        await run;
        const result = row.result(ids.length);
        if (pieces.length > 0) yield pieces.splice(0).join("");
        return result;
      } finally {
        left.abort();
      }
    },
    async score(prompt, choices, options = {}) {
      return orThrow((await text.scoreAll([{ prompt, choices }], options))[0]);
    },
    async scoreAll(rows, options = {}) {
      const results = await ranked(rows, options);
      return results.map((result) => (result instanceof ZerothError ? result : result.scored));
    },
    async choose(prompt, choices, options = {}) {
      return orThrow((await text.chooseAll([{ prompt, choices }], options))[0]);
    },
    async chooseAll(rows, options = {}) {
      const results = await ranked(rows, { ...options, eos: true });
      return results.map((result, i): Generated | ZerothError => {
        if (result instanceof ZerothError) return result;
        const { ids, targets, scored } = result;
        const { best, scores, likely } = scored;
        const answer = { text: rows[i]!.choices[best]!, tokens: targets[best]!, score: scores[best]!, likely };
        return { ...answer, finish: "stop", promptTokens: ids.length };
      });
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  };
  return text;
}
