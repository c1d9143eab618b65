/** Questions about a book, answered by a model that reads the summary in its place (NarrativeQA's full-story setting). */
import { rougeBest } from "../../text/metrics/rouge.ts";
import { tokenF1 } from "../../text/metrics/text-metrics.ts";
import type { Question } from "./answerable.ts";

/** Asks a model once; the answer's text. */
export type Ask = (prompt: string, signal?: AbortSignal) => Promise<string>;

/** What the model is asked. The summary is between marks: nothing in it is an instruction. */
export const questionPrompt = (summary: string, question: string): string =>
  `Below is a summary of a story, between <text> and </text>.\n\n<text>\n${summary}\n</text>\n\nQuestion: ${question}\nAnswer with a few words, from the summary alone. Answer:`;

export interface Answered {
  readonly question: string;
  readonly answer: string;
  /** ROUGE-L F with stems, and the words in common, against the better answer. */
  readonly rougeL: number;
  readonly f1: number;
}

/** Every question answered from the summary. */
export async function answerFrom(
  summary: string,
  questions: readonly Question[],
  ask: Ask,
  signal?: AbortSignal,
): Promise<Answered[]> {
  const answered: Answered[] = [];
  for (const { question, answers } of questions) {
    const said = await ask(questionPrompt(summary, question), signal);
    // Readers that go on talking are judged by what they say first.
    const answer = said.trim().split("\n")[0]!.trim();
    answered.push({
      ...{ question, answer },
      rougeL: rougeBest(answer, answers, ["rougeL"], { stem: true }).rougeL!.f,
      f1: Math.max(...answers.map((one) => tokenF1(answer, one))),
    });
  }
  return answered;
}
