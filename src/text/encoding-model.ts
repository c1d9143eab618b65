/** What an encoder gives of texts: vectors, and what its head was trained to tell. */
import { fail, ZerothError } from "../errors.ts";
import type { EncoderArchitecture } from "../models/family.ts";
import type { EncodedText, EncoderModel } from "../models/kinds/encoder.ts";
import { needNumbers } from "../models/kinds/language.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { type EmbeddingConfig, pooled } from "./embed.ts";
import { attempt, inBatches, type JobOptions, orThrow } from "./jobs.ts";

/** A text, or two that are read together. */
export type Text = string | readonly [first: string, second: string];

export interface EncodeJob extends JobOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface Classified {
  /** The likeliest class; of independent ones the likeliest too. */
  readonly label: string;
  /** Probability of every class in their order; of a regression the number itself. */
  readonly scores: readonly number[];
}

export interface Tagged {
  /** Place in the text, UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly label: string;
  readonly score: number;
}

export interface FoundAnswer {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Sum of the two places' scores. */
  readonly score: number;
}

export interface FilledWord {
  readonly token: number;
  readonly piece: string;
  readonly probability: number;
}

/** Over an encoder; what the checkpoint has no head for is not there. */
export interface EncodingModel extends AsyncDisposable {
  /** Names of the classes of `classify` and `tag`. */
  readonly labels: readonly string[];
  embed(text: Text): Promise<Float32Array>;
  /** A text that cannot be done gives its error, the others are done. */
  embedAll(texts: readonly Text[], job?: EncodeJob): Promise<(Float32Array | ZerothError)[]>;
  readonly classify?: (text: Text) => Promise<Classified>;
  readonly classifyAll?: (texts: readonly Text[], job?: EncodeJob) => Promise<(Classified | ZerothError)[]>;
  /** A class for every token of the text. */
  readonly tag?: (text: string) => Promise<Tagged[]>;
  /** The stretch of the passage that answers the question best. */
  readonly answer?: (question: string, passage: string, mostTokens?: number) => Promise<FoundAnswer>;
  /** The likeliest words for every mask token of the text. */
  readonly fill?: (text: string, count?: number) => Promise<FilledWord[][]>;
  /** Which of the continuations fits the text. */
  readonly choose?: (text: string, choices: readonly string[]) => Promise<{ best: number; scores: number[] }>;
}

const softmax = (z: readonly number[]): number[] => {
  const top = Math.max(...z);
  const weights = z.map((value) => Math.exp(value - top));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
};
const largest = (z: readonly number[]): number => z.indexOf(Math.max(...z));

interface Parts {
  readonly model: EncoderModel;
  readonly architecture: Pick<EncoderArchitecture, "head" | "labels" | "problem" | "longest">;
  readonly tokenizer: Tokenizer;
  readonly embedding: EmbeddingConfig;
}

/** Texts in, numbers and labels out; closing it closes the model. */
export function encodingModel({ model, architecture, tokenizer, embedding }: Parts): EncodingModel {
  const { head, labels = [], problem = "single" } = architecture;
  const longest = Math.min(embedding.longest ?? Infinity, model.longest ?? Infinity);

  function encoded(text: Text) {
    const [first, pair] = typeof text === "string" ? [text] : text;
    const all = tokenizer.encode(first, pair === undefined ? {} : { pair });
    if (all.ids.length > longest) {
      fail("too_long", `the text has ${all.ids.length} tokens, the model reads ${longest}`, {
        hint: "split it; nothing is ever cut off silently",
      });
    }
    return all;
  }
  const inputOf = (text: Text): EncodedText => {
    const { ids, typeIds } = encoded(text);
    return { ids, types: typeIds };
  };

  /** Rows of the head's output for texts together: numbers of each text, its padding left out. */
  async function scores(texts: readonly EncodedText[]): Promise<number[][][]> {
    const { scores: out } = await (model.answer ?? fail("internal", "asked for a head that is not there"))(texts);
    const [, ...rest] = out.shape;
    const [length, width] = rest.length === 2 ? rest : [1, rest[0]!];
    const data = out.data as Float32Array;
    needNumbers(data);
    return texts.map(({ ids }, text) =>
      Array.from({ length: rest.length === 2 ? ids.length : 1 }, (_, i) => {
        const at = (text * length! + i) * width!;
        return Array.from(data.subarray(at, at + width!));
      }),
    );
  }

  /** Many texts in batches of similar length. */
  async function job<R>(
    texts: readonly Text[],
    options: EncodeJob,
    run: (batch: readonly EncodedText[]) => Promise<R[]>,
  ): Promise<(R | ZerothError)[]> {
    const inputs = texts.map((text) => attempt(() => inputOf(text)));
    const lengths = inputs.map((input) => (input instanceof ZerothError ? input : input.ids.length));
    return inBatches(lengths, options, (rows) => run(rows.map((i) => inputs[i] as EncodedText)));
  }

  const embedAll = (texts: readonly Text[], options: EncodeJob = {}) =>
    job(texts, options, async (batch) => {
      const { hidden } = await model.encode(batch);
      const vectors = pooled(
        hidden,
        batch.map(({ ids }) => ids.length),
        embedding,
      );
      for (const vector of vectors) needNumbers(vector);
      return vectors;
    });

  const classifyAll = (texts: readonly Text[], options: EncodeJob = {}) =>
    job(texts, options, async (batch) =>
      (await scores(batch)).map(([z]): Classified => {
        if (problem === "regression") return { label: labels[0] ?? "", scores: z! };
        const shares = problem === "multi" ? z!.map((value) => 1 / (1 + Math.exp(-value))) : softmax(z!);
        return { label: labels[largest(shares)]!, scores: shares };
      }),
    );

  async function tag(text: string): Promise<Tagged[]> {
    const { ids, typeIds, offsets, sequences } = encoded(text);
    const [rows] = await scores([{ ids, types: typeIds }]);
    return rows!.flatMap((z, i): Tagged[] => {
      if (sequences[i] !== 0) return [];
      const shares = softmax(z);
      const [start, end] = offsets[i]!;
      return [{ start, end, label: labels[largest(shares)]!, score: Math.max(...shares) }];
    });
  }

  async function answer(question: string, passage: string, mostTokens = 30): Promise<FoundAnswer> {
    const { ids, typeIds, offsets, sequences } = encoded([question, passage]);
    const [rows] = await scores([{ ids, types: typeIds }]);
    let best = { score: -Infinity, first: 0, last: 0 };
    rows!.forEach(([begin], first) => {
      if (sequences[first] !== 1) return;
      for (let last = first; last < Math.min(first + mostTokens, rows!.length) && sequences[last] === 1; last++) {
        const score = begin! + rows![last]![1]!;
        if (score > best.score) best = { score, first, last };
      }
    });
    if (best.score === -Infinity) fail("bad_input", "the passage is empty: there is nothing to find an answer in");
    const [start, end] = [offsets[best.first]![0], offsets[best.last]![1]];
    return { text: passage.slice(start, end), start, end, score: best.score };
  }

  async function fill(text: string, count = 5): Promise<FilledWord[][]> {
    const mask = tokenizer.tokenId("[MASK]") ?? tokenizer.tokenId("<mask>");
    const { ids, typeIds } = encoded(text);
    if (mask === undefined || !ids.includes(mask)) {
      fail("bad_input", "the text has no mask token", {
        hint: 'write [MASK] where a word is to be told: "Snow is [MASK]."',
      });
    }
    const [rows] = await scores([{ ids, types: typeIds }]);
    return rows!.flatMap((z, i): FilledWord[][] => {
      if (ids[i] !== mask) return [];
      const shares = softmax(z);
      const order = shares.map((_, token) => token).sort((a, b) => shares[b]! - shares[a]! || a - b);
      return [
        order
          .slice(0, count)
          .map((token) => ({ token, piece: tokenizer.piece(token) ?? "", probability: shares[token]! })),
      ];
    });
  }

  async function choose(text: string, choices: readonly string[]): Promise<{ best: number; scores: number[] }> {
    if (choices.length === 0) fail("bad_input", "there are no choices");
    const rows = await scores(choices.map((choice) => inputOf([text, choice])));
    const shares = softmax(rows.map(([z]) => z![0]!));
    return { best: largest(shares), scores: shares };
  }

  const one =
    <R>(all: (texts: readonly Text[]) => Promise<(R | ZerothError)[]>) =>
    async (text: Text): Promise<R> =>
      orThrow((await all([text]))[0]);

  return {
    labels,
    embed: one(embedAll),
    embedAll,
    ...(head === "sequence" && { classify: one(classifyAll), classifyAll }),
    ...(head === "tokens" && { tag }),
    ...(head === "span" && { answer }),
    ...(head === "masked" && { fill }),
    ...(head === "choice" && { choose }),
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  };
}
