/**
 * GGUF files for fuzzing: metadata and tensors as a description with things wrong in it, written with numbers of the
 * format that are wrong now and then, bytes wrong in that. Whatever opens is read: tokenizer, configuration, every tensor.
 */
import { mutateBytes, mutateValue, oddNumbers } from "./mutate.js";

const encoder = new TextEncoder();
const little = (bytes, n) => {
  const big = BigInt.asUintN(8 * bytes, typeof n === "bigint" ? n : BigInt(Number.isFinite(n) ? Math.trunc(n) : 0));
  return Array.from({ length: bytes }, (_, i) => Number((big >> BigInt(8 * i)) & 255n));
};
const widths = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
/** Bytes of a block of each type, and its elements. */
const blocks = {
  0: [4, 1],
  1: [2, 1],
  2: [18, 32],
  3: [20, 32],
  6: [22, 32],
  7: [24, 32],
  8: [34, 32],
  10: [84, 256],
  11: [110, 256],
  12: [144, 256],
  13: [176, 256],
  14: [210, 256],
  30: [2, 1],
};

const gated = (architecture, more = {}) => ({
  "general.architecture": [8, architecture],
  "general.alignment": [4, 32],
  [`${architecture}.block_count`]: [4, 1],
  [`${architecture}.context_length`]: [4, 16],
  [`${architecture}.embedding_length`]: [4, 32],
  [`${architecture}.feed_forward_length`]: [9, 4, [64]],
  [`${architecture}.attention.head_count`]: [4, 2],
  [`${architecture}.attention.head_count_kv`]: [4, 1],
  [`${architecture}.attention.layer_norm_rms_epsilon`]: [6, 1e-5],
  [`${architecture}.attention.layer_norm_epsilon`]: [6, 1e-5],
  [`${architecture}.rope.scaling.type`]: [8, "linear"],
  [`${architecture}.rope.scaling.factor`]: [6, 2],
  ...more,
});
const bytePairs = {
  "tokenizer.ggml.model": [8, "gpt2"],
  "tokenizer.ggml.pre": [8, "llama-bpe"],
  "tokenizer.ggml.tokens": [9, 8, ["a", "b", "ab", "<|x|>"]],
  "tokenizer.ggml.token_type": [9, 5, [1, 1, 1, 3]],
  "tokenizer.ggml.merges": [9, 8, ["a b"]],
  "tokenizer.ggml.eos_token_id": [4, 3],
  "tokenizer.chat_template": [8, "{{ x }}"],
};
const pieces = (model) => ({
  "tokenizer.ggml.model": [8, model],
  "tokenizer.ggml.tokens": [9, 8, ["<unk>", "\u2581", "a", "\u2581a"]],
  "tokenizer.ggml.scores": [9, 6, [0, -1, -2, -0.5]],
  "tokenizer.ggml.token_type": [9, 5, [2, 1, 1, 1]],
  "tokenizer.ggml.bos_token_id": [4, 0],
  "tokenizer.ggml.add_bos_token": [7, 1],
  "tokenizer.ggml.precompiled_charsmap": [9, 0, []],
});
const wordPieces = {
  "tokenizer.ggml.model": [8, "bert"],
  "tokenizer.ggml.tokens": [9, 8, ["[PAD]", "[UNK]", "\u2581a", "b"]],
  "tokenizer.ggml.token_type": [9, 5, [3, 3, 1, 1]],
  "tokenizer.ggml.cls_token_id": [4, 0],
  "tokenizer.ggml.seperator_token_id": [4, 1],
};
const tensors = (type, inner = 32) => [
  { name: "token_embd.weight", type: 8, shape: [4, 32] },
  { name: "blk.0.attn_q.weight", type, shape: [32, inner] },
  { name: "blk.0.attn_norm.weight", type: 0, shape: [32] },
  { name: "blk.0.attn_qkv.bias", type: 0, shape: [96] },
  { name: "rope_freqs.weight", type: 0, shape: [8] },
];
const seeds = [
  { version: 3, metadata: { ...gated("llama"), ...bytePairs }, tensors: tensors(3) },
  { version: 2, metadata: { ...gated("gemma3"), ...pieces("llama") }, tensors: tensors(12, 256) },
  { version: 3, metadata: { ...gated("gpt2"), ...bytePairs }, tensors: tensors(14, 256) },
  { version: 3, metadata: { ...gated("bert", { "bert.pooling_type": [4, 2] }), ...wordPieces }, tensors: tensors(1) },
  {
    version: 3,
    metadata: {
      ...gated("t5", { "t5.attention.relative_buckets_count": [4, 32], "t5.attention.key_length": [4, 16] }),
      ...pieces("t5"),
    },
    tensors: tensors(10, 256),
  },
  { version: 3, metadata: { ...gated("gptneox"), ...bytePairs }, tensors: tensors(11, 256) },
];

const list = (value) => (Array.isArray(value) ? value : []);

/** The file that a description stands for; a number in it is another now and then. */
function write(model, random, wrong) {
  const number = (bytes, n) => little(bytes, random.next() < wrong ? random.pick(oddNumbers) : n);
  const text = (value) => {
    const bytes = encoder.encode(String(value).slice(0, 10_000));
    return [...number(8, bytes.length), ...bytes];
  };
  const scalar = (type, value) => {
    if (type === 8) return text(value);
    if (type === 6) return [...new Uint8Array(Float32Array.of(Number(value)).buffer)];
    if (type === 12) return [...new Uint8Array(Float64Array.of(Number(value)).buffer)];
    return little(widths[type] ?? 4, Number(value));
  };
  const entry = (given) => {
    const [type = 4, value = 0, values] = list(given);
    if (type !== 9) return [...number(4, Number(type)), ...scalar(Number(type), value)];
    const items = list(values);
    return [
      ...number(4, 9),
      ...number(4, Number(value)),
      ...number(8, items.length),
      ...items.flatMap((item) => scalar(Number(value), item)),
    ];
  };
  const metadata = Object.entries(model.metadata ?? {});
  const all = list(model.tensors);
  let place = 0;
  const placed = all.map((given) => {
    const { name = "", type = 0, shape = [] } = given ?? {};
    const dims = list(shape).map((dim) => (typeof dim === "number" && dim >= 0 && dim < 1e6 ? Math.trunc(dim) : 1));
    const [bytes, elements] = Object.hasOwn(blocks, String(type)) ? blocks[type] : [4, 1];
    const size = Math.min(40_000, Math.ceil(dims.reduce((a, b) => a * b, 1) / elements) * bytes);
    const from = place;
    place = Math.ceil((place + size) / 32) * 32;
    return { name, type, dims, size, from };
  });
  const head = [
    ...encoder.encode("GGUF"),
    ...number(4, Number(model.version) || 0),
    ...number(8, placed.length),
    ...number(8, metadata.length),
    ...metadata.flatMap(([key, value]) => [...text(key), ...entry(value)]),
    ...placed.flatMap(({ name, type, dims, from }) => [
      ...text(name),
      ...number(4, dims.length),
      ...[...dims].reverse().flatMap((dim) => number(8, dim)),
      ...number(4, Number(type)),
      ...number(8, from),
    ]),
  ];
  const start = Math.ceil(head.length / 32) * 32;
  const bytes = new Uint8Array(start + place);
  bytes.set(head);
  // Scales that are numbers: bytes below 64 make no infinite half.
  for (let at = start; at < bytes.length; at++) bytes[at] = random.below(60);
  return bytes;
}

/** The reader of GGUF files, with its seeds: descriptions as JSON. */
export function ggufReader({ readGgufHeader, ggufModel, readStored }) {
  return {
    name: "gguf",
    seeds: seeds.map((model) => JSON.stringify(model)),
    mutate(seed, random) {
      const model = JSON.parse(seed);
      const way = random.next();
      if (way < 0.55) for (let n = 1 + random.below(3); n > 0; n--) mutateValue(model, random);
      const written = write(model, random, way > 0.55 && way < 0.8 ? 0.01 : 0);
      return way > 0.75 || random.next() < 0.1 ? mutateBytes(written, random) : written;
    },
    read(bytes) {
      const read = (offset, length) => bytes.subarray(offset, offset + length);
      const header = readGgufHeader(read, bytes.length, "fuzz.gguf");
      const place = (offset, length) => ({ data: bytes.subarray(offset, offset + length) });
      const part = { header, where: "fuzz.gguf", place };
      const model = ggufModel([part], (at, from, length) => at.data.subarray(from, from + length));
      for (const stored of model.weights.values()) readStored(stored);
      const tokenizer = model.tokenizer();
      tokenizer.decode(tokenizer.encode("a ab  é 日本 <|x|> 😀").ids);
    },
  };
}
