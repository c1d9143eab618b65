/**
 * The metadata of a GGUF file as the config.json that its family reads. What the metadata does not say is what the
 * architecture of that name implies in llama.cpp (src/llama-model.cpp), or follows from the tensors that are there.
 */
import { type JsonObject, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import type { Metadata } from "./metadata.ts";

/** What a configuration is made from. */
export interface Given {
  readonly metadata: Metadata;
  /** `general.architecture`, before most keys. */
  readonly architecture: string;
  /** The file, for messages. */
  readonly where: string;
  shape(tensor: string): readonly number[] | undefined;
  /** The numbers of a small tensor: factors of rotary frequencies. */
  read(tensor: string): number[] | undefined;
}

export type Configure = (given: Given) => JsonObject;

/** No width, length or number of layers is larger; lists are made by some of them. */
const mostSize = 2 ** 24;
const mostLayers = 512;

/** Keys of the architecture. */
function keysOf({ metadata, architecture, where }: Given) {
  const name = (key: string) => `${architecture}.${key}`;
  const { need } = metadata;
  const size = (key: string): number => {
    const value = need(name(key), metadata.same(name(key)));
    if (value > 0 && value <= mostSize) return value;
    return fail("corrupt_file", `key "${name(key)}" is ${value}, expected 1 to ${mostSize}`, { where });
  };
  return {
    size,
    maybe: (key: string) => metadata.same(name(key)),
    number: (key: string) => metadata.number(name(key)),
    text: (key: string) => metadata.text(name(key)),
    truth: (key: string) => metadata.truth(name(key)),
    needNumber: (key: string): number => need(name(key), metadata.number(name(key))),
  };
}

/** Tokens by the names of config.json. */
function tokens({ metadata }: Given): JsonObject {
  const id = (name: string) => metadata.count(`tokenizer.ggml.${name}_token_id`);
  const [bos, eos, pad] = [id("bos"), id("eos"), id("padding")];
  return {
    ...(bos !== undefined && { bos_token_id: bos }),
    ...(eos !== undefined && { eos_token_id: eos }),
    ...(pad !== undefined && { pad_token_id: pad }),
  };
}

/** Rows of the table of words, and whether it makes the logits too. */
function words(given: Given): { vocab_size: number; tie_word_embeddings: boolean } {
  const shape =
    given.shape("token_embd.weight") ??
    fail("corrupt_file", 'tensor "token_embd.weight" is missing', { where: given.where });
  return { vocab_size: shape[0]!, tie_word_embeddings: given.shape("output.weight") === undefined };
}

/** Settings of rotary positions: `width` channels of a head. */
function rotary(given: Given, width: number): JsonObject {
  const { maybe, number, text, size } = keysOf(given);
  const turned = maybe("rope.dimension_count") ?? width;
  const scaled = number("rope.scaling.factor") ?? number("rope.scale_linear");
  const kind = text("rope.scaling.type") ?? (scaled === undefined ? "none" : "linear");
  const original = maybe("rope.scaling.original_context_length");
  const attention = number("rope.scaling.attn_factor");
  const base = {
    rope_theta: number("rope.freq_base") ?? 10_000,
    ...(turned !== width && { partial_rotary_factor: turned / width }),
  };
  const trained = original === undefined ? {} : { original_max_position_embeddings: original };
  // The factors that Llama 3.1 scales frequencies with are stored, and not the settings that they follow from.
  const stored = given.read("rope_freqs.weight");
  if (stored) return { ...base, rope_scaling: longrope(stored, stored, 1, size("context_length")) };
  const [short, long] = [given.read("rope_factors_short.weight"), given.read("rope_factors_long.weight")];
  if (short && long) {
    const { original_max_position_embeddings: old = size("context_length") } = trained;
    return { ...base, ...trained, rope_scaling: longrope(short, long, attention, old) };
  }
  switch (kind) {
    case "none":
      return base;
    case "linear":
      return { ...base, ...((scaled ?? 1) !== 1 && { rope_scaling: { rope_type: "linear", factor: scaled } }) };
    case "yarn": {
      const factor = scaled ?? 1;
      const magnitude = attention === undefined ? {} : { attention_factor: attention * (1 + 0.1 * Math.log(factor)) };
      return { ...base, rope_scaling: { rope_type: "yarn", factor, ...trained, ...magnitude } };
    }
    default:
      return fail("unsupported", `rotary positions scaled by ${shown(kind)} are not computed here`, {
        where: given.where,
      });
  }
}

/** Frequencies divided by these factors: `short` up to the trained length, `long` beyond. */
const longrope = (short: number[], long: number[], magnitude: number | undefined, trained: number): JsonObject => ({
  rope_type: "longrope",
  short_factor: short,
  long_factor: long,
  original_max_position_embeddings: trained,
  ...(magnitude !== undefined && { attention_factor: magnitude }),
});

/** What Llama and its relatives have in common. */
function gated(given: Given): JsonObject & { readonly head_dim: number; readonly hidden_size: number } {
  const { size, maybe, needNumber } = keysOf(given);
  const [width, heads] = [size("embedding_length"), size("attention.head_count")];
  const head = maybe("attention.key_length") ?? width / heads;
  const values = maybe("attention.value_length") ?? head;
  if (values !== head) {
    fail("unsupported", `keys of ${head} channels and values of ${values} are not computed here`, {
      where: given.where,
    });
  }
  return {
    ...words(given),
    ...tokens(given),
    ...rotary(given, head),
    hidden_size: width,
    intermediate_size: size("feed_forward_length"),
    num_hidden_layers: size("block_count"),
    num_attention_heads: heads,
    num_key_value_heads: maybe("attention.head_count_kv") ?? heads,
    head_dim: head,
    max_position_embeddings: size("context_length"),
    rms_norm_eps: needNumber("attention.layer_norm_rms_epsilon"),
  };
}

const llama: Configure = (given) => ({
  ...gated(given),
  model_type: "llama",
  architectures: ["LlamaForCausalLM"],
  attention_bias: given.shape("blk.0.attn_q.bias") !== undefined,
  mlp_bias: given.shape("blk.0.ffn_up.bias") !== undefined,
});

const qwen2: Configure = (given) => ({
  ...gated(given),
  model_type: "qwen2",
  architectures: ["Qwen2ForCausalLM"],
  use_sliding_window: false,
});

const qwen3: Configure = (given) => ({
  ...gated(given),
  model_type: "qwen3",
  architectures: ["Qwen3ForCausalLM"],
  use_sliding_window: false,
});

const phi3: Configure = (given) => ({
  ...gated(given),
  model_type: "phi3",
  architectures: ["Phi3ForCausalLM"],
  sliding_window: keysOf(given).maybe("attention.sliding_window") || null,
});

/** Layers of the one Gemma 3 whose scores are scaled by d / H and not by the width of a head. */
const layersOf27B = 62;

const gemma3: Configure = (given) => {
  const { maybe, number } = keysOf(given);
  const rest = gated(given);
  const [layers, heads] = [Number(rest.num_hidden_layers), Number(rest.num_attention_heads)];
  if (layers > mostLayers)
    fail("corrupt_file", `${layers} layers, at most ${mostLayers} are known`, { where: given.where });
  const window = maybe("attention.sliding_window") || undefined;
  const cap = number("final_logit_softcapping");
  return {
    ...rest,
    model_type: "gemma3_text",
    architectures: ["Gemma3ForCausalLM"],
    hidden_activation: "gelu_pytorch_tanh",
    query_pre_attn_scalar: layers === layersOf27B ? rest.hidden_size / heads : rest.head_dim,
    rope_theta: number("rope.freq_base") ?? 1_000_000,
    rope_local_base_freq: number("rope.freq_base_swa") ?? 10_000,
    ...(window === undefined
      ? { sliding_window: null, layer_types: Array.from({ length: layers }, () => "full_attention") }
      : { sliding_window: window, sliding_window_pattern: maybe("attention.sliding_window_pattern") ?? 6 }),
    ...(cap !== undefined && { final_logit_softcapping: cap }),
  };
};

const gpt2: Configure = (given) => {
  const { size, needNumber } = keysOf(given);
  return {
    ...words(given),
    ...tokens(given),
    model_type: "gpt2",
    architectures: ["GPT2LMHeadModel"],
    n_positions: given.shape("position_embd.weight")?.[0] ?? size("context_length"),
    n_embd: size("embedding_length"),
    n_layer: size("block_count"),
    n_head: size("attention.head_count"),
    n_inner: size("feed_forward_length"),
    activation_function: "gelu_new",
    layer_norm_epsilon: needNumber("attention.layer_norm_epsilon"),
  };
};

const gptNeox: Configure = (given) => {
  const { size, maybe, needNumber, truth, number } = keysOf(given);
  const [width, heads] = [size("embedding_length"), size("attention.head_count")];
  return {
    ...words(given),
    ...tokens(given),
    model_type: "gpt_neox",
    architectures: ["GPTNeoXForCausalLM"],
    hidden_size: width,
    intermediate_size: size("feed_forward_length"),
    num_hidden_layers: size("block_count"),
    num_attention_heads: heads,
    max_position_embeddings: size("context_length"),
    rotary_pct: (maybe("rope.dimension_count") ?? width / heads) / (width / heads),
    rotary_emb_base: number("rope.freq_base") ?? 10_000,
    use_parallel_residual: truth("use_parallel_residual") ?? true,
    hidden_act: "gelu",
    layer_norm_eps: needNumber("attention.layer_norm_epsilon"),
  };
};

const bert: Configure = (given) => {
  const { size, needNumber } = keysOf(given);
  const labels = given.metadata.texts(`${given.architecture}.classifier.output_labels`);
  const classes = given.shape("cls.output.weight")?.[0];
  const names = Array.from({ length: classes ?? 0 }, (_, i) => [i, labels?.[i] ?? `LABEL_${i}`]);
  return {
    ...words(given),
    ...tokens(given),
    tie_word_embeddings: true,
    model_type: "bert",
    architectures: [classes === undefined ? "BertModel" : "BertForSequenceClassification"],
    ...(classes !== undefined && { id2label: Object.fromEntries(names) }),
    hidden_size: size("embedding_length"),
    intermediate_size: size("feed_forward_length"),
    num_hidden_layers: size("block_count"),
    num_attention_heads: size("attention.head_count"),
    max_position_embeddings: given.shape("position_embd.weight")?.[0] ?? size("context_length"),
    type_vocab_size: given.shape("token_types.weight")?.[0] ?? 1,
    hidden_act: "gelu",
    layer_norm_eps: needNumber("attention.layer_norm_epsilon"),
  };
};

const t5: Configure = (given) => {
  const { size, maybe, number } = keysOf(given);
  const own = (stack: string) => given.shape(`${stack}.blk.1.attn_rel_b.weight`) !== undefined;
  const { metadata, architecture } = given;
  const epsilon = number("attention.layer_norm_rms_epsilon") ?? number("attention.layer_norm_epsilon");
  const layers = size("block_count");
  return {
    ...words(given),
    ...tokens(given),
    model_type: own("enc") || own("dec") ? "umt5" : "t5",
    architectures: ["T5ForConditionalGeneration"],
    is_encoder_decoder: true,
    d_model: size("embedding_length"),
    d_kv: size("attention.key_length"),
    d_ff: size("feed_forward_length"),
    num_heads: size("attention.head_count"),
    num_layers: layers,
    num_decoder_layers: maybe("decoder_block_count") ?? layers,
    relative_attention_num_buckets: size("attention.relative_buckets_count"),
    layer_norm_epsilon: metadata.need(`${architecture}.attention.layer_norm_rms_epsilon`, epsilon),
    feed_forward_proj: given.shape("enc.blk.0.ffn_gate.weight") ? "gated-gelu" : "relu",
    decoder_start_token_id: maybe("decoder_start_token_id") ?? 0,
  };
};

export const configurations = { llama, qwen2, qwen3, phi3, gemma3, gpt2, gptneox: gptNeox, bert, t5 } as const;

/** Values of `general.architecture` that open. */
export type GgufArchitecture = keyof typeof configurations;
