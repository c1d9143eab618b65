/** Summaries without a model: the first sentences of a text, or those that are most like all of it. For comparison. */
import { sentencesOf } from "../book/sentences.ts";
import { contentStems } from "../trace/stems.ts";
import type { Writer } from "./writer.ts";

export const ruleNames = ["lead", "extractive"] as const;
export type RuleName = (typeof ruleNames)[number];

/** A usual tokenizer's, of English. */
const charactersPerToken = 4.2;

export const approximateTokens = (text: string): number => Math.ceil(text.length / charactersPerToken);

/** Where tokens would begin if all were of the same length. */
export const approximateStarts = (text: string): number[] =>
  Array.from({ length: approximateTokens(text) }, (_, i) => Math.floor(i * charactersPerToken));

/** Cosine of each sentence with the sum of all, stems weighted by how few sentences have them. */
function centrality(sentences: readonly string[]): number[] {
  const bags = sentences.map((sentence) => new Set(contentStems(sentence)));
  const counts = new Map<string, number>();
  for (const bag of bags) for (const stem of bag) counts.set(stem, (counts.get(stem) ?? 0) + 1);
  const weight = (stem: string) => Math.log((bags.length + 1) / (counts.get(stem)! + 0.5));
  return bags.map((bag) => {
    let [dot, norm] = [0, 0];
    for (const stem of bag) {
      dot += weight(stem) ** 2 * counts.get(stem)!;
      norm += weight(stem) ** 2;
    }
    return norm === 0 ? 0 : dot / Math.sqrt(norm);
  });
}

const ended = /[.!?…。！？]["'”’»)\]_*」』]*$/u;

/** Whole sentences of a text in its order, within so many tokens. */
export function extract(text: string, limit: number, rule: RuleName): string {
  // In the input blank lines are between paragraphs or summaries; single ones may be those of a wrapped text.
  const all = sentencesOf(text).map(({ start, end }) => text.slice(start, end).replace(/\s+/g, " "));
  const whole = all.filter((sentence) => ended.test(sentence));
  const sentences = whole.length > 0 ? whole : all;
  const scores = rule === "lead" ? sentences.map((_, i) => -i) : centrality(sentences);
  const order = sentences.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
  const taken: number[] = [];
  let room = limit;
  for (const i of order) {
    const tokens = approximateTokens(`${sentences[i]!} `);
    if (taken.some((other) => sentences[other] === sentences[i])) continue;
    if (tokens > room) {
      if (rule === "lead" && taken.length > 0) break;
      continue;
    }
    taken.push(i);
    room -= tokens;
  }
  // One sentence that is too long alone: its beginning.
  if (taken.length === 0)
    return (sentences[0] ?? "").slice(0, Math.floor(limit * charactersPerToken)).replace(/\s\S*$/, "");
  return taken
    .sort((a, b) => a - b)
    .map((i) => sentences[i]!)
    .join(" ");
}

/** A writer that follows a rule: what it writes is copied from its text. */
export function ruleWriter(rule: RuleName): Writer {
  return {
    identity: { kind: "rule", rule, version: 1 },
    ...{ name: rule, style: "plain", window: 1_000_000, encoderDecoder: true, concurrency: 4, asksOnce: true },
    count: approximateTokens,
    starts: approximateStarts,
    promptTokens: ({ text }) => approximateTokens(text),
    async write({ text }, { limit }) {
      const answer = extract(text, limit, rule);
      return { text: answer, cut: false, inTokens: approximateTokens(text), outTokens: approximateTokens(answer) };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
