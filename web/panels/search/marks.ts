/** Places in a text that are shown in another way: words of the question, the sentence that answers it. */
import { contentOf } from "../../../src/retrieve/answers/sentences.ts";
import { termsOf } from "../../../src/retrieve/lexical/analyse.ts";

export interface Marked {
  readonly text: string;
  /** Whether it is a word of the question. */
  readonly word: boolean;
  /** Whether it stands in the place that is marked. */
  readonly inside: boolean;
}

/**
 * A text in pieces, which together are the text: words that the question has too, in whatever form, and the place from
 * `start` to `end`.
 */
export function marked(text: string, question: string, { start, end }: { start: number; end: number }): Marked[] {
  const terms = contentOf(question);
  const pieces: Marked[] = [];
  const put = (from: number, to: number, word: boolean) => {
    const edges = [from, ...[start, end].filter((edge) => edge > from && edge < to), to];
    for (let i = 0; i + 1 < edges.length; i++) {
      const [begin, stop] = [edges[i]!, edges[i + 1]!];
      if (stop > begin) pieces.push({ text: text.slice(begin, stop), word, inside: begin >= start && stop <= end });
    }
  };
  let at = 0;
  for (const { index, 0: run } of text.matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
    if (!termsOf(run, "english").some((term) => terms.has(term))) continue;
    put(at, index, false);
    put(index, index + run.length, true);
    at = index + run.length;
  }
  put(at, text.length, false);
  return pieces;
}
