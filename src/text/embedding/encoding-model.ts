/** What a model that reads texts gives of them: vectors, and what its head was trained to tell. */

import { fail, ZerothError } from "../../errors.ts";
import type { Heads, Problem } from "../../models/family.ts";
import type { EncodedText, EncoderModel } from "../../models/kinds/encoder.ts";
import { needNumbers } from "../../models/kinds/language.ts";
import type { Tokenizer } from "../../tokenizers/tokenizer.ts";
import { type AnswerOptions, answerer, type FoundAnswer, type Question } from "../heads/answer.ts";
import { type Choosing, type Chosen, chooser } from "../heads/choose.ts";
import { type Classified, classifier } from "../heads/classify.ts";
import { type Filled, type FillOptions, filler } from "../heads/fill.ts";
import { fittingText } from "../heads/fit.ts";
import { type EncodeJob, inputOf, needShort, readerBatches, type Scores, type Text } from "../heads/reader.ts";
import { type Tagged, tagger, type Words } from "../heads/tag.ts";
import { attempt, inBatches, orThrow } from "../jobs.ts";
import { type EmbeddingConfig, finished, needDimensions, promptOf, type VectorOptions } from "./embed.ts";

export interface EmbedJob extends EncodeJob, VectorOptions {
  /** Of a text that is too long only the beginning is read, in the place of an error. */
  readonly truncate?: boolean | undefined;
}

/** A text, two that are read together, or token ids taken as they are, special ones among them. */
export type Embeddable = Text | readonly number[];

type All<T, R, O = EncodeJob> = (rows: readonly T[], options?: O) => Promise<(R | ZerothError)[]>;
type One<T, R, O = EncodeJob> = (row: T, options?: O) => Promise<R>;

/**
 * Over a model that reads texts; what the checkpoint has no head for is not there. Of many rows one that cannot be done
 * gives its error in its place, and the others are done.
 */
export interface EncodingModel extends AsyncDisposable {
  /** The head that the checkpoint has; undefined where it gives vectors alone. */
  readonly head: keyof Heads | undefined;
  /** Names of the classes of `classify` and `tag`. */
  readonly labels: readonly string[];
  readonly problem: Problem;
  /** How vectors are made. */
  readonly embedding: EmbeddingConfig;
  readonly embed: (text: Embeddable, options?: EmbedJob) => Promise<Float32Array>;
  readonly embedAll: All<Embeddable, Float32Array, EmbedJob>;
  readonly classify?: One<Text, Classified>;
  readonly classifyAll?: All<Text, Classified>;
  /** A class for every word of a text, or of a list of words. */
  readonly tag?: One<Words, Tagged>;
  readonly tagAll?: All<Words, Tagged>;
  /** The stretch of the passage that answers the question best. */
  readonly answer?: (question: string, context: string, options?: AnswerOptions) => Promise<FoundAnswer>;
  readonly answerAll?: All<Question, FoundAnswer, AnswerOptions>;
  /** The likeliest words for every mask token of the text. */
  readonly fill?: One<string, Filled, FillOptions>;
  readonly fillAll?: All<string, Filled, FillOptions>;
  /** Which of the continuations fits the text. */
  readonly choose?: (text: string, choices: readonly string[], options?: EncodeJob) => Promise<Chosen>;
  readonly chooseAll?: All<Choosing, Chosen>;
}

const isIds = (text: Embeddable): text is readonly number[] => typeof text !== "string" && typeof text[0] !== "string";

/** What a discriminator tells of every word. */
const discriminated = ["original", "replaced"] as const;

interface Parts {
  readonly model: EncoderModel;
  readonly head: keyof Heads | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly problem?: Problem | undefined;
  readonly tokenizer: Tokenizer;
  readonly embedding: EmbeddingConfig;
}

/** Rows [texts, width] or [texts, length, width] as rows of each text, as many as it has. */
function rowsOf(scores: { data: unknown; shape: readonly number[] }, counts: readonly number[]): Scores[] {
  const data = scores.data as Float32Array;
  needNumbers(data);
  const width = scores.shape.at(-1)!;
  const length = scores.shape.length === 3 ? scores.shape[1]! : 1;
  return counts.map((count, text) =>
    Array.from({ length: Math.min(count, length) }, (_, i) => {
      const at = (text * length + i) * width;
      return data.subarray(at, at + width);
    }),
  );
}

const one =
  <T, R, O>(all: All<T, R, O>): One<T, R, O> =>
  async (row, options) =>
    orThrow((await all([row], options))[0]);

/** Texts in, numbers and labels out; closing it closes the model. */
export function encodingModel(parts: Parts): EncodingModel {
  const { model, head, labels = [], problem = "single", tokenizer, embedding } = parts;
  const positions = model.longest ?? Infinity;
  const longest = Math.min(embedding.longest ?? Infinity, positions);
  const needHead = () => fail("internal", "asked for a head that is not there");
  const scores = async (texts: readonly EncodedText[]): Promise<Scores[]> =>
    rowsOf(
      (await (model.answer ?? needHead())(texts)).scores,
      texts.map(({ ids }) => ids.length),
    );
  const scoresAt = async (texts: readonly EncodedText[], places: readonly (readonly number[])[]) =>
    rowsOf(
      await (model.answerAt ?? needHead())(texts, places),
      places.map(({ length }) => length),
    );
  // How long a vector's text may be is sentence-transformers' to say, a head's the model's.
  const reader = { tokenizer, longest: positions, scores };

  /** The text behind the prompt, and how many tokens are the prompt's. */
  function prompted(prompt: string, truncate = false): (text: Embeddable) => EncodedText {
    const lower = (text: string) => (embedding.lowerCase ? text.toLowerCase() : text);
    let skipped = 0;
    if (prompt !== "" && !embedding.includePrompt) {
      const { ids, sequences } = tokenizer.encode(lower(prompt));
      skipped = ids.length > 0 && sequences.at(-1) === undefined ? ids.length - 1 : ids.length;
    }
    return (text) => {
      if (isIds(text)) {
        needShort(text.length, { longest });
        return { ids: text };
      }
      const [first, pair] = typeof text === "string" ? [text] : text;
      const all = lower(prompt + first);
      const whole = truncate && pair === undefined ? fittingText(tokenizer, longest, all) : all;
      const read = inputOf(tokenizer.encode(whole, pair === undefined ? {} : { pair: lower(pair) }));
      needShort(read.ids.length, { longest });
      return { ...read, skipped };
    };
  }

  const embedAll: EncodingModel["embedAll"] = async (texts, options = {}) => {
    const encode = prompted(promptOf(embedding, options), options.truncate);
    needDimensions(embedding, options);
    const inputs = texts.map((text) => attempt(() => encode(text)));
    const lengths = inputs.map((input) => (input instanceof ZerothError ? input : input.ids.length));
    return inBatches(lengths, { ...readerBatches, ...options }, async (rows) => {
      const batch = rows.map((row) => inputs[row] as EncodedText);
      const vectors = await (model.vectors ?? needHead())(batch);
      const data = vectors.data as Float32Array;
      needNumbers(data);
      const width = vectors.shape[1]!;
      return rows.map((_, i) => finished(data.slice(i * width, (i + 1) * width), embedding, options));
    });
  };

  const shared = {
    ...{ head, labels, problem, embedding, embedAll, embed: one(embedAll) },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  };
  switch (head) {
    case undefined:
      return shared;
    case "sequence": {
      const classifyAll = classifier(reader, labels, problem);
      return { ...shared, classify: one(classifyAll), classifyAll };
    }
    case "tokens": {
      const tagAll = tagger(reader, labels);
      return { ...shared, tag: one(tagAll), tagAll };
    }
    case "discriminator": {
      // One logit is that of the second of two classes whose first has 0.
      const two = async (texts: readonly EncodedText[]) =>
        (await scores(texts)).map((rows) => rows.map(([z]) => Float32Array.of(0, z!)));
      const tagAll = tagger({ ...reader, scores: two }, discriminated);
      return { ...shared, labels: discriminated, tag: one(tagAll), tagAll };
    }
    case "span": {
      const answerAll = answerer(reader);
      const answer: EncodingModel["answer"] = (question, context, options) =>
        one(answerAll)({ question, context }, options);
      return { ...shared, answer, answerAll };
    }
    case "masked": {
      const fillAll = filler({ tokenizer, longest: positions, scoresAt });
      return { ...shared, fill: one(fillAll), fillAll };
    }
    case "choice": {
      const chooseAll = chooser(reader);
      const choose: EncodingModel["choose"] = (text, choices, options) => one(chooseAll)({ text, choices }, options);
      return { ...shared, choose, chooseAll };
    }
  }
}
