/** What there is to say of a summary in numbers, with its length beside every one of them. */
import { copiedShares, fragmentTokens } from "../../text/metrics/fragments.ts";
import { type RougeScore, rougeBest, rougeKinds } from "../../text/metrics/rouge.ts";
import { sentencesOf } from "../book/sentences.ts";
import type { ComparedRun } from "../choose/choices.ts";
import { inputOf } from "../run/schedule.ts";
import type { Provenance } from "../trace/provenance.ts";
import { answerable, type Question } from "./answerable.ts";
import { booookScore } from "./booook.ts";
import { type Ask, answerFrom } from "./questions.ts";

export interface EvaluateOptions {
  readonly references?: readonly string[] | undefined;
  readonly questions?: readonly Question[] | undefined;
  /** Answers questions from the summary. */
  readonly reader?: Ask | undefined;
  /** Names what is incoherent. */
  readonly judge?: Ask | undefined;
  /** Depths whose nodes' summaries are joined and looked at; 0 is the root. */
  readonly depths: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

export interface DepthScores {
  readonly depth: number;
  readonly nodes: number;
  readonly words: number;
  readonly sentences: number;
  /** Share of its sentences that can be traced to the book. */
  readonly supported: number;
  /** Against the nodes' own inputs, weighted by the words of each. */
  readonly coverage: number;
  readonly density: number;
  readonly compression: number;
  readonly rouge?: Readonly<Record<string, RougeScore>> | undefined;
  readonly answerable?: number | undefined;
  readonly answers?: { readonly n: number; readonly rougeL: number; readonly f1: number } | undefined;
  readonly booook?: { readonly score: number | null; readonly unread: number } | undefined;
}

const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / Math.max(1, list.length);

/** ROUGE-Lsum takes lines as sentences: every sentence of the text becomes one. */
const inLines = (text: string): string =>
  sentencesOf(text, { start: 0, end: text.length }, { lines: true })
    .map(({ start, end }) => text.slice(start, end).replace(/\s+/g, " "))
    .join("\n");

/** Scores of a run's summaries at each depth; those that no node has are left out. */
export async function evaluateRun(
  run: ComparedRun,
  provenance: Provenance,
  { references = [], questions = [], reader, judge, depths, signal }: EvaluateOptions,
): Promise<DepthScores[]> {
  const { tree, known, book } = run;
  const found: DepthScores[] = [];
  for (const depth of depths) {
    const nodes = tree.nodes
      .filter((node) => node.depth === depth && known.get(node.id)?.text !== undefined)
      .sort((a, b) => a.span.start - b.span.start);
    if (nodes.length === 0) continue;
    const texts = nodes.map(({ id }) => known.get(id)!.text);
    const whole = texts.filter((text) => text !== "").join("\n\n");
    const copied = nodes.map((node, i) => {
      const words = fragmentTokens(texts[i]!);
      const input = inputOf(node, book.text, (id) => known.get(id)?.text) ?? "";
      return { weight: words.length, ...copiedShares(words, fragmentTokens(input)) };
    });
    const weight = Math.max(
      1,
      copied.reduce((sum, one) => sum + one.weight, 0),
    );
    const weighted = (of: "coverage" | "density" | "compression") =>
      copied.reduce((sum, one) => sum + one.weight * one[of], 0) / weight;
    const sentences = nodes.flatMap(({ id }) =>
      provenance.sentences(id).map((_, i) => provenance.sources(id, i).length),
    );
    const lines = inLines(whole);
    const answers = reader && questions.length > 0 ? await answerFrom(whole, questions, reader, signal) : undefined;
    const judged = judge ? await booookScore(whole, judge, signal) : undefined;
    found.push({
      ...{ depth, nodes: nodes.length, words: whole.split(/\s+/).filter(Boolean).length, sentences: sentences.length },
      supported: sentences.filter((count) => count > 0).length / Math.max(1, sentences.length),
      ...{ coverage: weighted("coverage"), density: weighted("density"), compression: weighted("compression") },
      ...(references.length > 0 && {
        rouge: rougeBest(lines, references.map(inLines), rougeKinds, { stem: true }),
      }),
      ...(questions.length > 0 && { answerable: answerable(whole, questions) }),
      ...(answers && {
        answers: {
          n: answers.length,
          rougeL: mean(answers.map(({ rougeL }) => rougeL)),
          f1: mean(answers.map(({ f1 }) => f1)),
        },
      }),
      ...(judged && { booook: { score: judged.score ?? null, unread: judged.unread } }),
    });
  }
  return found;
}
