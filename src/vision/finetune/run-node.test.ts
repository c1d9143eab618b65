/** Fine-tuning from files to a model's folder: what is written, what moves, and going on after a stop. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { freshFolder, vitConfig } from "../../../test/support/models/fresh.ts";
import { openVisionModel } from "../../images/open-node.ts";
import { openSafetensors, readTensor } from "../../weights/safetensors-node.ts";
import { parseVisionConfig, type VisionInput } from "./config.ts";
import { layerOf } from "./layers.ts";
import { finetune } from "./run-node.ts";

const home = mkdtempSync(join(tmpdir(), "finetune-"));
const at = (...names: string[]) => join(home, ...names);
const colours = { red: [200, 10, 10], green: [10, 200, 10], blue: [10, 10, 200] } as const;

beforeAll(async () => {
  await freshFolder(at("model"), vitConfig);
  const rows = ["file,label"];
  for (const [name, [r, g, b]] of Object.entries(colours)) {
    mkdirSync(at("data", name), { recursive: true });
    for (let i = 0; i < 6; i++) {
      const background = { r: Math.min(255, r + 8 * i), g: Math.min(255, g + 5 * i), b: Math.min(255, b + 3 * i) };
      await sharp({ create: { width: 20, height: 18, channels: 3, background } })
        .png()
        .toFile(at("data", name, `${i}.png`));
      rows.push(`data/${name}/${i}.png,${name}`);
    }
  }
  writeFileSync(at("rows.csv"), `${rows.join("\n")}\n`);
});

const config = (more: Partial<VisionInput>) =>
  parseVisionConfig({
    ...{ model: at("model"), data: at("data"), batch: 6, epochs: 2, lr: 0.02, split: 0.2, threads: 1, out: at("out") },
    ...more,
  });

const bytesOf = (name: string) => readFileSync(at(name, "model.safetensors"));
const tensorsOf = (name: string) => {
  const file = openSafetensors(at(name, "model.safetensors"));
  return new Map([...file.tensors.keys()].map((tensor) => [tensor, readTensor(file, tensor).data]));
};

test("learns classes, writes a folder that opens, and ends where it was stopped on the way", async () => {
  const more = { optimizer: "adamw", lr: 5e-3, epochs: 8, dropout: 0.1, mixup: 0.2, smoothing: 0.1 } as const;
  const rows: number[] = [];
  const whole = await finetune(config({ ...more, out: at("whole") }), {
    events: { evaluated: ({ accuracy }) => void rows.push(accuracy) },
  });
  expect(whole).toMatchObject({ steps: 24, stopped: "steps" });
  expect(rows).toHaveLength(8);
  expect(whole.best!.accuracy).toBe(1);
  await using model = await openVisionModel(at("whole"), { threads: 1 });
  expect(model.architecture.labels).toEqual(["blue", "green", "red"]);
  const { pixels } = await model.read(at("data", "green", "2.png"));
  const { scores } = (await model.classify([pixels]))[0]!;
  expect(scores.indexOf(Math.max(...scores))).toBe(1);

  // Stopped within an epoch and gone on with, the last steps are the same to the last bit.
  const stop = new AbortController();
  const again = config({ ...more, out: at("again") });
  const interrupted = finetune(again, {
    signal: stop.signal,
    events: { step: ({ step }) => (step === 11 ? stop.abort() : undefined) },
  });
  await expect(interrupted).rejects.toMatchObject({ code: "interrupted" });
  await expect(finetune(again)).rejects.toMatchObject({ code: "bad_input", hint: expect.stringContaining("--resume") });
  await expect(finetune({ ...again, lr: 1 }, { resume: true })).rejects.toMatchObject({ code: "bad_input" });
  expect(await finetune(again, { resume: true })).toMatchObject({ steps: 24, best: whole.best });
  expect(bytesOf("again").equals(bytesOf("whole"))).toBe(true);
});

test("rows of file and label are the same data; a head alone leaves the body as it is", async () => {
  await finetune(config({ data: at("rows.csv"), method: "head", out: at("head") }));
  const [before, after] = [tensorsOf("model"), tensorsOf("head")];
  const moved = [...after].filter(([name, data]) => JSON.stringify(before.get(name)) !== JSON.stringify(data));
  expect(moved.map(([name]) => name).sort()).toEqual(["classifier.bias", "classifier.weight"]);
});

test("LoRA is merged into the products it stands beside", async () => {
  const { trained } = await finetune(
    config({ method: "lora", rank: 2, out: at("lora"), optimizer: "adamw", lr: 0.01 }),
  );
  const [before, after] = [tensorsOf("model"), tensorsOf("lora")];
  const moved = [...after].filter(([name, data]) => JSON.stringify(before.get(name)) !== JSON.stringify(data));
  expect([...new Set(moved.map(([name]) => name.replace(/\d+/, "N").split(".").slice(-2).join(".")))].sort()).toEqual([
    "classifier.bias",
    "classifier.weight",
    "query.weight",
    "value.weight",
  ]);
  expect(trained).toBeLessThan(1000);
  expect([...after.keys()].some((name) => name.includes("lora"))).toBe(false);
});

test("other sides: positions are interpolated once, and stored; frozen layers stay", async () => {
  const notes: string[] = [];
  await finetune(config({ size: 24, freeze: 0, epochs: 1, layer_decay: 0.5, out: at("large") }), {
    events: { started: (info) => void notes.push(...info.notes) },
  });
  expect(notes.join()).toContain("interpolated from 16 by 16");
  const written = JSON.parse(readFileSync(at("large", "config.json"), "utf8")) as Record<string, unknown>;
  expect(written).toMatchObject({ image_size: 24, id2label: { 0: "blue", 1: "green", 2: "red" } });
  await using large = await openVisionModel(at("large"), { threads: 1 });
  expect(large.architecture.image).toMatchObject({ height: 24, width: 24 });
  // Frozen embeddings are what interpolation at every run makes of the first table.
  await using resized = await openVisionModel(at("model"), { threads: 1, sides: { height: 24, width: 24 } });
  const { pixels } = await large.read(at("data", "red", "0.png"));
  const [now] = await large.features([pixels], { layer: 0, pool: "mean" });
  const [then] = await resized.features([pixels], { layer: 0, pool: "mean" });
  now!.forEach((value, i) => {
    expect(value).toBeCloseTo(then![i]!, 5);
  });
});

test("batch norms: running statistics follow the batches and are counted", async () => {
  const architecture = {
    ...{ model_type: "resnet", embedding_size: 4, hidden_sizes: [4, 6], depths: [1, 1], layer_type: "basic" },
    num_channels: 3,
  };
  const { steps } = await finetune(config({ model: undefined, architecture, size: 16, epochs: 3, out: at("resnet") }));
  const tensors = tensorsOf("resnet");
  const mean = tensors.get("resnet.embedder.embedder.normalization.running_mean") as Float32Array;
  expect([...mean].every((value) => value !== 0)).toBe(true);
  expect(tensors.get("resnet.embedder.embedder.normalization.num_batches_tracked")![0]).toBeLessThanOrEqual(steps);
  await using model = await openVisionModel(at("resnet"), { threads: 1 });
  expect(model.architecture.labels).toHaveLength(3);
});

test("early stopping, and settings that cannot be", async () => {
  const ended = await finetune(config({ epochs: 50, lr: 1e-30, patience: 2, out: at("patient") }));
  expect(ended).toMatchObject({ stopped: "patience", steps: 9 });
  const refused = (more: Partial<VisionInput>) => finetune(config({ out: at("refused"), ...more }));
  await expect(refused({ freeze: 9 })).rejects.toMatchObject({ code: "wrong_use" });
  await expect(refused({ size: 20 })).rejects.toMatchObject({ code: "bad_input" });
  await expect(refused({ lr: 100, clip: 0, weight_decay: 10, epochs: 30 })).rejects.toThrow(/loss of step \d+ is/);
  mkdirSync(at("one", "red"), { recursive: true });
  copyFileSync(at("data", "red", "0.png"), at("one", "red", "0.png"));
  await expect(refused({ data: at("one") })).rejects.toMatchObject({ code: "bad_input" });
  expect(() => config({ model: undefined })).toThrow(/give a model/);
  expect(() => parseVisionConfig({ model: "m", data: "d", out: "o", epoch: 3 })).toThrow(/epoch/);
});

test("layers by the names of every family", () => {
  const places = {
    "vit.embeddings.cls_token": 0,
    "vit.encoder.layer.3.output.dense.bias": 4,
    "blocks.0.attn.qkv.weight": 1,
    pos_embed: 0,
    "resnet.encoder.stages.1.layers.0.shortcut.convolution.weight": 2,
    "layer2.0.conv1.weight": 2,
    "conv1.weight": 0,
    "stem.conv.weight": 0,
    "classifier.weight": Number.POSITIVE_INFINITY,
    "norm.weight": Number.POSITIVE_INFINITY,
  };
  expect(Object.fromEntries(Object.keys(places).map((name) => [name, layerOf(name)]))).toEqual(places);
});
