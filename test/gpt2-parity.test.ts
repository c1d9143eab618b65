/** Tiny random GPT-2s against what transformers computes with them (parity/gpt2.py). */
import { describe, expect, test } from "vitest";
import { int64, type NdArray } from "../src/graph/array.ts";
import { graph } from "../src/graph/graph.ts";
import * as o from "../src/graph/operators.ts";
import { input } from "../src/graph/tensor.ts";
import { decoderLoss } from "../src/models/kinds/decoder-loss.ts";
import { wholeRow } from "../src/nn/pass.ts";
import { createScope } from "../src/nn/scope.ts";
import { compile } from "../src/runtime/compile-node.ts";
import { expectClose, readJson, readWeights } from "./support/fixtures.ts";
import { cachedEqualsWhole, decoderTests } from "./support/models/decoders.ts";
import { readFixture } from "./support/models/models.ts";
import { packingTest, trainingTests } from "./support/training.ts";

describe.each(["tied", "inverse-layer", "bare"])("%s", (name) => {
  const folder = `gpt2/${name}`;
  const { architecture, weights } = readFixture(folder, "decoder");
  decoderTests(folder, architecture, weights);
  cachedEqualsWhole(folder, architecture, weights);
});

describe("training", () => {
  const loss = decoderLoss(readFixture("gpt2/tied", "decoder").architecture);
  trainingTests("gpt2/tied", loss);
  packingTest("gpt2/tied", loss);
});

test("files without the prefix and with masks among the weights give the network's tensors alone", () => {
  const stored = readWeights("gpt2/bare");
  expect([...stored.keys()].filter((name) => /^h\.0\.attn\.bias$|^wte\.weight$/.test(name))).toHaveLength(2);
  const { weights } = readFixture("gpt2/bare", "decoder");
  expect([...weights.keys()].every((name) => name.startsWith("transformer.") && !name.endsWith(".attn.bias"))).toBe(
    true,
  );
});

test("scores of classes at the last token", async () => {
  const { architecture, weights } = readFixture("gpt2/classes", "decoder");
  const { rows, scores } = readJson<{ rows: number[][]; scores: number[][] }>("gpt2/classes", "expected.json");
  const network = architecture.network(createScope());
  const hidden = network.decode(input("ids", "int64", [1, "length"]), wholeRow("length", { causal: true }));
  const last = o.reshape(o.slice(hidden, 1, -1), [1, architecture.width]);
  await using program = await compile(graph({ scores: network.classify!(last) }), { weights, threads: 1 });
  for (const [r, row] of rows.entries()) {
    const got = (await program.run({ ids: int64([1, row.length], row) })) as { scores: NdArray };
    expectClose(got.scores.data as Float32Array, scores[r]!, 1e-4, `row ${r}`);
  }
});
