/** Words and output matrix of one decoder: tied, tied and stored twice, not tied; other names, other parts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { smallConfigs } from "../../../test/support/models/small-configs.ts";
import type { JsonObject } from "../../base/json.ts";
import { openModelFolder } from "../../folders/open-node.ts";
import { writeModelFolder } from "../../folders/write-node.ts";
import type { NdArray } from "../../graph/array.ts";
import { initialValue } from "../../nn/initial.ts";
import { normal } from "../../nn/scope.ts";
import { familyOf, readModel } from "../families.ts";
import { wholeGraph } from "../kinds/whole.ts";

const place = mkdtempSync(join(tmpdir(), "zeroth-tables-"));
afterAll(() => rmSync(place, { recursive: true }));

const drawn = (config: JsonObject): Map<string, NdArray> =>
  new Map(
    wholeGraph(familyOf(config, "here").read(config)).parameters.map(({ name, outputs: [tensor] }) => [
      name,
      initialValue({ name, shape: tensor!.shape as number[], initial: normal(1), tensor: tensor! }, 3),
    ]),
  );

let folders = 0;

/** What a folder of these tensors is read as. */
async function opened(config: JsonObject, tensors: Map<string, NdArray>) {
  const path = join(place, `${folders++}`);
  await writeModelFolder(path, { config, tensors });
  const folder = openModelFolder(path);
  return readModel(folder.config, folder.weights, path, folder);
}

const asked = (read: Awaited<ReturnType<typeof opened>>) =>
  wholeGraph(read.architecture).parameters.map(({ name }) => name);

const tied = smallConfigs.qwen2;
const [words, head] = ["model.embed_tokens.weight", "lm_head.weight"];

test("tied: no second matrix, one that is equal, one alone under the other name", async () => {
  const own = drawn(tied);
  const twice = new Map([...own, [head, own.get(words)!]]);
  const other = new Map([...own].map(([name, value]) => [name === words ? head : name, value]));
  for (const tensors of [own, twice, other]) {
    const read = await opened(tied, tensors);
    expect(asked(read)).not.toContain(head);
    expect(read.weights.has(words)).toBe(true);
    expect(read.architecture.warnings).toBeUndefined();
  }
});

test("tied, and a second matrix that differs: it is used, and told", async () => {
  const own = drawn(tied);
  const { shape } = own.get(words)!;
  const data = new Float32Array(shape[0]! * shape[1]!).fill(0.5);
  const read = await opened(tied, new Map([...own, [head, { dtype: "float32", shape, data } as NdArray]]));
  expect(asked(read)).toContain(head);
  expect(read.architecture.warnings).toEqual([expect.stringContaining("lm_head.weight differs")]);
});

test("not tied: the second matrix must be there", async () => {
  const config = { ...tied, tie_word_embeddings: false };
  const own = drawn(config);
  own.delete(head);
  await expect(opened(config, own)).rejects.toThrow("lm_head.weight");
});

test("the output matrix of GPT-NeoX under its newer name", async () => {
  const own = drawn(smallConfigs["gpt-neox"]);
  const newer = new Map([...own].map(([name, value]) => [name.replace("embed_out", "lm_head"), value]));
  expect((await opened(smallConfigs["gpt-neox"], newer)).weights.has("embed_out.weight")).toBe(true);
});

test.each([
  ["language_model.model.", "language_model.lm_head."],
  ["model.language_model.", "lm_head."],
])("the text part of a Gemma 3 that reads images too, %s", async (body, output) => {
  const { model_type: _, eos_token_id, tie_word_embeddings, ...text } = smallConfigs.gemma3;
  const untied = { ...smallConfigs.gemma3, tie_word_embeddings: false };
  const own = drawn(untied);
  const named = [...own].map(
    ([name, value]) => [name.replace(/^model\./, body).replace(/^lm_head\./, output), value] as const,
  );
  const sight = ["vision_tower.vision_model.post_layernorm.weight", "multi_modal_projector.mm_soft_emb_norm.weight"];
  const [some] = own.values();
  const all = new Map([...named, ...sight.map((name) => [name, some!] as const)]);
  const config = {
    model_type: "gemma3",
    architectures: ["Gemma3ForConditionalGeneration"],
    eos_token_id: [1, 7],
    tie_word_embeddings: false,
    text_config: text,
    vision_config: { hidden_size: 4 },
  };
  const read = await opened(config, all);
  expect(read.architecture).toMatchObject({ kind: "decoder", type: "gemma3", ends: [1, 7] });
  expect([...read.weights.keys()].sort()).toEqual([...own.keys()].sort());
  expect([eos_token_id, tie_word_embeddings]).toEqual([2, true]);
  const copied = JSON.parse(read.architecture.configText!()) as JsonObject;
  expect(copied).toMatchObject({ model_type: "gemma3_text", eos_token_id: [1, 7], hidden_size: 8 });
  expect(familyOf(copied, "here").read(copied)).toMatchObject({ type: "gemma3_text", ends: [1, 7] });
});

test("masks and frequencies that models once saved are no weights", async () => {
  const own = drawn(smallConfigs.gptj);
  const [some] = own.values();
  const buffers = ["transformer.h.0.attn.bias", "transformer.h.0.attn.masked_bias", "model.rotary_emb.inv_freq"];
  const read = await opened(smallConfigs.gptj, new Map([...own, ...buffers.map((name) => [name, some!] as const)]));
  expect([...read.weights.keys()].sort()).toEqual([...own.keys()].sort());
});

test("a classifier without an output matrix does not write", () => {
  const config = { ...smallConfigs.mistral, architectures: ["MistralForSequenceClassification"], num_labels: 3 };
  const model = familyOf(config, "here").read(config);
  expect(wholeGraph(model).parameters.map(({ name }) => name)).toContain("score.weight");
});

test("a llama3 rotation that stretches nothing is told", () => {
  const rope_scaling = {
    rope_type: "llama3",
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 64,
  };
  const config = { ...smallConfigs.llama, rope_scaling, original_max_position_embeddings: undefined };
  expect(familyOf(config, "here").read(config).warnings).toEqual([expect.stringContaining("llama3")]);
});
