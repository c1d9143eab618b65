/** The shapes of decoders that the benchmark runs on, and what they cost: arithmetic, and bytes read. */
const common = {
  hidden_act: "silu",
  tie_word_embeddings: true,
  bos_token_id: 1,
  eos_token_id: 1,
  pad_token_id: 0,
  initializer_range: 0.02,
};

export const decoders = {
  "smollm2-135m": {
    ...common,
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_size: 576,
    intermediate_size: 1536,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    head_dim: 64,
    vocab_size: 49152,
    max_position_embeddings: 8192,
    rope_theta: 100000,
    rms_norm_eps: 1e-5,
  },
  "qwen3-0.6b": {
    ...common,
    architectures: ["Qwen3ForCausalLM"],
    model_type: "qwen3",
    hidden_size: 1024,
    intermediate_size: 3072,
    num_hidden_layers: 28,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    head_dim: 128,
    vocab_size: 151936,
    max_position_embeddings: 40960,
    rope_theta: 1000000,
    rms_norm_eps: 1e-6,
  },
};

/** Tokens of the prompt, and of the context in which steps are timed. */
export const context = 512;
export const steps = 32;

/** Arithmetic of reading a prompt, and bytes read in a step with `batch` rows, by how matrices are stored. */
export function decoderWork(name, bytes, head) {
  const c = decoders[name];
  const [d, f, inner] = [c.hidden_size, c.intermediate_size, c.num_attention_heads * c.head_dim];
  const keys = c.num_key_value_heads * c.head_dim;
  const matrices = [
    [inner, d],
    [keys, d],
    [keys, d],
    [d, inner],
    [f, d],
    [f, d],
    [d, f],
  ];
  const layers = c.num_hidden_layers;
  const weights = matrices.reduce((sum, [out, width]) => sum + out * width, 0);
  const stored = matrices.reduce((sum, [out, width]) => sum + bytes(out, width), 0);
  return {
    // Every query sees half of the keys on average; logits are those of the last token.
    prefillFlops: 2 * layers * (context * weights + context ** 2 * inner) + 2 * d * c.vocab_size,
    decodeBytes: (batch) =>
      layers * stored + head(c.vocab_size, d) + 4 * batch * layers * 2 * (context + steps / 2) * keys,
  };
}
