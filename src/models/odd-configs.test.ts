/** config.json as nobody would write it: a value or a typed error, soon, for every family. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { rope, type SmallFamily, smallConfigs } from "../../test/support/models/small-configs.ts";
import type { JsonObject } from "../base/json.ts";
import { ZerothError } from "../errors.ts";
import { familyOf } from "./families.ts";
import { wholeGraph } from "./kinds/whole.ts";

const numbers = [0, -0, -1, 0.5, 1, 2, 3, 5, 7, 512, 513, 65536, 65537, 1e6, 2 ** 24, 2 ** 24 + 1, 2 ** 53, 2 ** 63];
const odd = fc.oneof(
  fc.constantFrom<unknown>(...numbers, 1e308, -1e308, 5e-324, 1e-300, 1e-30, 1e-45, 1e39),
  fc.constantFrom<unknown>(null, "", "x", "gated-", "constructor", "__proto__", true, false, [], {}, [[]], [1e9], [-1]),
  fc.constantFrom<unknown>("default", "linear", "dynamic", "llama3", "yarn", "longrope", "relu", "gelu", "tanh"),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
);

/** Numbers for a number and words for a word, mostly: what is of another type is refused at the first look. */
const oddFor = (value: unknown): fc.Arbitrary<unknown> => {
  const like =
    typeof value === "number"
      ? fc.oneof(
          fc.constantFrom(...numbers),
          fc.integer({ min: 0, max: 600 }),
          fc.double({ min: 0, max: 2, noNaN: true }),
        )
      : typeof value === "boolean"
        ? fc.boolean()
        : fc.constantFrom("relu", "gelu", "gated-silu", "default", "linear", "dynamic", "llama3", "yarn", "longrope");
  return fc.oneof({ weight: 5, arbitrary: like }, { weight: 1, arbitrary: odd });
};

/** Entries put in the place of others, those of a nested object too. */
const changed = (base: JsonObject): fc.Arbitrary<JsonObject> => {
  const keys = Object.keys(base).filter((key) => key !== "model_type");
  const nested = keys.flatMap((key) => {
    const value = base[key];
    const inner = value !== null && typeof value === "object" && !Array.isArray(value) ? Object.keys(value) : [];
    return inner.map((name) => [key, name] as const);
  });
  const places = [...keys.map((key) => [key, undefined] as const), ...nested];
  const before = ([key, inner]: (typeof places)[number]) =>
    inner === undefined ? base[key] : (base[key] as JsonObject)[inner];
  const change = fc.constantFrom(...places).chain((place) => fc.tuple(fc.constant(place), oddFor(before(place))));
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    const json: Record<string, unknown> = structuredClone(base);
    for (const [[key, inner], value] of changes) {
      if (inner === undefined) json[key] = value;
      else if (typeof json[key] === "object" && json[key] !== null) json[key] = { ...json[key], [inner]: value };
    }
    return json;
  });
};

/** One with rotary positions of each kind, so that each is changed often. */
const bases = Object.entries(smallConfigs).flatMap(([name, base]) =>
  name === "llama"
    ? ["default", "linear", "dynamic", "llama3", "yarn", "longrope"].map(
        (rope_type) => [`${name} ${rope_type}`, { ...base, rope_scaling: { ...rope, rope_type } }] as const,
      )
    : [[name, base] as const],
);

const build = (json: JsonObject) => wholeGraph(familyOf(json, "here").read(json));

test.each(bases)("%s: sound as it is", (_, base) => {
  expect(build(base).parameters.length).toBeGreaterThan(5);
});

test.each(bases)("%s: changed, it gives a graph or says what is wrong", { timeout: 120_000 }, (_, base) => {
  let built = 0;
  fc.assert(
    fc.property(changed(base), (json) => {
      const started = performance.now();
      try {
        const { parameters, nodes } = build(json);
        built++;
        expect(nodes.length).toBeLessThan(1_500_000);
        for (const { outputs } of parameters) {
          for (const size of outputs[0]!.shape) expect(Number.isSafeInteger(size) && (size as number) > 0).toBe(true);
        }
        for (const node of nodes) {
          if (node.kind !== "constant" || node.value.dtype !== "float32") continue;
          // Minus infinity is what masks.
          expect(node.value.data.every((value) => !Number.isNaN(value) && value !== Infinity)).toBe(true);
        }
      } catch (error) {
        if (!(error instanceof ZerothError)) throw error;
        expect(["corrupt_file", "unsupported"]).toContain(error.code);
      }
      expect(performance.now() - started).toBeLessThan(20_000);
    }),
    { numRuns: 200, seed: 8 },
  );
  expect(built).toBeGreaterThan(20);
});

test.each<[SmallFamily, JsonObject, RegExp]>([
  ["t5", { num_layers: 2 ** 24 }, /num_layers/],
  ["t5", { relative_attention_num_buckets: 1_000_000 }, /relative_attention_num_buckets/],
  ["t5", { relative_attention_num_buckets: 40, relative_attention_max_distance: 20 }, /do not fit together/],
  ["t5", { layer_norm_epsilon: 1e308 }, /layer_norm_epsilon/],
  ["t5", { feed_forward_proj: "constructor" }, /feed_forward_proj/],
  ["switch", { num_experts: 2 ** 24 }, /experts/],
  ["bart", { decoder_layers: 2 ** 24 }, /decoder_layers/],
  ["bart", { encoder_attention_heads: 3 }, /d_model \(encoder\) 8 and 3 heads/],
  ["bart", { activation_function: "snake" }, /activation_function/],
  ["bart", { vocab_size: undefined }, /vocab_size/],
  ["marian", { max_position_embeddings: 2 ** 24 }, /positions/],
  ["bert", { num_hidden_layers: 513 }, /num_hidden_layers/],
  ["bert", { num_labels: 2 ** 52 }, /num_labels/],
  ["bert", { num_attention_heads: 3 }, /heads/],
  ["bert", { position_embedding_type: "relative_key" }, /position_embedding_type "relative_key"/],
  ["roberta", { max_position_embeddings: 2 }, /max_position_embeddings 2 and padding in row 1/],
  ["roberta", { position_embedding_type: "relative_key_query" }, /position_embedding_type/],
  ["roberta", { is_decoder: true }, /is_decoder/],
  ["distilbert", { n_heads: 3 }, /dim 8 and 3 heads/],
  ["distilbert", { activation: "snake" }, /activation/],
  ["electra", { embedding_size: 0 }, /embedding_size/],
  ["electra", { summary_type: "last" }, /summary_type "last"/],
  ["electra", { summary_proj_to_labels: true }, /summary_proj_to_labels/],
  ["mpnet", { relative_attention_num_buckets: 16 }, /relative_attention_num_buckets 16/],
  ["modernbert", { layer_types: ["full_attention"] }, /1 layer_types and 2 layers/],
  ["modernbert", { layer_types: ["full_attention", "chunked_attention"] }, /layer_types\.1/],
  ["modernbert", { classifier_pooling: "max" }, /classifier_pooling/],
  ["modernbert", { num_attention_heads: 8 }, /heads of 1 channels/],
  ["modernbert", { rope_parameters: { full_attention: { rope_type: "dynamic", factor: 2 } } }, /"dynamic"/],
  ["modernbert", { rope_parameters: { sliding_attention: { rope_type: "linear" } } }, /without factor/],
  ["deberta", { conv_kernel_size: 3 }, /conv_kernel_size 3/],
  ["deberta", { pos_att_type: "p2p|c2p" }, /pos_att_type "p2p"/],
  ["deberta", { position_buckets: 64 }, /position_buckets 64 and max_relative_positions 16/],
  ["deberta", { max_relative_positions: 2 ** 17 }, /max_relative_positions/],
  ["deberta", { max_position_embeddings: 2 ** 17 }, /a table of all distances/],
  ["deberta", { attention_head_size: 16 }, /attention_head_size 16/],
  ["deberta", { pooler_hidden_size: 16 }, /pooler_hidden_size 16/],
  ["gpt2", { n_layer: 2 ** 24 }, /n_layer/],
  ["gpt2", { layer_norm_epsilon: 5e-324 }, /layer_norm_epsilon/],
  ["llama", { num_hidden_layers: 2 ** 24 }, /num_hidden_layers/],
  ["llama", { head_dim: 2 ** 24 }, /channels/],
  ["vit", { image_size: 2 ** 24, patch_size: 1 }, /patches/],
  ["vit", { num_hidden_layers: 2 ** 24 }, /num_hidden_layers/],
  ["clip", { vision_config: { num_hidden_layers: 2 ** 24 } }, /vision_config\.num_hidden_layers/],
  ["clip", { logit_scale_init_value: 1e308 }, /logit_scale_init_value/],
  ["llama", { rope_theta: 1e308 }, /rope_theta/],
  ["llama", { partial_rotary_factor: 0.1 }, /rotary channels/],
  ["llama", { hidden_act: "snake" }, /hidden_act/],
  ["llama", { num_key_value_heads: 3 }, /heads of keys/],
  ["llama", { rope_scaling: { rope_type: "proportional" } }, /proportional/],
  ["llama", { rope_scaling: { rope_type: "linear" } }, /without factor/],
  ["llama", { rope_scaling: { rope_type: "llama3", factor: 2 } }, /without low_freq_factor/],
  ["llama", { rope_parameters: { full_attention: { rope_theta: 5 } } }, /each kind of layer/],
  ["gpt-neo", { num_layers: 3 }, /attention_types/],
  ["gpt-neo", { attention_types: [[["global", "strided"], 1]] }, /attention_types/],
  ["gpt-neo", { attention_types: [[["global"], 2 ** 24]] }, /attention_types/],
  ["gpt-neo", { attention_layers: ["local", "global"] }, /attention_layers/],
  ["gptj", { rotary_dim: 3 }, /rotary_dim/],
  ["gptj", { rotary_dim: 6 }, /rotary_dim/],
  ["gptj", { rotary_dim: null }, /rotary_dim/],
  ["gpt-neox", { rotary_pct: 0.25 }, /rotary channels/],
  ["gpt-neox", { num_attention_heads: 3 }, /heads/],
  ["mistral", { num_local_experts: 8 }, /mixture of experts \(num_local_experts 8\)/],
  ["qwen2", { layer_types: ["full_attention"] }, /layer_types/],
  ["qwen2", { layer_types: ["full_attention", "chunked_attention"] }, /chunked_attention/],
  ["qwen2", { sliding_window: null }, /no sliding_window/],
  ["qwen3", { num_experts: 128 }, /num_experts 128/],
  ["gemma3", { use_bidirectional_attention: true }, /use_bidirectional_attention/],
  ["gemma3", { model_type: "gemma3" }, /text_config/],
  ["phi3", { rope_scaling: { ...rope, rope_type: "longrope", long_factor: [1] } }, /longrope/],
  ["phi3", { n_routed_experts: 4 }, /n_routed_experts/],
])("%s with %j is refused at once", (family, entries, message) => {
  const started = performance.now();
  expect(() => build({ ...smallConfigs[family], ...entries })).toThrow(message);
  expect(performance.now() - started).toBeLessThan(1000);
});

test("a padding token that the vocabulary does not have is none", () => {
  for (const family of [
    "bert",
    "deberta",
    "gpt2",
    "gpt-neo",
    "gptj",
    "gpt-neox",
    "llama",
    "mistral",
    "gemma3",
    "t5",
  ] as const) {
    const json = { ...smallConfigs[family], pad_token_id: 1000 };
    expect(familyOf(json, "here").read(json)).toMatchObject({ pad: 0 });
  }
});
