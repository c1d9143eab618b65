/** Tiny random Llamas against what transformers computes with them (parity/llama.py). */
import { describe } from "vitest";
import type { JsonObject } from "../src/base/json.ts";
import { readModel } from "../src/models/families.ts";
import { decoderLoss } from "../src/models/kinds/decoder-loss.ts";
import { readJson, readWeights } from "./support/fixtures.ts";
import { cachedEqualsWhole, decoderTests } from "./support/models/decoders.ts";
import { readFixture } from "./support/models/models.ts";
import { packingTest, trainingTests } from "./support/training.ts";

describe.each(["grouped", "biased"])("%s", (name) => {
  const folder = `llama/${name}`;
  const { architecture, weights } = readFixture(folder, "decoder");
  decoderTests(folder, architecture, weights);
  cachedEqualsWhole(folder, architecture, weights);
  const loss = decoderLoss(architecture);
  trainingTests(folder, loss);
  packingTest(folder, loss);
});

const scalings = ["theta", "linear", "dynamic", "llama3", "yarn", "yarn-mscale", "longrope"];
const spellings = ["config.json", "config.v4.json"];

describe.each(scalings.flatMap((kind) => spellings.map((file) => [kind, file] as const)))(
  "rope %s, %s",
  (kind, file) => {
    const folder = `llama/rope-${kind}`;
    // The scalings share the weights of one model.
    const { architecture, weights } = readFixture(folder, "decoder", readWeights("llama/grouped"), file);
    decoderTests(folder, architecture, weights);
  },
);

describe("dynamic scaling, texts longer than the trained positions", () => {
  const config = { ...readJson<JsonObject>("llama/rope-dynamic", "config.json"), max_position_embeddings: 6 };
  const { architecture } = readModel(config, readWeights("llama/grouped"), "here");
  if (architecture.kind !== "decoder") throw new Error(architecture.kind);
  packingTest("llama/grouped", decoderLoss(architecture));
});
