/** Answers over GGUF files are those that PyTorch gives with the weights that the files stand for. */
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { isQuantized } from "../weights/weights.ts";
import { openEncoder, openLanguageModel, openModel } from "./open-node.ts";

const home = realpathSync(mkdtempSync(join(tmpdir(), "zeroth-gguf-home-")));
beforeAll(() => void vi.stubEnv("ZEROTH_HOME", home));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

interface Expected {
  readonly texts: { text: string; ids: number[] }[];
  readonly rows: { ids: number[]; greedy: number[]; hidden: number[]; last_logits: number[] }[];
}

const fixture = (name: string) => fileURLToPath(new URL(`../../test/fixtures/gguf/${name}`, import.meta.url));
const expectedOf = (name: string): Expected => JSON.parse(readFileSync(fixture(`${name}.json`), "utf8"));
const formats = (model: { weights: ReadonlyMap<string, object> }) =>
  new Set([...model.weights.values()].map((stored) => ("format" in stored ? stored.format : "numbers")));

const written = ["llama", "llama3", "qwen2", "qwen3", "phi3", "gemma3", "gpt2", "gptneox", "t5"];

test.each(written)("%s: tokens of texts, logits, greedy answers", async (name) => {
  const { texts, rows } = expectedOf(name);
  await using model = await openLanguageModel(fixture(`${name}.gguf`));
  for (const { text, ids } of texts) expect(model.tokenizer.encode(text).ids, text).toEqual(ids);
  for (const { ids, greedy, last_logits: expected } of rows) {
    const { logits } = await (await model.model.read([ids])).begin(1, 1).step();
    for (const [i, value] of expected.entries()) expect(Number(logits.data[i])).toBeCloseTo(value, 3);
    const { tokens } = await model.text.generate(ids, { maxNewTokens: greedy.length });
    const ended = greedy.findIndex((token) => model.model.ends.includes(token));
    expect(tokens).toEqual(ended < 0 ? greedy : greedy.slice(0, ended + 1));
  }
  // Four bits stay in blocks; what is in more is computed with as numbers.
  expect([...formats(model)].some((format) => /^blocks4/.test(String(format)))).toBe(true);
});

test("bert: the vector of the first token, as the file's pooling_type asks", async () => {
  const { texts, rows } = expectedOf("bert");
  await using model = await openEncoder(fixture("bert.gguf"));
  for (const [i, { text, ids }] of texts.entries()) {
    expect(model.tokenizer.encode(text).ids, text).toEqual(ids);
    const vector = await model.encoder.embed(text);
    for (const [k, value] of rows[i]!.hidden.entries()) expect(vector[k]).toBeCloseTo(value, 4);
  }
});

test("int8 activations keep all blocks and are near the exact answers", async () => {
  const { rows } = expectedOf("llama");
  await using exact = await openLanguageModel(fixture("llama.gguf"));
  await using fast = await openLanguageModel(fixture("llama.gguf"), { activations: "int8" });
  expect(formats(fast)).toEqual(new Set(["numbers", "blocks4", "blocks8"]));
  const rounded = [...fast.weights.values()].filter(isQuantized);
  expect(rounded.every(({ activations }) => activations === "int8")).toBe(true);
  const choices = rows.map(({ greedy }) => greedy.slice(0, 3));
  const [a, b] = await Promise.all([exact, fast].map(({ text }) => text.score(rows[0]!.ids, choices, { eos: false })));
  for (const [i, score] of a!.scores.entries()) {
    expect(Math.abs(score - b!.scores[i]!)).toBeLessThan(0.15 * Math.abs(score) + 0.3);
    expect(score).not.toBe(b!.scores[i]);
  }
});

test("the engine's copy is made once, and anew when the file changes", async () => {
  const copies = () => readdirSync(join(home, "quantized")).filter((name) => name.startsWith("gpt2.gguf-exact"));
  const open = async () => void (await (await openModel(fixture("gpt2.gguf")))[Symbol.asyncDispose]());
  await open();
  expect(copies()).toHaveLength(1);
  const made = statSync(join(home, "quantized", copies()[0]!, "model.safetensors")).mtimeMs;
  await open();
  expect(statSync(join(home, "quantized", copies()[0]!, "model.safetensors")).mtimeMs).toBe(made);
  const { atime, mtime } = statSync(fixture("gpt2.gguf"));
  try {
    utimesSync(fixture("gpt2.gguf"), atime, new Date(mtime.getTime() + 5000));
    await open();
    expect(copies()).toHaveLength(2);
  } finally {
    utimesSync(fixture("gpt2.gguf"), atime, mtime);
  }
});

test("what is asked for in vain is said", async () => {
  await expect(openModel(fixture("llama.gguf"), { dtype: "int4" })).rejects.toThrow(/not rounded to int4/);
  await expect(openModel("zeroth-nano", { activations: "int8" })).rejects.toThrow(/activations belong to a GGUF file/);
  await expect(openLanguageModel(fixture("bert.gguf"))).rejects.toThrow(/it cannot generate text/);
});

test("a dtype takes the numbers that the file stands for", async () => {
  const { rows } = expectedOf("llama");
  await using model = await openLanguageModel(fixture("llama.gguf"), { dtype: "fp32" });
  expect(formats(model)).toEqual(new Set(["numbers"]));
  const { tokens } = await model.text.generate(rows[0]!.ids, { maxNewTokens: 12 });
  expect(tokens).toEqual(rows[0]!.greedy);
});
