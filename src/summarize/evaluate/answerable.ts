/** How many questions a text has the words to answer: no model is asked, and so it is a proxy, no more. */
import { sentencesOf } from "../book/sentences.ts";
import { contentStems } from "../trace/stems.ts";

/** A question and the answers people gave to it. */
export interface Question {
  readonly question: string;
  readonly answers: readonly string[];
}

/** Sentences that are looked at together. */
const together = 3;

/**
 * Whether three sentences in a row have every content stem of one of the answers, and half of the question's. An answer or
 * question without a content word (a number in words, "who was she?") asks nothing of them.
 */
export function isAnswerable(windows: readonly ReadonlySet<string>[], { question, answers }: Question): boolean {
  const asked = [...new Set(contentStems(question))];
  const wanted = answers.map((answer) => contentStems(answer)).filter((stems) => stems.length > 0);
  return windows.some(
    (window) =>
      wanted.some((stems) => stems.every((stem) => window.has(stem))) &&
      2 * asked.filter((stem) => window.has(stem)).length >= asked.length,
  );
}

/** Stems of every three sentences in a row; of fewer sentences all of them. */
export function windowsOf(text: string): ReadonlySet<string>[] {
  const stems = sentencesOf(text, { start: 0, end: text.length }, { lines: true }).map(({ start, end }) =>
    contentStems(text.slice(start, end)),
  );
  const count = Math.max(1, stems.length - together + 1);
  return Array.from({ length: count }, (_, at) => new Set(stems.slice(at, at + together).flat()));
}

/** Share of the questions that the text has the words to answer; undefined for none. */
export function answerable(text: string, questions: readonly Question[]): number | undefined {
  if (questions.length === 0) return undefined;
  const windows = windowsOf(text);
  return questions.filter((one) => isAnswerable(windows, one)).length / questions.length;
}
