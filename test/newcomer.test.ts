/**
 * A newcomer's two changes, as docs/architecture.md tells them: a family of models in one file and one row, a command in
 * one file. A copy of the sources gets examples/opt.ts and examples/perplexity.ts, is built as the package is, and the
 * commands of that build are asked of tiny OPT checkpoints. What transformers computes with them is in
 * test/fixtures/opt (parity/opt.py).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSafetensors, readStored, writeSafetensors } from "../src/weights/safetensors-node.ts";
import { environment, type Ran, rowsOf } from "./support/cli.ts";
import { expectClose, fixtures, readJson } from "./support/fixtures.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "zeroth-newcomer-"));
const house = join(folder, "zeroth");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Expected {
  readonly max_new_tokens: number;
  readonly target: string;
  readonly prompts: readonly {
    readonly prompt: string;
    readonly ids: readonly number[];
    readonly tokens: readonly number[];
    readonly logprobs: readonly number[];
    readonly logits: readonly number[];
  }[];
  readonly parameters: number;
  readonly text: string;
  readonly perplexity: number;
  readonly windows: number;
  readonly texts: readonly string[];
  readonly training: { readonly loss: number; readonly grad_norm: number };
}

/** An example as a file of the copy; its imports lead to the sources from there. */
function place(example: string, target: string, up: string): void {
  const text = readFileSync(join(root, "examples", example), "utf8");
  writeFileSync(join(house, target), text.replaceAll('"../src/', `"${up}`));
}

const zeroth = (...args: string[]): Ran =>
  spawnSync(process.execPath, [join(house, "bin/zeroth.js"), ...args], {
    encoding: "utf8",
    cwd: folder,
    env: environment(folder),
  });

/** The rows of a command that must work. */
function rows(...args: string[]): Record<string, unknown>[] {
  const ran = zeroth(...args, "--json");
  expect([ran.status, ran.status === 0 ? "" : ran.stderr], args.join(" ")).toEqual([0, ""]);
  return rowsOf(ran);
}

beforeAll(() => {
  for (const name of ["src", "scripts", "bin", "models", "package.json", "tsconfig.json", "tsconfig.build.json"]) {
    cpSync(join(root, name), join(house, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(house, "node_modules"));
  place("opt.ts", "src/models/opt.ts", "../");
  place("perplexity.ts", "src/cli/commands/perplexity.ts", "../../");
  const families = join(house, "src/models/families.ts");
  const table = readFileSync(families, "utf8");
  const row = table.replace(/(families: readonly Family\[\] = \[[^\]]*?),?\s*\]/, "$1, opt]");
  expect(row).not.toBe(table);
  writeFileSync(families, row.replace(/^import /m, 'import { opt } from "./opt.ts";\nimport '));
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: { build: string } };
  const path = `${join(root, "node_modules/.bin")}:${process.env.PATH}`;
  execFileSync("sh", ["-c", scripts.build], { cwd: house, env: { ...process.env, PATH: path }, stdio: "pipe" });
});

test("the floors hold", () => {
  execFileSync(process.execPath, [join(house, "scripts/check-imports.mjs")], { stdio: "pipe" });
});

describe.each(["before", "after"])("OPT with norms %s the layers", (name) => {
  const model = join(fixtures, "opt", name);
  const expected = readJson<Expected>("opt", name, "expected.json");
  const { prompts, target, texts } = expected;
  const input = join(folder, `${name}.jsonl`);

  test("tokenize and generate: the ids that transformers gives, alone and together", () => {
    for (const { prompt, ids } of prompts) {
      expect(rows("tokenize", prompt, "--model", model)[0]!.tokens).toEqual(ids);
    }
    const most = ["--max-new-tokens", String(expected.max_new_tokens)];
    const answers = rows("generate", ...prompts.map(({ prompt }) => prompt), "--model", model, ...most);
    expect(answers.map(({ tokens }) => tokens)).toEqual(prompts.map(({ tokens }) => tokens));
    const [alone] = rows("generate", prompts[1]!.prompt, "--model", model, ...most);
    expect(alone!.tokens).toEqual(prompts[1]!.tokens);
  });

  test("score: the log-probability of every token", () => {
    writeFileSync(input, prompts.map(({ prompt }) => `${JSON.stringify({ prompt, target })}\n`).join(""));
    for (const [i, row] of rows("score", "--input", input, "--model", model).entries()) {
      expectClose(row.logprobs as number[], prompts[i]!.logprobs, 1e-4, `prompt ${i}`);
    }
  });

  test("export: the ONNX file gives the logits", async () => {
    const out = join(folder, `${name}-onnx`);
    rows("export", model, "--format", "onnx", "--out", out);
    const { hidden_size: width, num_attention_heads: heads } = readJson<Record<string, number>>(
      "opt",
      name,
      "config.json",
    );
    const session = await InferenceSession.create(join(out, "model.onnx"));
    const int64 = (values: readonly number[]) => new Tensor("int64", values.map(BigInt), [1, values.length]);
    for (const { ids, logits } of prompts) {
      const feeds: Record<string, Tensor> = {
        input_ids: int64(ids),
        attention_mask: int64(ids.map(() => 1)),
        position_ids: int64(ids.map((_, i) => i)),
      };
      for (const past of session.inputNames.filter((input) => input.startsWith("past"))) {
        feeds[past] = new Tensor("float32", [], [1, heads!, 0, width! / heads!]);
      }
      const data = (await session.run(feeds)).logits!.data as Float32Array;
      expectClose(data.subarray(-logits.length), logits, 1e-4, "logits");
    }
    await session.release();
  });

  test("train: loss and norm of the gradient of the first step, and a folder that opens", () => {
    const data = join(folder, `${name}-texts.jsonl`);
    const out = join(folder, `${name}-trained`);
    writeFileSync(data, texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));
    const config = join(folder, `${name}.json`);
    const settings = { model, objective: "causal-lm", data: { train: data }, batch: 4, steps: 8, dropout: 0, out };
    writeFileSync(config, JSON.stringify({ ...settings, max_input: 64, max_target: 64, shuffle: false }));
    rows("train", "--config", config);
    const steps = readFileSync(join(out, "metrics.jsonl"), "utf8").trim().split("\n");
    const [first, last] = [steps[0]!, steps.at(-1)!].map((line) => JSON.parse(line) as Record<string, number>);
    expect(first!.loss).toBeCloseTo(expected.training.loss, 4);
    expect(first!.grad_norm! / expected.training.grad_norm).toBeCloseTo(1, 4);
    expect(last!.loss).toBeLessThan(first!.loss!);
    expect(rows("generate", prompts[0]!.prompt, "--model", out, "--max-new-tokens", "2")).toHaveLength(1);
  });

  test("plan and inspect: the parameters that PyTorch counts", () => {
    const [plan] = rows("plan", model, "--machine", "8GB,20GB/s");
    expect(plan).toMatchObject({ architecture: "opt", shape: { family: "network", words: "decoder" } });
    expect((plan!.parameters as { total: number }).total).toBe(expected.parameters);
    expect(plan!.files).toMatchObject({ equal: true });
    expect(rows("inspect", model)[0]).toMatchObject({
      architecture: "OPTForCausalLM",
      parameters: expected.parameters,
      dtype: "float16",
    });
  });

  test("perplexity, the new command: that of transformers, over windows of the model's positions", () => {
    const file = join(folder, `${name}.txt`);
    writeFileSync(file, expected.text);
    const [row] = rows("perplexity", file, "--model", model);
    expect(row!.windows).toBe(expected.windows);
    expect(Math.log(row!.perplexity as number)).toBeCloseTo(Math.log(expected.perplexity), 4);
  });
});

test("train from scratch and quantize: 8 and 4 bits are close to the numbers they stand for", () => {
  const data = join(folder, "scratch.jsonl");
  const { texts, prompts, target } = readJson<Expected>("opt", "before", "expected.json");
  writeFileSync(data, texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));
  const out = join(folder, "scratch");
  const layers = { hidden_size: 64, ffn_dim: 128, num_hidden_layers: 2, num_attention_heads: 4, init_std: 0.2 };
  const tokens = { vocab_size: 300, max_position_embeddings: 64, bos_token_id: 2, eos_token_id: 2 };
  const config = join(folder, "scratch.json");
  const start = { architecture: "opt", sizes: { ...layers, ...tokens }, tokenizer: join(fixtures, "opt/before") };
  const steps = { objective: "causal-lm", data: { train: data }, steps: 2, max_input: 64, max_target: 64, out };
  writeFileSync(config, JSON.stringify({ ...start, ...steps }));
  rows("train", "--config", config);
  const input = join(folder, "scores.jsonl");
  writeFileSync(input, prompts.map(({ prompt }) => `${JSON.stringify({ prompt, target })}\n`).join(""));
  const scores = (model: string) =>
    rows("score", "--input", input, "--model", model).flatMap(({ logprobs }) => logprobs as number[]);
  const whole = scores(out);
  for (const [dtype, tolerance] of [
    ["int8", 0.03],
    ["int4", 0.25],
  ] as const) {
    const small = join(folder, `scratch-${dtype}`);
    const done = rows("quantize", out, "--dtype", dtype, "--out", small).at(-1)!;
    // Six products a layer, and the table of words, which is also the output matrix.
    expect(done.tensors).toMatchObject(dtype === "int8" ? { int8: 13 } : { int4: 12, int8: 1 });
    const found = scores(small);
    expectClose(found, whole, tolerance, dtype);
    expect(found).not.toEqual(whole);
  }
});

test("the new command is listed, explains itself, and says what is wrong", () => {
  expect(zeroth("--help").stdout).toMatch(/^ +perplexity .*How surprised a decoder is by a text$/m);
  expect(zeroth("perplexity", "--help").stdout).toContain("zeroth perplexity page.txt --model openai-community/gpt2");
  expect(zeroth("perplexity")).toMatchObject({ status: 2, stderr: expect.stringContaining("there is no text") });
  expect(zeroth("perplexity", "nowhere.txt", "--model", join(fixtures, "opt/before"))).toMatchObject({ status: 3 });
  const text = join(folder, "text.txt");
  writeFileSync(text, "Snow.");
  const other = zeroth("perplexity", text);
  expect([other.status, other.stderr]).toEqual([1, expect.stringContaining("t5 is an encoder with a decoder")]);
});

test("names without their prefix are found", async () => {
  const model = join(folder, "bare");
  cpSync(join(fixtures, "opt/before"), model, { recursive: true });
  const { tensors } = openSafetensors(join(model, "model.safetensors"));
  const bare = [...tensors].map(([name, stored]) => [name.replace(/^model\./, ""), readStored(stored)] as const);
  expect(bare[0]![0]).toMatch(/^decoder\./);
  await writeSafetensors(join(model, "model.safetensors"), new Map(bare));
  const { prompts } = readJson<Expected>("opt", "before", "expected.json");
  const [answer] = rows("generate", prompts[0]!.prompt, "--model", model, "--max-new-tokens", "12");
  expect(answer!.tokens).toEqual(prompts[0]!.tokens);
});

test("weights of another shape are refused before a file is written", () => {
  const model = join(folder, "mixed");
  cpSync(join(fixtures, "opt/before"), model, { recursive: true });
  const config = readJson<Record<string, unknown>>("opt", "before", "config.json");
  writeFileSync(join(model, "config.json"), JSON.stringify({ ...config, max_position_embeddings: 63 }));
  const ran = zeroth("export", model, "--format", "onnx", "--out", join(folder, "mixed-onnx"));
  expect([ran.status, ran.stderr]).toEqual([1, expect.stringContaining("config.json are of different models")]);
});

test("a configuration that changes the arithmetic is refused", () => {
  const model = join(folder, "refused");
  mkdirSync(model);
  cpSync(join(fixtures, "opt/before"), model, { recursive: true });
  const config = readJson<Record<string, unknown>>("opt", "before", "config.json");
  writeFileSync(join(model, "config.json"), JSON.stringify({ ...config, layer_norm_elementwise_affine: false }));
  const ran = zeroth("generate", "The river", "--model", model);
  expect([ran.status, ran.stderr]).toEqual([1, expect.stringContaining("layer_norm_elementwise_affine false")]);
});
