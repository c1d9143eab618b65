/** Losses, gradients and twenty steps of each optimiser against PyTorch (parity/training.py). */
import { describe, expect, test } from "vitest";
import { float32, int64, type NdArray } from "../src/graph/array.ts";
import { gradients } from "../src/graph/differentiate.ts";
import { graph } from "../src/graph/graph.ts";
import { adafactor, adamw, type Optimizer, sgd } from "../src/learn/optimizers.ts";
import { scheduleFactor } from "../src/learn/schedules.ts";
import { createTrainer } from "../src/learn/trainer.ts";
import { parseT5Config } from "../src/models/encoder-decoders/t5/config.ts";
import { compile } from "../src/runtime/compile-node.ts";
import { expectClose, readFloats, readJson, readTensors } from "./support/fixtures.ts";
import { t5Loss } from "./support/models/models.ts";

interface Rows {
  input_ids: number[][];
  attention_mask: number[][];
  labels: number[][];
  decoder_input_ids: number[][];
}

interface Run {
  name: string;
  optimizer: "adamw" | "adafactor" | "sgd";
  params: Record<string, never> & { lr: number | null; weight_decay?: number };
  clip: number | null;
  warmup_steps: number | null;
  steps: number;
  losses: number[];
  grad_norms: number[];
}

interface Expected {
  batches: Rows[];
  gradients: { loss: number; grad_norm: number };
  accumulation: { batch: number; rows: number[][]; loss: number; grad_norm: number };
  runs: Run[];
}

function feeds(rows: Rows, pick = rows.labels.map((_, i) => i), whole = rows): Record<string, NdArray> {
  const matrix = (values: number[][]) => {
    const chosen = pick.map((i) => values[i]!);
    return int64([chosen.length, chosen[0]!.length], chosen.flat());
  };
  const count = whole.labels.flat().filter((label) => label !== -100).length;
  return {
    ids: matrix(rows.input_ids),
    mask: matrix(rows.attention_mask),
    tokens: matrix(rows.decoder_input_ids),
    labels: matrix(rows.labels),
    scale: float32([], [1 / count]),
  };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

const makers: Record<Run["optimizer"], (params: object) => Optimizer> = { adamw, adafactor, sgd };

describe.each(["tied-relu", "untied-gated"])("%s", (name) => {
  const folder = `training/${name}`;
  const weights = readTensors(folder, "model.safetensors");
  const config = parseT5Config(readJson(folder, "config.json"), weights);
  const expected = readJson<Expected>(folder, "expected.json");
  const start = () =>
    new Map([...weights].map(([key, stored]): [string, NdArray] => [key, float32(stored.shape, readFloats(stored))]));
  const build = () => t5Loss(config);
  const compileTrained = (g: Parameters<typeof compile>[0]) => compile(g, { threads: 1, trained: () => true });

  test("loss and every gradient", async () => {
    const { loss, parameters } = build();
    const grads = gradients(
      loss,
      parameters.map(({ tensor }) => tensor),
    );
    const outputs = Object.fromEntries(parameters.map((p, i) => [`d.${p.name}`, grads[i]!]));
    await using program = await compileTrained(graph({ loss, ...outputs }));
    const result = await program.run({ ...Object.fromEntries(start()), ...feeds(expected.batches[0]!) });
    expect(Number(result.loss!.data[0])).toBeCloseTo(expected.gradients.loss, 4);
    const reference = readTensors(folder, "gradients.safetensors");
    expect(parameters.map((p) => p.name).sort()).toEqual([...reference.keys()].sort());
    for (const [key, stored] of reference) {
      expectClose(result[`d.${key}`]!.data as Float32Array, readFloats(stored), 1e-4, key);
    }
  });

  test.each(expected.runs.map((run) => [run.name, run] as const))("twenty steps of %s", async (_, run) => {
    const values = start();
    const optimizer = makers[run.optimizer](run.params);
    await using trainer = await createTrainer({
      ...build(),
      values,
      optimizer,
      clip: run.clip ?? 0,
      group: () => ({ lrScale: 1, weightDecay: run.params.weight_decay ?? 0 }),
      compile: compileTrained,
    });
    for (let step = 1; step <= run.steps; step++) {
      const batch = expected.batches[(step - 1) % expected.batches.length]!;
      const factor = run.warmup_steps
        ? scheduleFactor({ name: "linear", warmup: run.warmup_steps }, step, run.steps)
        : 1;
      const report = await trainer.step([feeds(batch)], (run.params.lr ?? 0) * factor);
      expectClose([report.loss], [run.losses[step - 1]!], 1e-4, `loss of step ${step}`);
      // The norm magnifies rounding where a run is rough (step 17 of one is off by 2.2e-4); losses and weights are not.
      expectClose([report.gradNorm], [run.grad_norms[step - 1]!], 5e-4, `gradient norm of step ${step}`);
    }
    for (const [key, stored] of readTensors(folder, `final-${run.name}.safetensors`)) {
      expectClose(values.get(key)!.data as Float32Array, readFloats(stored), 1e-4, key);
    }
  });

  test("two micro-batches add up to one step of the whole batch", async () => {
    const { batch, rows, loss, grad_norm } = expected.accumulation;
    const whole = expected.batches[batch]!;
    const values = start();
    await using trainer = await createTrainer({
      ...build(),
      values,
      optimizer: adamw(),
      accumulate: 2,
      compile: compileTrained,
    });
    const report = await trainer.step(
      rows.map(([from, to]) => feeds(whole, range(from!, to!), whole)),
      1e-3,
    );
    expect(report.loss).toBeCloseTo(loss, 4);
    expectClose([report.gradNorm], [grad_norm], 1e-4, "gradient norm");
  });
});
