/** The stretch of a passage that answers a question; a passage longer than the model reads is read in windows. */
import { fail, ZerothError } from "../../errors.ts";
import type { EncodedText } from "../../models/kinds/encoder.ts";
import type { Encoded } from "../../tokenizers/tokenizer.ts";
import { attempt } from "../jobs.ts";
import { type EncodeJob, type Reader, type Scores, scoreAll } from "./reader.ts";

export interface Question {
  readonly question: string;
  readonly context: string;
}

export interface FoundAnswer {
  /** Empty where the passage holds no answer. */
  readonly text: string;
  /** Place in the passage, UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** Sum of the two places' scores. */
  readonly score: number;
  /** The same sum at the first token of all, by which a head of SQuAD 2 says that there is no answer. */
  readonly noAnswer: number;
}

export interface AnswerOptions extends EncodeJob {
  /** Tokens of the longest answer. Default 30. */
  readonly mostTokens?: number;
  /** The passage may lack the answer (a head of SQuAD 2): where that is likelier, the answer is empty. Default false. */
  readonly unanswerable?: boolean;
}

/** Tokens that two windows share, at most. */
export const usualOverlap = 128;

export interface Window extends EncodedText {
  /** The first passage token's place in the row, and its number in the passage. */
  readonly at: number;
  readonly from: number;
  readonly count: number;
}

/**
 * The row of question and passage as rows that the model can read, each with a part of the passage.
 * @throws bad_input for an empty passage; too_long for a question that leaves no room
 */
export function windowsOf({ ids, typeIds, sequences }: Encoded, longest: number, overlap = usualOverlap): Window[] {
  const at = sequences.indexOf(1);
  if (at < 0) fail("bad_input", "the passage is empty: there is nothing to find an answer in");
  const behind = sequences.lastIndexOf(1) + 1;
  const total = behind - at;
  const room = longest - (ids.length - total);
  if (room < 1) {
    fail(
      "too_long",
      `the question has ${sequences.filter((one) => one === 0).length} tokens, the model reads ${longest}`,
      {
        hint: "ask a shorter question: the passage needs room beside it",
      },
    );
  }
  const step = room - Math.min(overlap, room >> 1);
  const windows: Window[] = [];
  for (let from = 0; from === 0 || from + room - step < total; from += step) {
    const count = Math.min(room, total - from);
    const part = <T>(list: readonly T[]): T[] => [
      ...list.slice(0, at),
      ...list.slice(at + from, at + from + count),
      ...list.slice(behind),
    ];
    windows.push({ ids: part(ids), types: part(typeIds), at, from, count });
  }
  return windows;
}

/** The best stretch of one window: its score, and its first and last token in the passage. */
function bestOf(scores: Scores, { at, from, count }: Window, mostTokens: number) {
  let best = { score: -Infinity, first: 0, last: 0 };
  for (let i = 0; i < count; i++) {
    const begin = scores[at + i]![0]!;
    for (let j = i; j < Math.min(i + mostTokens, count); j++) {
      const score = begin + scores[at + j]![1]!;
      if (score > best.score) best = { score, first: from + i, last: from + j };
    }
  }
  return best;
}

/** The answer in a passage that was read in these windows, from the scores of each. */
export function answerIn(
  context: string,
  { offsets, sequences }: Pick<Encoded, "offsets" | "sequences">,
  windows: readonly Window[],
  rows: readonly Scores[],
  { mostTokens = 30, unanswerable = false }: Pick<AnswerOptions, "mostTokens" | "unanswerable"> = {},
): FoundAnswer {
  const answers = rows.map((scores, w) => bestOf(scores, windows[w]!, mostTokens));
  const best = answers.reduce((a, b) => (b.score > a.score ? b : a));
  // Every window would have to say that there is none: the one that is least sure of it counts.
  const noAnswer = Math.min(...rows.map(([first]) => first![0]! + first![1]!));
  if (unanswerable && noAnswer > best.score) return { text: "", start: 0, end: 0, score: noAnswer, noAnswer };
  const places = offsets.slice(sequences.indexOf(1));
  let [start, end] = [places[best.first]![0], places[best.last]![1]];
  while (start < end && /\s/.test(context[start]!)) start++;
  while (end > start && /\s/.test(context[end - 1]!)) end--;
  return { text: context.slice(start, end), start, end, score: best.score, noAnswer };
}

export function answerer(reader: Reader) {
  return async (
    questions: readonly Question[],
    { mostTokens = 30, unanswerable = false, ...options }: AnswerOptions = {},
  ): Promise<(FoundAnswer | ZerothError)[]> => {
    const read = questions.map(({ question, context }) =>
      attempt(() => {
        const encoded = reader.tokenizer.encode(question, { pair: context });
        return { encoded, windows: windowsOf(encoded, reader.longest) };
      }),
    );
    const found = await scoreAll(
      read.map((one) => (one instanceof ZerothError ? one : one.windows)),
      options,
      reader.scores,
    );
    return questions.map(({ context }, q) => {
      const [one, rows] = [read[q]!, found[q]!];
      if (one instanceof ZerothError) return one;
      if (rows instanceof ZerothError) return rows;
      return answerIn(context, one.encoded, one.windows, rows, { mostTokens, unanswerable });
    });
  };
}
