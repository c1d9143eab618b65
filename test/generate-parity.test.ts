/** Greedy and beam sequences of tiny random T5s against transformers (parity/t5.py). */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encoderDecoderModel } from "../src/models/kinds/encoder-decoder.ts";
import { compile } from "../src/runtime/compile-node.ts";
import { fixtures, readJson } from "./support/fixtures.ts";
import { generated, groupings, type Run } from "./support/generate.ts";
import { readFixture } from "./support/models/models.ts";

interface Expected {
  generation: { inputs: number[][]; max_new_tokens: number };
  runs: Run[];
}

const cases = readdirSync(join(fixtures, "t5"));

describe.each(cases)("%s", (name) => {
  const { architecture, weights } = readFixture(`t5/${name}`, "encoder-decoder");
  const { generation, runs } = readJson<Expected>(`t5/${name}`, "expected.json");

  test.each(groupings(generation.inputs))("every recorded run, %s", async (_, groups) => {
    await using model = encoderDecoderModel(architecture, (graph) => compile(graph, { weights, threads: 1 }));
    for (const { name: run, params, tokens, scores } of runs) {
      const got: number[][] = [];
      const found: number[] = [];
      for (const prompts of groups) {
        const one = await generated(model, prompts, params, generation.max_new_tokens);
        got.push(...one.tokens);
        found.push(...one.scores);
      }
      expect(got, run).toEqual(tokens);
      scores?.forEach((score, i) => {
        expect(found[i], run).toBeCloseTo(score, 4);
      });
    }
  });
});
