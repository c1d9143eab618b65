/** A class for every word of a text, told by its first token; a text longer than the model reads is read in parts. */
import { fail, ZerothError } from "../../errors.ts";
import { attempt } from "../jobs.ts";
import { usualOverlap } from "./answer.ts";
import { type EncodeJob, largest, type Reader, scoreAll, softmax } from "./reader.ts";
import { type Span, spansOf } from "./spans.ts";
import { fromText, fromWords, type Word, wordWindows } from "./words.ts";

export interface TaggedWord extends Word {
  /** null for a word of which the tokenizer makes no token. */
  readonly label: string | null;
  readonly score: number;
  /** What the head gave for the word's first token. */
  readonly logits: readonly number[];
}

export interface Tagged {
  readonly words: readonly TaggedWord[];
  /** Words that belong together by their tags. */
  readonly spans: readonly Span[];
}

/** A text, or the words of one. */
export type Words = string | readonly string[];

export function tagger(reader: Reader, labels: readonly string[]) {
  const { tokenizer } = reader;
  return async (given: readonly Words[], options: EncodeJob = {}): Promise<(Tagged | ZerothError)[]> => {
    const texts = given.map((text) =>
      attempt(() => {
        const read = typeof text === "string" ? fromText(tokenizer, text) : fromWords(tokenizer, text);
        if (read.words.length === 0) fail("bad_input", "there are no words to tag");
        return { words: read.words, windows: wordWindows(read, reader.longest, usualOverlap) };
      }),
    );
    const jobs = texts.map((text) => (text instanceof ZerothError ? text : text.windows.map(({ input }) => input)));
    const found = await scoreAll(jobs, options, reader.scores);
    return texts.map((text, t) => {
      const scores = found[t]!;
      if (text instanceof ZerothError) return text;
      if (scores instanceof ZerothError) return scores;
      const logitsOf = text.windows.flatMap(({ first }, w) =>
        first.map((token) => (token === undefined ? undefined : Array.from(scores[w]![token]!))),
      );
      const words = text.words.map((word, i): TaggedWord => {
        const logits = logitsOf[i] ?? [];
        const shares = softmax(logits);
        const best = largest(shares);
        return {
          ...word,
          label: labels[best] === undefined || logits.length === 0 ? null : labels[best]!,
          score: shares[best] ?? 0,
          logits,
        };
      });
      return {
        words,
        spans: spansOf(
          words.map(({ label }) => label),
          labels,
        ),
      };
    });
  };
}
