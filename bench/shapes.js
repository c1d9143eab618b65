import { decoders, decoderWork } from "./decoders/shapes.js";

/** The shapes the benchmark runs on, and what they cost: arithmetic, and bytes read. */
export const common = {
  architectures: ["T5ForConditionalGeneration"],
  model_type: "t5",
  is_encoder_decoder: true,
  d_kv: 64,
  relative_attention_num_buckets: 32,
  relative_attention_max_distance: 128,
  layer_norm_epsilon: 1e-6,
  dropout_rate: 0.0,
  pad_token_id: 0,
  eos_token_id: 1,
  decoder_start_token_id: 0,
};

/** As in bench/peers/make_t5.py. */
export const shapes = {
  "t5-small": { d_model: 512, d_ff: 2048, num_layers: 6, num_heads: 8, feed_forward_proj: "relu", vocab_size: 32128 },
  "t5-base": {
    d_model: 768,
    d_ff: 2048,
    num_layers: 12,
    num_heads: 12,
    feed_forward_proj: "gated-gelu",
    vocab_size: 32128,
    tie_word_embeddings: false,
  },
  "t5-large": {
    d_model: 1024,
    d_ff: 2816,
    num_layers: 24,
    num_heads: 16,
    feed_forward_proj: "gated-gelu",
    vocab_size: 32128,
    tie_word_embeddings: false,
  },
  "t5-train": { d_model: 512, d_ff: 1024, num_layers: 3, num_heads: 8, feed_forward_proj: "relu", vocab_size: 16384 },
};

/** Bytes in which a matrix [rows, columns] is stored, scales included, where a scale has 4 bytes or 2 (ggml). */
const stored = {
  fp32: (rows, columns) => 4 * rows * columns,
  "8 bits by row": (rows, columns) => rows * (columns + 4),
  "4 bits by block": (rows, columns) => rows * columns * (0.5 + 4 / 32),
  q8_0: (rows, columns) => rows * columns * (1 + 2 / 32),
  q4_0: (rows, columns) => rows * columns * (0.5 + 2 / 32),
  q6_k: (rows, columns) => (rows * columns * 210) / 256,
};
/** llama.cpp keeps the matrix of the words finer. */
const wordsStored = { q4_0: stored.q6_k };

/** How matrices are stored in a layout, and the table of words. */
const bytesOf = (layout) => [stored[layout], wordsStored[layout] ?? stored[layout]];

/** Arithmetic of the products, and bytes read in a decode step by weights stored in a `layout`, of a shape. */
export function work(name, layout = "fp32") {
  const [bytes, head] = bytesOf(layout);
  if (name in decoders) return decoderWork(name, bytes, head);
  const { d_model: d, d_ff: f, num_heads, num_layers: layers, vocab_size: words, feed_forward_proj } = shapes[name];
  const inner = num_heads * common.d_kv;
  const square = d * inner;
  const gates = feed_forward_proj.startsWith("gated") ? 2 : 1;
  const feedForward = (gates + 1) * d * f;
  const encoder = (tokens, rows = 1) => rows * layers * (tokens * (4 * square + feedForward) + 2 * tokens ** 2 * inner);
  const decoder = (length, tokens, rows) =>
    rows *
    (layers * (length * (6 * square + feedForward) + 2 * tokens * square + 2 * length * (tokens + length) * inner) +
      length * d * words);
  // Queries, keys, values and outputs of self-attention; queries and outputs of cross-attention; the rest.
  const layer = 4 * bytes(inner, d) + 2 * bytes(d, inner) + gates * bytes(f, d) + bytes(d, f);
  return {
    encoderFlops: 2 * encoder(256),
    // Forward, and twice as much backward; with a frozen body no product for weights.
    trainFlops: 2 * 3 * (encoder(128, 8) + decoder(32, 128, 8)),
    frozenFlops: 2 * 2 * (encoder(148, 8) + decoder(32, 148, 8)),
    // Keys and values stay in fp32, 256 of the encoder and 32 on average of the 64 steps.
    decodeBytes: (batch) => layers * layer + head(words, d) + 4 * batch * layers * 2 * (256 + 32) * inner,
  };
}
