/** Tiny random decoders of every family against what transformers computes with them (parity/decoders.py). */
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json.ts";
import { float32, int64, type NdArray } from "../../src/graph/array.ts";
import { graph } from "../../src/graph/graph.ts";
import * as o from "../../src/graph/operators.ts";
import { input } from "../../src/graph/tensor.ts";
import { readModel } from "../../src/models/families.ts";
import { decoderModel } from "../../src/models/kinds/decoder.ts";
import { decoderLoss } from "../../src/models/kinds/decoder-loss.ts";
import { wholeRow } from "../../src/nn/pass.ts";
import { createScope } from "../../src/nn/scope.ts";
import { compile } from "../../src/runtime/compile-node.ts";
import { inPrecision } from "../../src/text/precision-node.ts";
import type { Weights } from "../../src/weights/weights.ts";
import { expectClose, readFloats, readJson, readTensors, readWeights } from "../support/fixtures.ts";
import { generated } from "../support/generate.ts";
import {
  cachedEqualsWhole,
  type DecoderExpected,
  decoderTests,
  logitsGraph,
  logitsOf,
} from "../support/models/decoders.ts";
import { readFixture } from "../support/models/models.ts";
import { packingTest, stepsTest, trainingTests } from "../support/training.ts";

/** Of these the gradients of every tensor are compared, of the others the losses. */
const withGradients = ["gpt-neox", "qwen3", "gemma3"];
const others = ["gpt-neo", "gptj", "gpt-neox-serial", "mistral", "qwen2", "phi3"];

/** Logits of every place of every row, each row alone. */
async function allLogits(folder: string, config: string, change: (weights: Weights) => Weights = (same) => same) {
  const { architecture, weights } = readFixture(folder, "decoder", readWeights(folder), config);
  const { rows } = readJson<DecoderExpected>(folder, "expected.json");
  await using program = await compile(logitsGraph(architecture), { weights: change(weights), threads: 1 });
  const got: number[] = [];
  for (const row of rows) {
    const [places] = await logitsOf(program, architecture, [row], "right");
    for (const place of places!) got.push(...place);
  }
  return got;
}

describe.each([...withGradients, ...others])("%s", (name) => {
  const folder = `decoders/${name}`;
  const { architecture, weights } = readFixture(folder, "decoder");
  decoderTests(folder, architecture, weights);
  cachedEqualsWhole(folder, architecture, weights);
  const loss = decoderLoss(architecture);
  if (withGradients.includes(name)) trainingTests(folder, loss);
  else stepsTest(folder, loss);
  packingTest(folder, loss);

  test("prompts that are read in pieces give the same answers", async () => {
    const { rows, runs, max_new_tokens } = readJson<DecoderExpected>(folder, "expected.json");
    const { tokens } = runs.find((run) => run.name === "greedy")!;
    for (const piece of [3, 8]) {
      const here = (g: Parameters<typeof compile>[0]) => compile(g, { weights, threads: 1 });
      await using model = decoderModel(architecture, here, { piece });
      expect((await generated(model, rows, {}, max_new_tokens)).tokens).toEqual(tokens);
    }
  });

  test("config.json as transformers 4 writes it gives the same logits", async () => {
    const expected = readFloats(readTensors(folder, "expected.safetensors").get("logits")!);
    expectClose(await allLogits(folder, "config.v4.json"), expected, 1e-4, "logits");
  });

  test("weights stored in 16 bits give what their numbers give in 32", async () => {
    const low = await allLogits(folder, "config.json", (all) => inPrecision(all, "bfloat16"));
    const numbers = await allLogits(folder, "config.json", (all) =>
      inPrecision(inPrecision(all, "bfloat16"), "float32"),
    );
    expectClose(low, numbers, 1e-5, "logits");
    const exact = readFloats(readTensors(folder, "expected.safetensors").get("logits")!);
    expect(() => expectClose(low, exact, 1e-4, "logits")).toThrow("logits");
  });

  test("scores of classes at the last token", async () => {
    const classes = readJson<{ config: JsonObject; weight: number[][]; rows: number[][]; scores: number[][] }>(
      folder,
      "classes.json",
    );
    const score = float32([3, architecture.width], classes.weight.flat());
    const stored = { dtype: score.dtype, shape: score.shape, data: new Uint8Array(score.data.buffer) };
    const config = { ...readJson<JsonObject>(folder, "config.json"), ...classes.config };
    const read = readModel(config, new Map([...readWeights(folder), ["score.weight", stored]]), folder);
    if (read.architecture.kind !== "decoder") throw new Error(read.architecture.kind);
    const network = read.architecture.network(createScope());
    const hidden = network.decode(input("ids", "int64", [1, "length"]), wholeRow("length", { causal: true }));
    const last = o.reshape(o.slice(hidden, 1, -1), [1, architecture.width]);
    const scores = network.classify!(last);
    await using program = await compile(graph({ scores }), { weights: read.weights, threads: 1 });
    for (const [r, row] of classes.rows.entries()) {
      const got = (await program.run({ ids: int64([1, row.length], row) })) as { scores: NdArray };
      expectClose(got.scores.data as Float32Array, classes.scores[r]!, 1e-4, `row ${r}`);
    }
  });
});
