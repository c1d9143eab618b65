/** Model folders of a few kilobytes with random weights, in the place of those that the documentation names. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { JsonObject } from "../../../src/base/json.ts";
import { familyOf } from "../../../src/models/families.ts";
import { wholeGraph } from "../../../src/models/kinds/whole.ts";
import { initialValue } from "../../../src/nn/initial.ts";
import { normal } from "../../../src/nn/scope.ts";
import { writeSafetensors } from "../../../src/weights/safetensors-node.ts";
import { fixtures } from "../fixtures.ts";

/** Write a folder: its configuration, the weights that its network asks for, and further files. */
export async function writeTiny(folder: string, config: JsonObject, files: Readonly<Record<string, string>>) {
  const { parameters } = wholeGraph(familyOf(config, folder).read(config));
  const values = parameters.map((parameter) => {
    const { name, outputs } = parameter;
    const [tensor] = outputs;
    const spec = { name, shape: tensor!.shape as number[], initial: normal(0.3), tensor: tensor! };
    return [name, initialValue(spec, 1)] as const;
  });
  mkdirSync(folder, { recursive: true });
  await writeSafetensors(join(folder, "model.safetensors"), new Map(values));
  for (const [name, text] of Object.entries({ "config.json": JSON.stringify(config), ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** The files of a folder and of those in it, by their names with / between. */
export const filesOf = (folder: string): Record<string, Buffer> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length + 1).replaceAll("\\", "/"), readFileSync(path)]),
  );

const letters = [..."abcdefghijklmnopqrstuvwxyz0123456789"];
const words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...letters, ...letters.map((c) => `##${c}`), ...".,?!'-"];

const bertSizes = { hidden_size: 32, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 64 };

/** A BERT with the head of a class of transformers. */
export const tinyBert = (folder: string, head: string, config: JsonObject = {}, files = {}) =>
  writeTiny(
    folder,
    { model_type: "bert", architectures: [head], vocab_size: words.length, ...bertSizes, ...config },
    { "vocab.txt": `${words.join("\n")}\n`, ...files },
  );

/** A decoder with the pieces of test/fixtures/opt. */
const tinyDecoder = (folder: string, config: JsonObject) =>
  writeTiny(
    folder,
    { vocab_size: 300, bos_token_id: 2, eos_token_id: 2, ...config },
    { "tokenizer.json": readFileSync(join(fixtures, "opt/before/tokenizer.json"), "utf8") },
  );

const pooling = {
  "modules.json": JSON.stringify([
    { idx: 0, name: "0", path: "", type: "sentence_transformers.models.Transformer" },
    { idx: 1, name: "1", path: "1_Pooling", type: "sentence_transformers.models.Pooling" },
    { idx: 2, name: "2", path: "2_Normalize", type: "sentence_transformers.models.Normalize" },
  ]),
  "1_Pooling/config.json": JSON.stringify({ word_embedding_dimension: 32, pooling_mode_mean_tokens: true }),
};

const named = (...names: string[]) => Object.fromEntries(names.map((name, i) => [String(i), name]));

/** What stands for each model that the documentation names, written into a folder. */
export const standIns: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  "HuggingFaceTB/SmolLM2-135M-Instruct": (folder) => cp(join(fixtures, "chat", "model"), folder, { recursive: true }),
  "openai-community/gpt2": (folder) =>
    tinyDecoder(folder, { model_type: "gpt2", n_positions: 128, n_embd: 64, n_layer: 1, n_head: 4 }),
  "TinyLlama/TinyLlama-1.1B-Chat-v1.0": (folder) =>
    tinyDecoder(folder, {
      model_type: "llama",
      hidden_size: 64,
      intermediate_size: 128,
      num_hidden_layers: 1,
      num_attention_heads: 4,
      num_key_value_heads: 2,
    }),
  "bartowski/SmolLM2-135M-Instruct-GGUF": async (folder) => {
    const tiny = new URL("../../fixtures/gguf/llama.gguf", import.meta.url);
    copyFileSync(tiny, join(folder, "SmolLM2-135M-Instruct-Q4_K_M.gguf"));
  },
  "sentence-transformers/all-MiniLM-L6-v2": (folder) => tinyBert(folder, "BertModel", {}, pooling),
  "nlptown/bert-base-multilingual-uncased-sentiment": (folder) =>
    tinyBert(folder, "BertForSequenceClassification", {
      id2label: named("1 star", "2 stars", "3 stars", "4 stars", "5 stars"),
    }),
  "dslim/bert-base-NER": (folder) =>
    tinyBert(folder, "BertForTokenClassification", { id2label: named("O", "B-PER", "I-PER", "B-LOC", "I-LOC") }),
  "deepset/bert-base-cased-squad2": (folder) => tinyBert(folder, "BertForQuestionAnswering"),
  "google-bert/bert-base-uncased": (folder) => tinyBert(folder, "BertForMaskedLM"),
};
