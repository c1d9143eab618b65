/** Tiny random T5 checkpoints against what transformers computes with them (parity/t5.py). */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { int64, type NdArray } from "../src/graph/array.ts";
import { encoderDecoderModel, encoderGraph, scoreGraph } from "../src/models/kinds/encoder-decoder.ts";
import { compile } from "../src/runtime/compile-node.ts";
import { expectClose, fixtures, readFloats, readJson, readTensors } from "./support/fixtures.ts";
import { readFixture } from "./support/models/models.ts";

interface Batch {
  input_ids: number[][];
  attention_mask: number[][];
  labels: number[][];
  decoder_input_ids: number[][];
  loss: number;
}

interface Expected {
  batch: Batch;
  long: Batch;
  scoring: { inputs: number[][]; targets: number[][]; scores: number[][] };
}

const matrix = (rows: number[][], ...shape: number[]) =>
  int64(shape.length ? shape : [rows.length, rows[0]!.length], rows.flat());
const cases = readdirSync(join(fixtures, "t5"), { withFileTypes: true }).filter((entry) => entry.isDirectory());

describe.each(cases.map(({ name }) => name))("%s", (name) => {
  const folder = join("t5", name);
  const { architecture, weights } = readFixture(folder, "encoder-decoder");
  const expected = readJson<Expected>(folder, "expected.json");
  const tensors = readTensors(folder, "expected.safetensors");
  const options = { weights, threads: 1 };

  test.each(["batch", "long"] as const)("encoder, logits and loss of the %s inputs", async (which) => {
    const rows = expected[which];
    await using encoder = await compile(encoderGraph(architecture), options);
    await using decoder = await compile(scoreGraph(architecture), options);
    const mask = matrix(rows.attention_mask);
    const { encoded, ...memory } = await encoder.run({ ids: matrix(rows.input_ids), mask });
    expectClose(encoded!.data as Float32Array, readFloats(tensors.get(`${which}.encoder`)!), 1e-4, "encoder output");
    const shape = [rows.labels.length, 1, rows.labels[0]!.length];
    const feeds = {
      ...memory,
      mask,
      tokens: matrix(rows.decoder_input_ids, ...shape),
      labels: matrix(rows.labels, ...shape),
    };
    const { logits, scores } = (await decoder.run(feeds)) as Record<"logits" | "scores", NdArray>;
    expectClose(logits.data as Float32Array, readFloats(tensors.get(`${which}.logits`)!), 1e-4, "logits");
    const valid = rows.labels.flat().filter((label) => label !== -100).length;
    const loss = -(scores.data as Float32Array).reduce((a, b) => a + b, 0) / valid;
    expect(loss).toBeCloseTo(rows.loss, 4);
  });

  test("scores of targets, and cached decoding equals full decoding", async () => {
    await using model = encoderDecoderModel(architecture, (graph) => compile(graph, options));
    const { inputs, targets, scores } = expected.scoring;
    const reading = await model.read(inputs);
    const full = await reading.score(inputs.map(() => targets));
    const sums = full.map((choices) => choices.map((tokens) => tokens.reduce((a, b) => a + b, 0)));
    expectClose(sums.flat(), scores.flat(), 1e-4, "sums of log-probabilities");

    const decoding = reading.begin(targets.length, 2);
    const width = model.vocabulary;
    let previous: number[] | undefined;
    for (let t = 0; t < Math.max(...targets.map((x) => x.length)); t++) {
      const { logits } = await decoding.step(previous);
      previous = inputs.flatMap(() => targets.map((target) => target[t] ?? model.pad));
      inputs.forEach((_, b) => {
        targets.forEach((target, c) => {
          if (t >= target.length) return;
          const at = (b * targets.length + c) * width;
          const row = Array.from((logits.data as Float32Array).subarray(at, at + width));
          const top = Math.max(...row);
          const total = top + Math.log(row.reduce((sum, z) => sum + Math.exp(z - top), 0));
          expect(row[target[t]!]! - total).toBeCloseTo(full[b]![c]![t]!, 5);
        });
      });
    }
  });
});
