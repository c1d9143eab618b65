/** modules.json and the files that it names, in all spellings, and what is refused. */
import { expect, test } from "vitest";
import type { Weights } from "../../weights/weights.ts";
import { type FolderFiles, readEmbedding } from "./config.ts";
import { finished, needDimensions, promptOf, similarities } from "./embed.ts";

const tensor = (...shape: number[]) => ({ dtype: "float32", shape, data: new Uint8Array(0) }) as const;

function folder(json: Record<string, unknown>, weights: Record<string, Weights> = {}): FolderFiles {
  return { where: "model", json: async (name) => json[name], weights: async (name) => weights[name] };
}
const module = (kind: string, path: string) => ({
  idx: 0,
  name: path,
  path,
  type: `sentence_transformers.models.${kind}`,
});
const read = (files: FolderFiles, asked?: "cls") =>
  readEmbedding(files, { width: 4, pooling: "mean", asked, tokenizerConfig: { model_max_length: 64 } });

const transformer = module("Transformer", "");
const pooling = { "modules.json": [transformer, module("Pooling", "1_Pooling")] };

test("a folder that says nothing gets the usual pooling, or what is asked for", async () => {
  expect(await read(folder({}))).toMatchObject({ pooling: ["mean"], layers: [], told: false, width: 4 });
  expect(await read(folder({}), "cls")).toMatchObject({ pooling: ["cls"] });
  expect((await read(folder({}))).longest).toBeUndefined();
});

test.each([
  [{ pooling_mode_mean_tokens: true }, ["mean"]],
  [{ pooling_mode_lasttoken: true, pooling_mode_cls_token: true, pooling_mode_max_tokens: false }, ["cls", "last"]],
  [{}, ["mean"]],
  [{ pooling_mode: "mean_sqrt_len_tokens" }, ["mean_sqrt_len"]],
  [{ pooling_mode: ["weightedmean", "max"], include_prompt: false }, ["weightedmean", "max"]],
])("pooling %o", async (config, expected) => {
  const found = await read(folder({ ...pooling, "1_Pooling/config.json": config }));
  expect(found).toMatchObject({ pooling: expected, width: 4 * expected.length, told: true, longest: 64 });
  expect(found.includePrompt).toBe(!("include_prompt" in config));
});

test("limits lie beside the transformer, under the names of all releases", async () => {
  const below = [module("Transformer", "0_Transformer"), module("Pooling", "1_Pooling/")];
  const files = {
    "modules.json": below,
    "1_Pooling/config.json": {},
    "0_Transformer/sentence_roberta_config.json": { max_seq_length: 20, do_lower_case: true },
  };
  expect(await read(folder(files))).toMatchObject({ longest: 20, lowerCase: true });
});

const dense = { in_features: 4, out_features: 3, activation_function: "torch.nn.modules.activation.ReLU" };
const layered = (config: object, weights: Weights, kind = "Dense") =>
  read(
    folder(
      {
        "modules.json": [...pooling["modules.json"], module(kind, "2_Dense"), module("Normalize", "3_Normalize")],
        "1_Pooling/config.json": {},
        "2_Dense/config.json": config,
      },
      { "2_Dense": weights },
    ),
  );

test("layers behind the pooling, with their tensors by the names that the graph asks for", async () => {
  const weights: Weights = new Map([
    ["linear.weight", tensor(3, 4)],
    ["linear.bias", tensor(3)],
  ]);
  const found = await layered(dense, weights);
  expect(found.layers).toEqual([
    { kind: "dense", weights: "2_Dense", out: 3, bias: true, residual: false, activation: "relu" },
    { kind: "normalize" },
  ]);
  expect([[...found.weights.keys()], found.width]).toEqual([["2_Dense.linear.weight", "2_Dense.linear.bias"], 3]);
  const wrong = new Map([...weights, ["linear.weight", tensor(3, 5)] as const]);
  await expect(layered(dense, wrong)).rejects.toMatchObject({
    code: "corrupt_file",
    message: expect.stringContaining("[3, 5]"),
  });
  await expect(layered(dense, new Map())).rejects.toMatchObject({ code: "corrupt_file" });
  await expect(layered({ ...dense, activation_function: "my.Swoosh" }, weights)).rejects.toMatchObject({
    code: "unsupported",
  });
  await expect(layered({ ...dense, module_input_name: "token_embeddings" }, weights)).rejects.toMatchObject({
    code: "unsupported",
  });
  await expect(layered({ in_features: 4 }, weights)).rejects.toMatchObject({ code: "corrupt_file" });
  await expect(layered(dense, weights, "CNN")).rejects.toMatchObject({
    code: "unsupported",
    message: expect.stringContaining("CNN"),
  });
});

test.each([
  ["code of its own", [{ path: "", type: "my_model.Transformer" }], "unsupported"],
  ["a path that leads out", [{ path: "../other", type: "sentence_transformers.models.Pooling" }], "corrupt_file"],
  ["no list", { modules: [] }, "corrupt_file"],
  ["a pooling without its file", pooling["modules.json"], "corrupt_file"],
])("modules.json with %s", async (_, modules, code) => {
  await expect(read(folder({ "modules.json": modules }))).rejects.toMatchObject({ code });
});

test("prompts by name, by the default's name, and as a text", async () => {
  const settings = {
    prompts: { query: "q: ", passage: "p: " },
    default_prompt_name: "query",
    similarity_fn_name: "dot",
  };
  const found = await read(folder({ "config_sentence_transformers.json": settings }));
  expect(found.similarity).toBe("dot");
  const asked = (options: Parameters<typeof promptOf>[1]) => promptOf(found, options);
  expect([asked({}), asked({ prompt: "document" }), asked({ promptText: "" })]).toEqual(["q: ", "p: ", ""]);
  expect(() => asked({ prompt: "title" })).toThrow('no prompt "title"');
  expect(() => asked({ prompt: "query", promptText: "x" })).toThrow("by its name and as a text");
  const odd = { similarity_fn_name: "hamming" };
  await expect(read(folder({ "config_sentence_transformers.json": odd }))).rejects.toMatchObject({
    code: "unsupported",
  });
});

test("similarities: more is nearer", () => {
  const [a, b] = [Float32Array.of(3, 4), Float32Array.of(0, 2)];
  expect(similarities.cosine(a, b)).toBeCloseTo(0.8, 6);
  expect(similarities.dot(a, b)).toBe(8);
  expect(similarities.euclidean(a, b)).toBeCloseTo(-Math.sqrt(13), 6);
  expect(similarities.manhattan(a, b)).toBe(-5);
  expect(similarities.cosine(a, Float32Array.of(0, 0))).toBe(0);
});

test("the first numbers alone have length 1 where the whole vectors had", async () => {
  const config = await read(folder({}));
  expect(Array.from(finished(Float32Array.of(3, 4, 12, 0), config, { dimensions: 2 }))).toEqual([3, 4]);
  const unit = { ...config, layers: [{ kind: "normalize" }] as const };
  const cut = finished(Float32Array.of(3, 4, 12, 0), unit, { dimensions: 2 });
  expect(Array.from(cut)).toEqual([Math.fround(0.6), Math.fround(0.8)]);
  expect(() => needDimensions(config, { dimensions: 5 })).toThrow("from 1 to 4");
});
