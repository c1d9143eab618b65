/** config.json as nobody would write it: a value or a typed error, soon, for every family. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { rope, type SmallFamily, smallConfigs } from "../../test/support/small-configs.ts";
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
])("%s with %j is refused at once", (family, entries, message) => {
  const started = performance.now();
  expect(() => build({ ...smallConfigs[family], ...entries })).toThrow(message);
  expect(performance.now() - started).toBeLessThan(1000);
});

test("a padding token that the vocabulary does not have is none", () => {
  for (const family of ["bert", "gpt2", "llama", "t5"] as const) {
    const json = { ...smallConfigs[family], pad_token_id: 1000 };
    expect(familyOf(json, "here").read(json)).toMatchObject({ pad: 0 });
  }
});
