/** A class for every word of a text, told by its first token. */
import { fail, ZerothError } from "../../errors.ts";
import { attempt } from "../jobs.ts";
import { type EncodeJob, largest, needShort, type Reader, scoreAll, softmax } from "./reader.ts";
import { type Span, spansOf } from "./spans.ts";
import { fromText, fromWords, type Word } from "./words.ts";

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
        needShort(read.input.ids.length, reader);
        return read;
      }),
    );
    const jobs = texts.map((text) => (text instanceof ZerothError ? text : [text.input]));
    const found = await scoreAll(jobs, options, reader.scores);
    return texts.map((text, t) => {
      const scores = found[t]!;
      if (text instanceof ZerothError) return text;
      if (scores instanceof ZerothError) return scores;
      const words = text.words.map((word, i): TaggedWord => {
        const token = text.first[i];
        const logits = token === undefined ? [] : Array.from(scores[0]![token]!);
        const shares = softmax(logits);
        const best = largest(shares);
        return {
          ...word,
          label: labels[best] === undefined || token === undefined ? null : labels[best]!,
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
