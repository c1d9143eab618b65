/**
 * What an answer rests on: for each of its sentences the sentence of the passages that says the same, and how far it
 * does. Support is the weighted share of the answer's words that stand there, so that it needs no model and can be
 * checked by eye; where there is an encoder, what says the same in other words counts, too.
 */
import { about, claimed as claimedBy, type Sense } from "./sense.ts";
import { contentOf, type Sentence, sentencesOf } from "./sentences.ts";

/** A passage as it was found; `text` is what stands from `start` to `end` of the document. */
export interface Passage {
  readonly document: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A sentence of a passage. */
export interface Source extends Sentence {
  /** Number of the passage, from 0. */
  readonly passage: number;
  readonly words: ReadonlySet<string>;
  /** Its own words, and those of the sentences beside it, which name what it is about. */
  readonly around: ReadonlySet<string>;
}

export interface Evidence {
  readonly sources: readonly Source[];
  /** How much a word tells: much where few sentences have it. */
  weight(word: string): number;
}

export interface Supported {
  readonly sentence: Sentence;
  /** 0 to 1. */
  readonly support: number;
  readonly source: Source | undefined;
  /** The weighted share of the question's words that stand in the source or beside it, 0 to 1. */
  readonly near: number;
}

/** The sentences of passages, made ready to be compared with. */
export function evidenceOf(passages: readonly Passage[]): Evidence {
  const counts = new Map<string, number>();
  const sources = passages.flatMap(({ text }, passage) => {
    const own = sentencesOf(text).map((sentence) => ({ ...sentence, passage, words: contentOf(sentence.text) }));
    for (const { words } of own) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    return own.map((one, i): Source => {
      const beside = [own[i - 1], own[i + 1]].flatMap((other) => (other ? [...other.words] : []));
      return { ...one, around: new Set([...one.words, ...beside]) };
    });
  });
  return { sources, weight: (word) => Math.log(1 + (sources.length + 1) / ((counts.get(word) ?? 0) + 0.5)) };
}

/** The weighted share of some words that are among others; 1 where there are none. */
export function shareOf(words: Iterable<string>, among: ReadonlySet<string>, weight: (word: string) => number): number {
  let [all, found] = [0, 0];
  for (const word of words) {
    const own = weight(word);
    all += own;
    if (among.has(word)) found += own;
  }
  return all === 0 ? 1 : found / all;
}

const numbers = (words: ReadonlySet<string>): string[] => [...words].filter((word) => /\p{N}/u.test(word));

/**
 * How far a source says what a sentence of an answer says. A number that does not stand there halves it: the same
 * words with another number are another claim.
 */
function supportBy(
  words: ReadonlySet<string>,
  { words: own, around }: Source,
  weight: Evidence["weight"],
  bySense: number,
): number {
  const share = Math.max(shareOf(words, own, weight), bySense);
  return numbers(words).every((number) => around.has(number)) ? share : share / 2;
}

/**
 * Each sentence of an answer with the source that supports it best; of equal ones the one that has most of the
 * question's words, then the earlier.
 */
export function supportOf(question: string, answer: string, { sources, weight }: Evidence, sense?: Sense): Supported[] {
  const asked = contentOf(question);
  return sentencesOf(answer).map((sentence, number) => {
    const words = contentOf(sentence.text);
    let best: { source: Source; support: number; near: number; place: number } | undefined;
    // A sentence of nothing but common words ("Yes.") claims what was asked.
    const claimed = words.size === 0 ? asked : words;
    for (const [place, source] of sources.entries()) {
      // Vectors of "Yes." say nothing.
      const bySense = sense && words.size > 0 ? claimedBy(sense, number, place) : 0;
      const support = supportBy(claimed, source, weight, bySense);
      const near = shareOf(asked, source.around, weight) + shareOf(asked, source.words, weight);
      if (!best || support > best.support + 1e-9 || (support > best.support - 1e-9 && near > best.near + 1e-9)) {
        best = { source, support, near, place };
      }
    }
    const byWords = best && asked.size > 0 ? shareOf(asked, best.source.around, weight) : 0;
    const near = best && sense ? Math.max(byWords, about(sense, best.place)) : byWords;
    return { sentence, support: best?.support ?? 0, source: best && best.support > 0 ? best.source : undefined, near };
  });
}

export interface Fitting {
  readonly source: Source;
  /** The weighted share of the question's words that it has or stands beside, 0 to 1. */
  readonly share: number;
}

/** The sentence that has most of the question's words, of equal ones the earlier; undefined where there are none. */
export function nearestTo(question: string, { sources, weight }: Evidence): Fitting | undefined {
  const asked = contentOf(question);
  if (asked.size === 0) return undefined;
  let best: (Fitting & { readonly order: number }) | undefined;
  for (const source of sources) {
    const [own, share] = [source.words, source.around].map((words) => shareOf(asked, words, weight)) as [
      number,
      number,
    ];
    // Passages come best first: the first ones count a little more.
    const order = own + share / 2 - source.passage / 20;
    if (!best || order > best.order + 1e-9) best = { source, share, order };
  }
  return best && { source: best.source, share: best.share };
}
