import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, test } from "vitest";
import { type Entry, type GgufSpec, ggufBytes } from "../../../test/support/models/gguf.ts";
import { readStored } from "../../weights/safetensors-node.ts";
import { companions } from "../companions-node.ts";
import { openModelFolder, openTokenizer } from "../open-node.ts";
import { quantizeFolder } from "../quantize-node.ts";

const place = realpathSync(mkdtempSync(join(tmpdir(), "zeroth-gguf-")));
afterAll(() => rmSync(place, { recursive: true }));
const fixture = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/gguf/${name}.gguf`, import.meta.url));

const text = (value: string): Entry => [8, value];
const u32 = (value: number): Entry => [4, value];
const texts = (values: readonly string[]): Entry => [9, 8, values];

/** A Llama of one layer without most of its tensors: enough for its configuration and its tokenizer. */
const metadata: Readonly<Record<string, Entry>> = {
  "general.architecture": text("llama"),
  "llama.block_count": u32(1),
  "llama.context_length": u32(16),
  "llama.embedding_length": u32(4),
  "llama.feed_forward_length": u32(8),
  "llama.attention.head_count": u32(2),
  "llama.attention.layer_norm_rms_epsilon": [6, 0.5],
  "tokenizer.ggml.model": text("gpt2"),
  "tokenizer.ggml.pre": text("gpt-2"),
  "tokenizer.ggml.tokens": texts(["a", "b", "ab", "<|im_end|>"]),
  "tokenizer.ggml.token_type": [9, 5, [1, 1, 1, 3]],
  "tokenizer.ggml.merges": texts(["a b"]),
};

interface Changes extends Omit<GgufSpec, "metadata"> {
  readonly more?: Readonly<Record<string, Entry>>;
  readonly without?: readonly string[];
}

const words = { shape: [4, 4], type: 0, data: new Uint8Array(64) };

function tiny({
  more = {},
  without = [],
  tensors = [["token_embd.weight", words]],
  ...rest
}: Changes = {}): Uint8Array {
  const entries = Object.entries({ ...metadata, ...more }).filter(([key]) => !without.includes(key));
  return ggufBytes({ metadata: entries, tensors, ...rest });
}

let files = 0;
function written(bytes: Uint8Array): string {
  const path = join(place, `m${files++}.gguf`);
  writeFileSync(path, bytes);
  return path;
}

test("a file is a folder: configuration, ends, template, tokens, weights by the checkpoint's names", () => {
  const folder = openModelFolder(fixture("llama"));
  expect(folder.config).toMatchObject({
    model_type: "llama",
    hidden_size: 32,
    head_dim: 16,
    num_key_value_heads: 2,
    rope_theta: 500,
    vocab_size: 290,
    tie_word_embeddings: true,
    max_position_embeddings: 64,
  });
  expect(folder.generationConfig).toEqual({ bos_token_id: 287, pad_token_id: 287, eos_token_id: [287, 289] });
  expect(folder.gguf?.chatTemplate).toMatch(/^\{% for m in messages %\}/);
  expect(folder.gguf?.specialTokens).toEqual({
    bos_token: "<|endoftext|>",
    eos_token: "<|endoftext|>",
    pad_token: "<|endoftext|>",
  });
  expect(folder.tokenizerConfig?.chat_template).toBe(folder.gguf?.chatTemplate);
  const names = [...folder.weights.keys()];
  expect(names).toContain("model.layers.1.self_attn.q_proj.weight");
  expect(names.every((name) => name.startsWith("model."))).toBe(true);
});

test.each<[string, object, string]>([
  ["llama3", { attention_bias: true, tie_word_embeddings: false }, "model.layers.0.self_attn.q_proj.bias"],
  ["gpt2", { model_type: "gpt2", n_inner: 128, n_positions: 64 }, "transformer.h.1.attn.c_attn.weight"],
  ["bert", { model_type: "bert", type_vocab_size: 2, max_position_embeddings: 40 }, "bert.embeddings.LayerNorm.bias"],
  ["t5", { model_type: "t5", feed_forward_proj: "gated-gelu" }, "decoder.block.1.layer.1.EncDecAttention.q.weight"],
  ["t5", { d_kv: 8 }, "encoder.block.0.layer.1.DenseReluDense.wi_0.weight"],
  ["qwen2", { model_type: "qwen2", head_dim: 8 }, "model.layers.0.self_attn.v_proj.bias"],
  ["qwen3", { model_type: "qwen3", head_dim: 16 }, "model.layers.1.self_attn.k_norm.weight"],
  ["phi3", { model_type: "phi3", sliding_window: null }, "model.layers.1.mlp.gate_up_proj.weight"],
  [
    "gemma3",
    { model_type: "gemma3_text", sliding_window: 8, rope_theta: 1e6, query_pre_attn_scalar: 16 },
    "model.layers.0.post_feedforward_layernorm.weight",
  ],
  ["gptneox", { model_type: "gpt_neox", rotary_pct: 0.5 }, "gpt_neox.layers.0.attention.query_key_value.bias"],
])("%s", (name, config, tensor) => {
  const folder = openModelFolder(fixture(name));
  expect(folder.config).toMatchObject(config);
  expect([...folder.weights.keys()]).toContain(tensor);
});

test("Llama 3's factors of frequencies are taken from their tensor", () => {
  const { rope_scaling: scaling } = openModelFolder(fixture("llama3")).config as {
    rope_scaling: { short_factor: number[] };
  };
  expect(scaling).toMatchObject({ rope_type: "longrope", attention_factor: 1 });
  expect(scaling.short_factor[0]).toBe(1);
  expect(scaling.short_factor.at(-1)).toBeCloseTo(8, 5);
});

test("a model in two files is one, whichever of them is named", () => {
  const folder = join(place, "shards");
  mkdirSync(folder);
  const norm = { shape: [4], type: 0, data: new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer) };
  const part = (i: number, count = 2): Readonly<Record<string, Entry>> => ({
    "split.no": [2, i],
    "split.count": [2, count],
  });
  const name = (i: number) => join(folder, `m-0000${i}-of-00002.gguf`);
  writeFileSync(name(1), tiny({ more: part(0) }));
  expect(() => openModelFolder(name(1))).toThrow(/file 2 of 2 is missing: m-00002-of-00002\.gguf/);
  writeFileSync(name(2), ggufBytes({ metadata: Object.entries(part(1)), tensors: [["output_norm.weight", norm]] }));
  for (const path of [name(1), name(2), folder]) {
    const { weights } = openModelFolder(path);
    expect([...weights.keys()]).toEqual(["model.embed_tokens.weight", "model.norm.weight"]);
    expect([...readStored(weights.get("model.norm.weight")!).data]).toEqual([1, 2, 3, 4]);
  }
  writeFileSync(name(2), ggufBytes({ metadata: Object.entries(part(0)), tensors: [["output_norm.weight", norm]] }));
  expect(() => openModelFolder(folder)).toThrow(/says that it is number 1 of 2, by its name it is number 2 of 2/);
  writeFileSync(name(2), ggufBytes({ metadata: Object.entries(part(1)), tensors: [["token_embd.weight", words]] }));
  expect(() => openModelFolder(folder)).toThrow(/tensor "token_embd\.weight" is in two of the files/);
});

test("a folder with several files asks which", () => {
  const folder = join(place, "several");
  mkdirSync(folder);
  copyFileSync(fixture("llama"), join(folder, "a.gguf"));
  expect(openModelFolder(folder).gguf?.title).toBe("tiny llama");
  copyFileSync(fixture("gpt2"), join(folder, "b.gguf"));
  expect(() => openModelFolder(folder)).toThrow(
    expect.objectContaining({
      code: "bad_input",
      message: expect.stringMatching(/holds 2 GGUF files: a\.gguf, b\.gguf/),
    }),
  );
});

describe("what is no model is refused", () => {
  const width8 = { ...words, shape: [4, 8], data: new Uint8Array(128) };
  const layers = (...values: number[]): Entry => [9, 4, values];
  it.each<[string, Changes, RegExp, code?: string]>([
    ["no architecture", { without: ["general.architecture"] }, /key "general\.architecture" is missing/],
    [
      "an architecture not known",
      { more: { "general.architecture": text("mamba") } },
      /"mamba" is not known/,
      "unsupported",
    ],
    ["a number for it", { more: { "general.architecture": u32(1) } }, /is the number "1", expected a text/],
    ["an adapter", { more: { "general.type": text("adapter") } }, /is an adapter/, "unsupported"],
    ["an image part", { more: { "general.type": text("mmproj") } }, /is the image part of a model/, "unsupported"],
    ["statistics", { more: { "general.type": text("imatrix") } }, /is statistics/, "unsupported"],
    ["something new", { more: { "general.type": text("dream") } }, /is of the type "dream"/, "unsupported"],
    ["experts", { more: { "llama.expert_count": u32(8) } }, /a mixture of experts/, "unsupported"],
    ["older formats", { more: { "general.quantization_version": u32(1) } }, /quantised by version 1/, "unsupported"],
    ["no layers", { without: ["llama.block_count"] }, /key "llama\.block_count" is missing/],
    ["0 layers", { more: { "llama.block_count": u32(0) } }, /"llama\.block_count" is 0, expected 1 to/],
    ["layers unlike", { more: { "llama.feed_forward_length": layers(8, 9) } }, /the same for every layer/],
    [
      "values of another width",
      { more: { "llama.attention.value_length": u32(4) } },
      /keys of 2 channels/,
      "unsupported",
    ],
    ["rotation not known", { more: { "llama.rope.scaling.type": text("x") } }, /scaled by "x"/, "unsupported"],
    ["no words", { tensors: [] }, /tensor "token_embd\.weight" is missing/],
    ["no tokens", { without: ["tokenizer.ggml.tokens"] }, /key "tokenizer\.ggml\.tokens" is missing/],
    ["fewer tokens", { more: { "tokenizer.ggml.tokens": texts(["a"]) } }, /1 tokens and 4 rows|lists 4 of 1 tokens/],
    ["types of fewer", { more: { "tokenizer.ggml.token_type": [9, 5, [1]] } }, /lists 1 of 4 tokens/],
    ["an end beyond them", { more: { "tokenizer.ggml.eos_token_id": u32(4) } }, /is token 4, the vocabulary has 4/],
    [
      "half a head",
      {
        tensors: [
          ["token_embd.weight", width8],
          ["blk.0.attn_q.weight", { ...words, shape: [6, 8], data: new Uint8Array(192) }],
        ],
        more: { "llama.embedding_length": u32(8) },
      },
      /tensor "blk\.0\.attn_q\.weight": has 6 rows, which are no whole heads/,
    ],
  ])("%s", (_, changes, message, code = "corrupt_file") => {
    const path = written(tiny(changes));
    expect(() => openModelFolder(path)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message), where: expect.stringContaining(path) }),
    );
  });

  it.each<[string, Changes, RegExp, code?: string]>([
    ["no merges", { without: ["tokenizer.ggml.merges"] }, /key "tokenizer\.ggml\.merges" is missing/],
    [
      "a way of cutting not known",
      { more: { "tokenizer.ggml.pre": text("x") } },
      /the way "x" of cutting/,
      "unsupported",
    ],
    ["a kind not known", { more: { "tokenizer.ggml.model": text("rwkv") } }, /of the kind "rwkv"/, "unsupported"],
    ["no scores", { more: { "tokenizer.ggml.model": text("llama") } }, /key "tokenizer\.ggml\.scores" is missing/],
    [
      "a score that is none",
      { more: { "tokenizer.ggml.model": text("t5"), "tokenizer.ggml.scores": [9, 6, [0, Number.NaN, 0, 0]] } },
      /token 1 has the score NaN/,
    ],
  ])("a tokenizer with %s", (_, changes, message, code = "corrupt_file") => {
    const folder = openModelFolder(written(tiny(changes)));
    expect(() => openTokenizer(folder)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});

test("no other model is made of a file", async () => {
  const folder = openModelFolder(fixture("llama"));
  const out = join(place, "out");
  const quantised = quantizeFolder(folder, { out, bits: 8, choose: () => "keep" });
  await expect(quantised).rejects.toMatchObject({
    code: "unsupported",
    hint: expect.stringMatching(/original weights/),
  });
  expect(() => companions(folder)).toThrow(/is a GGUF file/);
});

test("a vocabulary that does not say how it is cut is taken as GPT-2's, with a warning", () => {
  const folder = openModelFolder(written(tiny({ without: ["tokenizer.ggml.pre"] })));
  expect(folder.gguf?.warnings.join()).toMatch(/does not say how texts are cut/);
  expect(openTokenizer(folder).encode("abb<|im_end|>").ids).toEqual([2, 1, 3]);
  expect(openModelFolder(written(tiny())).gguf?.warnings).toEqual([]);
});

test("the unknown piece of a SentencePiece vocabulary may be marked as a control token", () => {
  const more = {
    "tokenizer.ggml.model": text("llama"),
    "tokenizer.ggml.tokens": texts(["<unk>", "▁", "a", "▁a"]),
    "tokenizer.ggml.scores": [9, 6, [0, -1, -2, -0.5]],
    "tokenizer.ggml.token_type": [9, 5, [3, 1, 1, 1]],
    "tokenizer.ggml.unknown_token_id": u32(0),
    "tokenizer.ggml.add_bos_token": [7, false],
  } as const;
  const tokenizer = openTokenizer(openModelFolder(written(tiny({ more }))));
  expect(tokenizer.encode("a zz").ids).toEqual([3, 1, 0]);
  expect(() =>
    openTokenizer(openModelFolder(written(tiny({ more, without: ["tokenizer.ggml.unknown_token_id"] })))),
  ).toThrow(/has no unknown piece/);
});
