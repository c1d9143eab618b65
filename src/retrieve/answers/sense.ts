/**
 * Support by sense: where an encoder is given, a sentence that says the same in other words is supported, too. What a
 * cosine means differs between encoders (of some, any two sentences have 0.8): it is counted from the mean cosine of the
 * passages' own sentences, and put on the scale of the shares of words, so that one threshold holds for both.
 */
import { throwIfAborted, ZerothError } from "../../errors.ts";
import { sentencesOf } from "./sentences.ts";

/** Vectors of an answer's sentences, of the passages' sentences, and of the question, each of length 1. */
export interface Sense {
  /** Mean cosine of different sentences of the passages. */
  readonly usual: number;
  readonly answer: readonly Float32Array[];
  readonly sources: readonly Float32Array[];
  readonly question: Float32Array;
}

/** Half of the way from the usual cosine to that of the same sentence counts as much as 60 % of the words. */
const claimScale = 0.6 / 0.5;
/** Other words are never as sure as the same ones. */
const mostClaimed = 0.8;

/** Vectors of texts, as an index has them. */
export type Embed = (texts: readonly string[]) => Promise<readonly (Float32Array | ZerothError)[]>;

const unit = (vector: Float32Array): Float32Array => {
  const norm = Math.max(1e-12, Math.hypot(...vector));
  return vector.map((value) => value / norm);
};
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** @returns undefined where a sentence has no vector, for one because it is too long: words decide then */
export async function senseOf(
  question: string,
  answer: string,
  passages: readonly { readonly text: string }[],
  embed: Embed,
  signal?: AbortSignal,
): Promise<Sense | undefined> {
  const own = sentencesOf(answer);
  const sources = passages.flatMap(({ text }) => sentencesOf(text));
  let vectors: Awaited<ReturnType<Embed>>;
  try {
    vectors = await embed([...own.map(({ text }) => text), ...sources.map(({ text }) => text), question]);
  } catch (error) {
    if (error instanceof ZerothError && error.code === "too_long") return undefined;
    throw error;
  }
  throwIfAborted(signal);
  const units: Float32Array[] = [];
  for (const vector of vectors) {
    if (vector instanceof ZerothError) return undefined;
    units.push(unit(vector));
  }
  const [ofAnswer, ofSources] = [units.slice(0, own.length), units.slice(own.length, -1)];
  if (ofSources.length < 2) return undefined;
  let [sum, pairs] = [0, 0];
  for (const [i, a] of ofSources.entries()) {
    for (const b of ofSources.slice(i + 1)) {
      sum += dot(a, b);
      pairs++;
    }
  }
  return {
    answer: ofAnswer,
    sources: ofSources,
    question: units.at(-1)!,
    usual: Math.min(0.99, Math.max(0, sum / pairs)),
  };
}

/** How far a source says what a sentence of the answer says, 0 to 0.8. */
export function claimed({ answer, sources, usual }: Sense, sentence: number, source: number): number {
  const way = (dot(answer[sentence]!, sources[source]!) - usual) / (1 - usual);
  return Math.min(mostClaimed, Math.max(0, way * claimScale));
}

/** How far a source is about the question, 0 to 1: half where it is as near to it as the passages' sentences to each other. */
export function about({ question, sources, usual }: Sense, source: number): number {
  const cosine = dot(question, sources[source]!);
  return cosine <= 0 ? 0 : Math.min(1, (0.5 * cosine) / Math.max(usual, 0.1));
}
