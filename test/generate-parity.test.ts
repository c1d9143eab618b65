/** Greedy and beam sequences of tiny random T5s against transformers (parity/t5.py). */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encoderDecoderModel } from "../src/models/kinds/encoder-decoder.ts";
import { compile } from "../src/runtime/compile-node.ts";
import { beamSearch } from "../src/text/beam.ts";
import { generateTokens } from "../src/text/greedy.ts";
import { settingsOf } from "../src/text/options.ts";
import { fixtures, readJson } from "./support/fixtures.ts";
import { readFixture } from "./support/models.ts";

interface Run {
  name: string;
  params: {
    num_beams?: number;
    length_penalty?: number;
    early_stopping?: boolean;
    min_new_tokens?: number;
    repetition_penalty?: number;
    num_return_sequences?: number;
  };
  tokens: number[][];
  scores?: number[];
}

interface Expected {
  generation: { inputs: number[][]; max_new_tokens: number };
  runs: Run[];
}

const cases = readdirSync(join(fixtures, "t5"));

describe.each(cases)("%s", (name) => {
  const { architecture, weights } = readFixture(`t5/${name}`, "encoder-decoder");
  const { generation, runs } = readJson<Expected>(`t5/${name}`, "expected.json");

  test.each(["batched", "alone"])("every recorded run, %s", async (how) => {
    await using model = encoderDecoderModel(architecture, (graph) => compile(graph, { weights, threads: 1 }));
    const groups = how === "batched" ? [generation.inputs] : generation.inputs.map((prompt) => [prompt]);
    for (const { name: run, params, tokens, scores } of runs) {
      const settings = settingsOf({
        maxNewTokens: generation.max_new_tokens,
        minNewTokens: params.min_new_tokens ?? 0,
        numBeams: params.num_beams ?? 1,
        lengthPenalty: params.length_penalty ?? 1,
        earlyStopping: params.early_stopping ?? false,
        repetitionPenalty: params.repetition_penalty ?? 1,
      });
      const got: number[][] = [];
      const found: number[] = [];
      for (const prompts of groups) {
        const reading = await model.read(prompts);
        if (settings.numBeams > 1) {
          for (const beams of await beamSearch(model, reading, settings)) {
            for (const beam of beams.slice(0, params.num_return_sequences ?? 1)) {
              got.push([...beam.tokens]);
              found.push(beam.score);
            }
          }
        } else {
          const rows = prompts.map((): number[] => []);
          await generateTokens(model, reading, [...rows.keys()], settings, (row, token) => rows[row]!.push(token) > 0);
          got.push(...rows);
        }
      }
      expect(got, run).toEqual(tokens);
      scores?.forEach((score, i) => {
        expect(found[i], run).toBeCloseTo(score, 4);
      });
    }
  });
});
