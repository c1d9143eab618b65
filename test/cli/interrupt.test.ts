/** Ctrl-C of `zeroth train`: saved, said how to go on, and gone on with as if nothing had happened. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { startIn } from "../support/cli.ts";
import { fixtures } from "../support/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-interrupt-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const steps = 400;

/** A run of some seconds, so that a signal after its first steps finds it at work however slow the machine. */
function configure(name: string): string {
  const words = "the cat sat on a red mat and saw two big dogs run past old stone walls".split(" ");
  const rows = words.map((word, i) => ({
    prompt: `${word} ${words.slice(i).join(" ")}`,
    target: words[i - 1] ?? word,
  }));
  writeFileSync(join(folder, "rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const config = {
    architecture: "t5",
    sizes: { vocab_size: 512, d_model: 64, d_kv: 16, d_ff: 128, num_heads: 4, num_layers: 2 },
    tokenizer: join(fixtures, "tokenizers", "unigram.json"),
    data: { train: "rows.jsonl" },
    batch: 8,
    dropout: 0.1,
    optimizer: { name: "adamw", lr: 0.001 },
    steps,
    save_every: 1000,
    out: name,
  };
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(config));
  return `${name}.json`;
}

const start = startIn(folder);

const metrics = (name: string): { step: number; loss: number; grad_norm: number }[] => {
  const path = join(folder, name, "metrics.jsonl");
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines
    .map((line) => JSON.parse(line) as { step: number; loss: number; grad_norm: number })
    .map(({ step, loss, grad_norm }) => ({ step, loss, grad_norm }));
};

test("a stopped run leaves with 130 and a checkpoint, and the command it prints finishes it bit for bit", async () => {
  const plain = await start(["train", "--config", configure("plain")]).end;
  expect([plain.code, plain.stderr]).toEqual([0, expect.stringContaining("done")]);

  const { child, end } = start(["train", "--config", configure("stopped")]);
  while (metrics("stopped").length < 2 && child.exitCode === null) await delay(5);
  child.kill("SIGINT");
  const { code, stderr } = await end;
  expect([code, stderr]).toEqual([130, expect.stringContaining("--resume")]);
  const done = metrics("stopped").length;
  expect(done).toBeGreaterThanOrEqual(2);
  expect(done).toBeLessThan(steps);
  expect(readdirSync(join(folder, "stopped"))).toContain(`checkpoint-${done}`);

  const command = /zeroth (train .*--resume)$/m.exec(stderr)![1]!.split(" ");
  const resumed = await start(command).end;
  expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringContaining(`steps ${done + 1} to ${steps}`)]);
  expect(metrics("stopped")).toEqual(metrics("plain"));
  for (const file of ["model.safetensors", `checkpoint-${steps}/optimizer.safetensors`]) {
    const [one, other] = ["stopped", "plain"].map((name) => readFileSync(join(folder, name, file)));
    expect(one!.equals(other!), file).toBe(true);
  }
});
