/**
 * From tensors' names in a GGUF file to those of the checkpoint, with what llama.cpp's converter changed in them undone
 * (convert_hf_to_gguf.py, gguf-py/gguf/tensor_mapping.py). Rows of quantised tensors move whole: nothing is rounded anew.
 */
import type { JsonObject } from "../../base/json.ts";
import type { GgufTensor } from "../../weights/weights.ts";
import type { GgufArchitecture } from "./configuration.ts";

export type Change = Pick<GgufTensor, "rowOf" | "turned" | "plus">;

interface Names {
  /** Last parts of names within a block, without `.weight` and `.bias`. */
  readonly blocks: Readonly<Record<string, string>>;
  /** Before the names of blocks: `blk.` to this. */
  readonly block: readonly (readonly [gguf: string, checkpoint: string])[];
  readonly outside: Readonly<Record<string, string>>;
  /** By the name in the file without block and `.weight`, what has to be undone; `rows` of the stored tensor. */
  readonly change?: (part: string, kind: "weight" | "bias", config: JsonObject) => Change;
}

const layers = [["blk.", "model.layers."]] as const;

const gated = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
} as const;

const tables = { token_embd: "model.embed_tokens", output_norm: "model.norm", output: "lm_head" } as const;

const gatedNames: Names = { blocks: gated, block: layers, outside: tables };

/** Rows of a head that were interleaved, so that the channels that turn together stand side by side, as two halves. */
function halves(rows: number): (row: number) => number {
  const pairs = rows / 2;
  return (row) => {
    const [head, channel] = [Math.floor(row / rows) * rows, row % rows];
    return head + (channel < pairs ? 2 * channel : 2 * (channel - pairs) + 1);
  };
}

/** Rows [3, heads, k], queries before keys before values, as [heads, 3, k]. */
function byHead(heads: number, k: number): (row: number) => number {
  return (row) => {
    const [head, part, channel] = [Math.floor(row / (3 * k)), Math.floor(row / k) % 3, row % k];
    return (part * heads + head) * k + channel;
  };
}

const numberOf = (config: JsonObject, key: string): number => Number(config[key]);

const llama: Names = {
  ...gatedNames,
  change: (part, _, config) =>
    part === "attn_q" || part === "attn_k" ? { rowOf: halves(numberOf(config, "head_dim")) } : {},
};

const gemma3: Names = {
  ...gatedNames,
  blocks: {
    ...gated,
    post_attention_norm: "post_attention_layernorm",
    ffn_norm: "pre_feedforward_layernorm",
    post_ffw_norm: "post_feedforward_layernorm",
  },
  // Stored as what they multiply by: the checkpoint has them around 0.
  change: (part) => (part.endsWith("_norm") ? { plus: -1 } : {}),
};

const phi3: Names = {
  ...gatedNames,
  blocks: { ...gated, attn_qkv: "self_attn.qkv_proj", ffn_up: "mlp.gate_up_proj" },
};

const gpt2: Names = {
  blocks: {
    attn_norm: "ln_1",
    attn_qkv: "attn.c_attn",
    attn_output: "attn.c_proj",
    ffn_norm: "ln_2",
    ffn_up: "mlp.c_fc",
    ffn_down: "mlp.c_proj",
  },
  block: [["blk.", "transformer.h."]],
  outside: {
    token_embd: "transformer.wte",
    position_embd: "transformer.wpe",
    output_norm: "transformer.ln_f",
    output: "lm_head",
  },
  change: (part, kind) =>
    kind === "weight" && /^(attn_qkv|attn_output|ffn_up|ffn_down)$/.test(part) ? { turned: true } : {},
};

const gptNeox: Names = {
  blocks: {
    attn_norm: "input_layernorm",
    attn_qkv: "attention.query_key_value",
    attn_output: "attention.dense",
    ffn_norm: "post_attention_layernorm",
    ffn_up: "mlp.dense_h_to_4h",
    ffn_down: "mlp.dense_4h_to_h",
  },
  block: [["blk.", "gpt_neox.layers."]],
  outside: { token_embd: "gpt_neox.embed_in", output_norm: "gpt_neox.final_layer_norm", output: "embed_out" },
  change(part, _, config) {
    const heads = numberOf(config, "num_attention_heads");
    return part === "attn_qkv" ? { rowOf: byHead(heads, numberOf(config, "hidden_size") / heads) } : {};
  },
};

const bert: Names = {
  blocks: {
    attn_q: "attention.self.query",
    attn_k: "attention.self.key",
    attn_v: "attention.self.value",
    attn_output: "attention.output.dense",
    attn_output_norm: "attention.output.LayerNorm",
    ffn_up: "intermediate.dense",
    ffn_down: "output.dense",
    layer_output_norm: "output.LayerNorm",
  },
  block: [["blk.", "bert.encoder.layer."]],
  outside: {
    token_embd: "bert.embeddings.word_embeddings",
    token_types: "bert.embeddings.token_type_embeddings",
    position_embd: "bert.embeddings.position_embeddings",
    token_embd_norm: "bert.embeddings.LayerNorm",
    cls: "bert.pooler.dense",
    "cls.output": "classifier",
  },
};

const t5: Names = {
  blocks: {
    attn_norm: "layer.0.layer_norm",
    attn_q: "layer.0.SelfAttention.q",
    attn_k: "layer.0.SelfAttention.k",
    attn_v: "layer.0.SelfAttention.v",
    attn_o: "layer.0.SelfAttention.o",
    attn_rel_b: "layer.0.SelfAttention.relative_attention_bias",
    cross_attn_norm: "layer.1.layer_norm",
    cross_attn_q: "layer.1.EncDecAttention.q",
    cross_attn_k: "layer.1.EncDecAttention.k",
    cross_attn_v: "layer.1.EncDecAttention.v",
    cross_attn_o: "layer.1.EncDecAttention.o",
    ffn_norm: "layer.N.layer_norm",
    ffn_gate: "layer.N.DenseReluDense.wi_0",
    ffn_up: "layer.N.DenseReluDense.wi_1",
    ffn_down: "layer.N.DenseReluDense.wo",
  },
  block: [
    ["enc.blk.", "encoder.block."],
    ["dec.blk.", "decoder.block."],
  ],
  outside: {
    token_embd: "shared",
    output: "lm_head",
    "enc.output_norm": "encoder.final_layer_norm",
    "dec.output_norm": "decoder.final_layer_norm",
  },
};

const tensorNames: Readonly<Record<GgufArchitecture, Names>> = {
  llama,
  qwen2: gatedNames,
  qwen3: gatedNames,
  phi3,
  gemma3,
  gpt2,
  gptneox: gptNeox,
  bert,
  t5,
};

/** Names of T5's feed-forward layer follow from the stack, and from whether it is gated. */
function feedForward(name: string, config: JsonObject): string {
  const placed = name.replace(/\.layer\.N\./, name.startsWith("encoder.") ? ".layer.1." : ".layer.2.");
  return config.feed_forward_proj === "relu" ? placed.replace(/\.wi_1$/, ".wi") : placed;
}

/** The checkpoint's name of a tensor, and what has to be undone; undefined for one that it does not have. */
export function checkpointTensor(
  name: string,
  architecture: GgufArchitecture,
  config: JsonObject,
): { readonly name: string; readonly change: Change } | undefined {
  const names = tensorNames[architecture];
  const [, whole, kind] = (/^(.+)\.(weight|bias)$/.exec(name) ?? []) as unknown as [string, string?, "weight"?];
  if (whole === undefined || kind === undefined) return undefined;
  const change = (part: string) => names.change?.(part, kind, config) ?? {};
  const outside = Object.hasOwn(names.outside, whole) ? names.outside[whole] : undefined;
  if (outside !== undefined) return { name: `${outside}.${kind}`, change: change(whole) };
  for (const [begins, instead] of names.block) {
    const [, layer, part] = whole.startsWith(begins) ? (/^(\d+)\.(.+)$/.exec(whole.slice(begins.length)) ?? []) : [];
    if (layer === undefined || part === undefined || !Object.hasOwn(names.blocks, part)) continue;
    const own = feedForward(`${instead}${layer}.${names.blocks[part]}`, config);
    return { name: `${own}.${kind}`, change: change(part) };
  }
  return undefined;
}
