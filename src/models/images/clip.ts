/** CLIP with a ViT for its images (Radford et al. 2021, arXiv 2103.00020). */
import { z } from "zod";
import { fail } from "../../errors.ts";
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { embedding, linear } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import { type Pass, wholeRow } from "../../nn/pass.ts";
import { normal, type Scope } from "../../nn/scope.ts";
import {
  activation,
  deviation,
  epsilon,
  imaged,
  layers,
  needHeads,
  type PatchedImage,
  padding,
  padOf,
  patchedImage,
  rate,
  readConfig,
  sidesOf,
  size,
  token,
} from "../config.ts";
import type { Family, NetworkOptions, Stored, TwoTowers, TwoTowersArchitecture } from "../family.ts";
import { firstToken, patchTokens, withClassToken } from "./patches.ts";

const stack = z.object({
  hidden_act: activation.default("quick_gelu"),
  layer_norm_eps: epsilon.default(1e-5),
  attention_dropout: rate.default(0),
  num_hidden_layers: layers.default(12),
});

const textSchema = stack.extend({
  hidden_size: size.default(512),
  intermediate_size: size.default(2048),
  num_attention_heads: size.default(8),
  vocab_size: size.default(49408),
  max_position_embeddings: size.default(77),
  eos_token_id: token.default(49407),
  pad_token_id: padding,
});

const visionSchema = stack.extend(imaged.shape).extend({
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  num_attention_heads: size.default(12),
  patch_size: imaged.shape.patch_size.unwrap().default(32),
  initializer_range: deviation.default(0.02),
});

const schema = z.object({
  text_config: textSchema.nullish(),
  vision_config: visionSchema.nullish(),
  // Older files have the towers' entries twice; transformers takes these where they are.
  text_config_dict: textSchema.nullish(),
  vision_config_dict: visionSchema.nullish(),
  projection_dim: size.default(512),
  logit_scale_init_value: z.number().min(-50).max(50).default(2.6592),
});

interface Config {
  readonly text: z.infer<typeof textSchema>;
  readonly vision: z.infer<typeof visionSchema>;
  readonly image: PatchedImage;
  readonly width: number;
  readonly startingScale: number;
}

type Tower = z.infer<typeof stack> & {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_attention_heads: number;
};

/** Pre-norm layers, the same in both towers. Starting values as in section 2.5 of GPT-2's and CLIP's code. */
function encoder(scope: Scope, c: Tower, tokens: Tensor, pass: Pass): Tensor {
  const width = c.hidden_size;
  const residual = normal(width ** -0.5 * (2 * c.num_hidden_layers) ** -0.5);
  const heads = { heads: c.num_attention_heads, scale: (width / c.num_attention_heads) ** -0.5 };
  let x = tokens;
  for (let i = 0; i < c.num_hidden_layers; i++) {
    const block = scope.at(`encoder.layers.${i}`);
    const norm = (name: string, y: Tensor) => layerNorm(block.at(name), y, c.layer_norm_eps);
    const normed = norm("layer_norm1", x);
    const [q, k, v] = ["q_proj", "k_proj", "v_proj"].map((name) =>
      linear(block.at(`self_attn.${name}`), normed, width, residual, { bias: true }),
    ) as [Tensor, Tensor, Tensor];
    const mixed = pass.self(i, q, k, v, heads);
    x = o.add(x, linear(block.at("self_attn.out_proj"), mixed, width, normal(width ** -0.5), { bias: true }));
    const wide = normal((2 * width) ** -0.5);
    const inner = linear(block.at("mlp.fc1"), norm("layer_norm2", x), c.intermediate_size, wide, { bias: true });
    x = o.add(x, linear(block.at("mlp.fc2"), activations[c.hidden_act](inner), width, residual, { bias: true }));
  }
  return x;
}

/** `eos_token_id` of the first configurations: it is wrong, and their texts end at the largest id. */
const unknownEnd = 2;

function network(scope: Scope, c: Config, { training, dropout }: NetworkOptions): TwoTowers {
  const { text, vision, image, width } = c;

  /** [texts, length, width] at each text's first end token. */
  function atEnd(ids: Tensor, hidden: Tensor): Tensor {
    const end = text.eos_token_id;
    const place = o.argmax(o.cast(end === unknownEnd ? ids : o.equal(ids, end), "float32"));
    const rows = ids.shape[0] as Dim;
    const spread = o.expand(o.reshape(place, [rows, 1, 1]), [rows, 1, text.hidden_size]);
    return o.reshape(o.gatherElements(hidden, spread, 1), [rows, text.hidden_size]);
  }

  return {
    text(ids, pass) {
      const top = scope.at("text_model");
      const at = top.at("embeddings");
      const start = normal(0.02);
      const words = embedding(at.at("token_embedding"), ids, text.vocab_size, text.hidden_size, start);
      const places = at.at("position_embedding");
      const position = embedding(places, pass.positions, text.max_position_embeddings, text.hidden_size, start);
      const hidden = encoder(top, text, o.add(pass.enter(words), position), pass);
      const ended = atEnd(ids, layerNorm(top.at("final_layer_norm"), hidden, text.layer_norm_eps));
      return linear(scope.at("text_projection"), ended, width, normal(text.hidden_size ** -0.5));
    },
    image(pixels) {
      const top = scope.at("vision_model");
      const at = top.at("embeddings");
      const inner = vision.hidden_size;
      const tokens = image.count + 1;
      const start = normal(vision.initializer_range);
      const patches = patchTokens(at.at("patch_embedding"), pixels, [image.patch, image.patch], inner, start);
      const rows = withClassToken(patches, at.param("class_embedding", [inner], normal(inner ** -0.5)));
      const placed = o.add(rows, at.at("position_embedding").param("weight", [tokens, inner], start));
      // The name is misspelt in every checkpoint.
      const first = layerNorm(top.at("pre_layrnorm"), placed, vision.layer_norm_eps);
      const hidden = encoder(top, vision, first, wholeRow(tokens, { causal: false, training, dropout }));
      const whole = layerNorm(top.at("post_layernorm"), firstToken(hidden), vision.layer_norm_eps);
      return linear(scope.at("visual_projection"), whole, width, normal(inner ** -0.5));
    },
    scale: () => o.exp(scope.param("logit_scale", [], { kind: "fill", value: c.startingScale })),
  };
}

/** Tensors that show that a part is there, with what it is. */
const needed = {
  "text_model.final_layer_norm.weight": "the tower for texts",
  "vision_model.post_layernorm.weight": "the tower for images",
  "text_projection.weight": "the texts' projection",
  "visual_projection.weight": "the images' projection",
} as const;

function architecture(c: Config, stored: Stored | undefined): TwoTowersArchitecture {
  for (const [name, part] of Object.entries(needed)) {
    if (stored?.has(name) !== false) continue;
    fail("corrupt_file", `the weights lack ${part} (${name})`, {
      hint: "a CLIP has both towers and both projections; towers saved alone are not opened as one",
    });
  }
  const { text, image } = c;
  return {
    kind: "two-towers",
    type: "clip",
    names: { anchor: "text_model.final_layer_norm.weight" },
    pad: padOf(text.pad_token_id, text.vocab_size),
    dropout: text.attention_dropout,
    vocabulary: text.vocab_size,
    width: c.width,
    longest: text.max_position_embeddings,
    causal: true,
    ...(text.eos_token_id !== unknownEnd && { end: text.eos_token_id }),
    image: sidesOf(image),
    network: (scope, options = {}) => network(scope, c, options),
  };
}

export const clip: Family = {
  title: "CLIP",
  types: ["clip"],
  read(json, stored) {
    const c = readConfig(schema, json, "CLIP");
    const text = c.text_config_dict ?? c.text_config ?? textSchema.parse({});
    const vision = c.vision_config_dict ?? c.vision_config ?? visionSchema.parse({});
    for (const [name, tower] of [
      ["text_config", text],
      ["vision_config", vision],
    ] as const) {
      needHeads(`${name}: hidden_size`, tower.hidden_size, tower.num_attention_heads);
    }
    const image = patchedImage(vision);
    return architecture(
      { text, vision, image, width: c.projection_dim, startingScale: c.logit_scale_init_value },
      stored,
    );
  },
};
