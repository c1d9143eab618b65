/** Adapters in every form they come in, LoRA in the weights, and folders that are broken. */
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { expectClose, fixtures, readFloats, readJson, readTensors } from "../../test/support/fixtures.ts";
import { ZerothError } from "../errors.ts";
import { openModelFolder } from "../folders/open-node.ts";
import { float32 } from "../graph/array.ts";
import { readModel } from "../models/families.ts";
import type { EncoderArchitecture } from "../models/family.ts";
import { encoderModel } from "../models/kinds/encoder.ts";
import { compile } from "../runtime/compile-node.ts";
import { readAdapted, readAdapterFiles } from "../text/adapters/files-node.ts";
import { encodeNpy, parseNpy } from "../weights/npy.ts";
import { convertAdapter, inspectAdapter, mergeAdapter } from "./adapters-node.ts";

const scratch = mkdtempSync(join(tmpdir(), "adapters-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(fixtures, "adapters", name);
const base = (name: string) => at(`base/${name}`);
let made = 0;
const fresh = () => join(scratch, `${++made}`);

const peftFile = (name: string) => readTensors("adapters", name, "adapter_model.safetensors");
const floatsOf = (path: string) =>
  new Map([...readAdapterFiles(path).tensors].map(([name, { data }]) => [name, data as Float32Array]));

test.each([
  ["bert-prefix", "bert-sequence"],
  ["roberta-prefix", "roberta-sequence"],
  ["bert-span", "bert-span"],
  ["bert-lora", "bert-sequence"],
  ["gpt2-prefix", "gpt2"],
  ["gpt2-lora", "gpt2"],
  ["t5-prefix", "t5"],
  ["t5-lora", "t5"],
])("%s of PEFT is read and written as PEFT's again, number for number", async (name, model) => {
  const out = fresh();
  const { beyond } = await convertAdapter(at(name), { model: base(model), out });
  expect(beyond).toBeUndefined();
  const again = floatsOf(out);
  const original = peftFile(name);
  expect([...again.keys()].sort()).toEqual([...original.keys()].sort());
  for (const [key, tensor] of original) expect(again.get(key), key).toEqual(readFloats(tensor));
  const about = inspectAdapter(out, base(model));
  expect(about.peft_type).toBe(readJson<{ peft_type: string }>("adapters", name, "adapter_config.json").peft_type);
  expect(about.warnings).toEqual([]);
});

test("a prompt as .npy, in and out, byte for byte", async () => {
  const matrix = float32(
    [5, 16],
    Array.from({ length: 80 }, (_, i) => Math.sin(i)),
  );
  const file = join(scratch, "prompt.npy");
  writeFileSync(file, encodeNpy(matrix));
  const [folder, back] = [fresh(), join(scratch, "again.npy")];
  await convertAdapter(file, { model: base("t5"), out: folder });
  const config = JSON.parse(readFileSync(join(folder, "adapter_config.json"), "utf8"));
  expect(config).toMatchObject({
    peft_type: "PROMPT_TUNING",
    num_virtual_tokens: 5,
    token_dim: 16,
    task_type: "SEQ_2_SEQ_LM",
  });
  await convertAdapter(folder, { model: base("t5"), out: back });
  expect(readFileSync(back).equals(readFileSync(file))).toBe(true);
  // As NumPy 2 writes np.zeros((1, 2), "f4").
  const numpy = new Uint8Array(136);
  const text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
  numpy.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]);
  numpy.set(new TextEncoder().encode(`${text.padEnd(117)}\n`), 10);
  expect(encodeNpy(float32([1, 2], [0, 0]))).toEqual(numpy);
  await expect(convertAdapter(file, { model: base("gpt2"), out: fresh() })).resolves.toBeDefined();
  writeFileSync(file, encodeNpy(float32([5, 12], new Array<number>(60).fill(0))));
  await expect(convertAdapter(file, { model: base("t5"), out: fresh() })).rejects.toThrow("[length, 16]");
});

test.each<[string, (bytes: Uint8Array) => Uint8Array, RegExp]>([
  ["another beginning", (bytes) => bytes.fill(1, 0, 3), /begin/],
  ["a longer header", (bytes) => bytes.fill(255, 8, 10), /longer/],
  ["a number less", (bytes) => bytes.slice(0, -4), /bytes of numbers/],
  [
    "another type",
    (bytes) => new Uint8Array(Buffer.from(Buffer.from(bytes).toString("latin1").replace("<f4", "<f8"), "latin1")),
    /<f8/,
  ],
])("a .npy file with %s is refused", (_, change, expected) => {
  const bytes = encodeNpy(float32([2, 2], [1, 2, 3, 4]));
  expect(() => parseNpy(change(bytes), "x.npy")).toThrow(expected);
});

test("a checkpoint of P-tuning v2's scripts: the prefix that its two layers make, and its head", async () => {
  const out = fresh();
  await convertAdapter(join(at("scripts"), "pytorch_model.bin"), { model: base("bert-tokens"), out, head: "tokens" });
  const found = floatsOf(out);
  const wanted = peftFile("bert-projection");
  expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [name, tensor] of wanted) expectClose(found.get(name)!, readFloats(tensor), 1e-6, name);
  await expect(
    convertAdapter(at("scripts"), { model: base("roberta-sequence"), out: fresh(), head: "sequence" }),
  ).rejects.toThrow("classifier");
});

test("LoRA merged into the weights gives what it gives beside them", async () => {
  const out = fresh();
  await mergeAdapter(at("bert-lora"), base("bert-sequence"), out);
  const folder = openModelFolder(out);
  const { architecture, weights } = readModel(folder.config, folder.weights, out, folder);
  await using model = encoderModel(architecture as EncoderArchitecture, (g) => compile(g, { weights, threads: 1 }));
  const { inputs } = readJson<{ inputs: Record<string, number[][]> }>("adapters", "bert-lora", "expected.json");
  const { scores } = await model.answer!([
    { ids: inputs.input_ids![0]!, types: inputs.token_type_ids![0]! },
    { ids: inputs.input_ids![1]!.slice(0, 5), types: inputs.token_type_ids![1]!.slice(0, 5) },
  ]);
  const logits = readTensors("adapters", "bert-lora", "expected.safetensors").get("logits")!;
  expectClose(scores.data as Float32Array, readFloats(logits), 1e-5, "logits");
  await mergeAdapter(at("gpt2-lora"), base("gpt2"), fresh());
  await expect(mergeAdapter(at("bert-prefix"), base("bert-sequence"), fresh())).rejects.toThrow("cannot be merged");
});

test("over another model of the same shape: a warning, or an error where that is asked for", async () => {
  const [own, other] = [fresh(), fresh()];
  await convertAdapter(at("bert-lora"), { model: base("bert-sequence"), out: own });
  cpSync(base("bert-sequence"), other, { recursive: true });
  const file = join(other, "config.json");
  writeFileSync(file, readFileSync(file, "utf8").replace('"layer_norm_eps": 1e-12', '"layer_norm_eps": 1e-6'));
  expect(inspectAdapter(own, base("bert-sequence"), { strict: true }).warnings).toEqual([]);
  expect(inspectAdapter(own, other).warnings.join()).toContain("another model");
  expect(() => inspectAdapter(own, other, { strict: true })).toThrow("made over another model");
  const { warnings } = await convertAdapter(own, { model: other, out: fresh() });
  expect(warnings.join()).toContain("another model");
  const strict = { strict: true };
  await expect(convertAdapter(own, { model: other, out: fresh(), ...strict })).rejects.toThrow("another model");
  await expect(mergeAdapter(own, other, fresh(), strict)).rejects.toThrow("another model");
});

/** A folder like a fixture's with its configuration changed, or its tensors. */
function changed(name: string, change: (config: Record<string, unknown>) => void): string {
  const folder = fresh();
  cpSync(at(name), folder, { recursive: true });
  const file = join(folder, "adapter_config.json");
  const config = JSON.parse(readFileSync(file, "utf8"));
  change(config);
  writeFileSync(file, JSON.stringify(config));
  return folder;
}

const readOver = (path: string, model: string) => readAdapted(openModelFolder(base(model)), readAdapterFiles(path));

describe("broken or foreign folders say what is wrong", () => {
  test.each<[string, (config: Record<string, unknown>) => void, RegExp]>([
    ["no peft_type", (c) => delete c.peft_type, /no peft_type/],
    ["an unknown type", (c) => (c.peft_type = "IA3"), /"IA3" is not done here/],
    ["no virtual tokens", (c) => delete c.num_virtual_tokens, /num_virtual_tokens/],
    ["other virtual tokens", (c) => (c.num_virtual_tokens = 6), /prompt_embeddings is \[5, 96\], expected \[6, 96\]/],
    ["other layers", (c) => (c.num_layers = 12), /num_layers is 12, of the base model it is 3/],
    ["other heads", (c) => (c.num_attention_heads = 2), /num_attention_heads is 2, of the base model it is 4/],
    ["other width", (c) => (c.token_dim = 32), /token_dim is 32, of the base model it is 16/],
    ["a text for a number", (c) => (c.num_virtual_tokens = "5"), /num_virtual_tokens/],
    ["a task that is none", (c) => (c.task_type = "SING"), /"SING" is not known/],
  ])("%s", (_, change, expected) => {
    expect(() => readOver(changed("bert-prefix", change), "bert-sequence")).toThrow(expected);
  });

  test.each<[string, (config: Record<string, unknown>) => void, RegExp]>([
    ["DoRA", (c) => (c.use_dora = true), /use_dora is "true"/],
    ["biases", (c) => (c.bias = "all"), /bias is/],
    ["targets that are nowhere", (c) => (c.target_modules = ["q_proj"]), /match no product/],
    ["another rank", (c) => (c.r = 4), /is \[3, 16\], expected \[4, 16\]/],
    ["a pattern that is none", (c) => (c.target_modules = "("), /no regular expression/],
  ])("LoRA with %s", (_, change, expected) => {
    expect(() => readOver(changed("bert-lora", change), "bert-sequence")).toThrow(expected);
  });

  test.each([
    ["target_modules", "(.+)+x", /match no product/],
    ["exclude_modules", "(.*[a-z])*!", undefined],
    ["rank_pattern", { "([^.]+\\.?)+#": 2 }, undefined],
    ["alpha_pattern", { "(a|a|.)*$x": 2 }, undefined],
  ])("%s that other matchers do not come back from take no time", (key, value, expected) => {
    const read = () =>
      readOver(
        changed("bert-lora", (c) => Object.assign(c, { rank_pattern: {}, r: 3, [key]: value })),
        "bert-sequence",
      );
    const started = performance.now();
    // Without the pattern of one product's rank, its tensors do not fit.
    expect(read).toThrow(expected ?? /layer\.1\.attention\.self\.value/);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test("minimal files are read, unknown keys are told of", () => {
    const bare = changed("bert-prefix", (c) => {
      for (const key of Object.keys(c))
        if (!["peft_type", "num_virtual_tokens", "task_type"].includes(key)) delete c[key];
      c.novelty = 3;
    });
    const { adapter, warnings } = readOver(bare, "bert-sequence");
    expect(adapter.settings).toMatchObject({ method: "prefix", length: 5 });
    expect(warnings.join()).toContain("novelty");
  });

  test("T5's prefix with one submodule, a head that lacks, no folder, no files, JSON that is none", () => {
    expect(() =>
      readOver(
        changed("t5-prefix", (c) => (c.num_transformer_submodules = 1)),
        "t5",
      ),
    ).toThrow("num_transformer_submodules");
    expect(() => readOver(at("bert-prefix"), "roberta-sequence")).toThrow("classifier");
    expect(() => readOver(at("bert-prefix"), "gpt2")).toThrow();
    expect(() => readAdapterFiles(join(scratch, "none"))).toThrow("no such folder");
    const empty = fresh();
    mkdirSync(empty);
    expect(() => readAdapterFiles(empty)).toThrow("no adapter_config.json");
    copyFileSync(join(at("bert-prefix"), "adapter_config.json"), join(empty, "adapter_config.json"));
    expect(() => readAdapterFiles(empty)).toThrow("neither adapter_model.safetensors");
    writeFileSync(join(empty, "adapter_config.json"), "{");
    expect(() => readAdapterFiles(empty)).toThrow(ZerothError);
  });

  test("whatever is changed in a folder, it is read or refused with an error of ours", () => {
    const folder = fresh();
    cpSync(at("bert-lora"), folder, { recursive: true });
    const config = readFileSync(join(folder, "adapter_config.json"));
    const tensors = readFileSync(join(folder, "adapter_model.safetensors"));
    const value = fc.oneof(
      fc.constant(null),
      fc.integer(),
      fc.string({ maxLength: 12 }),
      fc.boolean(),
      fc.array(fc.string({ maxLength: 4 }), { maxLength: 3 }),
      fc.object({ maxDepth: 1 }),
    );
    const key = fc.oneof(fc.constantFrom(...Object.keys(JSON.parse(String(config)))), fc.string({ maxLength: 8 }));
    fc.assert(
      fc.property(
        fc.dictionary(key, value, { maxKeys: 4 }),
        fc.array(fc.record({ at: fc.nat(tensors.length - 1), byte: fc.nat(255) }), { maxLength: 3 }),
        fc.nat(3),
        (keys, bytes, what) => {
          writeFileSync(
            join(folder, "adapter_config.json"),
            what === 0 ? config : JSON.stringify({ ...JSON.parse(String(config)), ...keys }),
          );
          const copy = Buffer.from(tensors);
          for (const { at, byte } of what === 1 ? [] : bytes) copy[at] = byte;
          writeFileSync(
            join(folder, "adapter_model.safetensors"),
            what === 2 ? copy.subarray(0, copy.length - 1 - (bytes[0]?.at ?? 0)) : copy,
          );
          try {
            readOver(folder, "bert-sequence");
          } catch (error) {
            if (!(error instanceof ZerothError) || error.code === "internal") throw error;
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

test("values that are no numbers are refused", () => {
  const out = fresh();
  cpSync(at("gpt2-prompt"), out, { recursive: true });
  const file = join(out, "adapter_model.safetensors");
  const bytes = readFileSync(file);
  bytes.writeFloatLE(Number.NaN, bytes.length - 4);
  writeFileSync(file, bytes);
  expect(() => readAdapterFiles(out)).toThrow("no numbers");
});
