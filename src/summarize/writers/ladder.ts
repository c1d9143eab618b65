/** What is wrong with a generated summary, and what is left of one that ran over its limit. */
import { fragmentTokens } from "../../text/metrics/fragments.ts";
import { countsOf, ngrams } from "../../text/metrics/rouge.ts";
import { sentencesOf } from "../book/sentences.ts";

/** Words for people, and the order in which an answer with one is worse than with another. */
export const faultKinds = ["empty", "refusal", "repeats", "frame", "longer than its input", "no sentence end"] as const;
export type Fault = (typeof faultKinds)[number];

const refusals =
  /^\W*(?:i(?:'m| am)? (?:sorry|can(?:no|')t|unable|apologi[sz]e)|sorry\b|as an ai\b|i do(?: not|n't) have (?:access|enough))/i;
/** Quotes and brackets may close behind the end. */
const ended = /[.!?…。！？]["'”’»)\]_*」』]*$/u;
const mostRepeated = 0.3;
const mostOfFrame = 0.6;
/** Fewer four-word runs than these say nothing about repetition. */
const leastRuns = 8;

/** Share of four-word runs that came before. */
export function repeatedShare(words: readonly string[]): number {
  const runs = ngrams(words, 4);
  return runs.length === 0 ? 0 : 1 - countsOf(runs).size / runs.length;
}

/** Share of its words that stand in three-word runs of the prompt's own wording. */
function frameShare(words: readonly string[], frame: readonly string[]): number {
  const known = new Set(ngrams(frame, 3));
  const covered = new Set<number>();
  ngrams(words, 3).forEach((run, at) => {
    if (known.has(run)) for (const i of [0, 1, 2]) covered.add(at + i);
  });
  return words.length === 0 ? 0 : covered.size / words.length;
}

/**
 * @param frame what the prompt says besides the text that is summarised
 */
export function faultsOf(
  answer: string,
  { input, frame }: { readonly input: string; readonly frame: string },
): Fault[] {
  const words = fragmentTokens(answer);
  if (!/[\p{L}\p{N}]/u.test(answer)) return ["empty"];
  const found: Fault[] = [];
  if (refusals.test(answer)) found.push("refusal");
  if (words.length >= leastRuns && repeatedShare(words) > mostRepeated) found.push("repeats");
  if (frameShare(words, fragmentTokens(frame)) > mostOfFrame) found.push("frame");
  if (answer.length > input.length) found.push("longer than its input");
  if (!ended.test(answer.trimEnd())) found.push("no sentence end");
  return found;
}

/** The lesser, the better: the worst fault decides, then how many there are. */
export const badness = (faults: readonly Fault[]): number =>
  faults.reduce((sum, fault) => sum + 2 ** (faultKinds.length - faultKinds.indexOf(fault)), 0);

/** Whole sentences of a text that was cut off; the text as it is where it has none. */
export function wholeSentences(text: string): string {
  const spans = sentencesOf(text, { start: 0, end: text.length }, { lines: true });
  const last = spans.findLast(({ start, end }) => ended.test(text.slice(start, end)));
  return last ? text.slice(0, last.end) : text;
}
