/** What every head shares: texts as ids of bounded length, many of them in batches, and scores as shares. */
import { fail, ZerothError } from "../../errors.ts";
import type { EncodedText } from "../../models/kinds/encoder.ts";
import type { Encoded, EncodeOptions, Tokenizer } from "../../tokenizers/tokenizer.ts";
import { inBatches, type JobOptions } from "../jobs.ts";

/** A text, or two that are read together. */
export type Text = string | readonly [first: string, second: string];

export interface EncodeJob extends JobOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * A batch holds texts whose lengths differ by a quarter at most: reading is bound by arithmetic, so that padding costs as
 * much as text (all-MiniLM-L6-v2, 100 texts of 5 to 200 tokens: 7 % less time than with a half).
 */
export const readerBatches = { ratio: 1.25 } as const;

/** The head's rows of one text: of a class a text, of a class a token one for every token. */
export type Scores = readonly Float32Array[];

export interface Reader {
  readonly tokenizer: Tokenizer;
  /** Tokens of a text that the model reads. */
  readonly longest: number;
  /** What the head gives of texts together, a text's padding left out. */
  scores(texts: readonly EncodedText[]): Promise<Scores[]>;
}

/** @throws too_long with what to do */
export function needShort(tokens: number, { longest }: Pick<Reader, "longest">, what = "the text"): void {
  if (tokens <= longest) return;
  fail("too_long", `${what} has ${tokens} tokens, the model reads ${longest}`, {
    hint: "split it at its paragraphs or sentences, a row each; nothing is ever cut off silently",
  });
}

/** A text with its places, which must fit. */
export function encodeText(reader: Pick<Reader, "tokenizer" | "longest">, text: Text): Encoded {
  const [first, pair] = typeof text === "string" ? [text] : text;
  const options: EncodeOptions = pair === undefined ? {} : { pair };
  const encoded = reader.tokenizer.encode(first, options);
  needShort(encoded.ids.length, reader);
  return encoded;
}

export const inputOf = ({ ids, typeIds }: Pick<Encoded, "ids" | "typeIds">): EncodedText => ({ ids, types: typeIds });

/**
 * The head's scores of jobs that are one or several texts each, all of them in batches of similar length. A job one of
 * whose texts cannot be done has that error in its place.
 */
export async function scoreAll(
  jobs: readonly (readonly EncodedText[] | ZerothError)[],
  options: EncodeJob,
  scores: (texts: readonly EncodedText[], places: readonly number[]) => Promise<Scores[]>,
): Promise<(Scores[] | ZerothError)[]> {
  const texts = jobs.flatMap((job) => (job instanceof ZerothError ? [] : job));
  const found = await inBatches(
    texts.map(({ ids }) => ids.length),
    { ...readerBatches, ...options },
    (rows) =>
      scores(
        rows.map((i) => texts[i]!),
        rows,
      ),
  );
  let at = 0;
  return jobs.map((job) => {
    if (job instanceof ZerothError) return job;
    const own = found.slice(at, at + job.length);
    at += job.length;
    return own.find((one) => one instanceof ZerothError) ?? (own as Scores[]);
  });
}

export const softmax = (z: ArrayLike<number>): number[] => {
  let top = -Infinity;
  for (let i = 0; i < z.length; i++) top = Math.max(top, z[i]!);
  const weights = Array.from(z, (value) => Math.exp(value - top));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
};

export const largest = (z: readonly number[]): number => z.reduce((best, value, i) => (value > z[best]! ? i : best), 0);
