/** An item without a model: the sentences of the abstract that say most of it. */
import type { Sentence } from "../document.ts";
import { sentencesOf } from "../papers/sentences.ts";
import { dot, tfidf } from "../select/tfidf.ts";
import { functionWords } from "../select/words.ts";

/** What authors write where they say what is new. */
const contribution =
  /\b(?:we|this (?:paper|work|article)|our)\b.{0,60}\b(?:propose|introduce|present|show|develop|describe|demonstrate|find|release|study|investigate|explore|achieve|report|argue|provide|design|build|train|evaluate|create|address|improve|outperform|explain|analyze|analyse)/i;
const shortest = 30;

export interface Extracted {
  readonly why: Sentence;
  readonly insights: Sentence[];
}

/**
 * *Why* is the sentence nearest to the title among those that claim a contribution; the insights come next by what they
 * add (maximal marginal relevance).
 */
export function extract(title: string, source: string, insights = 3): Extracted {
  const sentences = sentencesOf(source);
  const asSentence = ({ text, start, end }: (typeof sentences)[number]): Sentence => ({
    text,
    by: "extract",
    spans: [{ start, end }],
  });
  if (sentences.length === 0) return { why: { text: title, by: "extract", spans: [] }, insights: [] };
  const { rows } = tfidf([title, source, ...sentences.map(({ text }) => text)], { minDf: 1, without: functionWords });
  const [head, whole, ...own] = rows;
  const places = sentences.map((_, i) => i);
  const long = places.filter((i) => sentences[i]!.text.length >= shortest);
  const pool = long.length > 0 ? long : places;
  const claims = pool.filter((i) => contribution.test(sentences[i]!.text));
  const best = (among: readonly number[], worth: (i: number) => number): number =>
    among.reduce((a, b) => (worth(b) > worth(a) + 1e-12 ? b : a));
  const why = best(claims.length > 0 ? claims : pool, (i) => dot(own[i]!, head!));
  const chosen = [why];
  const open = pool.filter((i) => i !== why);
  while (chosen.length <= insights && open.length > 0) {
    const worth = (i: number): number =>
      0.7 *
        (dot(own[i]!, whole!) + (contribution.test(sentences[i]!.text) || /\d/.test(sentences[i]!.text) ? 0.15 : 0)) -
      0.3 * Math.max(...chosen.map((other) => dot(own[i]!, own[other]!)));
    const next = best(open, worth);
    chosen.push(next);
    open.splice(open.indexOf(next), 1);
  }
  const [, ...rest] = chosen;
  return {
    why: asSentence(sentences[why]!),
    insights: rest.sort((a, b) => a - b).map((i) => asSentence(sentences[i]!)),
  };
}
