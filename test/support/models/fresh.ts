/** Models of images made from a configuration alone, wide enough to be quantised, as folders. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeModelFolder } from "../../../src/folders/write-node.ts";
import { familyOf } from "../../../src/models/families.ts";
import { imageEncoderLoss } from "../../../src/models/kinds/image-encoder-loss.ts";
import { twoTowersLoss } from "../../../src/models/kinds/two-towers-loss.ts";
import { initialValue } from "../../../src/nn/initial.ts";
import { createScope } from "../../../src/nn/scope.ts";

const layers = { hidden_size: 64, intermediate_size: 128, num_attention_heads: 2, num_hidden_layers: 1 };

export const vitConfig = {
  model_type: "vit",
  architectures: ["ViTForImageClassification"],
  ...layers,
  image_size: 16,
  patch_size: 8,
  // Classes that are told apart by more than rounding.
  initializer_range: 0.2,
  id2label: { 0: "cat", 1: "dog", 2: "fish" },
};

/** A ViViT of clips of four frames. */
export const videoConfig = {
  ...vitConfig,
  model_type: "vivit",
  architectures: ["VivitForVideoClassification"],
  num_frames: 4,
  tubelet_size: [2, 8, 8],
};

export const clipConfig = {
  model_type: "clip",
  architectures: ["CLIPModel"],
  projection_dim: 64,
  text_config: { ...layers, vocab_size: 96, max_position_embeddings: 12, eos_token_id: 2 + 1, pad_token_id: 0 },
  vision_config: { ...layers, image_size: 16, patch_size: 8 },
};

/** Words as tokens of their own, with an end token behind, for the CLIP above. */
const words = {
  version: "1.0",
  added_tokens: [{ id: 3, content: "<end>", special: true }],
  pre_tokenizer: { type: "Whitespace" },
  post_processor: {
    type: "TemplateProcessing",
    single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "<end>", type_id: 0 } }],
    pair: [],
    special_tokens: { "<end>": { id: "<end>", ids: [3], tokens: ["<end>"] } },
  },
  model: {
    type: "WordLevel",
    unk_token: "?",
    vocab: { "?": 1, "<end>": 3, a: 4, red: 5, green: 6, square: 7, circle: 8 },
  },
};

/** Write the folder of a fresh model. Returns its path. */
export async function freshFolder(path: string, config: typeof vitConfig | typeof clipConfig): Promise<string> {
  const architecture = familyOf(config, path).read(config);
  const scope = createScope();
  if (architecture.kind === "image-encoder") imageEncoderLoss(architecture).graph(scope);
  else if (architecture.kind === "two-towers") twoTowersLoss(architecture).graph(scope);
  else throw new Error(`${architecture.kind} takes no images`);
  const tensors = new Map([...scope.parameters.values()].map((spec) => [spec.name, initialValue(spec, 7)]));
  await writeModelFolder(path, { config, tensors });
  if (architecture.kind === "two-towers") writeFileSync(join(path, "tokenizer.json"), JSON.stringify(words));
  return path;
}
