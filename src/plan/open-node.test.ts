/** From names, folders and configurations to what is planned; counts against the files of every committed checkpoint. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nanoAsNumbers } from "../../test/support/models/nano.ts";
import { type ModelFolder, openModelFolder } from "../folders/open-node.ts";
import { writeModelFolder } from "../folders/write-node.ts";
import { float32 } from "../graph/array.ts";
import type { Writable } from "../weights/safetensors-node.ts";
import { isGguf, isQuantized } from "../weights/weights.ts";
import { openSubject } from "./open-node.ts";
import { planModel } from "./plan.ts";
import { shapeOfSizes } from "./sizes.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-subjects-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const env = { HF_HOME: join(folder, "hf"), HF_HUB_OFFLINE: "1" };

const fixtures = fileURLToPath(new URL("../../test/fixtures", import.meta.url));
const checkpoints = readdirSync(fixtures, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith("config.json") && !name.includes("tokenizer"))
  .filter((name) => readdirSync(join(fixtures, dirname(name))).some((file) => /^(model|pytorch_model)\./.test(file)))
  .map(dirname)
  // A family that is an example does not open; what was saved for two more heads holds more than is asked for. Layers
  // behind a pooling are no models, and a decoder that only reads was saved without what writes.
  .filter((name) => !name.startsWith("opt") && name !== "bert/pretraining-old")
  .filter((name) => !/^readers\/(.*\/\d_\w+|decoder)$/.test(name));

test.each([...checkpoints, "../../models/zeroth-nano"])(
  "%s: the files hold what its configuration counts",
  async (name) => {
    const path = join(fixtures, name);
    const subject = await openSubject(path, { env });
    expect(subject.files).toMatchObject({ equal: true, missing: [], extra: [] });
    expect(planModel(subject).counts!.total).toBe(subject.files!.parameters);
  },
);

test("there are checkpoints to count", () => expect(checkpoints.length).toBeGreaterThan(18));

let nano: ModelFolder;
beforeAll(async () => {
  nano = openModelFolder(await nanoAsNumbers(join(folder, "numbers")));
});

test("files that hold more or less than their configuration says are named", async () => {
  const path = join(folder, "odd");
  const held = new Map<string, Writable>([["decoder.extra.weight", float32([2], [1, 2])]]);
  for (const [name, tensor] of nano.weights) {
    if (!isQuantized(tensor) && !isGguf(tensor) && name !== "encoder.final_layer_norm.weight") held.set(name, tensor);
  }
  await writeModelFolder(path, { config: nano.config, tensors: held });
  const { files } = await openSubject(path, { env });
  expect(files).toEqual({
    parameters: 4_082_560 - 192 + 2,
    equal: false,
    missing: ["encoder.final_layer_norm.weight"],
    extra: ["decoder.extra.weight"],
  });
});

const write = (name: string, config: object) => {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(config));
  return path;
};
const totalOf = async (config: object) =>
  planModel(await openSubject(write("config.json", config), { env })).counts!.total;

const gpt2 = { model_type: "gpt2", vocab_size: 50257, n_positions: 1024, n_embd: 768, n_layer: 12, n_head: 12 };
const hidden = { hidden_size: 4096, intermediate_size: 11008, num_hidden_layers: 32, num_attention_heads: 32 };

describe("a config.json alone", () => {
  test.each([
    ["GPT-2, n_inner null", { ...gpt2, n_inner: null }, 124_439_808],
    ["Llama", { model_type: "llama", ...hidden, vocab_size: 32000, max_position_embeddings: 4096 }, 6_738_415_616],
    [
      "Mistral",
      {
        model_type: "mistral",
        ...hidden,
        intermediate_size: 14336,
        num_key_value_heads: 8,
        vocab_size: 32000,
        max_position_embeddings: 32768,
      },
      7_241_732_096,
    ],
    [
      "BERT",
      {
        model_type: "bert",
        hidden_size: 768,
        intermediate_size: 3072,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        vocab_size: 30522,
        max_position_embeddings: 512,
      },
      109_482_240,
    ],
    [
      "ViT with a classifier",
      {
        model_type: "vit",
        architectures: ["ViTForImageClassification"],
        hidden_size: 768,
        intermediate_size: 3072,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        id2label: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [i, "x"])),
      },
      86_567_656,
    ],
    ["ViT without a classifier, all sizes left out", { model_type: "vit" }, 85_798_656],
    ["CLIP ViT-B/32, all sizes left out", { model_type: "clip" }, 151_277_313],
    [
      "T5 without a word about tying",
      { model_type: "t5", d_model: 512, d_kv: 64, d_ff: 2048, num_heads: 8, num_layers: 6, vocab_size: 32128 },
      60_506_624,
    ],
    [
      "the encoder of a T5",
      {
        ...{ model_type: "t5", architectures: ["T5EncoderModel"], vocab_size: 32128 },
        ...{ d_model: 512, d_kv: 64, d_ff: 2048, num_heads: 8, num_layers: 6 },
      },
      35_330_816,
    ],
  ])("%s", async (_, config, total) => {
    expect(await totalOf(config)).toBe(total);
  });

  test.each([
    ["an unknown family", { model_type: "rwkv" }, "unsupported", "rwkv"],
    ["a size of zero", { ...gpt2, n_layer: 0 }, "corrupt_file", "n_layer"],
    ["a negative size", { ...gpt2, n_embd: -1 }, "corrupt_file", "n_embd"],
    [
      "layers without end",
      { model_type: "t5", d_model: 8, d_kv: 4, d_ff: 8, num_heads: 2, num_layers: 2 ** 24, vocab_size: 9 },
      "corrupt_file",
      "layers",
    ],
    ["heads that do not divide", { ...gpt2, n_head: 7 }, "corrupt_file", "7 heads"],
    [
      "experts without a number",
      { model_type: "switch_transformers", d_model: 8, d_kv: 4, d_ff: 8, num_heads: 2, num_layers: 2, vocab_size: 9 },
      "corrupt_file",
      "mixture of experts",
    ],
    ["no JSON object", [1], "corrupt_file", "object"],
  ])("%s is refused", async (_, config, code, words) => {
    const refused = openSubject(write("config.json", config), { env });
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });
});

test("an image is its tokens, and the windows of its convolution are products", async () => {
  const subject = await openSubject(write("vit.json", { model_type: "vit", num_hidden_layers: 1 }), { env });
  const planned = planModel(subject, { machine: { memory: 1e12, bandwidth: 1e10, flops: 1e10 } });
  expect(planned.work).toEqual({ batch: 1, input: 197, output: 0 });
  const products = 4 * 768 ** 2 + 2 * 768 * 3072 + 3 * 16 ** 2 * 768;
  expect(planned.flops!.input).toBe(2 * products + 4 * 768 * 197);
  expect(() => planModel(subject, { input: 5 })).toThrow("an image of this model is 197 tokens, always");
});

test("two towers are counted and nothing is said of their speed", async () => {
  const path = join(fixtures, "clip", "end-token");
  const subject = await openSubject(path, { env });
  expect(subject.files).toMatchObject({ equal: true, missing: [], extra: [] });
  const planned = planModel(subject, { machine: { memory: 1e9, bandwidth: 1e9 } });
  expect(planned.counts!.total).toBe(subject.files!.parameters);
  expect(planned.counts!.parts.embedding.total).toBe((30 + 10) * 12);
  for (const key of ["flops", "speeds", "training"]) expect(planned).not.toHaveProperty(key);
});

test("a family that is not known is counted from its files, and nothing is said of its speed", async () => {
  const path = join(folder, "unknown");
  const tensors = new Map([["a.weight", float32([3, 4], Array(12).fill(0))]]);
  await writeModelFolder(path, { config: { model_type: "rwkv" }, tensors });
  const subject = await openSubject(path, { env });
  const planned = planModel(subject, { machine: { memory: 1e9, bandwidth: 1e9 } });
  expect(planned.counts!.total).toBe(12);
  expect(planned.bytes!.fp32).toBe(48);
  expect(planned.verdict!.verdict).toBe("fits");
  for (const key of ["flops", "speeds", "training"]) expect(planned).not.toHaveProperty(key);
});

test("well-known names need nobody; a slip of the hand finds the name that was meant", async () => {
  expect(await openSubject("google/flan-t5-xl", { env })).toMatchObject({ known: { name: "flan-t5-xl" } });
  expect(await openSubject("GPT3-175B", { env })).toMatchObject({ known: { name: "gpt3-175b" } });
  for (const [typed, near] of [
    ["gpt3-175", "gpt3-175b"],
    ["google/flan-t5-x1", "google/flan-t5-xl"],
    ["swich-c", "switch-c"],
  ] as const) {
    await expect(openSubject(typed, { env })).rejects.toMatchObject({
      code: "not_found",
      hint: expect.stringContaining(near),
    });
  }
  await expect(openSubject("./no/such/folder", { env })).rejects.toMatchObject({ code: "not_found" });
});

test("a snapshot that holds config.json alone is counted from it", async () => {
  const path = join(folder, "bare");
  write("bare/config.json", JSON.parse(readFileSync(join(nano.path, "config.json"), "utf8")) as object);
  const subject = await openSubject(path, { env });
  expect(subject).not.toHaveProperty("files");
  expect(planModel(subject).counts!.total).toBe(4_082_560);
});

describe("sizes", () => {
  const xxl = { width: 4096, feedForward: 10240, layers: 24, heads: 64, headSize: 64, vocabulary: 32128 };
  const totalOfSizes = (architecture: string, sizes: object) =>
    planModel({ name: "x", architecture, shape: shapeOfSizes(architecture, sizes) }).counts!.total;

  test("the same totals as by name", () => {
    expect(totalOfSizes("t5", { ...xxl, gated: true, untied: true })).toBe(11_135_332_352);
    expect(totalOfSizes("gpt", { width: 768, layers: 12, heads: 12, vocabulary: 50257, positions: 1024 })).toBe(
      124_439_808,
    );
    const base = { width: 768, layers: 12, heads: 12, vocabulary: 32128 };
    expect(totalOfSizes("switch", { ...base, experts: 8 })).toBe(619_339_008);
    const bert = { ...base, vocabulary: 30522, positions: 512 };
    expect(totalOfSizes("bert", bert)).toBe(109_482_240);
    expect(totalOfSizes("vit", { width: 768, layers: 12, heads: 12, patch: 16, classes: 1000 })).toBe(86_567_656);
    const llama = { width: 4096, feedForward: 11008, layers: 32, heads: 32, vocabulary: 32000 };
    expect(totalOfSizes("llama", llama)).toBe(6_738_415_616);
  });

  test.each([
    [undefined, xxl, "--architecture is missing"],
    ["t6", xxl, "t6 is not known"],
    ["t5", { ...xxl, layers: 0 }, "--layers 0"],
    ["t5", { ...xxl, headSize: -64 }, "--head-size -64"],
    ["t5", { width: 8, layers: 1, heads: 2 }, "--vocabulary missing"],
    ["t5", { ...xxl, experts: 8 }, "--experts does not belong"],
    ["gpt", { ...xxl, gated: true }, "--gated does not belong"],
    ["switch", xxl, "mixture of experts"],
    ["switch", { ...xxl, experts: 8, sparseLayers: 30 }, "sparse layers"],
    ["t5", { ...xxl, tied: true, untied: true }, "contradict"],
    ["gpt", { width: 10, layers: 1, heads: 3, vocabulary: 5, positions: 5 }, "heads of one size"],
    ["vit", { width: 16, layers: 1, heads: 2, patch: 300 }, "patches of 300"],
    ["llama", { ...xxl, keyHeads: 5 }, "cannot share"],
  ])("%s %j: %s", (architecture, sizes, words) => {
    expect(() => shapeOfSizes(architecture, sizes)).toThrow(words);
  });
});
