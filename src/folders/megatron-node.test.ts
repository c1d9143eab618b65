/** Checkpoints of Megatron-LM against the same weights as GPT-2's (parity/megatron.py). */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { expectClose, fixtures, readJson } from "../../test/support/fixtures.ts";
import { logitsGraph, logitsOf } from "../../test/support/models/decoders.ts";
import { readModel } from "../models/families.ts";
import { compile } from "../runtime/compile-node.ts";
import { readStored } from "../weights/safetensors-node.ts";
import { openModelFolder } from "./open-node.ts";

const place = mkdtempSync(join(tmpdir(), "zeroth-megatron-"));
afterAll(() => rmSync(place, { recursive: true }));

const reference = openModelFolder(join(fixtures, "megatron/gpt2"));
const vocabulary = JSON.stringify(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`t${i}`, i])));
const config = readFileSync(join(fixtures, "megatron/gpt2/config.json"), "utf8");

let copies = 0;

/** A copy of a checkpoint's folder with further files. */
function copied(name: string, files: Readonly<Record<string, string>> = {}): string {
  const folder = join(place, `${name}-${copies++}`);
  cpSync(join(fixtures, "megatron", name), folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

/** Every rank's file of a copied folder. */
const ranksIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".pt"))
    .map((name) => join(folder, name));

test.each([
  ["v0", { "config.json": config }],
  ["v1", { "vocab.json": vocabulary }],
  ["v3", { "vocab.json": vocabulary }],
  ["v3", { "config.json": config }],
  ["stages", { "vocab.json": vocabulary }],
])("%s with %o holds GPT-2's tensors bit by bit", async (name, files) => {
  const folder = openModelFolder(copied(name, files));
  expect([...folder.weights.keys()].sort()).toEqual([...reference.weights.keys()].sort());
  for (const [tensor, stored] of reference.weights) {
    const [got, wanted] = [readStored(folder.weights.get(tensor)!), readStored(stored)];
    expect(got.shape, tensor).toEqual(wanted.shape);
    expect(got.data, tensor).toEqual(wanted.data);
  }
  const { architecture, weights } = readModel(folder.config, folder.weights, folder.path, folder);
  if (architecture.kind !== "decoder") throw new Error(architecture.kind);
  const { rows, logits } = readJson<{ rows: number[][]; logits: number[][] }>("megatron/gpt2", "expected.json");
  await using program = await compile(logitsGraph(architecture), { weights, threads: 1 });
  const [places] = await logitsOf(program, architecture, rows, "right");
  for (const [i, place] of places!.entries()) expectClose(place, logits[i]!, 1e-4, `place ${i}`);
});

test("without a vocabulary beside it the table keeps the rows that fill it up", () => {
  const folder = openModelFolder(copied("v1"));
  expect(folder.config).toMatchObject({ model_type: "gpt2", vocab_size: 32, activation_function: "gelu_fast" });
  expect(folder.weights.get("transformer.wte.weight")!.shape).toEqual([32, 8]);
});

test("the configuration alone is read without the tensors", () => {
  const folder = openModelFolder(copied("v3"), { weights: "unread" });
  expect(folder.config).toMatchObject({ n_layer: 2, n_embd: 8, n_head: 2, vocab_size: 32 });
  expect(folder.weights.size).toBe(0);
});

test("one rank's folder opens by itself", () => {
  const folder = copied("v1");
  expect(openModelFolder(join(folder, "iter_0000007")).weights.size).toBe(28);
  expect(openModelFolder(join(folder, "iter_0000007/mp_rank_00")).weights.size).toBe(28);
});

test("a checkpoint that does not say its sizes needs a config.json", () => {
  expect(() => openModelFolder(copied("v0"))).toThrow(
    expect.objectContaining({
      message: expect.stringContaining("do not say num_layers"),
      hint: expect.stringContaining("config.json"),
    }),
  );
});

test("ranks that lack, that do not agree, another iteration", () => {
  const lacking = copied("v3");
  rmSync(join(lacking, "iter_0000007/mp_rank_00"), { recursive: true });
  expect(() => openModelFolder(lacking)).toThrow("1 ranks, where 1 stages of 2 are wanted");

  const torn = copied("v3");
  const [, second] = ranksIn(torn).sort();
  const bytes = readFileSync(second!);
  // The bias of the last norm, which all ranks hold whole.
  const norm = readStored(reference.weights.get("transformer.ln_f.bias")!);
  const at = bytes.indexOf(Buffer.from(norm.data.buffer, norm.data.byteOffset, norm.data.byteLength));
  expect(at).toBeGreaterThan(0);
  bytes.writeFloatLE(7, at);
  writeFileSync(second!, bytes);
  expect(() => openModelFolder(torn)).toThrow('different values of "encoder.final_layernorm.bias"');

  expect(() => openModelFolder(copied("v1", { "latest_checkpointed_iteration.txt": "8" }))).toThrow("iter_0000008");
  expect(() => openModelFolder(copied("v1", { "latest_checkpointed_iteration.txt": "../.." }))).toThrow("neither");
});

test("what is no GPT-2 is refused by its setting", () => {
  const folder = copied("v1");
  const [file] = ranksIn(folder);
  const bytes = readFileSync(file!);
  // `swiglu` false, as a pickle has it, made true.
  const at = bytes.indexOf(0x89, bytes.indexOf("swiglu"));
  bytes[at] = 0x88;
  writeFileSync(file!, bytes);
  expect(() => openModelFolder(folder)).toThrow("swiglu true is no GPT-2");
});

test("files distributed over .distcp are refused", () => {
  const folder = copied("v1");
  rmSync(join(folder, "iter_0000007/mp_rank_00"), { recursive: true });
  writeFileSync(join(folder, "iter_0000007/__0_0.distcp"), "x");
  expect(() => openModelFolder(folder)).toThrow(".distcp");
});

test("heads that do not divide the rows", () => {
  const folder = copied("v1", { "config.json": config.replace('"n_head": 2', '"n_head": 5') });
  expect(() => openModelFolder(folder)).toThrow("24 rows of queries, keys and values are not those of 5 heads");
});
