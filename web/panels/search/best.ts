/** What of the passages answers a question: their own sentences, by the library's rule. */
import { type CitedAnswer, extractAnswer } from "../../../src/retrieve/answers/answer.ts";
import { evidenceOf, nearestTo } from "../../../src/retrieve/answers/support.ts";
import type { Passage } from "../../client/search.ts";

/** The sentence that fits best, or that the passages do not answer. */
export const answerOf = (asked: string, passages: readonly Passage[]): CitedAnswer => extractAnswer(asked, passages);

/** The place of a passage's sentence that fits best, in its document. */
export function bestIn(asked: string, passage: Passage): { readonly start: number; readonly end: number } | undefined {
  const found = nearestTo(asked, evidenceOf([passage]))?.source;
  return found && { start: passage.start + found.start, end: passage.start + found.end };
}
