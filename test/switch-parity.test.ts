/** Tiny random Switch Transformers against what transformers computes with them (parity/switch.py). */
import { mkdtempSync, rmSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { type ExportFolder, exportOnnx, exportTransformersJs } from "../src/export/export-node.ts";
import { float32, int64, type NdArray } from "../src/graph/array.ts";
import { gradients } from "../src/graph/differentiate.ts";
import { graph } from "../src/graph/graph.ts";
import { lower } from "../src/graph/lower.ts";
import { adamw } from "../src/learn/optimizers.ts";
import { createTrainer } from "../src/learn/trainer.ts";
import { parseT5Config, type T5Config, t5ConfigJson } from "../src/models/encoder-decoders/t5/config.ts";
import { t5Architecture } from "../src/models/encoder-decoders/t5/family.ts";
import { encoderDecoderModel, encoderGraph, scoreGraph } from "../src/models/kinds/encoder-decoder.ts";
import { type CompileOptions, compile } from "../src/runtime/compile-node.ts";
import { generateTokens } from "../src/text/greedy.ts";
import { settingsOf } from "../src/text/options.ts";
import { trainingModel } from "../src/train/model.ts";
import { fromFloat32, toFloat32 } from "../src/weights/convert.ts";
import type { StoredTensor, Weights } from "../src/weights/weights.ts";
import { expectClose, readFloats, readJson, readTensors } from "./support/fixtures.ts";
import { t5Loss } from "./support/models/models.ts";

interface Rows {
  input_ids: number[][];
  attention_mask: number[][];
  labels: number[][];
  decoder_input_ids: number[][];
}

interface Expected {
  tensors: string[];
  batch: Rows;
  loss: { loss: number; z: number[]; balance: number[] };
  dropped: number;
  idle: number;
  generation: { inputs: number[][]; max_new_tokens: number; greedy: number[][] };
  training?: { batches: Rows[]; lr: number; weight_decay: number; steps: number; losses: number[] };
}

const matrix = (rows: number[][], ...shape: number[]) =>
  int64(shape.length ? shape : [rows.length, rows[0]!.length], rows.flat());

function feeds(rows: Rows): Record<string, NdArray> {
  return {
    ids: matrix(rows.input_ids),
    mask: matrix(rows.attention_mask),
    tokens: matrix(rows.decoder_input_ids),
    labels: matrix(rows.labels),
    scale: float32([], [1 / rows.labels.flat().filter((label) => label !== -100).length]),
  };
}

function open(name: string) {
  const folder = join("switch", name);
  const weights = readTensors(folder, "model.safetensors");
  const json = readJson<Record<string, unknown>>(folder, "config.json");
  return {
    folder,
    weights,
    json,
    config: parseT5Config(json, weights),
    expected: readJson<Expected>(folder, "expected.json"),
    options: { weights, threads: 1 } satisfies CompileOptions,
    values: () =>
      new Map([...weights].map(([key, stored]): [string, NdArray] => [key, float32(stored.shape, readFloats(stored))])),
  };
}

const compileTrained = (g: Parameters<typeof compile>[0]) => compile(g, { threads: 1, trained: () => true });

describe.each(["half", "every", "uneven"])("%s", (name) => {
  const { folder, json, config, expected, options, values } = open(name);

  test("names and shapes of all tensors, and the configuration written again", () => {
    const { parameters } = t5Loss(config);
    expect(parameters.map(({ name }) => name).sort()).toEqual(expected.tensors);
    expect(parseT5Config(t5ConfigJson(config))).toEqual(config);
    for (const [key, value] of Object.entries(t5ConfigJson(config))) {
      if (key in json) expect([key, value]).toEqual([key, json[key]]);
    }
  });

  test("encoder and logits, with tokens beyond an expert's capacity and experts without tokens", async () => {
    expect(expected.dropped).toBeGreaterThan(0);
    if (name !== "every") expect(expected.idle).toBeGreaterThan(0);
    const tensors = readTensors(folder, "expected.safetensors");
    await using encoder = await compile(encoderGraph(t5Architecture(config)), options);
    await using decoder = await compile(scoreGraph(t5Architecture(config)), options);
    const { ids, mask } = feeds(expected.batch);
    const { decoder_input_ids, labels } = expected.batch;
    const shape = [labels.length, 1, labels[0]!.length];
    const { encoded, ...memory } = await encoder.run({ ids: ids!, mask: mask! });
    expectClose(encoded!.data as Float32Array, readFloats(tensors.get("encoder")!), 1e-4, "encoder output");
    const { logits } = await decoder.run({
      ...memory,
      mask: mask!,
      tokens: matrix(decoder_input_ids, ...shape),
      labels: matrix(labels, ...shape),
    });
    expectClose(logits!.data as Float32Array, readFloats(tensors.get("logits")!), 1e-4, "logits");
  });

  test("loss with that of the routers", async () => {
    await using program = await compileTrained(graph({ loss: t5Loss(config).loss }));
    const { loss } = await program.run({ ...Object.fromEntries(values()), ...feeds(expected.batch) });
    expectClose([Number(loss!.data[0])], [expected.loss.loss], 1e-5, "loss");
  });

  test.each(["batched", "alone"])("greedy sequences, %s", async (how) => {
    const { inputs, max_new_tokens, greedy } = expected.generation;
    await using model = encoderDecoderModel(t5Architecture(config), (g) => compile(g, options));
    const settings = settingsOf({ maxNewTokens: max_new_tokens });
    const got: number[][] = [];
    for (const prompts of how === "batched" ? [inputs] : inputs.map((prompt) => [prompt])) {
      const rows = prompts.map((): number[] => []);
      const reading = await model.read(prompts);
      await generateTokens(model, reading, [...rows.keys()], settings, (row, token) => rows[row]!.push(token) > 0);
      got.push(...rows);
    }
    expect(got).toEqual(greedy);
  });

  test("cached decoding equals full decoding where no expert is asked for more than it takes", async () => {
    const roomy = { ...config, experts: { ...config.experts!, capacity: 64 } };
    await using model = encoderDecoderModel(t5Architecture(roomy), (g) => compile(g, options));
    const { inputs, greedy } = expected.generation;
    const reading = await model.read(inputs);
    const full = await reading.score(greedy.map((tokens) => [tokens]));
    const decoding = reading.begin(1, 4);
    let previous: number[] | undefined;
    for (let t = 0; t < 10; t++) {
      const { logits } = await decoding.step(previous);
      inputs.forEach((_, row) => {
        if (t >= greedy[row]!.length) return;
        const z = (logits.data as Float32Array).subarray(row * config.vocabulary, (row + 1) * config.vocabulary);
        const total = Math.log(z.reduce((sum, v) => sum + Math.exp(v), 0));
        expect(z[greedy[row]![t]!]! - total).toBeCloseTo(full[row]![0]![t]!, 5);
      });
      previous = greedy.map((tokens) => tokens[t] ?? config.pad);
    }
  });
});

test.each([
  [8, 0.619],
  [16, 1.072],
  [32, 1.979],
  [64, 3.791],
])("google/switch-base-%d has %d billion parameters", (experts, billions) => {
  const layers = { num_layers: 12, num_decoder_layers: 12, num_sparse_encoder_layers: 6, num_sparse_decoder_layers: 6 };
  const widths = { vocab_size: 32128, d_model: 768, d_kv: 64, d_ff: 3072, num_heads: 12 };
  const json = { model_type: "switch_transformers", num_experts: experts, ...layers, ...widths };
  const sizes = t5Loss(parseT5Config(json)).parameters.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  expect(sizes.reduce((a, b) => a + b) / 1e9).toBeCloseTo(billions, 3);
});

describe("experts that receive no tokens", () => {
  const { config, expected, values } = open("half");
  /** The fixture's weights in memory, as float32 or rounded to bfloat16. */
  const stored = (dtype: "float32" | "bfloat16", rounded = dtype): Weights =>
    new Map(
      [...values()].map(([name, value]): [string, StoredTensor] => {
        const short = fromFloat32(float32(value.shape, value.data as Float32Array), rounded);
        const { shape, data } = dtype === rounded ? short : toFloat32(short);
        return [name, { dtype, shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) }];
      }),
    );

  test("weights stored in 16 bits give what the same numbers in 32 bits give", async () => {
    const { ids, mask } = feeds(expected.batch);
    const [exact, short] = await Promise.all(
      [stored("float32", "bfloat16"), stored("bfloat16")].map(async (weights) => {
        await using program = await compile(encoderGraph(t5Architecture(config)), { weights, threads: 1 });
        return (await program.run({ ids: ids!, mask: mask! })).encoded!.data as Float32Array;
      }),
    );
    expectClose(short!, exact!, 1e-6, "encoder output");
  });

  test("their weights are read by nothing but products of the rows sent to them, or cuts as long as those", () => {
    for (const dtype of ["float32", "bfloat16"] as const) {
      const weight = () => ({ dtype, data: { bytes: new Uint8Array(0) } });
      const { nodes } = lower(encoderGraph(t5Architecture(config)), { target: "cpu", weight });
      const readers = nodes.filter(({ inputs }) => inputs.some((name) => name.includes(".experts.")));
      expect(readers.length).toBe(2 * config.experts!.experts);
      expect(new Set(readers.map(({ op }) => op))).toEqual(new Set([dtype === "float32" ? "FusedMatMul" : "Slice"]));
    }
  });

  test("their weights never come into memory from the file", async () => {
    // 32 experts of 8 MB, of which one token needs one.
    const [width, inner, experts] = [512, 2048, 32];
    const large: T5Config = {
      ...config,
      width,
      ffWidth: inner,
      encoderLayers: 2,
      experts: { ...config.experts!, experts },
    };
    const g = encoderGraph(t5Architecture(large));
    const path = mkdtempSync(join(tmpdir(), "zeroth-switch-"));
    try {
      const file = join(path, "model.safetensors");
      const handle = await openFile(file, "w");
      let offset = 0;
      const weights = new Map<string, StoredTensor>();
      for (const { name, outputs } of g.parameters) {
        const shape = outputs[0]!.shape as number[];
        const length = 4 * shape.reduce((a, b) => a * b, 1);
        weights.set(name, { dtype: "float32", shape, file, offset, length });
        // Of the experts the file has holes: reading one would fill it all the same.
        if (!name.includes(".experts.")) {
          const data = Float32Array.from({ length: length / 4 }, (_, i) => Math.sin(i + offset));
          await handle.write(new Uint8Array(data.buffer), 0, length, offset);
        }
        offset += length;
      }
      await handle.truncate(offset);
      await handle.close();
      expect(offset).toBeGreaterThan(256e6);
      const before = process.memoryUsage.rss();
      await using program = await compile(g, { weights, threads: 1 });
      await program.run({ ids: int64([1, 1], [5]), mask: int64([1, 1], [1]) });
      expect(process.memoryUsage.rss() - before).toBeLessThan(100e6);
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  });
});

test("exported as ONNX, the same; transformers.js cannot read it", async () => {
  const { folder, json, weights, expected } = open("uneven");
  const out = mkdtempSync(join(tmpdir(), "zeroth-switch-"));
  try {
    const source = { path: out, files: [], config: json, weights } satisfies ExportFolder;
    await exportOnnx(source, out);
    await expect(exportTransformersJs(source, out)).rejects.toMatchObject({ code: "unsupported" });
    const tensor = ({ data, shape }: NdArray) => new Tensor("int64", data as BigInt64Array, shape);
    const { ids, mask, tokens } = feeds(expected.batch);
    const run = async (file: string, inputs: Record<string, Tensor>) => {
      const session = await InferenceSession.create(join(out, file), { intraOpNumThreads: 1, logSeverityLevel: 3 });
      const result = await session.run(inputs);
      await session.release();
      return result;
    };
    const { last_hidden_state } = await run("encoder.onnx", { input_ids: tensor(ids!), attention_mask: tensor(mask!) });
    const { logits } = await run("decoder.onnx", {
      input_ids: tensor(tokens!),
      encoder_attention_mask: tensor(mask!),
      encoder_hidden_states: last_hidden_state as Tensor,
    });
    const reference = readTensors(folder, "expected.safetensors").get("logits")!;
    expectClose(logits!.data as Float32Array, readFloats(reference), 1e-4, "logits");
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

describe("training", () => {
  const { folder, config, expected, values } = open("half");
  const build = () => t5Loss(config);

  test("every gradient, of idle experts too", async () => {
    const { loss, parameters } = build();
    const grads = gradients(
      loss,
      parameters.map(({ tensor }) => tensor),
    );
    const outputs = Object.fromEntries(parameters.map((p, i) => [`d.${p.name}`, grads[i]!]));
    await using program = await compileTrained(graph({ loss, ...outputs }));
    for (let again = 0; again < 3; again++) {
      const result = await program.run({ ...Object.fromEntries(values()), ...feeds(expected.batch) });
      for (const [key, stored] of readTensors(folder, "gradients.safetensors")) {
        expectClose(result[`d.${key}`]!.data as Float32Array, readFloats(stored), 1e-4, key);
      }
    }
  });

  test("steps of AdamW", async () => {
    const { batches, lr, weight_decay, steps, losses } = expected.training!;
    const trained = values();
    await using trainer = await createTrainer({
      ...build(),
      values: trained,
      optimizer: adamw(),
      clip: 0,
      group: () => ({ lrScale: 1, weightDecay: weight_decay }),
      compile: compileTrained,
    });
    for (let step = 0; step < steps; step++) {
      const report = await trainer.step([feeds(batches[step % batches.length]!)], lr);
      expectClose([report.loss], [losses[step]!], 1e-4, `loss of step ${step + 1}`);
    }
    for (const [key, stored] of readTensors(folder, "final.safetensors")) {
      expectClose(trained.get(key)!.data as Float32Array, readFloats(stored), 1e-4, key);
    }
  });

  test("jitter follows the seed, and held-out rows see neither it nor the routers' loss", async () => {
    const noisy = { ...config, experts: { ...config.experts!, jitter: 0.3 } };
    const model = trainingModel(t5Architecture(noisy), { dropout: 0, recompute: false });
    const held = trainingModel(t5Architecture(noisy), { dropout: 0, recompute: false }, true);
    await using program = await compileTrained(graph({ loss: model.loss }));
    await using quiet = await compileTrained(graph({ loss: held.loss }));
    const given = { ...Object.fromEntries(values()), ...feeds(expected.batch) };
    const at = async (step: number) =>
      Number((await program.run({ ...given, ...model.extra(1, step, 0) })).loss!.data[0]);
    const [first, second, again] = [await at(1), await at(2), await at(1)];
    expect(again).toBe(first);
    expect(Math.abs(second - first)).toBeGreaterThan(1e-5);
    const { loss, z, balance } = expected.loss;
    const routing = 0.01 * (z[0]! + z[1]!) + 0.05 * (balance[0]! + balance[1]!);
    const alone = Number((await quiet.run({ ...given, ...held.extra(1, 1, 0) })).loss!.data[0]);
    expect(alone).toBeCloseTo(loss - routing, 4);
  });
});
