/** Rank classification against published numbers and against transformers, one forward pass a choice (parity/rank.py). */
import { join } from "node:path";
import { expect, test } from "vitest";
import { encoderDecoderModel } from "../src/models/kinds/encoder-decoder.ts";
import { compile } from "../src/runtime/compile-node.ts";
import { textModel } from "../src/text/model.ts";
import { evaluate } from "../src/zeroshot/evaluate-node.ts";
import { bestOf, normalized } from "../src/zeroshot/ranking.ts";
import { bytes } from "./support/fake-text.ts";
import { fixtures, readJson } from "./support/fixtures.ts";
import { readFixture } from "./support/models/models.ts";

test("case A of the specification: scores of three choices, and what each normalisation picks", async () => {
  const { architecture, weights } = readFixture("t5/spec-a", "encoder-decoder");
  const model = encoderDecoderModel(architecture, (graph) => compile(graph, { weights, threads: 1 }));
  await using text = textModel({ model, tokenizer: bytes });
  const choices = [
    [4, 6, 1],
    [12, 1],
    [8, 9, 10, 1],
  ];
  const rows = [
    { prompt: [5, 7, 11, 13, 2, 3, 1], choices },
    { prompt: [9, 8, 6, 1], choices },
  ];
  const published = [
    [-11.2549, -10.52192, -14.51071],
    [-11.3497, -10.71406, -14.21303],
  ];
  const scored = await text.scoreAll(rows);
  for (const [i, result] of scored.entries()) {
    if (result instanceof Error) throw result;
    result.scores.forEach((score, c) => {
      expect(score).toBeCloseTo(published[i]![c]!, 4);
    });
    const { scores: sums, lengths: tokens } = result;
    const ranked = [{ choices: ["a", "b", "c"], gold: 0, sums, tokens }];
    expect(bestOf(normalized(ranked, "sum")[0]!)).toBe(1);
    expect(bestOf(normalized(ranked, "tokens")[0]!)).toBe(2);
  }
});

interface Case {
  task: string;
  template: string;
  accuracy: number;
  examples: { row: number; scores: number[]; gold: number; best: number }[];
}
const expected = readJson<Case[]>("rank", "expected.json");
const rows = readJson<Record<string, Record<string, unknown>[]>>("templates", "rows.json");

test.each([...new Set(expected.map(({ task }) => task))])("%s under every template", async (task) => {
  const result = await evaluate({
    model: join(fixtures, "rank"),
    task,
    data: rows[task]!,
    templates: "all",
    cache: false,
  });
  const cases = expected.filter((one) => one.task === task);
  expect(result.templates.map(({ template }) => template).sort()).toEqual(cases.map(({ template }) => template).sort());
  for (const { template, accuracy, examples } of cases) {
    const found = result.templates.find((one) => one.template === template)!;
    expect(found.value).toBe(accuracy);
    expect(found.skipped).toBe(rows[task]!.length - examples.length);
    found.ranked!.results.forEach(({ index, sums, gold, predicted }, i) => {
      expect({ row: index, gold, best: predicted }).toMatchObject({
        row: examples[i]!.row,
        gold: examples[i]!.gold,
        best: examples[i]!.best,
      });
      sums.forEach((sum, c) => {
        expect(Math.abs(sum - examples[i]!.scores[c]!), `${template}, row ${index}`).toBeLessThan(1e-4);
      });
    });
  }
});
