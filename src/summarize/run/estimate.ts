/** What a run will take, before it begins: the real tree, with answers of usual lengths. */

import type { Tree } from "../book/tree.ts";
import type { Writer } from "../writers/writer.ts";
import { contextsOf, inputOf, type Pass } from "./schedule.ts";
import { limitAt, roomAt, type Settings } from "./settings.ts";

export interface HeightEstimate {
  readonly height: number;
  readonly nodes: number;
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Estimate {
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly heights: readonly HeightEstimate[];
}

/** Share of its limit that an answer usually has: 100, 150 and 250 of 128, 192 and 384 tokens. */
const usualShare = [0.78, 0.78, 0.65] as const;

export const usualAnswer = (settings: Settings, height: number): number =>
  Math.round(limitAt(settings.limits, height) * usualShare[Math.min(height, 2)]!);

export function estimateOf(text: string, tree: Tree, settings: Settings, writer: Writer): Estimate {
  const { draws = 1 } = writer;
  const passes: readonly Pass[] = settings.context === "two-pass" ? [1, 2] : [2];
  const contexts = contextsOf(tree, settings.context);
  const rows = new Map<number, { nodes: number; calls: number; inputTokens: number; outputTokens: number }>();
  const frames = new Map<boolean, number>();
  const frame = (composed: boolean) => {
    const known =
      frames.get(composed) ??
      writer.promptTokens({ text: "", context: [], composed, words: 100, question: settings.question });
    frames.set(composed, known);
    return known;
  };
  for (const node of tree.nodes) {
    const row = rows.get(node.height) ?? { nodes: 0, calls: 0, inputTokens: 0, outputTokens: 0 };
    rows.set(node.height, row);
    row.nodes++;
    const own =
      node.height === 0
        ? writer.count(inputOf(node, text, () => undefined)!)
        : node.children.reduce((sum, id) => sum + usualAnswer(settings, tree.byId.get(id)!.height) + 2, 0);
    for (const pass of passes) {
      // The first leaf has nothing before it in either pass: its answer is the same.
      if (pass === 2 && passes.length > 1 && node.height === 0 && contexts(node, pass).length === 0) continue;
      const earlier = contexts(node, pass).reduce((sum, one) => sum + usualAnswer(settings, one.height) + 2, 0);
      row.calls++;
      const before = Math.max(0, Math.min(earlier, roomAt(writer, settings, node.height) - own));
      row.inputTokens += draws * (own + frame(node.height > 0) + before);
      row.outputTokens += draws * usualAnswer(settings, node.height);
    }
  }
  const heights = [...rows].sort(([a], [b]) => a - b).map(([height, row]) => ({ height, ...row }));
  const sum = (of: (row: HeightEstimate) => number) => heights.reduce((total, row) => total + of(row), 0);
  return {
    calls: sum((row) => row.calls),
    inputTokens: sum((row) => row.inputTokens),
    outputTokens: sum((row) => row.outputTokens),
    heights,
  };
}

/** Dollars for a million tokens of prompts, and of answers. */
export interface Price {
  readonly input: number;
  readonly output: number;
}

export const costOf = (inTokens: number, outTokens: number, price: Price): number =>
  (inTokens * price.input + outTokens * price.output) / 1e6;
