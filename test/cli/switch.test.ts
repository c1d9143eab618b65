/** A Switch Transformer by the program: trained from scratch with noise, stopped and resumed, and asked. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";
import { fixtures } from "../support/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-switch-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);

test("train, resume, inspect, generate, in 16 bits too", () => {
  const words = ["red", "green", "blue", "black"];
  const rows = words.map((word) => ({ prompt: `what is ${word}`, target: `a colour` }));
  writeFileSync(join(folder, "rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const train = (out: string, steps: number, ...flags: string[]) => {
    const config = {
      architecture: "switch_transformers",
      sizes: {
        ...{ vocab_size: 512, d_model: 24, d_kv: 8, d_ff: 32, num_heads: 3, num_layers: 2, num_decoder_layers: 2 },
        ...{ num_experts: 4, expert_capacity: 3, num_sparse_encoder_layers: 1, num_sparse_decoder_layers: 1 },
      },
      tokenizer: join(fixtures, "tokenizers", "unigram.json"),
      data: { train: "rows.jsonl", validation: "rows.jsonl" },
      batch: 2,
      optimizer: { name: "adamw", lr: 0.01 },
      ...{ steps, save_every: 10, eval_every: 20, out },
    };
    writeFileSync(join(folder, `${out}.json`), JSON.stringify(config));
    const ran = zeroth(["train", "--config", `${out}.json`, "--json", ...flags]);
    expect([ran.status, ran.stderr]).toEqual([0, expect.stringContaining("done")]);
  };
  train("whole", 60);
  train("parts", 25);
  train("parts", 60, "--resume");
  const [whole, parts] = ["whole", "parts"].map((name) => readFileSync(join(folder, name, "model.safetensors")));
  expect(whole!.equals(parts!)).toBe(true);

  const [about] = rowsOf(zeroth(["inspect", "./whole", "--json"]));
  expect(about).toMatchObject({ parameters: expect.any(Number) });
  const ask = (...flags: string[]) =>
    rowsOf(zeroth(["generate", "what is green", "--model", "./whole", "--max-new-tokens", "8", "--json", ...flags]))[0];
  expect(ask()).toMatchObject({ text: "a colour", finish: "stop" });
  expect(ask("--dtype", "bf16")).toMatchObject({ text: "a colour" });
  expect(ask("--num-beams", "3")).toMatchObject({ text: "a colour" });
  const [scored] = rowsOf(
    zeroth(["score", "what is red", "--model", "./whole", "--choices", "a colour,a cat", "--json"]),
  );
  expect(scored).toMatchObject({ best: 0 });
});
