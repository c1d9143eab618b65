/** What generation_config.json and config.json say of begin and end, against transformers (parity/generation.py). */
import { expect, test } from "vitest";
import type { JsonObject } from "../src/base/json.ts";
import { readModel } from "../src/models/families.ts";
import { decoderModel } from "../src/models/kinds/decoder.ts";
import { encoderDecoderModel } from "../src/models/kinds/encoder-decoder.ts";
import type { Compile } from "../src/models/kinds/programs.ts";
import { compile } from "../src/runtime/compile-node.ts";
import { withGenerationConfig } from "../src/text/generation-config.ts";
import { readJson, readWeights } from "./support/fixtures.ts";
import { generated, groupings, type RunParams } from "./support/generate.ts";

interface Case {
  folder: string;
  config: JsonObject;
  file: JsonObject | null;
  prompts: number[][];
  runs: { params: RunParams; tokens: number[][] }[];
}

const { cases, max_new_tokens } = readJson<{ cases: Case[]; max_new_tokens: number }>("generation.json");

test.each(cases.map((one) => [one.folder, JSON.stringify(one.config), JSON.stringify(one.file), one] as const))(
  "%s, config.json with %s, generation_config.json %s",
  async (folder, _, __, one) => {
    const config = { ...readJson<JsonObject>(folder, "config.json"), ...one.config };
    const { architecture, weights } = readModel(config, readWeights(folder), folder);
    if (architecture.kind !== "decoder" && architecture.kind !== "encoder-decoder") throw new Error(folder);
    const read = withGenerationConfig(architecture, config, one.file ?? undefined);
    const here: Compile = (g) => compile(g, { weights, threads: 1 });
    await using model =
      read.architecture.kind === "decoder"
        ? decoderModel(read.architecture, here)
        : encoderDecoderModel(read.architecture, here);
    for (const { params, tokens } of one.runs) {
      for (const [how, groups] of groupings(one.prompts)) {
        const got: number[][] = [];
        for (const prompts of groups) {
          got.push(...(await generated(model, prompts, params, max_new_tokens, read.generation.rules)).tokens);
        }
        expect(got, `${JSON.stringify(params)}, ${how}`).toEqual(tokens);
      }
    }
  },
);
