/** The encoder of a T5 opens alone: by the class that config.json names, or as nothing else is there. */
import { expect, test } from "vitest";
import { expectClose, readJson, readWeights } from "../../../../test/support/fixtures.ts";
import type { JsonObject } from "../../../base/json.ts";
import { graph } from "../../../graph/graph.ts";
import { input } from "../../../graph/tensor.ts";
import { wholeRow } from "../../../nn/pass.ts";
import { createScope } from "../../../nn/scope.ts";
import { compile } from "../../../runtime/compile-node.ts";
import { readModel } from "../../families.ts";
import { encoderModel } from "../../kinds/encoder.ts";
import { padded } from "../../kinds/ids.ts";

const folder = "t5/untied-gated-gelu-v5";
const config = readJson<JsonObject>(folder, "config.json");
const stored = readWeights(folder);
const texts = [{ ids: [5, 9, 3, 17, 1] }, { ids: [8, 1] }];

/** What the whole model's encoder gives. */
async function whole(): Promise<Float32Array> {
  const { architecture, weights } = readModel(config, stored, folder);
  if (architecture.kind !== "encoder-decoder") throw new Error(`it is ${architecture.kind}`);
  const tokens = (name: string) => input(name, "int64", ["batch", "length"]);
  const row = wholeRow("length", { causal: false, mask: tokens("mask") });
  const hidden = architecture.network(createScope()).encode(tokens("ids"), row);
  await using program = await compile(graph({ hidden }), { weights, threads: 1 });
  const { ids, mask } = padded(
    texts.map((text) => text.ids),
    architecture.pad,
  );
  return (await program.run({ ids, mask })).hidden!.data as Float32Array;
}

const encoders = new Map([...stored].filter(([name]) => !name.startsWith("decoder.") && name !== "lm_head.weight"));
const otherName = new Map([...encoders].map(([name, t]) => [name.replace(/^shared/, "encoder.embed_tokens"), t]));

test.each([
  ["named T5EncoderModel, with a decoder beside it", { ...config, architectures: ["T5EncoderModel"] }, stored],
  ["without the decoder's tensors", config, encoders],
  ["the words under the encoder's name", { ...config, architectures: ["T5EncoderModel"] }, otherName],
])("%s: what the whole model's encoder gives", async (_, json, tensors) => {
  const { architecture, weights } = readModel(json, tensors, folder);
  if (architecture.kind !== "encoder") throw new Error(`it is ${architecture.kind}`);
  expect(architecture.head).toBeUndefined();
  await using model = encoderModel(architecture, (g) => compile(g, { weights, threads: 1 }));
  const { hidden } = await model.encode(texts);
  expectClose(hidden.data as Float32Array, await whole(), 1e-6, "hidden");
});
