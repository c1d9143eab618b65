/** Checkpoints whose tensors are not named, placed or stored as the network asks for them, through the program. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openModelFolder } from "../../src/folders/open-node.ts";
import { float32, ndarray } from "../../src/graph/array.ts";
import { toFloat32 } from "../../src/weights/convert.ts";
import { readStored, writeSafetensors } from "../../src/weights/safetensors-node.ts";
import { rowsOf, runIn } from "../support/cli.ts";
import { lfsPointer, ownTensors, smallModel, type Tensors } from "../support/models/small-model.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-cases-weights-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = runIn(folder);

const row = JSON.stringify({ tokens: [104, 72, 35, 118, 1] });
const generate = (model: string) =>
  run(["generate", "--model", model, "--input", "-", "--max-new-tokens", "6", "--json"], row);
const tokensOf = (model: string) => {
  const ran = generate(model);
  expect(ran.stderr).toBe("");
  return rowsOf(ran)[0]!.tokens;
};
const errorOf = (args: readonly string[], input = "") => {
  const { status, stderr } = run([...args, "--json"], input);
  expect(status).toBe(1);
  return (
    JSON.parse(stderr.trimEnd().split("\n").at(-1)!) as { error: { code: string; message: string; hint?: string } }
  ).error;
};

let expected: unknown;
beforeAll(async () => {
  await smallModel(join(folder, "sound"));
  expected = tokensOf("./sound");
});

describe("names", () => {
  test.each([
    ["a wrapper before all", (name: string) => `module.${name}`],
    ["two wrappers", (name: string) => `_orig_mod.module.${name}`],
    ["a program's own", (name: string) => `student.net.${name}`],
    [
      "on all but the anchor",
      (name: string) => (name.endsWith("encoder.final_layer_norm.weight") ? name : `model.${name}`),
    ],
  ])("%s are seen through: generating, quantising, exporting", async (label, named) => {
    const path = join(folder, `prefix ${label}`);
    await smallModel(path, { tensors: (own) => own.map(([name, tensor]) => [named(name), tensor]) });
    expect(tokensOf(path)).toEqual(expected);
    for (const command of [
      ["quantize", path, "--dtype", "int8", "--out", `${path} q`],
      ["export", path, "--format", "safetensors", "--out", `${path} e`],
    ]) {
      expect(run(command)).toMatchObject({ status: 0, stderr: "" });
      const out = command.at(-1)!;
      expect(tokensOf(out)).toEqual(expected);
      expect([...openModelFolder(out).weights.keys()].sort()).toEqual(
        [...openModelFolder(join(folder, "sound")).weights.keys()].sort(),
      );
    }
  });

  test("a table of words under its other name stays known when the model is written anew", async () => {
    const path = join(folder, "alias");
    const renamed = (name: string) => (name === "shared.weight" ? "decoder.embed_tokens.weight" : name);
    await smallModel(path, { tensors: (own) => own.map(([name, tensor]) => [renamed(name), tensor]) });
    expect(tokensOf(path)).toEqual(expected);
    for (const command of [
      ["quantize", path, "--dtype", "int4", "--out", join(folder, "alias q")],
      ["export", path, "--format", "safetensors", "--out", join(folder, "alias e")],
    ]) {
      expect(run(command)).toMatchObject({ status: 0, stderr: "" });
      const { weights } = openModelFolder(command.at(-1)!);
      expect([weights.has("shared.weight"), weights.has("decoder.embed_tokens.weight")]).toEqual([true, false]);
      expect(tokensOf(command.at(-1)!)).toEqual(expected);
    }
  });

  test("an index may name tensors that no shard has, if nothing needs them; one that is needed is named with its shard", async () => {
    const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;
    const lay = async (name: string, tensors: Tensors) => {
      const path = join(folder, name);
      await smallModel(path, { tensors: () => [] });
      const half = tensors.length >> 1;
      await writeSafetensors(join(path, shards[0]), tensors.slice(0, half));
      await writeSafetensors(join(path, shards[1]), tensors.slice(half));
      const map = ownTensors().map(([tensor], i) => [tensor, shards[i < half ? 0 : 1]]);
      const weight_map = {
        ...Object.fromEntries(map),
        "decoder.embed_tokens.weight": shards[0],
        "lm_head.bias": shards[1],
      };
      writeFileSync(join(path, "model.safetensors.index.json"), JSON.stringify({ weight_map }));
      return path;
    };
    expect(tokensOf(await lay("index", ownTensors()))).toEqual(expected);
    const gone = "decoder.block.1.layer.2.DenseReluDense.wo.weight";
    const lacking = await lay(
      "index lacking",
      ownTensors().filter(([name]) => name !== gone),
    );
    const { code, message } = errorOf(["generate", "hi", "--model", lacking]);
    expect([code, message]).toEqual(["corrupt_file", expect.stringContaining(`1 tensor is missing: "${gone}"`)]);
    expect(message).toMatch(/the index puts the first in model-0000[12]-of-00002\.safetensors/);
  });
});

test("a tensor of another shape names both shapes", async () => {
  const name = "encoder.final_layer_norm.weight";
  const other = float32([8], Array(8).fill(1));
  const path = join(folder, "shape");
  await smallModel(path, { tensors: (own) => own.map(([key, tensor]) => [key, key === name ? other : tensor]) });
  for (const args of [
    ["generate", "hi", "--model", path],
    ["inspect", path],
  ]) {
    const { code, message } = errorOf(args);
    expect([code, message]).toEqual([
      "corrupt_file",
      expect.stringContaining(`"${name}" is [8], by config.json it would be [16]`),
    ]);
  }
});

test.each([
  ["relative_attention_num_buckets", 1_000_000],
  ["relative_attention_num_buckets", 300],
  ["layer_norm_epsilon", 1e308],
  ["layer_norm_epsilon", 1e-300],
  ["num_layers", 2 ** 24],
  ["d_kv", 2 ** 23],
  ["num_heads", 1.5],
])("config.json with %s %d is refused by every command, soon", async (entry, value) => {
  const path = join(folder, `odd ${entry} ${value}`);
  await smallModel(path, { config: { [entry]: value } });
  for (const args of [
    ["generate", "hi", "--model", path],
    ["plan", path],
    ["inspect", path],
    ["quantize", path, "--dtype", "int8", "--out", join(folder, "out")],
  ]) {
    const { code, message } = errorOf(args);
    expect([args[0], code, message]).toEqual([args[0], "corrupt_file", expect.stringMatching(/config\.json: /)]);
  }
});

describe("an encoder alone", () => {
  test("cannot write, says so, and is told of by inspect; its weights can be quantised", async () => {
    const path = join(folder, "encoder");
    const inEncoder = ([name]: Tensors[number]) => name.startsWith("encoder.") || name === "shared.weight";
    await smallModel(path, { tensors: (own) => own.filter(inEncoder), config: { architectures: ["T5EncoderModel"] } });
    for (const args of [
      ["generate", "hi", "--model", path],
      ["score", "hi", "--model", path, "--choices", "a,b"],
    ]) {
      const { code, message } = errorOf(args);
      expect([code, message]).toEqual([
        "unsupported",
        expect.stringMatching(/an encoder without a decoder.*cannot generate text/),
      ]);
    }
    expect(run(["inspect", path])).toMatchObject({ status: 0, stderr: "" });
    const { openEncoder } = await import("../../src/text/open-node.ts");
    await using opened = await openEncoder(path, { threads: 1 });
    const vector = await opened.encoder.embed("hi");
    expect(vector.length).toBe(16);
    expect(vector.every(Number.isFinite)).toBe(true);
    await expect(openEncoder(join(folder, "sound"))).rejects.toMatchObject({
      code: "unsupported",
      message: /cannot embed/,
    });
  });

  test("with a piece of a decoder it is a damaged model", async () => {
    const path = join(folder, "damaged");
    await smallModel(path, { tensors: (own) => own.filter(([name]) => name !== "decoder.final_layer_norm.weight") });
    expect(errorOf(["generate", "hi", "--model", path])).toMatchObject({
      code: "corrupt_file",
      message: expect.stringContaining('"decoder.final_layer_norm.weight"'),
    });
  });
});

describe("weights that are no numbers", () => {
  const spoiled =
    (wanted: RegExp): ((own: Tensors) => Tensors) =>
    (own) =>
      own.map(([name, tensor]) => {
        if (!wanted.test(name)) return [name, tensor];
        const { shape, data } = toFloat32(readStored(tensor as Parameters<typeof readStored>[0]));
        const values = Float32Array.from(data as Float32Array);
        values[0] = Number.NaN;
        return [name, float32([...shape], values)];
      });

  test.each([
    ["generate", "hi"],
    ["generate", "hi", "--num-beams", "2"],
    ["generate", "hi", "--sample", "--seed", "1"],
    ["generate", "hi", "--choices", "a,b"],
    ["generate", "hi", "--repetition-penalty", "1.5"],
    ["score", "hi", "--choices", "a,b"],
  ])("zeroth %s %s %s %s", async (...args) => {
    const path = join(folder, "nan");
    await smallModel(path, { tensors: spoiled(/^decoder\.block\.0\.layer\.0\.layer_norm/) });
    const { code, message } = errorOf([...args, "--model", path]);
    expect([code, message]).toEqual(["engine_failed", "the model's results are not numbers"]);
    const { status, stdout } = run([...args, "--model", path]);
    expect([status, stdout.trim()]).toEqual([1, ""]);
  });

  test("embedding", async () => {
    const { openEncoder } = await import("../../src/text/open-node.ts");
    const path = join(folder, "nan encoder");
    const inEncoder = ([name]: Tensors[number]) => name.startsWith("encoder.") || name === "shared.weight";
    await smallModel(path, { tensors: (own) => spoiled(/^encoder\.final/)(own.filter(inEncoder)) });
    await using opened = await openEncoder(path, { threads: 1 });
    await expect(opened.encoder.embed("hi")).rejects.toMatchObject({ code: "engine_failed" });
  });
});

describe("weights of other programs", () => {
  test.each<[string, object, Tensors]>([
    ["by their scheme", { quantization_config: { quant_method: "bitsandbytes", load_in_8bit: true } }, []],
    ["by another", { quantization_config: { quant_method: "awq", bits: 4 } }, []],
    ["by their tensors", {}, [["encoder.block.0.layer.1.DenseReluDense.wo.SCB", float32([16], Array(16).fill(1))]]],
    ["by whole numbers", {}, [["extra.weight", ndarray("int8", [4], Int8Array.of(1, 2, 3, 4))]]],
  ])("are unsupported, %s", async (label, config, more) => {
    const path = join(folder, `foreign ${label}`);
    await smallModel(path, { config, tensors: (own) => [...own, ...more] });
    for (const args of [
      ["generate", "hi", "--model", path],
      ["quantize", path, "--dtype", "int8", "--out", join(folder, "out")],
      ["export", path, "--format", "onnx", "--out", join(folder, "out")],
      ["inspect", path],
    ]) {
      expect(errorOf(args).code).toBe("unsupported");
    }
    const scanned = run(["scan", path, "--json"]);
    expect([scanned.status, rowsOf(scanned).some(({ verdict }) => verdict === "unsafe")]).toEqual([2, false]);
  });
});

describe("a Git LFS pointer in a file's place", () => {
  test.each([
    "model.safetensors",
    "pytorch_model.bin",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
  ])("%s: what it is, in every command, and never that it is unsafe", async (name) => {
    const path = join(folder, `pointer ${name}`);
    const weights = /^(model|pytorch)/.test(name);
    await smallModel(path, { files: { [name]: lfsPointer }, ...(weights && { tensors: () => [] }) });
    if (weights) writeFileSync(join(path, name), lfsPointer);
    for (const args of [
      ["generate", "hi", "--model", path],
      ["quantize", path, "--dtype", "int8", "--out", join(folder, `pointer ${name} q`)],
      ["export", path, "--format", "onnx", "--out", join(folder, `pointer ${name} e`)],
    ]) {
      const { code, message, hint } = errorOf(args);
      expect([code, message]).toEqual([
        "corrupt_file",
        expect.stringMatching(/is a Git LFS pointer, the file was not fetched/),
      ]);
      expect(message).toContain(name);
      expect(hint).toContain("git lfs pull");
    }
    expect(readdirSync(folder)).not.toContain(`pointer ${name} q`.concat("/config.json"));
    const scanned = run(["scan", path, "--json"]);
    expect(scanned.stdout).toContain("Git LFS pointer");
    expect(rowsOf(scanned).some(({ verdict }) => verdict === "unsafe")).toBe(false);
  });

  test("tokenizing reads no weights: a pointer there is no matter", async () => {
    const path = join(folder, "pointer weights");
    await smallModel(path, { tensors: () => [] });
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "model.safetensors"), lfsPointer);
    expect(run(["tokenize", "hi", "--model", path])).toMatchObject({ status: 0, stderr: "" });
  });
});
